"""Runs: every training on this machine, and one of them in full."""

import streamlit as st

from core.runs import list_runs
from dashboard import run_views, widgets
from dashboard.menu import page

widgets.head("Runs", "Every training on this machine, newest first. Choose one to see it in full.")

rows = [run.summary() for run in list_runs()]
if not rows:
    st.info("No run yet. The page Train starts one; it appears here at once.")
    st.page_link(page("train"), label="Start a training")
else:
    chosen = run_views.table(rows)
    if chosen is not None:
        run_views.details(chosen)

widgets.foot(f"{len(rows)} run{'s' if len(rows) != 1 else ''}")
