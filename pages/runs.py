"""Runs: every training on this machine, some of them compared, one of them in full."""

import streamlit as st

from core.runs.table import run_table
from dashboard.common import widgets
from dashboard.menu import page
from dashboard.runs import actions as run_actions
from dashboard.runs import comparison as run_comparison
from dashboard.runs import follow as train_views
from dashboard.runs import table as run_list
from dashboard.runs import views as run_views

train_views.catch_up()
widgets.head(
    "Runs",
    "Every training on this machine, newest first. Choose one to see it in full, up to 20 to "
    "compare.",
)
run_actions.speak()
run_actions.undo()
rows = run_table()
if not rows:
    st.info("No run yet. The page Train starts one; it appears here at once.")
    st.page_link(page("train"), label="Start a training", icon=":material/model_training:")
    run_actions.trash()
else:
    fitting = run_list.filters(rows)
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        actions = st.container(width="content")
        shown = run_list.columns()
        run_actions.trash()
        st.caption(f"{len(fitting):,} of {len(rows):,} runs", width="content")
    with place:
        chosen = run_list.table(fitting, shown)
    with actions:
        run_actions.of_several(chosen)
    if not fitting:
        st.caption("No run is like that; take a filter away.")
    elif len(chosen) == 1:
        with widgets.one_clear_error():
            run_views.details(chosen[0])
    elif chosen:
        run_comparison.compare(chosen)
    else:
        st.caption("Nothing is chosen: tick a row on the left of the table, or several.")
    run_list.keep_up(rows)

widgets.foot(f"{len(rows):,} run{'s' if len(rows) != 1 else ''}")
