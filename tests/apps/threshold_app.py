"""The board of the page Threshold alone, for its browser tests and its benchmark: synthetic data.

Options come from the address: ``?images=8&side=128``.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.data import Sample
from core.data.datasets.phantoms import Phantoms
from core.metrics.sweep import concatenate, sweep_image
from core.threshold.postprocessing import PostProcessing
from dashboard.common.validation_maps import SplitMaps
from dashboard.threshold import choices as threshold_choices
from dashboard.threshold import views as threshold_views
from dashboard.threshold.message import Shown, shown
from tests.apps.viewer_data import drawn


class Drawn(Phantoms):
    """Images that are already there."""

    pictures: dict[str, NDArray[np.uint8]]

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        return self.pictures[sample.id]


@st.cache_resource(show_spinner=False)
def part_of(images: int, side: int) -> tuple[SplitMaps, Shown]:
    folder = Path(tempfile.mkdtemp(prefix="isoline-board-"))
    dataset = Drawn.open()
    samples = dataset.samples[:images]
    dataset.pictures = {}
    sweeps = []
    for n, sample in enumerate(samples):
        dataset.pictures[sample.id], levels, truth = drawn(side, n)
        np.savez(folder / f"{n}.npz", levels=levels, truth=truth)
        sweeps.append(sweep_image(levels, truth))
    part = SplitMaps(
        key=f"drawn-{images}-{side}",
        model="drawn",
        split="val",
        split_hash="",
        dataset=dataset,
        samples=samples,
        sweep=concatenate(sweeps),
        folder=folder,
    )
    return part, shown(part, PostProcessing())


st.set_page_config(page_title="Board", layout="wide")
part, ready = part_of(
    int(st.query_params.get("images", "8")), int(st.query_params.get("side", "128"))
)
rail, stage = st.columns([1, 3.6])
with rail:
    rule = threshold_choices.rule_picker()
point = threshold_views.chosen(part, ready, rule, PostProcessing(), resamples=0)
assert not isinstance(point, str), point
with stage:
    k = threshold_views.board(
        ready,
        context=rule,
        points=[(point.k, point.name)],
        block="pooled",
        figures=["dice", "precision", "recall", "iou"],
    )
st.caption(f"k={k}")
