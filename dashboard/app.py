"""The entry point: page settings and the menu, nothing else.

streamlit run dashboard/app.py
"""

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # Streamlit adds the folder of this file, not the checkout
    sys.path.insert(0, str(ROOT))

st.set_page_config(page_title="Isoline", page_icon=":material/contrast:", layout="wide")

page = st.navigation(
    [
        st.Page(
            ROOT / "pages" / "predict.py", title="Predict", icon=":material/tune:", default=True
        ),
        st.Page(ROOT / "pages" / "train.py", title="Train", icon=":material/model_training:"),
        st.Page(ROOT / "pages" / "runs.py", title="Runs", icon=":material/table_rows:"),
    ],
    position="top",
)
page.run()
