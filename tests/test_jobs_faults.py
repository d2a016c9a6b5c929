"""The queue under fire: workers, dashboards and trainings killed at any moment.

Most trainings here are a few lines that write down when they began and ended, so that a test reads
order and overlap from what happened rather than from what the queue says of itself.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core.config import RunConfig
from core.runs import ACTIVE, create_run, jobs, open_run
from core.runs.jobs.backend import LocalBackend, mark
from core.runs.jobs.worker import _tick
from core.system.processes import identity, living, marked, send
from tests.faults import times

ROOT = Path(__file__).parents[1]
CONFIG = RunConfig(dataset="phantoms")

WORKER = """
import os, sys
from core.runs.jobs.backend import LocalBackend
from core.runs.jobs.worker import work
class Backend(LocalBackend):
    def start(self, job, leases):
        if FAULT == "before":
            os.kill(os.getpid(), 9)
        handle = super().start(job, leases)
        if FAULT == "after":
            os.kill(os.getpid(), 9)
        return handle
FAULT = sys.argv[2]
command = lambda job: [sys.executable, "-c", sys.argv[1], job.run]
work(Backend(command=command), until_empty=True, poll_seconds=0.02)
"""
SHORT = """
import json, os, sys, time
home = os.environ["ISOLINE_HOME"]
def say(word):
    with open(f"{home}/events.txt", "a") as file:
        file.write(f"{sys.argv[1]} {word} {time.monotonic()}\\n")
say("begins")
time.sleep(0.25)
with open(f"{home}/runs/{sys.argv[1]}/.part", "w") as file:
    json.dump({"state": "finished", "pid": os.getpid(), "process_started": 0}, file)
os.replace(file.name, f"{home}/runs/{sys.argv[1]}/status.json")
say("ends")
"""
TREE = """
import os, signal, subprocess, sys, time
run = sys.argv[1]
if run.startswith("stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) == 2:
    code = open(f"{os.environ['ISOLINE_HOME']}/tree.py").read()
    subprocess.Popen([sys.executable, "-c", code, run, "child"], start_new_session=True)
else:
    open(f"{os.environ['ISOLINE_HOME']}/runs/{run}/child", "w").close()
time.sleep(600)
"""

pytestmark = pytest.mark.usefixtures("_service")


@pytest.fixture
def _service(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker but those that a test starts."""
    del home
    monkeypatch.setenv("ISOLINE_WORKER", "service")


def worker(program: str = SHORT, *, fault: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORKER, program, fault], cwd=ROOT)


def events(home: Path) -> list[tuple[str, str, float]]:
    """What the trainings wrote: run, ``begins`` or ``ends``, when."""
    file = home / "events.txt"
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return [(run, word, float(moment)) for run, word, moment in lines]


