"""What the page Compare shows of a comparison, one look at a time."""

from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import Any

import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure

from dashboard.common import cache, charts
from dashboard.common.foreign_text import as_text
from dashboard.common.thumbnails import thumbnail_png
from dashboard.compare import charts as charts_compare
from dashboard.compare.data import TIMED_IMAGES, Compared, seconds_per_image
from dashboard.compare.robustness import when_images_differ
from dashboard.compare.sides import side_by_side

GALLERY, THUMBNAIL_PX = 8, 108  # a row on a screen, three to a row on a phone
KINDS = {"label": "class", "size": "size of the foreground"}
"""Words for what parts the images; a fact of the data set says itself."""


def scores(found: Compared, image: str) -> None:
    """Every image by every model, two models against each other, and the image itself."""
    values, images = found.scores(), list(found.samples)
    spread, pairs = st.columns(2, gap="medium")
    asked = {"metric": found.metric, "chosen": image}
    with spread:
        chart = charts_compare.score_distribution(values, images, found.styles, **asked)
        _draw(chart, key="score-distribution", clickable=True)
    with pairs:
        place = st.container()
        a, b = _pair_picker(found)
        two = {name: values[name] for name in (a, b)}
        chart = charts_compare.score_pairs(two, images, found.styles, **asked)
        with place:
            _draw(chart, key="score-pairs", clickable=True)
    spread.caption(
        "A point is an image; a click shows it below. Above the line the model of the upright axis "
        "is better."
    )
    side_by_side(found, image)


def images(found: Compared, image: str) -> None:
    """The images on which the models differ most, and one of them by every model."""
    values, ids = found.scores(), list(found.samples)
    st.caption(f"The images on which the models differ most in {found.metric}; truth outlined.")
    with st.container(horizontal=True, gap="small"):
        for one in found.by_difference()[:GALLERY]:
            known = [column[ids.index(one)] for column in values.values()]
            defined = [value for value in known if value is not None]
            words = f"{min(defined):.2f}–{max(defined):.2f}" if defined else "undefined"
            with st.container(width=THUMBNAIL_PX, gap=None):
                st.image(_thumbnail(found, one), width=THUMBNAIL_PX)
                st.button(
                    as_text(words),
                    key=f"gallery-{one}",
                    help=f"{one}: lowest and highest {found.metric}",
                    type="primary" if one == image else "secondary",
                    width="stretch",
                    on_click=partial(_choose, one),
                )
    side_by_side(found, image)


def tests(found: Compared, _image: str) -> None:
    """Every pair: difference, interval, test."""
    _draw(charts_compare.differences(found.comparison, metric=found.metric), key="differences")
    rows = found.comparison["pairs"]
    frame = pd.DataFrame(
        {
            "a − b": [f"{row['a']} − {row['b']}" for row in rows],
            "Mean difference": [row["difference"] for row in rows],
            "95 %": [_band(row["ci95"]) for row in rows],
            "Pooled difference": [row["pooled_difference"] for row in rows],
            "95 % pooled": [_band(row["pooled_ci95"]) for row in rows],
            "p": [row["p"] for row in rows],
            "p (Holm)": [row["p_holm"] for row in rows],
            "a better on": [f"{row['wins']} of {row['n']}" for row in rows],
        }
    )
    signed = st.column_config.NumberColumn(format="%+.3f")
    small = st.column_config.NumberColumn(format="%.4f")
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "Mean difference": signed,
            "Pooled difference": signed,
            "p": small,
            "p (Holm)": small,
        },
    )
    said = found.comparison["conventions"]
    st.caption(
        f"Difference: {said['difference']}. 95 %: {said['ci95']}. p: {said['p']}; {said['p_holm']}."
    )


def subgroups(found: Compared, _image: str) -> None:
    """Does the order hold in every part of the images?"""
    parts = found.comparison["subgroups"]
    kinds = list(dict.fromkeys(part["by"] for part in parts))
    if not kinds:
        st.info("These images have neither classes nor sizes that part them into groups of three.")
        return
    by = st.segmented_control(
        "By",
        kinds,
        default=kinds[0],
        format_func=lambda kind: KINDS.get(kind, kind),
        key="by",
        bind="query-params",
        required=True,
    )
    chart = charts_compare.subgroup_bars(
        parts, found.styles, by=by, metric=found.metric, words=KINDS.get(by, by)
    )
    _draw(chart, key="subgroups")
    st.caption(f"Subgroups {found.comparison['conventions']['subgroups']}. Bars: 95 % intervals.")


