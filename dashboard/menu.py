"""The pages, in the order of the menu; links between pages take them from here."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

FOLDER = Path(__file__).resolve().parents[1] / "pages"
PAGES = {
    "predict": ("Predict", ":material/tune:"),
    "threshold": ("Threshold", ":material/show_chart:"),
    "compare": ("Compare", ":material/compare:"),
    "train": ("Train", ":material/model_training:"),
    "runs": ("Runs", ":material/table_rows:"),
    "datasets": ("Datasets", ":material/photo_library:"),
    "papers": ("Papers", ":material/menu_book:"),
}


def page(name: str) -> StreamlitPage:
    """A page by the name of its file."""
    title, icon = PAGES[name]
    default = name == next(iter(PAGES))
    return st.Page(FOLDER / f"{name}.py", title=title, icon=icon, default=default)
