"""What is chosen on the page Threshold: model, part, scores, rule and post-processing."""

import streamlit as st

from core.metrics.overlap import METRICS
from core.models import weights_folder
from core.runs import open_run
from core.system.files import read_json
from core.threshold.operating_point import OperatingPoint
from core.threshold.postprocessing import PostProcessing
from dashboard.common import cache
from dashboard.common.sources import dataset_path, is_synthetic
from dashboard.components.threshold_board import MOST_LINES
from dashboard.threshold.message import FIGURES

SUBSETS = {"val": "Validation", "test": "Test"}
BLOCKS = {"pooled": "Pooled", "per_image": "Mean over images"}
TYPICAL = ("dice", "precision", "recall")
RULES: dict[str, tuple[str, str, float]] = {
    "dice": ("Best Dice", "dice", 0),
    "iou": ("Best IoU", "iou", 0),
    "f2": ("Best F2: missing counts four times", "f2", 0),
    "mcc": ("Best MCC", "mcc", 0),
    "sensitivity": ("Sensitivity of at least…", "sensitivity>={}", 0.95),
    "precision": ("Precision of at least…", "precision>={}", 0.9),
    "fppi": ("False positives per image, at most…", "fppi<={}", 0.5),
    "fnr": ("Missed foreground, at most… (guaranteed)", "fnr<={}", 0.1),
}
"""Key → title, the rule as the command line has it, and the bound to begin with; 0 for none."""


def prefer_what_is_here() -> None:
    """Begin with a model whose images are on this machine, unless a link or a person chose one."""
    if "model" in st.session_state or "model" in st.query_params:
        return
    for key in cache.model_names():
        source, name, one = cache.split_key(key)
        if one:
            continue  # all of it first
        folder = weights_folder() / name if source == "weights" else open_run(name).path
        if (folder / "config.json").exists():
            dataset = read_json(folder / "config.json")["dataset"]
            if is_synthetic(dataset) or dataset_path(dataset):
                st.session_state["model"] = key
                return


def split_picker() -> str:
    """Validation, where thresholds are chosen, or test, where they are evaluated."""
    chosen = st.segmented_control(
        "Images",
        list(SUBSETS),
        format_func=lambda part: SUBSETS[part],
        default="val",
        key="split",
        bind="query-params",
        persist_state="session",
        required=True,
        help="A threshold is chosen on validation and reported on test, never the other way round.",
    )
    return chosen or "val"


def metrics_picker() -> tuple[str, list[str]]:
    """How scores are averaged and which are drawn."""
    block = st.segmented_control(
        "Averaging",
        list(BLOCKS),
        format_func=lambda key: BLOCKS[key],
        default="pooled",
        key="averaging",
        bind="query-params",
        persist_state="session",
        required=True,
        help="Pooled: all pixels of all images in one count. Mean over images: each image counts "
        "the same, however small its lesion.",
    )
    chosen = st.multiselect(
        "Metrics",
        list(FIGURES),
        default=list(TYPICAL),
        format_func=lambda name: METRICS[name].title,
        key="metrics",
        bind="query-params",
        persist_state="session",
        max_selections=MOST_LINES,
        placeholder="Choose up to four",
    )
    return block or "pooled", chosen or list(TYPICAL)


def rule_picker() -> str:
    """A rule as the command line has it."""
    name = st.selectbox(
        "Choose the threshold by",
        list(RULES),
        format_func=lambda key: RULES[key][0],
        key="rule",
        bind="query-params",
        persist_state="session",
        help="Applied to the pooled counts of the validation images.",
    )
    _, text, typical = RULES[name or "dice"]
    if not typical:
        return text
    bound = st.number_input(
        "Bound",
        min_value=0.0,
        max_value=1.0 if name != "fppi" else 100.0,
        value=typical,
        step=0.01 if name != "fppi" else 0.1,
        key=f"bound-{name}",
        bind="query-params",
        persist_state="session",
    )
    return text.format(f"{bound:g}")


def post_processing_picker(model: str, point: OperatingPoint) -> PostProcessing:
    """What becomes of the masks; begins with the operating point's own."""
    own, name = point.post_processing, model.rpartition("/")[2]
    area = st.number_input(
        "Smallest component, px",
        min_value=0,
        max_value=1_000_000,
        value=own.minimum_area_px,
        step=10,
        key=f"area-{name}",
        bind="query-params",
        persist_state="session",
        help="Components with fewer pixels are dropped, at every threshold.",
    )
    fill = st.toggle(
        "Fill holes",
        value=own.fill_holes,
        key=f"holes-{name}",
        bind="query-params",
        persist_state="session",
    )
    return PostProcessing(minimum_area_px=int(area), fill_holes=fill)
