"""A reproduction as the page Papers starts and follows it: choices, queue, curves."""

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.papers.presets import Preset
from core.papers.report import title_of
from core.papers.reproduction import FOLDS, SMALL, finished_runs, plan, runs_of, train_later
from core.papers.results import cached_scores, evaluate_run
from core.runs import ACTIVE, list_runs, open_run
from core.training.progress import duration
from dashboard.common import charts, widgets
from dashboard.common.colours import styles
from dashboard.common.foreign_text import as_text
from dashboard.common.sources import dataset_path, is_synthetic
from dashboard.menu import page
from dashboard.papers import charts as papers_charts
from dashboard.runs.follow import STATE_WORDS

LOOK_KEY = "papers-look"
"""Of the control that chooses what is shown."""
TO_TRY = {
    "busi": "phantoms_ultrasound",
    "breast_custom": "phantoms_ultrasound",
    "dsb2018": "phantoms_nuclei",
    "isbi2012": "phantoms_membranes",
    "lung_ct": "phantoms_lung",
}
"""Synthetic images in place of a data set that is not on this machine."""


def curves(own: list[Preset], ours: list[Preset]) -> None:
    """Loss, Dice and accuracy over the epochs of a run."""
    runs = [one.run for preset in [*own, *ours] for one in runs_of(preset) if one.run.history]
    if not runs:
        st.info(
            "Here will be the curves of loss, Dice and accuracy of a reproduction, as the papers "
            "show them.",
            icon=":material/show_chart:",
        )
        go_to_reproduce()
        return
    names = [run.name for run in reversed(runs)]
    name = st.selectbox("Run", names, key="papers-run") or names[0]
    history = open_run(name).history
    for column, figure in zip(
        st.columns(2), (charts.loss_curve(history), charts.dice_curve(history)), strict=True
    ):
        with column:
            widgets.chart(figure, key=f"papers-{figure.layout.title.text}")
    figure = papers_charts.accuracy_curve({name: history}, styles([name]))
    widgets.chart(figure, key="papers-accuracy")
    st.caption("Validation at native resolution. Accuracy is high wherever one class is large.")


def go_to_reproduce() -> None:
    """The one next step where nothing has been trained."""
    st.button(
        "Reproduce it", icon=":material/play_arrow:", type="primary", on_click=_show_reproduce
    )


def _show_reproduce() -> None:
    st.session_state[LOOK_KEY] = "Reproduce"


def reproduce(own: list[Preset], ours: list[Preset]) -> None:
    """Choose an experiment, see what is open in it, and put its trainings into the queue."""
    left, right = st.columns([1, 1.25], gap="medium")
    with left:
        named = {preset.name: preset for preset in [*own, *ours]}
        name = st.selectbox(
            "Experiment", list(named), format_func=lambda key: named[key].title, key="papers-preset"
        )
        preset = named[name or next(iter(named))]
        dataset = _dataset(preset)
        if dataset is not None:
            _start(preset, dataset)
    with right:
        _said(preset)
    _progress(preset)


def _dataset(preset: Preset) -> str | None:
    """The data set to train on; None where there is none, with what to do."""
    wanted = preset.config.dataset
    choices = [wanted] if dataset_path(wanted) else []
    if preset.config.target == "foreground":
        other = "busi" if wanted == "breast_custom" and dataset_path("busi") else None
        choices += [name for name in (other, TO_TRY.get(wanted)) if name]
    if not choices:
        st.info(
            f"{title_of(wanted)} is not on this machine. Import it, and the button appears here.",
            icon=":material/download:",
        )
        st.page_link(page("datasets"), label="Import a data set", icon=":material/photo_library:")
        return None
    chosen = st.selectbox(
        "Data",
        choices,
        format_func=title_of,
        key=f"papers-data-{preset.name}",
        help="Anything but the paper's own data set is reported in the report.",
    )
    if wanted not in choices:
        st.caption(f"{title_of(wanted)} is not on this machine; what is chosen here stands in.")
    return chosen or choices[0]


def _start(preset: Preset, dataset: str) -> None:
    seeds = int(st.number_input("Seeds", 1, 10, 3, help="Repetitions; they give the spread."))
    epochs = int(
        st.number_input(
            "Epochs",
            1,
            1000,
            preset.config.epochs,
            key=f"papers-epochs-{preset.name}",
            help="Fewer than the preset's is quicker, and said in the report.",
        )
    )
    st.caption(
        f"Sets below {SMALL} images are cross-validated, {FOLDS} folds, where their groups allow."
    )
    if not st.button("Reproduce", type="primary", icon=":material/play_arrow:"):
        return
    with widgets.one_clear_error():
        path = None if is_synthetic(dataset) else dataset_path(dataset)
        planned = plan(preset, data=path, dataset=dataset, seeds=seeds, epochs=epochs)
        with st.spinner("Putting the trainings into the queue"):
            queued = train_later(planned)
    if not queued:
        st.success("Nothing is left to train; everything is finished or under way.")
        return
    st.success(f"{len(queued)} training{'s' if len(queued) > 1 else ''} queued.")
    if planned.search:
        st.caption("The search comes first. When it is over, press again for the repetitions.")


def _said(preset: Preset) -> None:
    """What the paper says, what it leaves open, and what we chose."""
    st.markdown(preset.setting or preset.reason)
    if preset.chosen:
        st.markdown("**Not stated there, and what we chose**")
        st.markdown("\n".join(f"- *{key}*: {value}" for key, value in preset.chosen.items()))
    if preset.differs:
        st.markdown("**Where ours differs**")
        st.markdown("\n".join(f"- {words}" for words in preset.differs))
    st.code(f"python -m core papers run {preset.name} --data PATH", language="bash")
    with st.expander("All settings"):
        st.json(preset.config.document(), expanded=1)


def _progress(preset: Preset) -> None:
    """The runs of the preset, and the scores that are still to be computed."""
    counted = runs_of(preset)
    if not counted:
        return
    moving = any(one.run.status["state"] in ACTIVE for one in counted)
    st.fragment(_table, run_every=3.0 if moving else None)(preset.name)
    waiting = [one for one in finished_runs(preset, counted) if not cached_scores(preset, one.run)]
    if not waiting:
        return
    noun = "run is" if len(waiting) == 1 else "runs are"
    st.info(f"{len(waiting)} finished {noun} not evaluated yet.", icon=":material/calculate:")
    if st.button("Compute the scores", icon=":material/calculate:"):
        bar = st.progress(0.0, text="Evaluating")
        for done, one in enumerate(waiting, start=1):
            try:
                evaluate_run(preset, one)
            except InputError as wrong:
                st.error(as_text(wrong), icon=":material/error:")
                return
            bar.progress(done / len(waiting), text=f"Run {done} of {len(waiting)}")
        st.rerun()


def _table(preset: str) -> None:
    runs = [run for run in list_runs() if f"preset:{preset}" in run.about.tags]
    rows = [run.summary() for run in runs]
    st.dataframe(
        pd.DataFrame(
            {
                "Run": [row["name"] for row in rows],
                "State": [STATE_WORDS.get(row["state"], row["state"]) for row in rows],
                "Epochs": [f"{row['epochs_done']} of {row['epochs']}" for row in rows],
                "Best pooled Dice, validation": [row["val_dice"] for row in rows],
                "Time": [duration(row["seconds"]) for row in rows],
            }
        ),
        hide_index=True,
        column_config={
            "Best pooled Dice, validation": st.column_config.NumberColumn(format="%.3f")
        },
    )
    st.page_link(page("runs"), label="All of it on the page Runs", icon=":material/table_rows:")
