"""What makes it better: the ablation as the page Papers shows it, from the file of its report."""

from typing import Any

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.papers.ablation.report import RESULTS, difference_in_words
from core.system.files import read_json
from core.training.progress import duration
from dashboard.common import widgets
from dashboard.papers.ablation_chart import dots

TITLE = "What makes it better"


def results() -> dict[str, Any] | None:
    """The last report; None where there is none, or nothing in it, or it cannot be read."""
    try:
        document: dict[str, Any] = read_json(RESULTS)
    except InputError:
        return None
    return document if document.get("datasets") else None


def ablation(document: dict[str, Any]) -> None:
    """The metric, then a table for each data set.

    Args:
        document: From ``results``.
    """
    st.markdown("#### One change at a time, against a small U-Net trained the same way")
    widgets.chart(dots(document["datasets"]), key="ablation")
    for one in document["datasets"]:
        _table(one)
    said = document["conventions"]
    st.caption(
        f"Difference: {said['difference']}. Interval: {said['ci95']}. p: {said['p_holm']}. "
        f"Verdict: {said['verdict']}."
    )
    st.caption(f"Made on {document['generated']} by `python -m core ablation report`.")


def _table(one: dict[str, Any]) -> None:
    parts, test = one["parts"], one["baseline"]["test"]
    low, high = test["pooled_ci95"]
    st.markdown(f"##### {one['title']}")
    frame = pd.DataFrame(
        {
            "Change": [row["title"] for row in one["rows"]],
            "Verdict": [row["verdict"] for row in one["rows"]],
            "Validation": [difference_in_words(row["val"]) for row in one["rows"]],
            "Test": [difference_in_words(row["test"]) for row in one["rows"]],
            "p": [p_in_words(row["test"]["p_holm"]) for row in one["rows"]],
            "Training time": [_times(row["times"]) for row in one["rows"]],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "Verdict": st.column_config.TextColumn(help="By validation alone."),
            "p": st.column_config.TextColumn(help="On test, corrected (Holm)."),
            "Training time": st.column_config.TextColumn(
                help="Against the baseline; – where nothing is trained."
            ),
        },
    )
    seeds = len(one["seeds"])
    st.caption(
        f"Baseline: test Dice {test['pooled']:.3f} ({low:.3f}–{high:.3f}) pooled, n = "
        f"{test['n_images']}; {one['epochs']} epochs, {seeds} seed{'s' if seeds > 1 else ''}; "
        f"train {parts['train']}, val {parts['val']}, test {parts['test']} images; "
        f"{duration(one['seconds'])} of training on {one['hardware']}."
    )


def p_in_words(value: float | None) -> str:
    """To three decimals, as everywhere; a dash where nothing could be tested."""
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _times(value: float | None) -> str:
    return "–" if value is None else f"× {value:.1f}"
