"""Bars of work that goes model by model, with a way to stop it."""

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from core.training.progress import duration
from dashboard.common import widgets
from dashboard.compare.data import Progress

STOPPED = "compare-stopped"


def bars(place: Any, count: int) -> Callable[[int, str], Progress]:  # noqa: ANN401 - an st.empty
    """Progress of each model: a bar with what is happening and time left, and a way to stop.

    Args:
        place: Where the bars are drawn, one after the other.
        count: How many models there are.
    """

    def of(n: int, name: str) -> Progress:
        started = time.monotonic()
        bar: list[Any] = []

        def progress(done: int, total: int) -> None:
            if not bar:
                with place.container():
                    bar.append(st.progress(0.0))
                    st.button("Stop", key=f"stop-compare-{n}", on_click=_stop)
                if st.session_state.pop(STOPPED, False):
                    place.info("Stopped. What is done is kept; choose fewer models or images.")
                    widgets.foot()
                    st.stop()
            left = (time.monotonic() - started) / done * (total - done)
            words = f"{name} ({n + 1} of {count}): image {done} of {total}, {duration(left)} left"
            bar[0].progress(done / total, text=words)

        return progress

    return of


def _stop() -> None:
    st.session_state[STOPPED] = True
