"""Datasets: what is in one, what is wrong with it, and a split that cannot leak."""

import streamlit as st

from dashboard.common import widgets
from dashboard.datasets import importing as import_views
from dashboard.datasets import views as dataset_views

rail, stage = st.columns([1, 3.6], gap="medium")
below = st.container()

with rail:
    widgets.head("Datasets", "Look before you train.")
    name = dataset_views.picker()
    with widgets.one_clear_error(stage, below):
        dataset_views.about(name)

with stage, widgets.one_clear_error(below=below):
    looks = ["Images", "Check", "Balance", "Augmentation", "Split", "Import"]
    look = st.segmented_control(
        "Look at", looks, default="Images", key="look", label_visibility="collapsed", required=True
    )
    if look == "Images":
        dataset_views.gallery(name, dataset_views.known_check(name))
    elif look in {"Check", "Balance"}:
        document = dataset_views.checked(name)
        if document is not None:
            show = dataset_views.findings if look == "Check" else dataset_views.balance
            show(document)
    elif look == "Augmentation":
        dataset_views.augmentation(name)
    elif look == "Split":
        dataset_views.split_editor(name)
    else:
        import_views.importer()

widgets.foot(f"Data {name}")
