"""Predict: an image, its probability map and a mask that follows the hand."""

from dataclasses import replace

import streamlit as st

from dashboard.common import cache, phone, widgets
from dashboard.common.uploads import Upload
from dashboard.predict import batch as batch_views
from dashboard.predict import image as prediction_views
from dashboard.predict import volume as volume_views

rail, stage = st.columns([1, 3.6], gap="medium")
below = st.container()

with rail:
    widgets.head("Predict", "Move the threshold; the mask follows your hand.")
    with widgets.one_clear_error(stage, below):
        model = widgets.model_picker()
        trained = cache.trained_model(model)
    example = widgets.image_picker(trained, stage=stage, below=below)
    example = prediction_views.with_its_truth(trained, example)
    upload = example if isinstance(example, Upload) else Upload("", example.image)
    with phone.later(), widgets.one_clear_error(stage, below):
        if not upload.volume:
            example, unsure, beside = prediction_views.further_inputs(model, example)

point = trained.operating_point
with stage, widgets.one_clear_error(below=below):
    warned = prediction_views.warnings(model, example)
    if upload.volume:
        case = volume_views.volume_case(model, trained, upload)
        if case is not None:
            with st.container(horizontal=True, vertical_alignment="center"):
                prediction_views.downloads(replace(case, warnings=warned))
                st.caption(f"Mask at threshold {case.threshold:.3f}", width="content")
            volume_views.more_of(case)
    else:
        levels, decision = prediction_views.decide(model, example, unsure=unsure, beside=beside)
        case = prediction_views.case_of(model, trained, example, levels, decision)
        with st.container(horizontal=True, vertical_alignment="center"):
            prediction_views.downloads(replace(case, warnings=warned))
            prediction_views.add_to_corrections(case, decision)
            st.caption(f"Mask at {decision.words}", width="content")
    batch_views.batch(model, trained, upload)

widgets.foot(
    *widgets.about_model(trained.name, trained.config.dataset, point),
    example.title,
)
