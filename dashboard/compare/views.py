"""The frame of the page Compare: pickers, progress, verdict, table, and what can be downloaded."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.evaluation.comparison_table import comparison_table
from core.evaluation.convention import short_source
from dashboard.common import cache, widgets
from dashboard.common.foreign_text import as_text
from dashboard.compare.choices import (
    FIGURES,
    FIRST,
    default_images,
    image_choices,
    in_order,
    trained_on,
)
from dashboard.compare.data import Compared, command, evaluated
from dashboard.compare.export import report_html
from dashboard.compare.progress import bars

SURE = 0.05
TABLES = {
    "CSV": ("csv", "csv", "text/csv"),
    "Markdown": ("markdown", "md", "text/markdown"),
    "LaTeX": ("latex", "tex", "application/x-tex"),
}


def pickers() -> tuple[list[str], str, str]:
    """Keys of the models, of the images and of the metric."""
    names = cache.model_names()
    first = [key for key in FIRST if key in names] or list(names)[:2]
    keys = st.multiselect(
        "Models",
        list(names),
        default=first,
        format_func=lambda key: names[key].removesuffix(" (no training)"),
        key="models",
        bind="query-params",
        persist_state="session",
        wrap=True,
        help="Shipped models, your own finished runs, and methods from before networks. Each is "
        "taken at its own operating point.",
    )
    choices = image_choices()
    with widgets.one_clear_error():
        default = default_images(keys)
    images = st.selectbox(
        "Images",
        list(choices),
        index=list(choices).index(default) if default in choices else 0,
        format_func=lambda key: choices[key],
        key="images",
        bind="query-params",
        persist_state="session",
        help="The same for all models. The test split was never seen in training or tuning.",
    )
    metric = st.selectbox(
        "Metric",
        list(FIGURES),
        format_func=lambda name: FIGURES[name],
        key="metric",
        bind="query-params",
        persist_state="session",
    )
    return keys, images or default, metric or "dice"


def compared(keys: Sequence[str], images: str, *, metric: str) -> Compared:
    """The comparison; shows how far it is, and why where there is none."""
    place = st.empty()
    try:
        ordered = in_order(keys)
        found = evaluated(ordered, images, metric=metric, progress=bars(place, len(ordered)))
    except InputError as wrong:
        place.empty()
        _refused(str(wrong), keys, images)
    place.empty()
    for sentence in trained_on(ordered, found.samples, found.comparison["dataset"]):
        st.warning(as_text(sentence), icon=":material/warning:")
    return found


def _refused(reason: str, keys: Sequence[str], images: str) -> None:
    """The reason, and the one step that leads on; ends the page."""
    st.error(as_text(reason), icon=":material/error:")
    dataset, _, part = images.rpartition("/")
    choices = image_choices()
    helps = len(keys) > 1 and len({cache.split_key(key)[2] for key in keys}) == 1
    offers = {f"{dataset}/all"} if part != "all" and helps else set()
    offers |= {default_images(keys)} if helps else set()
    for offer in sorted((offers & choices.keys()) - {images}):
        st.button(
            f"Compare on {as_text(choices[offer])}",
            key=f"offer-{offer}",
            on_click=partial(_take, offer),
        )
    if len(keys) < 2:
        st.button("Take the shipped example", on_click=_example)
    widgets.foot()
    st.stop()


def _take(images: str) -> None:
    st.session_state["images"] = images


def _example() -> None:
    st.session_state["models"] = [key for key in FIRST if key in cache.model_names()]


def image_picker(found: Compared) -> str:
    """Id of the image that is shown, those on which the models differ most first."""
    images = found.by_difference()
    if st.session_state.get("image") not in {None, *images}:
        del st.session_state["image"]
    chosen = st.selectbox(
        "Image",
        images,
        key="image",
        bind="query-params",
        persist_state="session",
        help="In the order of how far the models are apart on them. A click on a point chooses, "
        "too.",
    )
    return chosen or images[0]


def verdict(found: Compared) -> None:
    """Who is ahead, and whether that can be said, in two sentences."""
    ranked = _ranked(found)
    first, metric, n = ranked[0], found.metric, found.comparison["n_images"]
    if first["mean"] is None:
        st.markdown(f"{metric} is undefined on all {n} images.")
        return
    words = (
        f"**{as_text(first['model'])}** has the highest mean {metric}: **{_spread(first)}** on "
        f"{_images(first['n'], n)}."
    )
    pair = _pair(found, first["model"], ranked[1]["model"])
    if pair and pair["p_holm"] is not None:
        of = "" if pair["n"] == first["n"] else f" on {_images(pair['n'], n)}"
        words += f" Against {as_text(ranked[1]['model'])}, the next: {_difference(pair)}{of}, "
        words += f"{_p(pair['p_holm'])} after Holm."
        if pair["p_holm"] > SURE:
            words += " That may be chance."
    said = found.comparison["conventions"]
    st.markdown(
        words,
        help=f"In brackets 95 %: {said['ci95']}. p: {said['p']}; {said['p_holm']}.",
    )


def table(found: Compared) -> None:
    """The models, best first, each against the best; the convention under it."""
    comparison, metric = found.comparison, found.metric
    ranked = _ranked(found)
    said = comparison["conventions"]
    pairs = [_pair(found, row["model"], ranked[0]["model"]) for row in ranked]
    frame = pd.DataFrame(
        {
            "": ["■"] * len(ranked),
            "Model": [row["model"] for row in ranked],
            f"Mean {metric}": [_spread(row) for row in ranked],
            f"Pooled {metric}": [_interval(row["pooled"], row["pooled_ci95"]) for row in ranked],
            "Median": [row["median"] for row in ranked],
            "n": [row["n"] for row in ranked],
            "Against the first": [_difference(pair) if pair else "" for pair in pairs],
            "p (Holm)": [_p(pair["p_holm"]).removeprefix("p = ") if pair else "" for pair in pairs],
            "Threshold": [row["threshold"] for row in ranked],
            "Chosen on": [_source(row["threshold_source"]) for row in ranked],
        }
    )
    colours = [f"color: {found.styles[row['model']].colour}" for row in ranked]
    st.dataframe(
        frame.style.apply(lambda _: colours, subset=[""], axis=0),
        hide_index=True,
        key="compare-table",
        column_config={
            "": st.column_config.TextColumn(width=28, help="The model's colour on all pages"),
            f"Mean {metric}": st.column_config.TextColumn(
                help=f"{said['mean']}; in brackets 95 %: {said['ci95']}"
            ),
            f"Pooled {metric}": st.column_config.TextColumn(help=said["pooled"]),
            "Median": st.column_config.NumberColumn(format="%.3f"),
            "Against the first": st.column_config.TextColumn(
                help=f"Mean of the differences on the same images. {said['ci95']}"
            ),
            "p (Holm)": st.column_config.TextColumn(help=f"{said['p']}; {said['p_holm']}"),
            "Threshold": st.column_config.NumberColumn(format="%.3f"),
        },
    )
    st.caption(as_text(comparison["label"]), help=conventions(found))


def conventions(found: Compared) -> str:
    """The long words behind every metric of the page."""
    comparison = found.comparison
    notes = {**comparison["conventions"], "empties": comparison["empties"]}
    return "  \n".join(f"**{name}**: {words}" for name, words in notes.items())


def downloads(found: Compared) -> None:
    """Tables and scores as files, and the command that prints the same numbers."""
    comparison = found.comparison
    stem = f"compare_{comparison['dataset']}_{comparison['split']}_{comparison['metric']}"
    with st.popover("Download", icon=":material/download:"):
        st.caption("The table, with intervals, tests, subgroups and conventions")
        with st.container(horizontal=True):
            for title, (form, suffix, kind) in TABLES.items():
                st.download_button(
                    title, partial(comparison_table, comparison, form=form),
                    file_name=f"{stem}.{suffix}", mime=kind, on_click="ignore",
                )  # fmt: skip
            st.download_button(
                "JSON", partial(json.dumps, comparison, indent=1), file_name=f"{stem}.json",
                mime="application/json", on_click="ignore",
            )  # fmt: skip
        st.caption("The scores")
        st.download_button(
            "All scores in one HTML page", partial(report_html, found),
            file_name=f"{stem}.html", mime="text/html", on_click="ignore",
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.segmented_control(
                "The camera above a chart saves it as",
                ["SVG", "PNG"],
                default="SVG",
                key="figure-format",
                required=True,
            )
            st.toggle(
                "On white, for a paper",
                key="figure-paper",
                help="Shows the charts dark on white, as they will be saved.",
            )
    with st.popover("Repeat it", icon=":material/terminal:"):
        st.caption("Prints the same scores, digit for digit")
        st.code(command(found), language="shell", wrap_lines=True)


def _ranked(found: Compared) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found.comparison["models"]
    return sorted(rows, key=lambda row: -1.0 if row["mean"] is None else row["mean"], reverse=True)


def _pair(found: Compared, a: str, b: str) -> dict[str, Any] | None:
    """The pair as a minus b, whichever way it was made; None for a model and itself."""
    for pair in found.comparison["pairs"]:
        if (pair["a"], pair["b"]) == (a, b):
            return dict(pair)
        if (pair["a"], pair["b"]) == (b, a) and pair["difference"] is not None:
            low, high = pair["ci95"] or (None, None)
            turned = None if low is None or high is None else [-high, -low]
            return {**pair, "difference": -pair["difference"], "ci95": turned}
    return None


def _images(defined: int, n: int) -> str:
    """The images that a mean is over: those on which the metric is 0/0 do not count."""
    return f"{n} images" if defined == n else f"{defined} of {n} images (undefined on the others)"


def _source(words: str) -> str:
    """``val, best Dice``; of what was not chosen on validation only how it was fixed."""
    short = short_source(words)
    return short if short != words else words.partition(",")[0]


def _spread(row: dict[str, Any]) -> str:
    return _interval(row["mean"], row["ci95"])


def _interval(value: float | None, band: Sequence[float] | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.3f}" + (f" ({band[0]:.3f}–{band[1]:.3f})" if band else "")


def _difference(pair: dict[str, Any]) -> str:
    if pair["difference"] is None:
        return "undefined"
    band = pair["ci95"]
    words = f"{pair['difference']:+.3f}" + (f" ({band[0]:+.3f} to {band[1]:+.3f})" if band else "")
    return words.replace("-", "−")


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
