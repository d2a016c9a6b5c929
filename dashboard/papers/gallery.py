"""The images of the page Papers: successes and failures of a model, drawn as the paper draws."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.data import Dataset, Sample, open_dataset
from core.errors import InputError
from core.levels import mask_at
from core.models import TrainedModel, list_weights, weights_document
from core.papers.presets import Preset
from core.papers.reproduction import runs_of
from core.runs import open_run
from dashboard.common import cache, phone
from dashboard.common.examples import Example
from dashboard.common.foreign_text import as_text
from dashboard.common.sources import dataset_path, is_synthetic
from dashboard.menu import page
from dashboard.papers.images import (
    Panel,
    binary_panels,
    class_panels,
    successes_and_failures,
)

EACH = 2
BOXES = "breast_custom"
"""The paper whose scores have bounding boxes."""


def gallery(paper: str, own: list[Preset], ours: list[Preset], empty: Callable[[], None]) -> None:
    """Rows of images of the test split: the best images and the worst.

    Args:
        paper: Key of ``PAPERS``.
        own: Its presets.
        ours: Ours for its data.
        empty: The next step where there is no model.
    """
    models = _models(own, ours)
    if not models:
        st.info(
            "Here will be image, truth and prediction side by side, successes and failures, as the "
            "paper shows them. No model for this data has been trained yet.",
            icon=":material/image:",
        )
        empty()
        return
    with st.container(horizontal=True):
        key = st.selectbox(
            "Model", list(models), format_func=lambda name: models[name], key="papers-model"
        )
        key = key or next(iter(models))
        trained = cache.trained_model(key)
        scores, words = _scores(key)
        order = st.selectbox(
            "Images of the test split", ["Best and worst", "As they come"], key="papers-order"
        )
    opened = _opened(trained)
    if opened is None:
        st.info(
            f"The images need the data that {as_text(trained.name)} was trained on, which is not "
            "on this machine. Import it, and they appear here.",
            icon=":material/download:",
        )
        st.page_link(page("datasets"), label="Import a data set", icon=":material/photo_library:")
        return
    samples = {sample.id: sample for sample in trained.samples(opened, "test")}
    if order == "Best and worst" and scores:
        chosen = successes_and_failures(
            {name: value for name, value in scores.items() if name in samples}, each=EACH
        )
    else:
        chosen = dict.fromkeys(list(samples)[: 2 * EACH], "")
    for name, kind in chosen.items():
        value = scores.get(name)
        score = "" if value is None else f" · Dice {value:.3f}"
        st.caption(f"**{kind or 'test image'}** · {as_text(name)}{score}")
        panels = _panels(key, trained, opened, samples[name], boxes=paper == BOXES)
        with phone.halves(name):
            for panel in panels:
                st.image(panel.pixels, caption=panel.caption, width=_width(len(panels)))
    st.caption(
        f"{as_text(trained.name)} at its frozen threshold {trained.operating_point.threshold:.3f} "
        f"({as_text(trained.operating_point.name)}), native resolution, test split{words}."
    )


def _width(panels: int) -> int:
    """Of a panel, so that a row of them fits beside the rail."""
    return 232 if panels <= 4 else 156


def _models(own: list[Preset], ours: list[Preset]) -> dict[str, str]:
    """Key → title of the shipped models and finished runs for a paper's data, shipped first."""
    datasets = {preset.config.dataset for preset in [*own, *ours]}
    shipped = {}
    for name in list_weights():
        try:
            if weights_document(name, "config")["dataset"] in datasets:
                shipped[f"weights/{name}"] = f"{name} (shipped)"
        except (InputError, KeyError):
            continue
    runs = [one.run for preset in [*own, *ours] for one in runs_of(preset) if one.finished]
    return {**{f"run/{run.name}": f"{run.name} (run)" for run in reversed(runs)}, **shipped}


def _scores(key: str) -> tuple[dict[str, float | None], str]:
    """Dice of each test image where it was evaluated, and how many there are in words."""
    source, _, name = key.partition("/")
    try:
        document: dict[str, Any] | None = (
            open_run(name).evaluation("test")
            if source == "run"
            else weights_document(name, "evaluation/test")
        )
    except InputError:
        document = None
    if document is None:
        return {}, ", not evaluated yet"
    return {row["id"]: row["dice"] for row in document["images"]}, f", n = {document['n_images']}"


def _opened(trained: TrainedModel) -> Dataset | None:
    """The data a model was trained on; None where it is not here."""
    name = trained.config.dataset
    if is_synthetic(name) or not trained.config.data:
        return cache.opened_dataset(name) if is_synthetic(name) or dataset_path(name) else None
    return open_dataset(name, path) if (path := Path(trained.config.data)).exists() else None


def _panels(
    key: str, trained: TrainedModel, opened: Dataset, sample: Sample, *, boxes: bool
) -> list[Panel]:
    """The images of one sample, as the paper draws them."""
    image, truth = opened.image(sample), opened.truth(sample)
    head = trained.head(opened)
    if head is not None and head.softmax:
        with cache.LOCK:  # one network at a time
            planes = trained.predictor.sample_class_probability(opened, sample)
        background = 1 - planes.sum(axis=0, keepdims=True)
        decision = np.concatenate([background, planes]).argmax(axis=0).astype(np.uint8)
        return class_panels(image, truth, decision, head.names)
    example = Example(
        sample.id,
        image,
        truth > 0,
        sample.spacing_mm,
        dataset=opened.info.name,
        sample=sample.id,
    )
    mask = mask_at(cache.level_map(key, example), trained.operating_point.k)
    return binary_panels(image, truth > 0, mask, boxes=boxes)
