"""Compare: several models on the same images, with intervals, tests and the images themselves."""

import streamlit as st

from dashboard.common import phone, widgets
from dashboard.compare import views as compare_views
from dashboard.compare.results import LOOKS

rail, stage = st.columns([1, 3.6], gap="medium")

with rail:
    widgets.head("Compare", "Several models on the same images, each at its own threshold.")
    keys, images, metric = compare_views.pickers()

with stage:
    compared = compare_views.compared(keys, images, metric=metric)

with rail, phone.later():
    image = compare_views.image_picker(compared)
    compare_views.downloads(compared)

with stage:
    compare_views.verdict(compared)
    compare_views.table(compared)
    look = st.segmented_control(
        "Look at",
        list(LOOKS),
        default=next(iter(LOOKS)),
        key="show",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    LOOKS[look](compared, image)

widgets.foot(*compared.names, compared.comparison["label"])
