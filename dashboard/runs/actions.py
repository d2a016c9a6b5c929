"""What can be done with a run: stop, continue, train longer, copy, promote, delete, take back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from core.errors import InputError
from core.models import list_weights
from core.runs import ACTIVE, Run, jobs, open_run
from core.runs.trash import delete_run, list_trash, restore_run
from core.training.progress import duration
from dashboard.common.foreign_text import as_text
from dashboard.common.subprocesses import Subprocess
from dashboard.menu import page

MEMORY_WORDS = ("memory", "would fit")


@contextmanager
def show_errors() -> Iterator[None]:
    """For callbacks: what went wrong is reported in passing, by ``speak``; the page stays."""
    try:
        yield
    except InputError as wrong:
        # An element that a callback draws takes the place of the page's first ones; so it waits.
        st.session_state.setdefault("messages", []).append(str(wrong))


def speak() -> None:
    """Show what callbacks had to say."""
    for text in st.session_state.pop("messages", []):
        st.toast(as_text(text), icon=":material/error:", duration="long")


def buttons(run: Run, state: str, *, promote: bool = False) -> None:
    """What fits the state of a run, in one line; making a model of it where asked."""
    done = len(run.history)
    with st.container(horizontal=True, vertical_alignment="center", width="content", gap="xsmall"):
        if state in ACTIVE:
            st.button(
                "Stop",
                icon=":material/stop:",
                key=f"stop-{run.name}",
                disabled=run.stop_requested,
                help="After this step; the last checkpoint is kept, and it can continue later.",
                on_click=_stop,
                args=(run,),
            )
        elif state != "finished":
            st.button(
                "Resume" if done else "Try again",
                help="From its last checkpoint." if done else None,
                icon=":material/play_arrow:",
                key=f"go-on-{run.name}",
                on_click=_go_on,
                args=(run,),
            )
        if done and state not in ACTIVE:
            _longer(run, done)
        if st.button(
            "Duplicate",
            icon=":material/content_copy:",
            key=f"copy-{run.name}",
            help="The page Train with its settings, to change what you like.",
        ):
            st.switch_page(page("train"), query_params={"from": run.name})
        if promote and state == "finished":
            promotion(run)


def try_again_with(run: Run, reason: str) -> None:
    """For a run that failed: the change that its reason asks for, in one press."""
    if any(word in reason for word in MEMORY_WORDS) and not run.config.allow_accumulation:
        st.button(
            "Try again with batches in parts",
            key=f"parts-{run.name}",
            on_click=_copy_with,
            args=(run, {"allow_accumulation": True}),
        )
    elif "learning_rate" in reason:
        rate = run.config.learning_rate / 10
        st.button(
            f"Try again with a learning rate of {rate:g}",
            key=f"rate-{run.name}",
            on_click=_copy_with,
            args=(run, {"learning_rate": rate}),
        )


def promotion(run: Run) -> None:
    """Make a shipped model of a finished run, evaluated on its test split."""
    key = f"promotion-{run.name}"
    child: Subprocess | None = st.session_state.get(key)
    waits = child is not None and not child.done()
    with st.popover("Promote to a model", icon=":material/verified:", key=f"popover-{key}"):
        st.fragment(_promotion, run_every=0.7 if waits else None)(run, key)


def _promotion(run: Run, key: str) -> None:
    child: Subprocess | None = st.session_state.get(key)
    if child is not None and not child.done():
        st.caption(f"Looking at its test images, {duration(child.seconds)} so far")
        if st.button("Stop", key=f"stop-{key}", icon=":material/stop:"):
            child.stop()
            st.rerun(scope="app")
        st.session_state[f"{key}-waits"] = True
        return
    if st.session_state.pop(f"{key}-waits", False):
        st.rerun(scope="app")
    if child is not None and child.answer:
        dice = child.answer["test"]["dice"]
        said = "undefined" if dice is None else f"{dice:.3f}"
        st.success(f"{as_text(child.answer['weights'])}: pooled Dice on its test split {said}.")
    elif child is not None and child.fault != "stopped":
        st.error(as_text(child.fault))
    st.caption(
        "Writes its weights, threshold, split, scores and card into weights/ and evaluates it on "
        "its "
        "test split."
    )
    name = st.text_input("Name of the model", run.name, key=f"name-{key}")
    there = name in list_weights()
    if st.button(
        "Replace the model of that name" if there else "Promote", type="primary", key=f"do-{key}"
    ):
        st.session_state[key] = Subprocess.start(
            "core", "promote", run.name, "--as", name, "--json"
        )
        st.rerun(scope="app")


def of_several(names: Sequence[str]) -> None:
    """Star, tag and delete all that are chosen; always there, so that nothing jumps."""
    with st.container(horizontal=True, vertical_alignment="center"):
        runs = [open_run(name) for name in names]
        all_starred = bool(runs) and all(run.about.starred for run in runs)
        st.button(
            "Unstar" if all_starred else "Star",
            icon=":material/star:",
            key="runs-star",
            disabled=not runs,
            on_click=_star,
            args=(runs, not all_starred),
        )
        with st.popover("Tag", icon=":material/label:", disabled=not runs):
            tag = st.text_input("Tag for the chosen runs", key="runs-tag")
            st.button(
                "Add", key="runs-tag-add", disabled=not tag, on_click=_tag, args=(runs, tag or "")
            )
        st.button(
            "Delete",
            icon=":material/delete:",
            key="runs-delete",
            disabled=not runs,
            help="Into the trash, where they stay for 30 days.",
            on_click=delete,
            args=(tuple(names),),
        )


def delete(names: Sequence[str]) -> None:
    """Move runs to the trash and remember which, for *undo*."""
    gone = []
    for name in names:
        with show_errors():
            delete_run(open_run(name))
            gone.append(name)
    if gone:
        st.session_state["runs-deleted"] = gone


def undo() -> None:
    """What was deleted last, with the way back; the trash holds the rest."""
    gone: list[str] = st.session_state.get("runs-deleted", [])
    if not gone:
        return
    what = gone[0] if len(gone) == 1 else f"{len(gone)} runs"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/delete: {as_text(what)} deleted.", width="content")
        st.button(
            "Undo", key="runs-undo", icon=":material/undo:", on_click=_restore, args=(tuple(gone),)
        )
        st.button(
            "Dismiss",
            key="runs-undone",
            type="tertiary",
            on_click=lambda: st.session_state.pop("runs-deleted", None),
        )


def trash() -> None:
    """Deleted runs of the last 30 days, to bring back."""
    names = list(dict.fromkeys(name for name, _ in list_trash()))
    with st.popover("Trash", icon=":material/delete_history:", disabled=not names):
        chosen = st.multiselect("Deleted within 30 days", names, key="runs-trash")
        st.button(
            "Bring back",
            icon=":material/undo:",
            disabled=not chosen,
            on_click=_restore,
            args=(tuple(chosen),),
        )


def _star(runs: Sequence[Run], starred: bool) -> None:  # noqa: FBT001 - Streamlit passes it so
    for run in runs:
        run.say_about(starred=starred)
        st.session_state.pop(f"star-{run.name}", None)


def _tag(runs: Sequence[Run], tag: str) -> None:
    for run in runs:
        with show_errors():
            run.say_about(tags=(*run.about.tags, tag))
            st.session_state.pop(f"tags-{run.name}", None)


def _longer(run: Run, done: int) -> None:
    with st.popover("Train longer", icon=":material/more_time:", key=f"longer-{run.name}"):
        epochs = st.number_input(
            "Epochs in all",
            done + 1,
            100_000,
            max(done + 1, run.config.epochs + max(1, done // 2)),
            key=f"longer-epochs-{run.name}",
            help="The learning rate starts again from what the schedule makes of the rest; the run "
            "records it.",
        )
        st.button(
            "Train on",
            type="primary",
            key=f"longer-start-{run.name}",
            on_click=_train_longer,
            args=(run, int(epochs)),
        )


def _train_longer(run: Run, epochs: int) -> None:
    from core.training.extension import extend

    with show_errors():
        extend(run, epochs)
        jobs.start(run)


def _copy_with(run: Run, changes: dict[str, object]) -> None:
    from core.runs.variants import duplicate

    with show_errors():
        copy = duplicate(run, changes)
        jobs.start(copy)
        st.query_params["run"] = copy.name


def _stop(run: Run) -> None:
    with show_errors():
        jobs.stop(run)


def _go_on(run: Run) -> None:
    with show_errors():
        jobs.start(run)


def _restore(names: Sequence[str]) -> None:
    for name in names:
        with show_errors():
            restore_run(name)
    st.session_state.pop("runs-deleted", None)
