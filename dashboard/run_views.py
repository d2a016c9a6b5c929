"""How a run is shown: followed live, in the table of all, and in full."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from core import jobs
from core.progress import duration
from core.runs import UNDER_WAY, Run, list_runs, open_run
from dashboard import charts, widgets
from dashboard.menu import page

STATE_WORDS = {
    "new": "not started",
    "starting": "starting",
    "running": "training",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "lost": "interrupted",
}


def watch(name: str | None) -> None:
    """A run followed live: progress, curves, a way to stop; ``None`` takes the newest."""
    everything = list_runs()
    run = next(
        (run for run in everything if run.name == name or run.status["state"] in UNDER_WAY),
        next(iter(everything), None),
    )
    if run is None:
        st.info(
            "Nothing has been trained yet. Choose a data set and press *Start training*; the curve "
            "appears here within seconds.",
            icon=":material/show_chart:",
        )
        return
    # A fragment asks again by itself only as long as there is something new to see.
    moving = run.status["state"] in UNDER_WAY
    st.fragment(_live, run_every=1.5 if moving else None)(run, moving=moving)


def _live(run: Run, *, moving: bool) -> None:
    status = run.status
    if moving and status["state"] not in UNDER_WAY:
        st.rerun()  # the whole page once more: the fragment stops asking
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.markdown(f"**{run.name}** · {STATE_WORDS[status['state']]}")
    if moving and right.button("Stop", icon=":material/stop:", width="stretch"):
        with widgets.one_clear_error():
            jobs.stop(run)
        st.toast("Stopping after this step. The last checkpoint is kept.")
    progress(run, status)
    curves(run)


def progress(run: Run, status: dict[str, Any]) -> None:
    """What the run is doing, or how it ended and what to do next."""
    epochs = run.config.epochs
    done = len(run.history)
    if status["state"] == "running" and "epoch" in status:
        share = (status["epoch"] - 1 + status["step"] / status["steps"]) / epochs
        st.progress(
            min(share, 1.0),
            text=f"Epoch {status['epoch']} of {epochs} · "
            f"{status['images_per_second']:.1f} images/s · {duration(status['seconds_left'])} left",
        )
    elif status["state"] in UNDER_WAY:
        st.progress(0.0, text=status.get("message", "starting").capitalize())
    elif status["state"] == "finished":
        point = run.operating_point
        if point:
            st.success(
                f"Best epoch {status['best_epoch']} of {done}: pooled Dice {point.value:.3f} on "
                f"{point.n_images} validation images at threshold {point.threshold:.3f} "
                f"({point.name}).",
                icon=":material/check:",
            )
            st.page_link(
                page("predict"),
                label="Look at its masks",
                icon=":material/tune:",
                query_params={"model": f"{run.name} (run)"},
            )
    else:
        st.warning(
            f"After {done} of {epochs} epochs: {status.get('reason', 'not started')}.",
            icon=":material/pause:",
        )
        if st.button("Go on from its last checkpoint", icon=":material/play_arrow:"):
            with widgets.one_clear_error():
                jobs.start(run)
            st.rerun(scope="app")


def curves(run: Run) -> None:
    """Loss and Dice over the epochs so far."""
    history = run.history
    if not history:
        st.caption("The first point of the curve comes at the end of the first epoch.")
        return
    for column, figure in zip(
        st.columns(2), (charts.loss_curve(history), charts.dice_curve(history)), strict=True
    ):
        column.plotly_chart(figure, width="stretch", key=f"{run.name}-{figure.layout.title.text}")


def table(rows: list[dict[str, Any]]) -> str | None:
    """All runs as a table; the name of the chosen one, the newest at first."""
    frame = pd.DataFrame(
        {
            "Run": [row["name"] for row in rows],
            "State": [STATE_WORDS[row["state"]] for row in rows],
            "Data": [row["dataset"] for row in rows],
            "Model": [row["model"] for row in rows],
            "Best pooled Dice, validation": [row["val_dice"] for row in rows],
            "Epochs": [f"{row['epochs_done']} of {row['epochs']}" for row in rows],
            "Time": [duration(row["seconds"]) for row in rows],
            "Started": [datetime.fromtimestamp(row["started"], UTC) for row in rows],
        }
    )
    event = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [0], "columns": []}},
        key="runs-table",
        column_config={
            "Best pooled Dice, validation": st.column_config.NumberColumn(
                format="%.3f",
                help="Largest pooled Dice over thresholds and epochs, native resolution. Chosen on "
                "these images, so it flatters; the test split judges.",
            ),
            "Started": st.column_config.DatetimeColumn(format="distance"),
        },
    )
    chosen = event.selection.rows
    return str(frame["Run"].iloc[chosen[0]]) if chosen else None


def details(name: str) -> None:
    """One run in full: state, curves, figures, settings, and the command that repeats it."""
    with widgets.one_clear_error():
        run = open_run(name)
    st.markdown(f"#### {run.name}")
    progress(run, run.status)
    curves(run)
    if evaluation := run.evaluation("val"):
        figures(evaluation)
    with st.expander("Settings, and how to repeat it"):
        st.code(repeat_command(run), language="bash", wrap_lines=True)
        st.json(run.config.document(), expanded=1)
    if tail := jobs.log_tail(run):
        with st.expander("Log"):
            st.code(tail, language=None)


def figures(evaluation: dict[str, Any]) -> None:
    """An evaluation as a table with its convention under it."""
    rows = [
        {
            "Figure": name.capitalize() if name != "iou" else "IoU",
            "Pooled": value,
            "Mean over images": _spread(evaluation["per_image"][name]),
        }
        for name, value in evaluation["pooled"].items()
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={"Pooled": st.column_config.NumberColumn(format="%.3f")},
    )
    conventions = evaluation["conventions"]
    st.caption(
        f"{evaluation['dataset']}, {evaluation['split']}, n = {evaluation['n_images']} images, "
        f"{evaluation['resolution']} resolution, threshold {evaluation['threshold']:.3f} "
        f"({evaluation['threshold_source']}). Pooled: {conventions['pooled']}. Interval: "
        f"{conventions['ci95']}. Empties: {evaluation['empties']}."
    )


def repeat_command(run: Run) -> str:
    """The command line that trains this run again."""
    config = run.config
    fresh = type(config)(dataset=config.dataset).document()
    changed = {
        key: value
        for key, value in config.document().items()
        if key not in {"dataset", "data", "model", "model_options", "augmentation"}
        and value != fresh[key]
    }
    moved = config.document()["augmentation"]
    changed |= {
        f"augmentation.{key}": value
        for key, value in moved.items()
        if value != fresh["augmentation"][key]
    }
    settings = [f"--set {key}={value}" for key, value in (config.model_options | changed).items()]
    data = [f"--data '{config.data}'"] if config.data else []
    command = ["python -m core train", f"--dataset {config.dataset}", *data]
    return " ".join([*command, f"--model {config.model}", *settings])


def _spread(spread: dict[str, Any]) -> str:
    if spread["mean"] is None:
        return "undefined"
    low, high = spread["ci95"]
    return f"{spread['mean']:.3f} ({low:.3f}–{high:.3f}), n = {spread['n']}"
