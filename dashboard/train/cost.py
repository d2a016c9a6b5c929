"""What a training will cost: weights, memory against what is free, and time from a trial."""

import json
from pathlib import Path
from typing import Any

import streamlit as st

from core.config import RunConfig
from core.data.preparation import as_channels
from core.training.progress import duration
from dashboard.common import cache
from dashboard.common.foreign_text import as_text
from dashboard.common.subprocesses import Subprocess

TRIAL_SECONDS = 120.0
"""After that the page says so: a whole training of such steps is out of reach here."""


def cost(config: RunConfig, count: int) -> None:
    """Weights and memory at once; time when it is asked for.

    Raises:
        InputError: The settings cannot be built.
    """
    key = json.dumps(config.document(), sort_keys=True)
    numbers = _numbers(key)
    batch = f"a batch of up to {numbers['largest']:,} fits"
    st.caption(
        f"**{numbers['parameters']:,}** weights · a step takes about "
        f"**{_size(numbers['needed'])}** of {_size(numbers['available'])} free; {batch}"
    )
    if not numbers["fits"]:
        advice = (
            f"Choose a batch of {numbers['largest']} or less, or switch on *Cut batches that do "
            "not fit* under *Memory and speed*."
            if numbers["largest"]
            else "Not even one image fits: choose a smaller network, size or crop."
        )
        st.warning(f"This does not fit into memory. {advice}", icon=":material/memory:")
    child: Subprocess | None = st.session_state.get("train-trial")
    active = child is not None and not child.done()
    st.fragment(_trial, run_every=0.7 if active else None)(config, key, count)


def _trial(config: RunConfig, key: str, count: int) -> None:
    """The button, then the wait with a way to stop, then the answer; always one line high."""
    child: Subprocess | None = st.session_state.get("train-trial")
    with st.container(horizontal=True, vertical_alignment="center", height=42, border=False):
        if child is not None and not child.done():
            st.caption(f"Two steps on trial, {duration(child.seconds)} so far", width="stretch")
            if st.button("End the trial", type="tertiary", icon=":material/close:"):
                child.stop()
                st.rerun()
            if child.seconds > TRIAL_SECONDS:
                child.stop()
                child.fault = f"no two steps within {TRIAL_SECONDS:.0f} s; choose something smaller"
                st.rerun()
            st.session_state["train-trial-waits"] = True
            return
        if st.session_state.pop("train-trial-waits", False):
            st.rerun()  # the whole page once: the fragment stops asking
        st.caption(_words(child, key, count), width="stretch")
        if st.button(
            "Try again" if child else "Try two steps",
            type="tertiary",
            icon=":material/timer:",
            help="Takes two steps and reads one image in a process of its own, to say how long "
            "all of it would take. Nothing is kept.",
        ):
            _start(config, key)
            st.rerun()


def _start(config: RunConfig, key: str) -> None:
    document = json.dumps(config.document())
    st.session_state["train-trial"] = Subprocess.start("core.training.trial", document)
    st.session_state["train-trial-of"] = key


def _words(child: Subprocess | None, key: str, count: int) -> str:
    if child is None:
        return "Time: not tried yet"
    if child.answer is None:
        return f"Trial: {as_text(child.fault)}"
    found = child.answer
    each = f"{duration(found['seconds'])} for {found['epochs']} epochs"
    if count > 1:
        each = f"{duration(count * found['seconds'])} for {count} x {found['epochs']} epochs"
    if st.session_state.get("train-trial-of") != key:
        return f":gray[Before your last change: about {each}]"
    return f"About **{each}**, {1000 * found['step_seconds']:.0f} ms a step"


@st.cache_data(ttl=15, max_entries=32, show_spinner=False)
def _numbers(key: str) -> dict[str, Any]:
    """Weights, and memory of a step on the device that would train."""
    import torch

    from core.inference.heads import build_network, head_of
    from core.networks import parameter_count
    from core.system.device import pick_device
    from core.training.batches import output_size
    from core.training.memory import estimate

    config = RunConfig.of_document(json.loads(key))
    dataset = cache.dataset_listed(config.dataset, Path(config.data) if config.data else None)
    channels, *sides = as_channels(dataset.image(dataset.samples[0])).shape
    height, width = (config.size,) * 2 if config.size else sides
    outputs = head_of(config, dataset.info).outputs
    with torch.device("meta"):
        model = build_network(config, in_channels=channels, outputs=outputs, fresh=False)
    found = estimate(
        config,
        channels,
        sides=output_size(config, (height, width)),
        outputs=outputs,
        device=pick_device(),
    )
    return {
        "parameters": parameter_count(model),
        "needed": found.needed_bytes,
        "available": found.available_bytes,
        "largest": found.largest,
        "fits": found.fits,
    }


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
