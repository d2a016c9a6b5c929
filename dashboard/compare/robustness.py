"""What is left of a comparison when images differ: measured when asked, kept for each model."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure

from core.evaluation.perturbations import PERTURBATIONS
from core.evaluation.robustness import (
    AS_IS,
    DEFAULT_IMAGES,
    count_perturbed,
    evenly,
    summarize_perturbed,
)
from core.levels import mask_at
from core.promotion.failures import outlined
from core.threshold.postprocessing import clean
from core.training.progress import duration
from dashboard.common import cache
from dashboard.common.examples import Example
from dashboard.common.foreign_text import as_text
from dashboard.compare import robustness_chart as charts_robustness
from dashboard.compare.data import Compared, robustness_commands, seconds_per_image, stamp_of
from dashboard.compare.progress import STOPPED, bars

Document = dict[str, Any]
ASKED = "robustness-asked"
EXAMPLE_PX, PICKER_PX, TABLE_ROW_PX = 300, 320, 35


def when_images_differ(found: Compared, image: str, draw: Callable[..., None]) -> None:
    """Every way in which images can differ, the models beside one another.

    Args:
        found: The comparison.
        image: The one that is shown.
        draw: Shows a chart under a ``key``.
    """
    key = _key(found)
    if st.session_state.pop(STOPPED, False):  # else the next look would continue measuring
        st.session_state.get(ASKED, set()).discard(key)
        st.info("Stopped. Models that were done are kept.")
    if key not in st.session_state.setdefault(ASKED, set()):
        _offer(found, key)
        return
    measured = _measured(found)
    chart: Figure = charts_robustness.perturbed(measured, found.styles, metric=found.metric)
    draw(chart, key="robustness")
    table = _table(measured)
    st.dataframe(table, hide_index=True, height=TABLE_ROW_PX * (len(table) + 1))
    first = measured[0]
    st.caption(
        f"{found.metric}, pooled over {first['n_images']} of {first['of_images']} images, native "
        "resolution, each model at its own frozen threshold; in brackets the change. Bars: "
        f"{first['conventions']['ci95']}, 95 %. Every way has one fixed strength. A perturbed "
        "image of one source is no image from another: what fails here fails there, what holds "
        "here may hold there."
    )
    with st.popover("Repeat these", icon=":material/terminal:"):
        lines = robustness_commands(found, images=len(_taken(found)))
        st.code("\n".join(lines), language="shell", wrap_lines=True)
    _example(found, image, start=_worst(measured[0]))


def _offer(found: Compared, key: tuple[Any, ...]) -> None:
    """What it is, what it costs, and the button."""
    taken = len(_taken(found))
    st.markdown(
        f"How much {found.metric} is left where images are brighter, blurred, smaller or framed in "
        "black? Every model sees each of them at its frozen threshold."
    )
    with st.spinner("Measuring the time per image"):
        seconds = sum(seconds_per_image(one, found) for one in found.keys)
    words = duration(seconds * taken * (len(PERTURBATIONS) + 1))
    if st.button(f"Measure on {taken} images, about {words}", icon=":material/play_arrow:"):
        st.session_state[ASKED].add(key)
        st.rerun()


def _measured(found: Compared) -> list[Document]:
    """A document for each model; networks run only where their counts are not at hand."""
    taken = _taken(found)
    place = st.empty()
    progress = bars(place, len(found.keys))
    documents = []
    for n, (key, name) in enumerate(zip(found.keys, found.names, strict=True)):
        model = cache.trained_model(key)
        count = partial(_counted, found, key, progress=progress(n, name))
        counts = cache.cached(
            ("perturbed", stamp_of(key), found.content, tuple(one.id for one in taken)),
            count,
            lambda counts: sum(one.nbytes for one in counts.values()),
        )
        documents.append(
            summarize_perturbed(
                counts,
                taken,
                point=model.operating_point,
                metric=found.comparison["metric"],
                of_images=len(found.samples),
                model=name,
            )
        )
    place.empty()
    return documents


def _counted(found: Compared, key: str, *, progress: Callable[[int, int], None]) -> Any:  # noqa: ANN401 - counts by way
    model = cache.trained_model(key)
    with cache.LOCK:  # one network at a time, as everywhere
        return count_perturbed(
            model.predictor,
            model.truths(found.dataset),
            _taken(found),
            point=model.operating_point,
            progress=progress,
        )


def _table(measured: Sequence[Document]) -> pd.DataFrame:
    """A row for each way, a column for each model."""
    columns: dict[str, list[str]] = {
        "The images": ["As they are", *(row["title"] for row in measured[0]["perturbations"])]
    }
    for one in measured:
        whole = one[AS_IS]["pooled"]
        columns[one["model"]] = ["undefined" if whole is None else f"{whole:.3f}"] + [
            "undefined"
            if row["pooled"] is None
            else f"{row['pooled']:.3f} ({_signed(row['pooled_difference'])})"
            for row in one["perturbations"]
        ]
    return pd.DataFrame(columns)


def _signed(change: float | None) -> str:
    if change is None:
        return "undefined"
    return "0.000" if abs(change) < 0.0005 else f"{change:+.3f}".replace("-", "−")


def _worst(document: Document) -> str:
    """The way that costs a model most."""
    rows = [row for row in document["perturbations"] if row["pooled"] is not None]
    worst = min(rows, key=lambda row: float(row["pooled"]), default=document["perturbations"][0])
    return str(worst["perturbation"])


def _example(found: Compared, image: str, *, start: str) -> None:
    """One image perturbed one way, with what each model segments on it."""
    way = st.selectbox(
        "Look at one way",
        list(PERTURBATIONS),
        index=list(PERTURBATIONS).index(start),
        width=PICKER_PX,
        format_func=lambda name: PERTURBATIONS[name].title,
        key="perturbation",
        bind="query-params",
    )
    change = PERTURBATIONS[way or start]
    sample = found.samples[image]
    pixels = np.ascontiguousarray(change.image(found.dataset.image(sample)))
    shown = pixels if pixels.ndim == 2 or pixels.shape[2] == 3 else pixels[..., 0]
    with st.container(horizontal=True, gap="small"):
        for key, name in zip(found.keys, found.names, strict=True):
            model = cache.trained_model(key)
            if model.predictor.takes_volumes:
                st.caption(
                    f"{as_text(name)} sees whole volumes; one slice of them is not shown changed."
                )
                continue
            point = model.operating_point
            levels = cache.level_map(key, Example(f"{image}, {change.title}", pixels))
            mask = clean(mask_at(levels, point.k), point.post_processing)
            truth = np.ascontiguousarray(change.truth(model.truths(found.dataset).truth(sample)))
            with st.container(width=EXAMPLE_PX, gap=None):
                st.image(
                    outlined(shown, mask, truth > 0, height_px=EXAMPLE_PX), caption=as_text(name)
                )
    st.caption(f"{as_text(image)}: marked in yellow, truth in sky blue.")


def _taken(found: Compared) -> list[Any]:
    return evenly(list(found.samples.values()), DEFAULT_IMAGES)


def _key(found: Compared) -> tuple[Any, ...]:
    """What has to be the same for a measurement to be still asked for."""
    return (tuple(stamp_of(key) for key in found.keys), found.content, tuple(found.samples))
