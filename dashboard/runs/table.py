"""All runs as a table: filters, columns and choice stand in the address, so a link reopens them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.runs import ACTIVE, Run, runs_folder
from core.runs.table import choose_rows, run_table
from core.training.progress import duration
from dashboard.runs.follow import STATE_WORDS
from dashboard.runs.settings import SETTINGS

Row = dict[str, Any]
MOST_CHARTED = 20
LOOK_SECONDS = 4.0
FIGURE = "Best pooled Dice, validation"
FACTS = {
    "starred": "Star",
    "name": "Run",
    "state": "State",
    "dataset": "Data",
    "model": "Network",
    "loss": "Loss",
    "val_dice": FIGURE,
    "best_epoch": "Best epoch",
    "epochs": "Epochs",
    "seconds": "Time",
    "started": "Started",
    "tags": "Tags",
    "note": "Note",
    "group": "Grid",
    "parent": "Copy of",
    "reason": "Reason",
}
"""Key of a summary → title of its column."""
TYPICAL = ("starred", "name", "state", "dataset", "model", "val_dice", "epochs", "started", "tags")
FURTHER = [name for name in SETTINGS if name not in FACTS]
"""Settings that can be columns, too."""
ANY = "any"


def filters(rows: Sequence[Row]) -> list[Row]:
    """The rows that a person asks for."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search",
            key="q",
            bind="query-params",
            placeholder="name, note, tag",
            icon=":material/search:",
            width=220,
            live=True,
        )
        chosen = {
            "state": _one_of("State", "state", {row["state"] for row in rows}, STATE_WORDS),
            "dataset": _one_of("Data", "data", {row["dataset"] for row in rows}),
            "model": _one_of("Network", "network", {row["model"] for row in rows}),
            "tag": _one_of("Tag", "tag", {tag for row in rows for tag in row["tags"] or [None]}),
            "group": _one_of("Grid", "grid", {row["group"] for row in rows}),
        }
        starred = st.toggle("Starred", key="starred", bind="query-params")
    return choose_rows(rows, text=text or "", starred=starred, **chosen)


def columns() -> list[str]:
    """Which columns to show."""
    with st.popover("Columns", icon=":material/view_column:"):
        return st.multiselect(
            "Columns",
            [*FACTS, *FURTHER],
            default=TYPICAL,
            key="columns",
            bind="query-params",
            format_func=lambda key: FACTS.get(key) or SETTINGS[key].words,
            help="What a run was and did, and any of its settings.",
        )


def table(rows: Sequence[Row], shown: Sequence[str]) -> list[str]:
    """The runs as a table; names of those that are chosen, the newest at first."""
    names = [row["name"] for row in rows]
    asked = st.query_params.get("runs")
    wanted = names[:1] if asked is None else [n for n in asked.split(",") if n in names]
    keys = [key for key in ("starred", "name") if key in shown or key == "name"]
    keys += [key for key in shown if key not in keys]
    event = st.dataframe(
        frame_of(rows, keys),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [names.index(n) for n in wanted], "columns": []}},
        # Another list of runs is another table: what is chosen is found again by its name.
        key=f"runs-{hash(tuple(names))}",
        height=min(38 + 35 * max(1, len(rows)), 318),
        column_config=_column_config(),
    )
    chosen = [names[place] for place in event.selection.rows if place < len(names)]
    if chosen != wanted or asked is not None:
        st.query_params["runs"] = ",".join(chosen)
    return chosen


def keep_up(rows: Sequence[Row]) -> None:
    """Have the page drawn anew when a run that is under way has got on."""
    if any(row["state"] in ACTIVE for row in rows):
        st.fragment(_look, run_every=LOOK_SECONDS)(rows)


def _look(rows: Sequence[Row]) -> None:
    if run_table() != rows:
        st.rerun()


def frame_of(rows: Sequence[Row], keys: Sequence[str]) -> pd.DataFrame:
    """Columns by their titles."""
    settings = [key for key in keys if key in FURTHER]
    documents = [settings_of(row["name"]) for row in rows] if settings else []
    frame: dict[str, list[Any]] = {}
    for key in keys:
        if key in FACTS:
            frame[FACTS[key]] = [_cell(key, row) for row in rows]
        else:
            frame[SETTINGS[key].words] = [document.get(key) for document in documents]
    return pd.DataFrame(frame)


def settings_of(name: str) -> dict[str, Any]:
    """All settings of a run in one level: options of network and loss, augmentation, fields."""
    try:
        stamp = (runs_folder() / name / "config.json").stat().st_mtime_ns
    except OSError:
        return {}  # deleted since
    return _settings_of(str(runs_folder()), name, stamp)


@st.cache_data(max_entries=3000, show_spinner=False)
def _settings_of(folder: str, name: str, stamp: int) -> dict[str, Any]:
    del folder, stamp  # part of the key only
    try:
        document = Run(runs_folder() / name).config.document()
    except (InputError, TypeError, KeyError):
        return {}  # its row says so
    options = document.pop("model_options")
    losses = {f"loss.{key}": value for key, value in document.pop("loss_options").items()}
    amounts = {f"augmentation.{key}": value for key, value in document.pop("augmentation").items()}
    return {**document, **options, **losses, **amounts}


def _cell(key: str, row: Row) -> Any:  # noqa: ANN401 - what a table shows
    value = row[key]
    if key == "state":
        return STATE_WORDS[value]
    if key == "starred":
        return "★" if value else ""
    if key == "epochs":
        return f"{row['epochs_done']} of {value}"
    if key == "seconds":
        return duration(value)
    if key == "started":
        return datetime.fromtimestamp(value, UTC)
    return value


def _column_config() -> dict[str, Any]:
    return {
        "Star": st.column_config.TextColumn("★", width=36),
        FIGURE: st.column_config.NumberColumn(
            format="%.3f",
            help="Largest pooled Dice over thresholds and epochs, native resolution. Chosen on "
            "these images, so it flatters; the test split evaluates.",
        ),
        "Started": st.column_config.DatetimeColumn(format="distance"),
        "Tags": st.column_config.ListColumn(),
        "Learning rate": st.column_config.NumberColumn(format="%g"),
    }


def _one_of(
    label: str, key: str, values: set[str | None], words: dict[str, str] | None = None
) -> str | None:
    """A filter where runs differ; None for any. One that the address names is always there."""
    asked = key in st.query_params or st.session_state.get(key, ANY) != ANY
    if len(values) < 2 and not asked:
        return None
    options = [ANY, *sorted(value for value in values if value)]
    if st.session_state.get(key) not in (None, *options):
        del st.session_state[key]
    chosen = st.selectbox(
        label,
        options,
        key=key,
        bind="query-params",
        format_func=lambda value: (words or {}).get(value, value),
        width=150,
    )
    return None if chosen in (None, ANY) else chosen
