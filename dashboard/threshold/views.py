"""What the page Threshold shows: the part with its bar, the board, the point, and saving it."""

import csv
import io
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.errors import InputError
from core.evaluation import Truth
from core.evaluation.curves import ThresholdCurves
from core.evaluation.tuning import tune
from core.levels import STEPS, LevelMap
from core.metrics.false_positives import false_positive_components
from core.metrics.sweep import Counts
from core.models import weights_folder
from core.runs import open_run
from core.system.files import read_json
from core.threshold.operating_point import OperatingPoint, choose_operating_point, with_temperature
from core.threshold.postprocessing import PostProcessing
from core.threshold.rules import parse_rule
from core.training.progress import duration
from dashboard.common import cache, widgets
from dashboard.common.foreign_text import as_text
from dashboard.common.validation_maps import SplitMaps, open_split_maps
from dashboard.components.threshold_board import deliver, threshold_board
from dashboard.runs import views as run_views
from dashboard.threshold.choices import SUBSETS
from dashboard.threshold.message import Shown

HAND = "threshold-hand"
SAME = 0.0005
"""A score nearer than this is written alike."""


def looked_at(model: str, split: str) -> SplitMaps:
    """The part, with a bar while the network reads it; without the data, what is known of it."""
    place = st.empty()
    started = time.monotonic()
    shown: dict[str, Any] = {}

    def progress(done: int, total: int) -> None:
        if not shown:
            with place.container():
                shown["bar"] = st.progress(0.0)
                st.button("Stop", key="stop-looking", on_click=_stop)
        left = (time.monotonic() - started) / done * (total - done)
        text = f"The network reads image {done} of {total}, {duration(left)} left"
        shown["bar"].progress(done / total, text=text)

    if st.session_state.pop("looking-stopped", False):
        st.info("Stopped. Choose another model or part, or reload the page to try again.")
        widgets.foot()
        st.stop()
    try:
        with st.spinner("Opening images", show_time=False):
            part = open_split_maps(model, split, progress=progress)
    except InputError as missing:
        place.empty()
        st.info(as_text(missing), icon=":material/image_not_supported:")
        _known_scores(model, split)
        widgets.foot()
        st.stop()
    place.empty()
    return part


def _stop() -> None:
    st.session_state["looking-stopped"] = True


def _known_scores(model: str, split: str) -> None:
    """The evaluation that a model carries with it, for when its images are elsewhere."""
    source, name, one = cache.split_key(model)
    folder = weights_folder() / name if source == "weights" else open_run(name).path
    file = folder / "evaluation" / f"{split}.json"
    if file.exists():
        st.markdown(f"**What {as_text(name)} carries with it: {SUBSETS[split].lower()}**")
        document = read_json(file)
        run_views.figures(document["classes"][one] if one else document)


def chosen(
    part: SplitMaps, shown: Shown, rule: str, post_processing: PostProcessing, *, resamples: int
) -> OperatingPoint | str:
    """The point of a rule on validation, or the sentence why there is none; held once made."""

    def choose() -> OperatingPoint | str:
        marks = (
            false_positives(part, post_processing) if parse_rule(rule).counts_components else None
        )
        try:
            point = choose_operating_point(
                shown.sweep,
                rule=rule,
                split=part.split,
                dataset=part.dataset.info.name,
                split_hash=part.split_hash,
                groups=part.groups,
                false_positives=marks,
                resamples=resamples,
            )
        except InputError as why:
            return str(why)
        return with_temperature(point, part.sweep)

    key = ("point", part.key, post_processing.words, rule, resamples)
    found: OperatingPoint | str = cache.cached(key, choose, lambda _: 1000)
    return found


def saved_or(
    choice: OperatingPoint,
    saved: OperatingPoint,
    part: SplitMaps,
    shown: Shown,
    post_processing: PostProcessing,
) -> OperatingPoint:
    """The saved point where it is the rule's own on these images, else the one just chosen.

    Another machine's maps differ by a level here and there, and where the curve is flat the best
    threshold moves with them: no reason to show another than the card and the command line do.
    """
    scores = shown.curves.pooled.get(saved.rule)
    made_alike = (choice.rule, part.split_hash, post_processing) == (
        saved.rule,
        saved.split_hash,
        saved.post_processing,
    )
    if scores is None or not made_alike or scores[choice.k] - scores[saved.k] >= SAME:
        return choice
    return saved


def false_positives(part: SplitMaps, post_processing: PostProcessing) -> Counts:
    """Components that touch no truth at every threshold, shape (N, T)."""
    from core.threshold.postprocessing.levels import (
        post_processed_levels,  # scikit-image, and only for this rule
    )

    def count() -> Counts:
        def row(levels: LevelMap, truth: Truth) -> Counts:
            cleaned = post_processed_levels(levels, post_processing) if post_processing else levels
            return false_positive_components(cleaned, truth)

        return np.concatenate([row(*pair) for pair in part.maps()])

    with st.spinner("Counting components"):
        key = ("marks", part.key, post_processing.words)
        marks: Counts = cache.cached(key, count, lambda rows: rows.nbytes)
    return marks


