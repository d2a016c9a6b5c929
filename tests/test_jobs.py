"""Trainings in processes of their own: they outlive who started them and stop when asked."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from core import jobs
from core.checkpoint import load_checkpoint
from core.config import RunConfig
from core.errors import InputError
from core.runs import Run, create_run

ROOT = Path(__file__).parents[1]
Config = Callable[..., RunConfig]


def start_and_leave(run: Run) -> None:
    """Start a training from a process that ends at once, as a closed dashboard does."""
    program = (
        "from core.jobs import start\n"
        "from core.runs import open_run\n"
        f"print(start(open_run({run.name!r})))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    pid = int(answer.stdout)
    assert pid != os.getpid()


def wait_until(
    true: Callable[[], bool], run: Run, *, seconds: float = 60, may_fail: bool = False
) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert may_fail or run.status["state"] != "failed", run.status["reason"]
        assert time.monotonic() < deadline, f"{run.status}\n{jobs.log_tail(run)}"
        time.sleep(0.05)


@pytest.fixture
def long_run(tiny_config: Config) -> Iterator[Run]:
    """A run that would train for an hour; what is left of it is ended."""
    run = create_run(tiny_config(epochs=100_000))
    yield run
    process = run.process()
    if process is not None:
        process.kill()
        psutil.wait_procs([process], timeout=10)


def test_a_training_outlives_the_process_that_started_it(tiny_config: Config) -> None:
    run = create_run(tiny_config())
    start_and_leave(run)
    assert run.status["state"] in ("starting", "running", "finished")
    process = run.process()
    if process is not None:
        assert os.getsid(process.pid) == process.pid, "no terminal can take it along"
    wait_until(lambda: run.status["state"] not in ("starting", "running"), run)
    assert run.status["state"] == "finished"
    assert run.status["epochs"] == 2
    assert len(run.history) == 2
    assert run.operating_point is not None
    log = jobs.log_tail(run)
    assert "epoch 1/2" in log
    assert "epoch 2/2" in log


def test_a_training_stops_when_asked_and_keeps_its_last_checkpoint(long_run: Run) -> None:
    start_and_leave(long_run)
    wait_until(lambda: len(long_run.history) >= 2, long_run)
    with pytest.raises(InputError, match="is under way already"):
        jobs.start(long_run)
    asked = time.monotonic()
    jobs.stop(long_run)
    wait_until(lambda: long_run.process() is None, long_run, seconds=10)
    assert time.monotonic() - asked < 10
    assert long_run.status["state"] == "stopped"
    assert "its last checkpoint is kept" in long_run.status["reason"]
    checkpoint = load_checkpoint(long_run.checkpoint("last"))
    assert checkpoint["epoch"] == len(long_run.history)
    assert f"python -m core resume {long_run.name}" in jobs.log_tail(long_run)
    with pytest.raises(InputError, match="is not under way"):
        jobs.stop(long_run)


def test_a_training_that_is_killed_is_lost(long_run: Run) -> None:
    start_and_leave(long_run)
    wait_until(lambda: long_run.status["state"] == "running", long_run)
    process = long_run.process()
    assert process is not None
    process.kill()
    psutil.wait_procs([process], timeout=10)
    assert long_run.status["state"] == "lost"


def test_a_training_that_fails_says_why_in_status_and_log(tiny_config: Config) -> None:
    run = create_run(tiny_config(data="/nowhere"))
    start_and_leave(run)
    wait_until(lambda: run.process() is None, run, may_fail=True)
    assert run.status["state"] == "failed"
    assert run.status["reason"].startswith("/nowhere: no such folder")
    assert "error: /nowhere: no such folder" in jobs.log_tail(run)


def test_what_is_not_under_way_cannot_be_stopped(tiny_config: Config) -> None:
    run = create_run(tiny_config())
    with pytest.raises(InputError, match=f"run {run.name} is not under way"):
        jobs.stop(run)


def test_the_log_shows_its_end(tiny_config: Config) -> None:
    run = create_run(tiny_config())
    assert jobs.log_tail(run) == ""
    (run.path / jobs.LOG).write_text("".join(f"line {n}\n" for n in range(5000)))
    assert jobs.log_tail(run, lines=3) == "line 4997\nline 4998\nline 4999"
    (run.path / jobs.LOG).write_bytes(b"one\n\xff\xfe broken text\n")
    assert jobs.log_tail(run).splitlines()[0] == "one"
