"""Several runs beside one another: their curves in one chart, and where their settings differ."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.runs import open_run
from core.system.csv_cells import safe_cell
from dashboard.common import charts, widgets
from dashboard.common.colours import styles
from dashboard.common.foreign_text import as_text
from dashboard.runs.settings import SETTINGS
from dashboard.runs.table import MOST_CHARTED, settings_of

HIDDEN = ("seed", "split_seed", "data")
"""Settings that say little of why one run is better; after the others."""


def compare(names: Sequence[str]) -> None:
    """Curves and differences of several runs."""
    charted = names[:MOST_CHARTED]
    if len(names) > MOST_CHARTED:
        st.caption(f"The first {MOST_CHARTED} of {len(names)} chosen runs are drawn.")
    st.fragment(_chart)(charted)
    differences(charted)


def _chart(names: Sequence[str]) -> None:
    """The chart with its two choices; only it is drawn anew when they change."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = st.selectbox(
            "Number",
            list(charts.WATCHED),
            format_func=lambda key: charts.WATCHED[key].title,
            key="number",
            bind="query-params",
            width=220,
        )
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.95,
            0.0,
            0.05,
            key="smoothing",
            bind="query-params",
            width=220,
            help="Exponential moving average; the line as it was stays behind it, faint.",
        )
        key = key or next(iter(charts.WATCHED))
        histories = {name: open_run(name).history for name in names}
        st.download_button(
            "CSV",
            lambda: curves_csv(histories),
            "runs.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    figure = charts.overlay(histories, styles(list(names)), key=key, smoothing=smoothing)
    widgets.chart(figure, key="runs-chart", zoom=True)
    missing = [name for name in names if not any(key in row for row in histories[name])]
    if missing:
        st.caption(
            f"Without an epoch yet, or without this number: {', '.join(map(as_text, missing))}."
        )


def curves_csv(histories: dict[str, list[dict[str, Any]]]) -> bytes:
    """Every number of every epoch, a line each."""
    rows = [{"run": safe_cell(name), **row} for name, rows in histories.items() for row in rows]
    return pd.DataFrame(rows).to_csv(index=False).encode()


def differences(names: Sequence[str]) -> None:
    """Settings that are not the same in all of them; what departs from most is segmented."""
    table = different(names)
    st.markdown("**Where their settings differ**")
    if table.empty:
        st.caption("Nowhere: the runs have the same settings.")
        return
    st.dataframe(
        table.style.apply(_marked, axis=1),
        height=min(38 + 35 * len(table), 388),
        column_config={"_index": st.column_config.TextColumn("Setting", pinned=True)},
    )
    st.caption(
        "Only settings that differ are listed; a value with a mark (●) is not what most runs have."
    )


def different(names: Sequence[str]) -> pd.DataFrame:
    """Setting × run, as text, of the settings that differ; the telling ones first."""
    documents = {name: settings_of(name) for name in names}
    keys = list(dict.fromkeys(key for document in documents.values() for key in document))
    keys.sort(key=lambda key: key in HIDDEN)
    rows = {}
    for key in keys:
        values = [_text(documents[name].get(key)) for name in names]
        if len(set(values)) > 1:
            (typical, count), *_ = Counter(values).most_common()
            marks = ["" if value == typical or count == 1 else " ●" for value in values]
            words = SETTINGS[key].words if key in SETTINGS else key
            rows[words] = [value + mark for value, mark in zip(values, marks, strict=True)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(names), dtype=str)


def _marked(row: "pd.Series[str]") -> list[str]:
    return [
        "background-color: rgba(192, 132, 0, 0.25)" if value.endswith("●") else "" for value in row
    ]


def _text(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
