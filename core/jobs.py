"""Start and stop trainings as processes of their own, which outlive whoever started them."""

import subprocess
import sys
from pathlib import Path

import psutil

from core.errors import InputError
from core.home import ROOT
from core.runs import Run

LOG = "log.txt"
_STARTED: list[subprocess.Popen[bytes]] = []


def start(run: Run) -> int:
    """Train a run in a detached process; its output goes to ``log.txt`` in the run's folder.

    Returns:
        The process id.

    Raises:
        InputError: The run is under way already.
    """
    if run.process() is not None:
        raise InputError(f"run {run.name} is under way already")
    _STARTED[:] = [child for child in _STARTED if child.poll() is None]  # reaps those that ended
    run.wish_to_stop(wish=False)
    with (run.path / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "core", "resume", run.name],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _STARTED.append(process)
    run.save_status("starting", process=psutil.Process(process.pid))
    return process.pid


def stop(run: Run) -> None:
    """Ask a training to stop after the step it is at; the last checkpoint is kept.

    Raises:
        InputError: The run is not under way.
    """
    process = run.process()
    if process is None:
        raise InputError(f"run {run.name} is not under way")
    # Before the signal: a process that dies of it was stopped, not lost.
    run.wish_to_stop(wish=True)
    process.terminate()


def log_tail(run: Run, *, lines: int = 40) -> str:
    """The end of what the training printed."""
    file: Path = run.path / LOG
    if not file.exists():
        return ""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 200 * lines))
        return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
