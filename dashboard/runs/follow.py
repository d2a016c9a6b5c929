"""A training followed live: what it is doing, its curves, its images, its log, and the queue."""

import time
from contextlib import suppress
from typing import Any

import streamlit as st

from core.errors import InputError
from core.runs import ACTIVE, Run, jobs, open_run, runs_folder, tracking
from core.runs.jobs import Job
from core.runs.table import run_table
from core.training.progress import duration
from dashboard.common import charts, widgets
from dashboard.common.foreign_text import as_text
from dashboard.menu import page
from dashboard.runs import actions as run_actions
from dashboard.runs.samples import strip

STATE_WORDS = {
    "new": "not started",
    "queued": "waiting",
    "starting": "starting",
    "running": "training",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "lost": "interrupted",
    "cancelled": "cancelled",
    "unreadable": "unreadable",
}
LIVE_SECONDS = 1.5
SILENT_SECONDS = 20.0
SHOWN_SECONDS = 24 * 3600.0
"""How long a job that ended badly stays in view."""


@st.cache_resource(max_entries=1, show_spinner=False)
def catch_up() -> None:
    """Once per start of the dashboard: have the tracking store brought up to date, beside it."""
    tracking.catch_up()


def watch() -> None:
    """The training that the address names, else the one under way, else the newest."""
    run = watched()
    if run is None:
        st.info(
            "Nothing has been trained yet. Choose a data set and press *Start training*; the curve "
            "appears here within seconds.",
            icon=":material/show_chart:",
        )
        return
    # A fragment asks again by itself only as long as there is something new to see.
    moving = _moving(run)
    st.fragment(_live, run_every=LIVE_SECONDS if moving else None)(run, moving=moving)


def watched() -> Run | None:
    """Which run is followed."""
    name = st.query_params.get("run", "")
    if name:
        with suppress(InputError):  # deleted meanwhile, or no name at all
            return open_run(name)
    rows = run_table()
    for state in ("running", "starting", "queued"):
        waiting = [row for row in rows if row["state"] == state]
        if waiting:
            return Run(runs_folder() / waiting[-1 if state == "queued" else 0]["name"])
    return Run(runs_folder() / rows[0]["name"]) if rows else None


def active() -> bool:
    """Whether something trains or waits: then it comes before the settings on a phone."""
    run = watched()
    return run is not None and _moving(run)


def _moving(run: Run) -> bool:
    return run.status["state"] in ACTIVE or any(job.open for job in jobs.list_jobs())


def _live(run: Run, *, moving: bool) -> None:
    jobs.tend()
    run_actions.speak()
    status = run.status
    if moving != _moving(run) or (moving and _handed_on(status)):
        st.rerun()  # the whole page once more: it ended, continues, or the next one has begun
    show(run, status)
    queue(run)


def _handed_on(status: dict[str, Any]) -> bool:
    """Whether another run trains now and nobody asked for this one."""
    if st.query_params.get("run") or status["state"] in ACTIVE:
        return False
    return any(job.state == "running" for job in jobs.list_jobs())


def show(run: Run, status: dict[str, Any]) -> None:
    """State, actions, progress, curves, images and log of a run."""
    with st.container(horizontal=True, vertical_alignment="center"):
        ending = status["state"] in ACTIVE and run.stop_requested
        words = "stops after this step" if ending else STATE_WORDS[status["state"]]
        st.markdown(f"**{as_text(run.name)}** · {words}")
        run_actions.buttons(run, status["state"])
    progress(run, status)
    curves(run)
    strip(run)
    log(run)


def progress(run: Run, status: dict[str, Any]) -> None:
    """What the run is doing, or how it ended and what to do next."""
    epochs, done = run.config.epochs, len(run.history)
    if status["state"] == "running" and "epoch" in status:
        share = (status["epoch"] - 1 + status["step"] / status["steps"]) / epochs
        silent = time.time() - status["updated"]
        speed = f"{status['images_per_second']:.1f} images/s"
        left = f"{duration(status['seconds_left'])} left"
        if silent > SILENT_SECONDS:
            speed, left = f":gray[{speed}]", f":gray[last word {duration(silent)} ago]"
        st.progress(min(share, 1.0), text=f"Epoch {status['epoch']} of {epochs} · {speed} · {left}")
    elif status["state"] in ACTIVE:
        st.progress(done / epochs, text=as_text(status.get("message", "starting")).capitalize())
    elif status["state"] == "finished":
        _finished(run, status, done)
    else:
        reason = str(status.get("reason", "not started"))
        st.warning(f"After {done} of {epochs} epochs: {as_text(reason)}.", icon=":material/pause:")
        run_actions.try_again_with(run, reason)
    for note in status.get("notes", ()):
        st.caption(f":material/info: {as_text(note)}")


