"""Papers: what the five papers print, what we find, and a button that tries it again."""

import streamlit as st

from core.papers import PAPERS
from dashboard.common import widgets
from dashboard.papers import ablation as ablation_views
from dashboard.papers import gallery as papers_gallery
from dashboard.papers import start as papers_start
from dashboard.papers import views as papers_views

rail, stage = st.columns([1, 3.6], gap="medium")
below = st.container()

with rail:
    widgets.head("Papers", "Their scores beside ours, and how to repeat them.")
    key = papers_views.picker()
    papers_views.about(PAPERS[key])

with stage, widgets.one_clear_error(below=below):
    own, ours = papers_views.presets_of(key)
    ablated = ablation_views.results()
    look = st.segmented_control(
        "Look at",
        [*papers_views.LOOKS, *([ablation_views.TITLE] if ablated else [])],
        default=papers_views.LOOKS[0],
        key=papers_start.LOOK_KEY,
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    if look == "Overview":
        papers_views.overview(PAPERS[key], own, ours)
    elif look == "Images":
        papers_gallery.gallery(key, own, ours, papers_start.go_to_reproduce)
    elif look == "Curves":
        papers_start.curves(own, ours)
    elif ablated and look == ablation_views.TITLE:
        ablation_views.ablation(ablated)
    else:
        papers_start.reproduce(own, ours)

widgets.foot(f"Paper {papers_views.SHORT[key]}", f"Data {', '.join(PAPERS[key].datasets)}")
