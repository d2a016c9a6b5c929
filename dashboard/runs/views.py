"""One run in full: how it went, its scores, its settings, what it ran on, how to repeat it."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.metrics.overlap import METRICS
from core.runs import ACTIVE, Run, jobs, open_run, variants
from dashboard.common.foreign_text import as_text
from dashboard.runs import actions as run_actions
from dashboard.runs import follow as train_views
from dashboard.runs.samples import strip
from dashboard.runs.settings import SETTINGS

SPLIT_WORDS = {"val": "Validation", "test": "Test", "all": "All images"}


def details(name: str) -> None:
    """One run, followed live while it trains."""
    run = open_run(name)
    run.config  # noqa: B018 - a damaged run ends here, in one sentence
    moving = run.status["state"] in ACTIVE
    st.fragment(_live, run_every=train_views.LIVE_SECONDS if moving else None)(run, moving=moving)
    _said(run)
    figures, settings, machine, log = st.tabs(
        ["Metrics", "Settings and how to repeat it", "Machine and data", "Log"]
    )
    with figures:
        _figures(run)
    with settings:
        _settings(run)
    with machine:
        _machine(run)
    with log:
        tail = jobs.log_tail(run, lines=200)
        st.code(tail or "Nothing was printed.", language=None, height=300)


def _live(run: Run, *, moving: bool) -> None:
    status = run.status
    jobs.tend()
    run_actions.speak()
    if moving != (status["state"] in ACTIVE):
        st.rerun()  # the whole page once more: the fragment stops asking, or begins to
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {as_text(run.name)}")
        run_actions.buttons(run, status["state"], promote=True)
    train_views.progress(run, status)
    train_views.curves(run)
    strip(run)


def _said(run: Run) -> None:
    """Star, tags and note, kept as they are written."""
    about = run.about
    star, tags, note = st.columns([1, 3, 5], vertical_alignment="bottom")
    with star:
        st.toggle(
            "Star",
            about.starred,
            key=f"star-{run.name}",
            on_change=_say,
            args=(run, "starred", f"star-{run.name}"),
        )
    with tags:
        st.multiselect(
            "Tags",
            list(about.tags),
            about.tags,
            key=f"tags-{run.name}",
            accept_new_options=True,
            placeholder="type one",
            on_change=_say,
            args=(run, "tags", f"tags-{run.name}"),
        )
    with note:
        st.text_input(
            "Note",
            about.note,
            key=f"note-{run.name}",
            placeholder="what you want to remember of it",
            on_change=_say,
            args=(run, "note", f"note-{run.name}"),
        )
    from_where = [f"grid {about.group}"] if about.group else []
    from_where += [f"a copy of {about.parent}, with changes"] if about.parent else []
    if from_where:
        st.caption(as_text("; ".join(from_where).capitalize()))


def _say(run: Run, what: str, key: str) -> None:
    value = st.session_state[key]
    with run_actions.show_errors():
        run.say_about(**{what: tuple(value) if what == "tags" else value})


def _figures(run: Run) -> None:
    found = [evaluation for part in SPLIT_WORDS if (evaluation := run.evaluation(part))]
    if not found:
        st.caption("Scores come when it has finished; until then the curves say how it goes.")
    for evaluation in found:
        st.markdown(f"**{SPLIT_WORDS[evaluation['split']]}**")
        figures(evaluation)


def figures(evaluation: dict[str, Any]) -> None:
    """An evaluation as a table with its convention under it."""
    bands = evaluation.get("pooled_ci95", {})
    rows = []
    for name, value in evaluation["pooled"].items():
        unit = METRICS[name].unit if name in METRICS else ""
        title = METRICS[name].title if name in METRICS else name.capitalize()
        rows.append(
            {
                "Metric": f"{title}, {unit}" if unit else title,
                "Pooled": _interval(value, bands.get(name), unit),
                "Mean over images": _spread(evaluation["per_image"][name], unit),
            }
        )
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="content",
        height=38 + 35 * len(rows),
        column_config={
            "Metric": st.column_config.TextColumn(width=190),
            "Pooled": st.column_config.TextColumn(width=200),
            "Mean over images": st.column_config.TextColumn(width=250),
        },
    )
    conventions = evaluation["conventions"]
    intervals = conventions.get("pooled_ci95", conventions["ci95"])
    st.caption(
        f"{as_text(evaluation['dataset'])}, {evaluation['split']}, "
        f"n = {evaluation['n_images']} images, "
        f"{evaluation['resolution']} resolution, threshold {evaluation['threshold']:.3f} "
        f"({as_text(evaluation['threshold_source'])}). Pooled: {conventions['pooled']}. "
        f"In brackets 95 %: {intervals}. Empties: {evaluation['empties']}."
    )


def _settings(run: Run) -> None:
    config = run.config
    try:
        st.code(variants.reproduction(config), language="bash", wrap_lines=True)
    except (InputError, KeyError):
        st.caption(
            f"Data set {as_text(config.dataset)} is not known here, so no command can be given."
        )
    left, right = st.columns([3, 2])
    document = config.document()
    rows = {
        SETTINGS[name].words if name in SETTINGS else name: _text(value)
        for name, value in document.items()
        if not isinstance(value, (dict, list)) and value is not None
    }
    left.dataframe(_two_columns(rows, "Setting"), hide_index=True, height=400)
    right.json({name: value for name, value in document.items() if isinstance(value, (dict, list))})


def _machine(run: Run) -> None:
    facts = run.facts
    if not facts:
        st.caption("Written down at its first start.")
        return
    rows = {
        name: _text(value) for name, value in facts["machine"].items() if value not in (None, [])
    }
    git = facts["git"]
    if git:
        rows["program"] = git["commit"][:12] + (", changed since" if git["changed"] else "")
    rows["data, SHA-256"] = facts["data_sha256"]
    rows["split"] = facts["split_hash"]
    for start in facts["starts"]:
        when = datetime.fromtimestamp(start["time"], UTC)
        rows[f"started {when:%Y-%m-%d %H:%M} UTC"] = f"after {start['epochs_done']} epochs"
    rows["folder"] = str(run.path)
    st.dataframe(_two_columns(rows, "Fact"), hide_index=True)


def _two_columns(rows: dict[str, str], first: str) -> pd.DataFrame:
    return pd.DataFrame({first: list(rows), "Value": list(rows.values())})


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _spread(spread: dict[str, Any], unit: str) -> str:
    words = _interval(spread["mean"], spread["ci95"], unit)
    return words if spread["mean"] is None else f"{words}, n = {spread['n']}"


def _interval(value: float | None, band: list[float] | None, unit: str) -> str:
    if value is None:
        return "undefined"
    digits = 0 if unit else 3
    words = f"{value:,.{digits}f}"
    return words + (f" ({band[0]:,.{digits}f}–{band[1]:,.{digits}f})" if band else "")
