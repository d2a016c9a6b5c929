"""The entry point: page settings and the menu, nothing else.

streamlit run dashboard/app.py
"""

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # Streamlit adds the folder of this file, not the checkout
    sys.path.insert(0, str(ROOT))

from dashboard.common.garbage_collection import spare_modules  # noqa: E402 - needs the path above
from dashboard.menu import PAGES, page  # noqa: E402 - as above

st.set_page_config(
    page_title="Isoline",
    page_icon=ROOT / "dashboard" / "icon.svg",
    layout="wide",
    menu_items={"About": "Isoline. Research use only. Not a medical device."},
)
shown = st.navigation([page(name) for name in PAGES], position="top")
shown.run()
spare_modules(shown.url_path)
