"""Garbage collection: Streamlit looks through every object after every run of a page.

Most of them are imported modules, which are no garbage: 0.1 s of a busy interpreter each time, with
the result still waiting to be sent.
"""

import gc

import streamlit as st


@st.cache_resource(max_entries=32, show_spinner=False)
def spare_modules(page: str) -> None:
    """Leave out from now on what a page needed to be shown once; done once for each page."""
    del page  # part of the key only
    gc.collect()
    gc.freeze()
