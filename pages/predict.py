"""Predict: a picture, its probability map and a mask that follows the hand."""

import streamlit as st

from dashboard import cache, prediction_views, widgets
from dashboard.viewer import threshold_viewer

rail, stage = st.columns([1, 3.6], gap="medium")

with rail:
    widgets.head("Predict", "Move the threshold; the mask follows your hand.")
    model = widgets.model_picker()
    with widgets.one_clear_error():
        trained = cache.trained_model(model)
    picture = widgets.picture_picker(trained.config.dataset)
    with widgets.one_clear_error():
        picture, unsure = prediction_views.further_inputs(picture)

with stage, widgets.one_clear_error():
    prediction_views.warnings(model, picture)
    levels = widgets.predicted_levels(model, picture)
    point = trained.operating_point
    uncertainty = prediction_views.uncertainty_of(model, picture, wanted=unsure)
    decision = threshold_viewer(
        cache.packed_scene(model, picture, levels, uncertainty), key="viewer", threshold=point.k
    )
    case = prediction_views.case_of(model, trained, picture, levels, decision)

with stage, st.container(horizontal=True, vertical_alignment="center"):
    prediction_views.take_along(case)
    prediction_views.learn_from(case, decision)
    st.caption(f"Mask at {decision.words}", width="content")

widgets.foot(
    *widgets.about_model(trained.name, trained.config.dataset, point),
    picture.title,
)
