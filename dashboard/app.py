"""The entry point: page settings and the menu, nothing else.

streamlit run dashboard/app.py
"""

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # Streamlit adds the folder of this file, not the checkout
    sys.path.insert(0, str(ROOT))

from dashboard.menu import PAGES, page  # noqa: E402 - needs the path above

st.set_page_config(
    page_title="Isoline",
    page_icon=ROOT / "dashboard" / "icon.svg",
    layout="wide",
    menu_items={"About": "Isoline. Research use only. Not a medical device."},
)
st.navigation([page(name) for name in PAGES], position="top").run()