def board(
    shown: Shown,
    *,
    context: str,
    points: list[tuple[int, str]],
    block: str,
    figures: list[str],
) -> int:
    """The board, its threshold kept in the address; the k in view."""
    hand = st.session_state.get(HAND)
    if hand is None and "threshold" in st.query_params:
        hand = (context, _linked(st.query_params["threshold"]))
    start = hand[1] if hand and hand[0] == context and hand[1] is not None else points[0][0]
    k = threshold_board(
        shown.token,
        key="board",
        context=context,
        k=start,
        points=points,
        block=block,
        scores=figures,
    )
    k = start if k is None else k
    st.session_state[HAND] = (context, k)
    st.query_params["threshold"] = f"{k / STEPS:.3f}"
    deliver(shown.packed, key="delivery")
    return k


def _linked(text: str) -> int | None:
    """The k of a threshold in an address; None where it is none."""
    try:
        k = round(float(text) * STEPS)
    except (ValueError, OverflowError):  # 1e999 is infinite
        return None
    return k if 0 <= k <= STEPS else None


def about_point(point: OperatingPoint) -> None:
    """A chosen point in a few lines: the threshold, how sure, how flat, how steep the area."""
    st.markdown(f"**{as_text(point.name)}: {point.threshold:.3f}**")
    facts = [f"Dice {point.value:.3f} pooled, n = {point.n_images}"]
    if point.threshold_ci95:
        low, high = point.threshold_ci95
        facts.append(f"threshold {low:.3f}–{high:.3f} (95 %, over {point.interval_over})")
    if point.flat:
        low, high = point.flat
        facts.append(f"as good within 0.005 from {low:.3f} to {high:.3f}")
    if point.area_change_percent is not None:
        change = f"{point.area_change_percent:+.2f}".replace("-", "−")
        facts.append(f"area {change} % for a threshold 0.01 higher")
    st.caption("  \n".join(facts))
    if point.note:
        st.caption(f":material/info: {as_text(point.note[:1].upper() + point.note[1:])}.")


def save_button(
    model: str,
    rule: str,
    post_processing: PostProcessing,
    point: OperatingPoint,
    part: SplitMaps,
) -> None:
    """Freeze the rule's point with its run, as ``python -m core tune`` does."""
    source, name, one = cache.split_key(model)
    if source != "run":
        st.caption(
            "A shipped model keeps the point it came with; a run of yours can take this one."
        )
        return
    label = f"Save {point.threshold:.3f} as operating point"
    if one:
        st.caption("Saving chooses by this rule for every class, each from its own curve.")
    if not st.button(label, type="primary", icon=":material/push_pin:", width="stretch"):
        return
    with st.spinner("Saving, and evaluating with it"), widgets.one_clear_error():
        tune(
            name, rule, post_processing=post_processing.words if post_processing else "", maps=part
        )
    st.toast(f"Saved with {as_text(name)}: {as_text(point.name)}, {point.threshold:.3f}.")
    st.rerun()


def frozen(point: OperatingPoint) -> None:
    """In the place of the rules, where nothing may be chosen."""
    about_point(point)
    st.info(
        "Chosen on validation and frozen here. The slider shows what other thresholds would give; "
        "none can be chosen on test, for then its scores would evaluate nothing.",
        icon=":material/lock:",
    )


def downloads(part: SplitMaps, shown: Shown) -> None:
    """All curves as files, the same numbers as ``evaluate --curves``."""
    stem = f"{part.model}-{part.split}-curves"
    makers: dict[str, tuple[str, Callable[[ThresholdCurves], str], str]] = {
        "JSON": ("json", curves_json, "application/json"),
        "CSV": ("csv", curves_csv, "text/csv"),
    }
    for title, (suffix, make, mime) in makers.items():
        st.download_button(
            f"Curves, {title}",
            partial(make, shown.curves),
            file_name=f"{stem}.{suffix}",
            mime=mime,
            icon=":material/download:",
            key=f"curves-{suffix}",
            on_click="ignore",
        )


def curves_json(curves: ThresholdCurves) -> str:
    """As ``python -m core evaluate --curves FILE`` writes them."""
    return json.dumps(curves.document(), indent=2, allow_nan=False)


def curves_csv(curves: ThresholdCurves) -> str:
    """A row for each threshold: every metric with its interval, then areas and pixels."""
    columns: dict[str, Any] = {"threshold": curves.thresholds}
    for block, values, bands in (
        ("pooled", curves.pooled, curves.pooled_band),
        ("per_image", curves.per_image, curves.per_image_band),
    ):
        for name, value in values.items():
            columns[f"{block}_{name}"] = value
            columns[f"{block}_{name}_low"], columns[f"{block}_{name}_high"] = bands[name]
    columns |= {
        "area_px": curves.area_px,
        "area_change_percent": curves.area_change_percent,
        "pixels_on_truth": curves.on_truth,
        "pixels_off_truth": curves.off_truth,
    }
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        table.writerow(["" if np.isnan(value) else value for value in row])
    return buffer.getvalue()