def _finished(run: Run, status: dict[str, Any], done: int) -> None:
    point = run.operating_point
    if point is None:
        return
    early = f", stopped early of {run.config.epochs}" if done < run.config.epochs else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.success(
            f"Best epoch {status['best_epoch']} of {done}{early}: pooled Dice {point.value:.3f} on "
            f"{point.n_images} validation images at threshold {point.threshold:.3f} "
            f"({as_text(point.name)}).",
            icon=":material/check:",
        )
        st.page_link(
            page("predict"),
            label="Look at its masks",
            icon=":material/tune:",
            query_params={"model": f"{run.name} (run)"},
        )


def curves(run: Run) -> None:
    """Loss, overlap and learning rate over the epochs so far."""
    history = run.history
    figures = (
        charts.loss_curve(history),
        charts.dice_curve(history),
        charts.learning_rate_curve(history),
    )
    for place, (column, figure) in enumerate(
        zip(st.columns([1.15, 1.15, 1], gap="small"), figures, strict=True)
    ):
        with column:
            widgets.chart(figure, key=f"curve-{run.name}-{place}")
    if not history:
        st.caption("The first point of the curves comes at the end of the first epoch.")


def log(run: Run) -> None:
    """The end of what the training printed."""
    if tail := jobs.log_tail(run):
        with st.expander("Log", key=f"log-{run.name}"):
            st.code(tail, language=None, height=240)


def queue(shown: Run) -> None:
    """Who waits and who trains, in their order, and what ended badly within a day."""
    everything = jobs.list_jobs()
    opened = [job for job in everything if job.open]
    last = {job.run: job for job in everything}
    ended = [
        job
        for job in last.values()
        if job.state in ("failed", "lost")
        and job.ended is not None
        and time.time() - job.ended < SHOWN_SECONDS
        and (runs_folder() / job.run / "config.json").exists()
        and job.run != shown.name
    ]
    if not ended and [job.run for job in opened] in ([], [shown.name]):
        return
    waiting = [job for job in opened if job.state == "queued"]
    st.markdown(f"**Queue** · {len(waiting)} waiting, {len(opened) - len(waiting)} under way")
    rows = [*opened, *reversed(ended)]
    with st.container(height=240 if len(rows) > 4 else "content", border=False, gap="xxsmall"):
        for job in rows:
            _row(job, place=waiting.index(job) + 1 if job in waiting else 0)


def _row(job: Job, *, place: int) -> None:
    ending = job.open and job.cancelled is not None
    words = "stopping" if ending else STATE_WORDS[job.state]
    words = f"waiting, number {place}" if place else words
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"{as_text(job.run)} · :gray[{words}]", width="stretch")
        st.button(
            "Watch",
            key=f"watch-{job.id}",
            icon=":material/visibility:",
            type="tertiary",
            on_click=_watch,
            args=(job.run,),
        )
        if job.open:
            st.button(
                "Cancel",
                key=f"cancel-{job.id}",
                icon=":material/close:",
                type="tertiary",
                disabled=ending,
                on_click=_cancel,
                args=(job.id,),
            )
        else:
            st.button(
                "Retry",
                key=f"retry-{job.id}",
                icon=":material/refresh:",
                type="tertiary",
                help=as_text(job.reason) if job.reason else None,
                on_click=_retry,
                args=(job.id,),
            )


def _watch(name: str) -> None:
    st.query_params["run"] = name
    st.session_state["train-look"] = name


def _cancel(name: str) -> None:
    with run_actions.show_errors():
        jobs.cancel(name)


def _retry(name: str) -> None:
    with run_actions.show_errors():
        jobs.retry(name)
