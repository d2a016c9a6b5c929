"""Threshold: scores, images and a rule for one threshold of a trained model."""

from dataclasses import replace

import streamlit as st

from core.metrics.statistics import RESAMPLES
from core.threshold.operating_point import OperatingPoint
from dashboard.common import cache, phone, widgets
from dashboard.threshold import choices as threshold_choices
from dashboard.threshold import views as threshold_views
from dashboard.threshold.message import shown as made_ready

threshold_choices.prefer_what_is_here()
rail, stage = st.columns([1, 3.6], gap="medium")
below = st.container()

with rail:
    widgets.head("Threshold", "Choose on validation, evaluate on test.")
    model = widgets.model_picker()
    with widgets.one_clear_error(stage, below):
        trained = cache.trained_model(model)
    split = threshold_choices.split_picker()
    saved = trained.operating_point
    rule, post_processing = "frozen", replace(saved.post_processing, largest_component=False)

with stage, widgets.one_clear_error(below=below):
    part = threshold_views.looked_at(model, split)

with rail:
    if split == "val":
        rule = threshold_choices.rule_picker()
    with phone.later():
        about = st.container()
        with st.expander("Scores and post-processing" if split == "val" else "Metrics"):
            block, figures = threshold_choices.metrics_picker()
            if split == "val":
                post_processing = threshold_choices.post_processing_picker(model, saved)

with stage, st.spinner("Drawing the curves"), widgets.one_clear_error(below=below):
    shown = made_ready(part, post_processing)

points = [(saved.k, saved.name)]
choice = None
if split == "val":
    choice = threshold_views.chosen(part, shown, rule, post_processing, resamples=0)
    if not isinstance(choice, str):
        choice = threshold_views.saved_or(choice, saved, part, shown, post_processing)
    if not isinstance(choice, str) and choice.k != saved.k:
        points = [(choice.k, choice.name), (saved.k, "Saved operating point")]

with stage:
    if saved.post_processing.largest_component:
        st.caption(
            "The operating point also keeps only the largest component; what is shown here comes "
            "before that step."
        )
    k = threshold_views.board(
        shown,
        context=f"{part.key} {post_processing.words} {rule}",
        points=points,
        block=block,
        figures=figures,
    )
    with st.container(horizontal=True):
        threshold_views.downloads(part, shown)

with about:
    if choice is None:
        threshold_views.frozen(saved)
    elif isinstance(choice, str):
        st.error(choice, icon=":material/error:")
    else:
        sure: OperatingPoint | str = saved
        if choice is not saved:
            sure = threshold_views.chosen(part, shown, rule, post_processing, resamples=RESAMPLES)
        if not isinstance(sure, str):
            threshold_views.about_point(sure)
            threshold_views.save_button(model, rule, post_processing, sure, part)

widgets.foot(
    *widgets.about_model(trained.name, trained.config.dataset, saved),
    f"{part.dataset.info.title}, {split}, n = {len(part.samples)} images",
)
