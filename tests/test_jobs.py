"""Trainings in processes of their own: they outlive who started them and stop when asked."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from core.config import RunConfig
from core.errors import InputError
from core.runs import ACTIVE, Run, create_run, jobs
from core.runs.checkpoint import load_checkpoint
from core.runs.jobs.backend import devices
from core.system.processes import marked

ROOT = Path(__file__).parents[1]
Config = Callable[..., RunConfig]


def start_and_leave(run: Run) -> str:
    """Start a training from a process that ends at once, as a closed dashboard does."""
    program = (
        "from core.runs.jobs import start\n"
        "from core.runs import open_run\n"
        f"print(start(open_run({run.name!r})).id)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.strip()


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
    with contextlib.suppress(InputError):
        jobs.cancel(run.name)
        assert not jobs.wait(run.name, seconds=20).open


def test_a_training_outlives_the_process_that_started_it(tiny_config: Config) -> None:
    run = create_run(tiny_config())
    start_and_leave(run)
    wait_until(lambda: run.status["state"] not in ("new", "queued"), run)
    process = run.process()
    if process is not None:
        assert os.getsid(process.pid) == process.pid, "no terminal can Download"
    wait_until(lambda: run.status["state"] not in ACTIVE, run)
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
    job = jobs.wait(long_run.name, seconds=10)
    assert job.state == "lost"
    assert long_run.saved_state == "lost", "marked, not only seen"
    again = jobs.retry(long_run.name)
    assert (again.id, again.run) == (f"{int(job.id) + 1:06d}", long_run.name)
    wait_until(lambda: long_run.status["state"] == "running", long_run)
    jobs.cancel(again.id)
    assert jobs.wait(again.id, seconds=10).state == "cancelled"


def test_a_training_that_fails_says_why_in_status_and_log(tiny_config: Config) -> None:
    run = create_run(tiny_config(data="/nowhere"))
    start_and_leave(run)
    wait_until(lambda: run.status["state"] == "failed", run, may_fail=True)
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


@pytest.fixture
def no_worker(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A queue of its own, and a worker that somebody else would have to start."""
    monkeypatch.setenv("ISOLINE_WORKER", "service")
    return home


@pytest.mark.usefixtures("no_worker")
def test_the_queue_keeps_its_order_and_a_run_waits_in_it_once(tiny_config: Config) -> None:
    runs = [create_run(tiny_config(), name=name) for name in ("c", "a", "b")]
    made = [jobs.start(run) for run in runs]
    assert [job.id for job in made] == ["000001", "000002", "000003"]
    assert [job.run for job in jobs.list_jobs()] == ["c", "a", "b"]
    assert runs[1].status["state"] == "queued"
    assert runs[1].process() is None
    with pytest.raises(InputError, match="run a is under way already"):
        jobs.start(runs[1])
    assert jobs.open_job("2") == jobs.open_job("a") == made[1]
    assert jobs.wait("2", seconds=0.1).state == "queued"


@pytest.mark.usefixtures("no_worker")
def test_what_waits_is_taken_out_of_the_queue(tiny_config: Config) -> None:
    run = create_run(tiny_config(), name="one")
    job = jobs.start(run)
    assert jobs.cancel(job.id).state == "cancelled"
    assert run.status["reason"] == "taken out of the queue before its turn"
    with pytest.raises(InputError, match="job 000001 is cancelled already"):
        jobs.cancel("1")
    with pytest.raises(InputError, match="no job 'nine'; see: python -m core jobs list"):
        jobs.cancel("nine")
    assert jobs.retry("one").id == "000002"
    jobs.stop(run)
    assert [job.state for job in jobs.list_jobs()] == ["cancelled", "cancelled"]


@pytest.mark.usefixtures("no_worker")
def test_a_finished_run_that_leaves_the_queue_is_finished_again(tiny_config: Config) -> None:
    run = create_run(tiny_config())
    run.save_status("finished", best_epoch=2)
    jobs.start(run)
    assert run.status["state"] == "queued"
    jobs.stop(run)
    assert (run.status["state"], run.status["best_epoch"]) == ("finished", 2)


def test_a_damaged_job_holds_nobody_up(tiny_config: Config, no_worker: Path) -> None:
    jobs.start(create_run(tiny_config(), name="one"))
    jobs.start(create_run(tiny_config(), name="two"))
    (no_worker / "jobs" / "000001.json").write_text('{"id": "0000')
    assert [job.run for job in jobs.list_jobs()] == ["two"]
    assert jobs.start(create_run(tiny_config(), name="three")).id == "000003"


@pytest.mark.usefixtures("no_worker")
def test_a_training_started_by_hand_is_stopped_too(tiny_config: Config) -> None:
    run = create_run(tiny_config(epochs=100_000))
    with (run.path / jobs.LOG).open("wb") as log:
        manual = subprocess.Popen(
            [sys.executable, "-m", "core", "resume", run.name], cwd=ROOT, stdout=log, stderr=log
        )
    wait_until(lambda: run.status["state"] == "running", run)
    with pytest.raises(InputError, match="is under way already"):
        jobs.start(run)
    jobs.stop(run)
    assert manual.wait(20) == 2
    assert run.status["state"] == "stopped"


@pytest.mark.parametrize(
    ("named", "visible", "expected"),
    [
        ("cuda:1, cuda:3", None, ["cuda:1", "cuda:3"]),
        (None, "0,2", ["cuda:0", "cuda:2"]),
        (None, "", ["cpu"]),
    ],
)
def test_devices_are_those_named_or_visible(
    monkeypatch: pytest.MonkeyPatch, named: str | None, visible: str | None, expected: list[str]
) -> None:
    for name, value in (("ISOLINE_DEVICES", named), ("CUDA_VISIBLE_DEVICES", visible)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert devices() == expected


@pytest.mark.slow
def test_several_processes_train_as_one_job_and_end_together(
    tiny_config: Config, home: Path
) -> None:
    run = create_run(tiny_config(epochs=100_000))
    job = jobs.start(run, processes=2)
    wait_until(lambda: len(run.history) >= 1, run, seconds=120)
    tree = marked(jobs.MARK, f"{home}{os.sep}{job.id}")
    workers = [process for process in tree if os.getsid(process.pid) == process.pid]
    assert len(tree) >= 3
    assert len(workers) >= 2, "torchrun gives its workers sessions of their own"
    asked = time.monotonic()
    jobs.cancel(job.id)
    assert jobs.wait(job.id, seconds=15).state == "cancelled"
    assert time.monotonic() - asked < 10
    assert marked(jobs.MARK, f"{home}{os.sep}{job.id}") == []
    assert run.checkpoint("last").exists()
