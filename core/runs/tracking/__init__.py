"""Mirrors runs into MLflow; the run folder is the truth, the tracking store a copy of it.

The store is ``mlflow.db`` in the workspace, or the server that ``MLFLOW_TRACKING_URI`` names;
``mlflow ui --backend-store-uri sqlite:///workspace/mlflow.db`` shows it.

A training never talks to the store. It starts one process beside it (``follow``), which reads what
the training writes anyway and copies what is new; whatever happens to the store happens to that
process alone. What a full, locked or vanished store missed is written by the next epoch or by
``python -m core runs sync``, once (``mirror``).

``ISOLINE_TRACKING=off`` switches it off.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.errors import InputError
from core.runs import TRAINING, Run
from core.runs.jobs import MARK
from core.runs.tracking.one_run import is_behind, mirror
from core.system.home import home
from core.system.processes import python, start_detached

FOLLOW_SECONDS = 2.0
SHARE, LONGEST_SECONDS = 0.01, 30.0
"""Of a processor, at most this much is spent on copying while a run trains, but for its start; yet
the copy is never older than so many seconds and the time that a look takes."""
LAST_TRIES = 3
_FOLLOWERS: list[subprocess.Popen[bytes]] = []


def tracking_is_on() -> bool:
    """Whether runs are mirrored at all."""
    return os.environ.get("ISOLINE_TRACKING", "on") != "off"


def follow(run: Run) -> None:
    """Start the process that mirrors a run for as long as it trains; costs a few milliseconds."""
    _start_beside(run.path / "tracking.txt", run.name, "--follow")


def catch_up() -> None:
    """Start a process that writes what the store has missed of all runs; for a program's start."""
    home().mkdir(parents=True, exist_ok=True)
    _start_beside(home() / "tracking.txt")


def follow_to_its_end(run: Run, *, poll_seconds: float = FOLLOW_SECONDS) -> bool:
    """Mirror a run until it trains no longer; whether all of it has arrived.

    A store that fails is tried again, less and less often, a few times more after the end.
    """
    if sys.platform != "win32":
        os.nice(10)  # the training comes first
    failures = tries = 0
    due = 0.0
    with _alone(run, seconds=60):
        while True:
            ended = run.status["state"] not in TRAINING
            try:
                if (ended or time.monotonic() >= due) and is_behind(run):
                    before = time.process_time()
                    mirror(run)
                    taken = time.process_time() - before
                    due = time.monotonic() + min(LONGEST_SECONDS, taken / SHARE)
                failures = 0
            except InputError as fault:
                failures += 1
                sys.stderr.write(f"{fault}\n")
            if ended:
                if not failures:
                    return True
                tries += 1
                if tries >= LAST_TRIES:
                    return False
            time.sleep(min(60.0, poll_seconds * 2**failures))


def sync(runs: Sequence[Run]) -> dict[str, Any]:
    """Write what the store has missed of these runs; nothing where there is nothing new.

    Returns:
        ``written``: names of the runs that were behind and are complete now; ``left``: those that
        are still behind; ``reason``: why, None where none are left.
    """
    written: list[str] = []
    behind = [run for run in runs if is_behind(run)]
    for place, run in enumerate(behind):
        try:
            with _alone(run, seconds=1):
                mirror(run)
        except InputError as fault:
            if not isinstance(fault, BusyError):  # what fails for one fails for all
                left = [run.name for run in behind[place:]]
                return {"written": written, "left": left, "reason": str(fault)}
            continue  # another process is at it
        written.append(run.name)
    return {"written": written, "left": [], "reason": None}


class BusyError(InputError):
    """Another process mirrors this run at the moment."""


def _start_beside(log_file: Path, *words: str) -> None:
    """Run ``runs sync`` in a session of its own; where it cannot start, a later one catches up."""
    if not tracking_is_on():
        return
    _FOLLOWERS[:] = [child for child in _FOLLOWERS if child.poll() is None]
    # Without the mark of its job: whoever cancels the training lets it write down the end.
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    environment |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with suppress(OSError), log_file.open("ab") as log:
        _FOLLOWERS.append(
            start_detached(python("core", "runs", "sync", *words), out=log, environment=environment)
        )


@contextmanager
def _alone(run: Run, *, seconds: float) -> Iterator[None]:
    try:
        with FileLock(run.path / "tracking.lock", timeout=seconds):
            yield
    except Timeout:
        raise BusyError(f"run {run.name} is being mirrored by another process") from None
