"""Predict: a picture, its probability map and a threshold that follows the hand."""

from pathlib import PurePath

import streamlit as st

from core.imaging import mask_png, overlay_png
from core.levels import STEPS, mask_at
from dashboard import cache, widgets
from dashboard.viewer import threshold_viewer

rail, stage = st.columns([1, 3.6], gap="medium")

with rail:
    widgets.head("Predict", "Move the threshold; the mask follows your hand.")
    model = widgets.model_picker()
    with widgets.one_clear_error():
        trained = cache.trained_model(model)
    picture = widgets.picture_picker(trained.config.dataset)

with stage, widgets.one_clear_error():
    levels = widgets.predicted_levels(model, picture)
    point = trained.operating_point
    k = threshold_viewer(
        cache.packed_scene(model, picture, levels), key="viewer", threshold=point.k
    )

stem = PurePath(picture.title).stem.replace(" ", "-")
with stage, st.container(horizontal=True, vertical_alignment="center"):
    st.caption(f"Take it along at threshold {k / STEPS:.3f}", width="content")
    st.download_button(
        "Mask",
        lambda: mask_png(mask_at(levels, k)),
        file_name=f"{stem}_mask_{k:04d}.png",
        mime="image/png",
        icon=":material/download:",
        on_click="ignore",
    )
    st.download_button(
        "Overlay",
        lambda: overlay_png(picture.image, mask_at(levels, k)),
        file_name=f"{stem}_overlay_{k:04d}.png",
        mime="image/png",
        icon=":material/download:",
        on_click="ignore",
    )

widgets.foot(
    *widgets.about_model(trained.name, trained.config.dataset, point),
    picture.title,
)