def until(true: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, [(j.id, j.state, j.reason) for j in jobs.list_jobs()]
        time.sleep(0.01)


def lease_is_free() -> bool:
    """Asked of the kernel, by a process that shares nothing with the worker."""
    free = subprocess.run(
        ["flock", "--nonblock", str(jobs.jobs_folder() / "lease-cpu.lock"), "true"], check=False
    )
    return free.returncode == 0


@pytest.mark.slow
def test_order_is_kept_and_no_two_train_at_once_while_workers_are_killed(home: Path) -> None:
    count, kills = times(20, at_least=8), times(8, at_least=3)
    names = [create_run(CONFIG, name=f"run-{n:02d}").name for n in reversed(range(count))]
    for name in names:
        jobs.start(open_run(name))
    draw = random.Random(5)  # noqa: S311 - moments, not secrets
    interrupted, deadline = 0, time.monotonic() + 90
    while any(job.open for job in jobs.list_jobs()):
        assert time.monotonic() < deadline
        one = worker()
        began = len(events(home))
        # From its first deed on: killing it while it is imported would interrupt nothing.
        until(lambda one=one, began=began: one.poll() is not None or len(events(home)) > began)  # type: ignore[misc]
        time.sleep(draw.uniform(0, 0.7))
        if one.poll() is None and interrupted < kills:
            one.kill()
            interrupted += any(job.state in ("starting", "running") for job in jobs.list_jobs())
        one.wait()
    assert interrupted == kills
    happened = events(home)
    assert [run for run, word, _ in happened if word == "begins"] == names, "each once, in order"
    assert [word for _, word, _ in happened] == ["begins", "ends"] * count, "never two at once"
    assert [job.state for job in jobs.list_jobs()] == ["finished"] * count
    assert lease_is_free()


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_worker_that_dies_as_it_starts_a_job_neither_loses_nor_doubles_it(
    home: Path, fault: str
) -> None:
    for name in ("one", "two"):
        jobs.start(create_run(CONFIG, name=name))
    assert worker(fault=fault).wait(30) == -signal.SIGKILL
    assert jobs.open_job("one").state == "starting"
    assert worker().wait(30) == 0
    assert [(run, word) for run, word, _ in events(home)] == [
        *[("one", "begins"), ("one", "ends"), ("two", "begins"), ("two", "ends")]
    ]
    assert [job.state for job in jobs.list_jobs()] == ["finished"] * 2


@pytest.mark.slow
def test_many_cancels_leave_no_process_and_a_free_lease(home: Path) -> None:
    (home / "tree.py").write_text(TREE)
    names = [f"{'stubborn' if n in (4, 11) else 'plain'}-{n}" for n in range(times(20, at_least=6))]
    for name in names:
        jobs.start(create_run(CONFIG, name=name))
    one = worker(TREE)
    for name in names:
        run = open_run(name)
        until((run.path / "child").exists)
        job = jobs.open_job(name)
        until(lambda name=name: jobs.open_job(name).state == "running")  # type: ignore[misc]
        tree = marked(jobs.MARK, mark(job))
        assert len(tree) == 2, "there is something to cancel"
        assert len({os.getsid(process.pid) for process in tree}) == 2
        assert not lease_is_free()
        asked = time.monotonic()
        jobs.cancel(job.id)
        ended = jobs.wait(job.id, seconds=15)
        assert ended.state == "cancelled"
        taken = time.monotonic() - asked
        assert taken < 10
        assert (taken > 5) == name.startswith("stubborn"), "asked first, ended after a grace"
        assert marked(jobs.MARK, mark(job)) == []
        assert run.status["state"] == "stopped"
    assert one.wait(30) == 0
    assert lease_is_free()


def test_a_cancel_is_carried_out_by_the_next_worker(home: Path) -> None:
    (home / "tree.py").write_text(TREE)
    run = create_run(CONFIG, name="plain")
    job = jobs.start(run)
    one = worker(TREE)
    until((run.path / "child").exists)
    until(lambda: jobs.open_job("plain").state == "running")
    one.kill()
    one.wait()
    jobs.cancel(job.id)
    assert len(marked(jobs.MARK, mark(job))) == 2, "it trains on without a worker"
    assert not lease_is_free(), "and so keeps its device"
    assert worker(TREE).wait(30) == 0
    assert jobs.open_job("plain").state == "cancelled"
    assert marked(jobs.MARK, mark(job)) == []


def test_what_outlives_its_torchrun_is_ended_before_the_next_begins(home: Path) -> None:
    (home / "tree.py").write_text(TREE)
    run = create_run(CONFIG, name="plain")
    job = jobs.start(run)
    one = worker(TREE)
    until((run.path / "child").exists)
    until(lambda: jobs.open_job("plain").state == "running")
    psutil.Process(jobs.open_job("plain").handle["pid"]).kill()
    ended = jobs.wait(job.id, seconds=10)
    assert ended.state == "lost"
    assert run.saved_state == "lost"
    assert marked(jobs.MARK, mark(job)) == []
    assert one.wait(30) == 0


def test_a_recycled_process_number_is_never_signalled() -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    facts = identity(psutil.Process(bystander.pid))
    earlier = facts | {"start_ticks": facts["start_ticks"] - 100}
    run = create_run(CONFIG, name="gone")
    with jobs.queue():
        job = jobs.Job(id="000001", run=run.name, queued=0.0)
        job = job.save(state="running", handle=earlier, devices=("cpu",), cancelled=1.0)
        _tick(LocalBackend(), set(), lambda _line: None)
    assert jobs.open_job("gone").state == "cancelled"
    assert living(earlier) is None
    assert not send(earlier, signal.SIGKILL)
    time.sleep(0.2)
    assert bystander.poll() is None
    assert send(facts, signal.SIGKILL), "by its own identity it is hit"
    assert bystander.wait(5) == -signal.SIGKILL
    assert not send(facts, signal.SIGKILL)
    assert bystander.stdin is not None
    bystander.stdin.close()


ACT = """
import sys, time
from core.runs import jobs
from core.errors import InputError
from core.runs import open_run
while time.time() < float(sys.argv[1]):
    pass
for name in sys.argv[3:]:
    try:
        jobs.start(open_run(name)) if sys.argv[2] == "start" else jobs.cancel(name)
        print(name)
    except InputError as refused:
        print("-")
"""


def both(deed: str, one: list[str], other: list[str]) -> list[list[str]]:
    """Two processes do the same at the same moment; what each of them was granted."""
    at = str(time.time() + 3)
    acting = [
        subprocess.Popen(
            [sys.executable, "-c", ACT, at, deed, *names],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for names in (one, other)
    ]
    return [actor.communicate(timeout=60)[0].split() for actor in acting]


@pytest.mark.slow
def test_two_dashboards_at_once_have_one_outcome(home: Path) -> None:
    shared = [create_run(CONFIG, name=f"shared-{n}").name for n in range(10)]
    first = [create_run(CONFIG, name=f"first-{n}").name for n in range(10)]
    second = [create_run(CONFIG, name=f"second-{n}").name for n in range(10)]
    mixed = [
        [name for pair in zip(shared, own, strict=True) for name in pair] for own in (first, second)
    ]
    granted = both("start", *mixed)
    assert sorted(granted[0] + granted[1]) == sorted(["-"] * 10 + shared + first + second)
    listed = jobs.list_jobs()
    assert [job.id for job in listed] == [f"{n:06d}" for n in range(1, 31)]
    assert sorted(job.run for job in listed) == sorted(shared + first + second)
    cancelled = shared[:5] + first + second
    granted = both("cancel", cancelled, list(reversed(cancelled)))
    assert sorted(granted[0] + granted[1]) == sorted(["-"] * 25 + cancelled)
    workers = [worker() for _ in range(3)]
    assert [one.wait(60) for one in workers] == [0, 0, 0]
    begun = [run for run, word, _ in events(home) if word == "begins"]
    assert begun == [job.run for job in listed if job.run in shared[5:]]
    assert [word for _, word, _ in events(home)] == ["begins", "ends"] * 5


@pytest.mark.slow
def test_the_group_that_started_it_is_killed_each_time_and_no_run_is_lost(
    tiny_config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISOLINE_WORKER")
    program = (
        "import sys, time\nfrom core.runs import jobs, open_run\n"
        "jobs.start(open_run(sys.argv[1]))\nprint('started', flush=True)\ntime.sleep(600)\n"
    )
    runs = [create_run(tiny_config(epochs=1)) for _ in range(times(10))]
    for run in runs:
        dashboard = subprocess.Popen(
            [sys.executable, "-c", program, run.name],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert dashboard.stdout is not None
        assert dashboard.stdout.readline() == b"started\n"
        assert run.status["state"] in ACTIVE, "there is something to interrupt"
        os.killpg(dashboard.pid, signal.SIGKILL)
        assert dashboard.wait(10) == -signal.SIGKILL
        dashboard.stdout.close()
    until(lambda: not any(job.open for job in jobs.list_jobs()), seconds=300)
    assert [run.status["state"] for run in runs] == ["finished"] * len(runs)
    assert [job.state for job in jobs.list_jobs()] == ["finished"] * len(runs)


def test_events_are_read_as_they_are_written(home: Path) -> None:
    """The negative control: two workers that heed no lock do overlap, and the log shows it."""
    for name in ("a", "b"):
        create_run(CONFIG, name=name)
    longer = SHORT.replace("0.25", "3")
    both_at_once = [subprocess.Popen([sys.executable, "-c", longer, name]) for name in ("a", "b")]
    assert [one.wait(30) for one in both_at_once] == [0, 0]
    assert json.loads((home / "runs" / "a" / "status.json").read_text())["state"] == "finished"
    assert [word for _, word, _ in events(home)] == ["begins", "begins", "ends", "ends"]
