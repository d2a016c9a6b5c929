"""Train: start a training in a process of its own and watch it."""

import streamlit as st

from core import jobs
from core.config import AugmentationConfig, RunConfig
from core.data import DATASETS
from core.runs import create_run
from dashboard import run_views, widgets
from dashboard.sources import dataset_path

rail, stage = st.columns([1, 2.6], gap="medium")

with rail:
    widgets.head("Train", "A training goes on when you close this page.")
    dataset = widgets.dataset_picker()
    network, options = widgets.network_picker()
    epochs = st.number_input("Epochs", 1, 1000, 20, help="Passes over the training images.")
    rate = st.select_slider(
        "Learning rate", [1e-4, 3e-4, 1e-3, 3e-3], 1e-3, format_func=lambda rate: f"{rate:g}"
    )
    with st.expander("More"):
        loss = widgets.loss_picker()
        size = widgets.size_picker(dataset)
    augment = st.toggle("Augment", value=True, help="Shift, rotate, mirror and bend the images.")
    if st.button("Start training", type="primary", icon=":material/play_arrow:"):
        with widgets.one_clear_error():
            path = dataset_path(dataset)
            run = create_run(
                RunConfig(
                    dataset=dataset,
                    data=str(path) if path else None,
                    model=network,
                    model_options=options,
                    loss=loss,
                    size=size,
                    tile=None if size else 256,
                    epochs=int(epochs),
                    learning_rate=rate,
                    schedule="cosine",
                    augment=augment,
                    augmentation=AugmentationConfig(**DATASETS[dataset].info.augmentation),
                )
            )
            jobs.start(run)
        st.session_state["watched-run"] = run.name

with stage:
    run_views.watch(st.session_state.get("watched-run"))

widgets.foot(f"Data {dataset}", f"{network}, {loss}, Adam, batch 8")