def calibration(found: Compared, _image: str) -> None:
    """Can the probabilities be believed?"""
    _draw(charts_compare.reliability(found.documents, found.styles), key="reliability")
    rows = [{"Model": one["model"], **one["calibration"]} for one in found.documents]
    frame = pd.DataFrame(rows)[["Model", "ece", "brier"]]
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "ece": st.column_config.NumberColumn(
                "Expected calibration error",
                help="Mean distance from the diagonal, weighted by pixels; 0 is perfect",
                format="%.3f",
            ),
            "brier": st.column_config.NumberColumn(
                "Brier score",
                help="Mean squared distance of probability and truth; 0 is perfect",
                format="%.3f",
            ),
        },
    )
    said = str(rows[0]["convention"])
    st.caption(
        f"{said[:1].upper()}{said[1:]}. Below the diagonal a model is too sure of foreground."
    )


def cost(found: Compared, _image: str) -> None:
    """Speed and size beside quality."""
    measured = []
    with st.spinner("Measuring the time per image"):
        for key, row in zip(found.keys, found.comparison["models"], strict=True):
            milliseconds = 1000 * seconds_per_image(key, found)
            measured.append(
                {
                    **row,
                    "milliseconds": milliseconds,
                    "parameters": cache.trained_model(key).parameters,
                }
            )
    defined = [row for row in measured if row["mean"] is not None]
    if defined:
        chart = charts_compare.cost_and_quality(defined, found.styles, metric=found.metric)
        _draw(chart, key="cost")
    frame = pd.DataFrame(
        {
            "Model": [row["model"] for row in measured],
            "Milliseconds per image": [row["milliseconds"] for row in measured],
            "Trainable weights": [row["parameters"] for row in measured],
            f"Mean {found.metric}": [row["mean"] for row in measured],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "Milliseconds per image": st.column_config.NumberColumn(format="%.1f"),
            "Trainable weights": st.column_config.NumberColumn(format="localized"),
            f"Mean {found.metric}": st.column_config.NumberColumn(format="%.3f"),
        },
    )
    device = cache.trained_model(found.keys[0]).predictor.device
    shape = found.dataset.image(next(iter(found.samples.values()))).shape
    st.caption(
        f"Time: median of {TIMED_IMAGES} images after one to warm up, from pixels to level map, "
        f"image of {shape[1]} x {shape[0]} pixels, on this server ({device}) as busy as it was. "
        "A larger mark has more weights. The dotted line joins what nothing else beats in both."
    )


def robustness(found: Compared, image: str) -> None:
    """What is left of the metric when images differ."""
    when_images_differ(found, image, _draw)


LOOKS: dict[str, Callable[[Compared, str], None]] = {
    "Images": images,
    "Scores": scores,
    "Tests": tests,
    "Subgroups": subgroups,
    "Calibration": calibration,
    "Speed and size": cost,
    "When images differ": robustness,
}


def _pair_picker(found: Compared) -> tuple[str, str]:
    """Two models, the best two at first, the better one upwards."""
    ranked = sorted(
        found.comparison["models"], key=lambda row: -1 if row["mean"] is None else row["mean"]
    )
    names = [row["model"] for row in ranked][::-1]
    pairs = {f"{b} against {a}": (b, a) for a, b in combinations(names, 2)}
    if len(pairs) == 1:
        return next(iter(pairs.values()))
    if st.session_state.get("pair") not in {None, *pairs}:
        del st.session_state["pair"]
    chosen = st.selectbox(
        "Pair", list(pairs), key="pair", bind="query-params", label_visibility="collapsed"
    )
    return pairs[chosen or next(iter(pairs))]


def _draw(chart: Figure, *, key: str, clickable: bool = False) -> None:
    """A chart that the camera saves as it is asked to; a click on a point chooses its image."""
    paper = st.session_state.get("figure-paper", False)
    suffix = st.session_state.get("figure-format", "SVG").lower()
    if paper:
        chart.update_layout(template="plotly_white", paper_bgcolor="#FFFFFF")
    else:
        background = st.get_option(f"theme.{st.context.theme.type or 'dark'}.backgroundColor")
        charts.on(chart, background)
    chart.update_annotations(bgcolor=chart.layout.paper_bgcolor)  # no line runs through a name
    chart.update_layout(dragmode=False, clickmode="event+select" if clickable else "event")
    settings: dict[str, Any] = {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": suffix, "filename": key, "scale": 1 + (suffix == "png")},
    }
    show = partial(
        st.plotly_chart, chart, key=key, theme=None if paper else "streamlit", config=settings
    )
    if clickable:
        show(on_select=partial(_clicked, key), selection_mode="points")
    else:
        show()


def _clicked(key: str) -> None:
    for point in st.session_state[key].selection.points:
        image = point.get("customdata")
        if image:
            _choose(image if isinstance(image, str) else image[0])


def _choose(image: str) -> None:
    st.session_state["image"] = image


def _thumbnail(found: Compared, image: str) -> bytes:
    def make() -> bytes:
        return thumbnail_png(found.dataset, found.samples[image])

    small: bytes = cache.cached(("compare-thumbnail", found.content, image), make, len)
    return small


def _band(band: list[float] | None) -> str:
    return "" if band is None else f"{band[0]:+.3f} to {band[1]:+.3f}".replace("-", "−")
