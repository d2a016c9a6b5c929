"""One run, one trainer: of two at once one is refused, and what has ended holds nobody up."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import RunConfig
from core.errors import InputError
from core.runs import Run, claim, create_run, jobs, open_run
from core.runs.step_log import StepLog
from core.runs.trash import delete_run
from core.system.home import ROOT
from core.system.processes import identity
from core.training.heartbeat import Stopped
from core.training.loop import train

Config = Callable[..., RunConfig]
CONFIG = RunConfig(dataset="phantoms")
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["core.training.loop"])

pytestmark = pytest.mark.usefixtures("home")


def refused_as_under_way(run: Run) -> None:
    with pytest.raises(InputError, match=rf"run {run.name} is under way: process \d+ on .* stop"):
        claim.take(run.path)


def claim_from_elsewhere(run: Run, *, beat: int = 7) -> None:
    facts = {**identity(psutil.Process()), "host": "node-7", "boot_id": "another"}
    document = {**facts, "token": "theirs", "beat": beat}
    (run.path / claim.FILE).write_text(json.dumps(document))


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "SILENT_SECONDS", 0.5)


@pytest.fixture
def beating() -> Iterator[Callable[[Run], None]]:
    """A holder on another host that renews its claim."""
    end = threading.Event()
    threads: list[threading.Thread] = []

    def begin(run: Run) -> None:
        def beats() -> None:
            beat = 0
            while not end.wait(0.05):
                claim_from_elsewhere(run, beat=(beat := beat + 1))

        claim_from_elsewhere(run)
        threads.append(threading.Thread(target=beats))
        threads[-1].start()

    yield begin
    end.set()
    for thread in threads:
        thread.join()


def contend(home: str, name: str, gate: Barrier, outcomes: "Queue[str]") -> None:
    os.environ["ISOLINE_HOME"] = home
    path = open_run(name).path
    for _ in range(20):
        gate.wait(30)
        try:
            held = claim.take(path)
        except InputError:
            outcomes.put("refused")
            gate.wait(30)
        else:
            outcomes.put("held")
            gate.wait(30)
            held.release()


def test_of_four_at_once_one_holds_the_run_each_time(home: Path) -> None:
    run, outcomes = create_run(CONFIG, name="one"), PROCESSES.Queue()
    gate = PROCESSES.Barrier(4)
    arguments = (str(home), run.name, gate, outcomes)
    several = [PROCESSES.Process(target=contend, args=arguments) for _ in range(4)]
    for process in several:
        process.start()
    found = [outcomes.get(timeout=60) for _ in range(80)]
    for process in several:
        process.join(30)
    assert found.count("held") == 20
    assert not (run.path / claim.FILE).exists()


def trainer(home: str, name: str, gate: Barrier, outcomes: "Queue[str]") -> None:
    os.environ["ISOLINE_HOME"] = home
    gate.wait(60)
    try:
        train(open_run(name), report=lambda event: time.sleep(0.5 * (event["event"] == "epoch")))
        outcomes.put("trained")
    except InputError as refused:
        outcomes.put(str(refused))


def test_two_trainers_started_at_once_on_one_run(tiny_config: Config, home: Path) -> None:
    run, outcomes = create_run(tiny_config(epochs=4), name="one"), PROCESSES.Queue()
    gate = PROCESSES.Barrier(2)
    arguments = (str(home), run.name, gate, outcomes)
    both = [PROCESSES.Process(target=trainer, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    found = sorted(outcomes.get(timeout=120) for _ in both)
    for process in both:
        process.join(30)
    assert found[0].startswith("run one is under way: process ")
    assert found[1] == "trained"
    assert run.status["state"] == "finished", "the refused one has not written its state"
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]
    steps = [row["step"] for row in StepLog(run.path).rows]
    assert steps == sorted(set(steps)), "no step is there twice"


def test_the_command_line_refuses_in_one_sentence() -> None:
    run = create_run(CONFIG, name="one")
    held = claim.take(run.path)
    words = [sys.executable, "-m", "core", "resume", "one"]
    refused = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    held.release()
    assert refused.returncode == 2
    assert refused.stdout == ""
    (line,) = [line for line in refused.stderr.splitlines() if line.strip()]
    assert line.startswith(f"error: run one is under way: process {os.getpid()} on ")
    assert run.status == {"state": "new"}


def hold(home: str, name: str, ready: Any) -> None:
    os.environ["ISOLINE_HOME"] = home
    open_run(name).save_status("running")
    claim.take(open_run(name).path)
    ready.set()
    time.sleep(600)


def test_a_killed_trainer_is_taken_over_at_once(home: Path) -> None:
    run, ready = create_run(CONFIG, name="one"), PROCESSES.Event()
    process = PROCESSES.Process(target=hold, args=(str(home), run.name, ready))
    process.start()
    assert ready.wait(30)
    refused_as_under_way(run)
    assert run.status["state"] == "running"
    process.kill()
    process.join(10)
    assert process.exitcode == -signal.SIGKILL
    assert run.status["state"] == "lost"
    begun = time.monotonic()
    claim.take(run.path).release()
    assert time.monotonic() - begun < 1


@settings(max_examples=25)
@given(st.floats(-1e8, 1e8))
def test_no_clock_step_lets_a_second_one_in(step: float) -> None:
    run = create_run(CONFIG)
    run.save_status("running")
    held = claim.take(run.path)
    real_time, real_start = time.time, psutil.Process.create_time
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: real_time() + step)
        patch.setattr(psutil.Process, "create_time", lambda process: real_start(process) + step)
        refused_as_under_way(run)
        assert run.status["state"] == "running"
        with pytest.raises(InputError, match="is under way"):
            jobs.start(run)
    held.release()


@pytest.mark.usefixtures("_soon")
def test_a_run_that_trains_on_another_host_is_neither_lost_nor_deleted(
    beating: Callable[[Run], None],
) -> None:
    run = create_run(CONFIG, name="far")
    document = {**identity(psutil.Process()), "boot_id": "another", "host": "node-7"}
    (run.path / "status.json").write_text(json.dumps({"state": "running", **document}))
    beating(run)
    for _ in range(15):
        assert run.status["state"] == "running"
        time.sleep(0.1)
    assert run.process() is None, "its number is another process's here"
    assert run.elsewhere
    with pytest.raises(InputError, match=r"process .* on node-7 trains it"):
        claim.take(run.path)
    with pytest.raises(InputError, match="under way"):
        delete_run(run)
    jobs.stop(run)
    assert run.stop_requested, "its next heartbeat reads it"


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("content", [None, "", '{"token"', "[]"])
def test_a_claim_of_a_host_that_died_or_a_damaged_one_is_taken_over(content: str | None) -> None:
    run = create_run(CONFIG, name="far")
    claim_from_elsewhere(run)
    if content is not None:
        (run.path / claim.FILE).write_text(content)
    notices: list[str] = []
    begun = time.monotonic()
    held = claim.take(run.path, notice=notices.append)
    assert 0.5 <= time.monotonic() - begun < 5
    assert len(notices) == 1
    assert "waiting up to" in notices[0]
    assert held.held()
    held.release()


def test_whoever_was_taken_over_notices_and_keeps_nothing(tiny_config: Config) -> None:
    run = create_run(tiny_config(epochs=50), name="one")

    def taken(event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and event["epoch"] == 2:
            (run.path / claim.FILE).unlink()
            claim_from_elsewhere(run)

    with pytest.raises(InputError, match="taken over by another trainer"):
        train(run, report=taken)
    assert len(run.history) == 2
    assert run.saved_state == "running", "what the other one writes stays"
    holder = claim.read_holder(run.path)
    assert holder == claim.Holder("theirs", 7), "and so does its claim"


@given(st.dictionaries(st.sampled_from(["host", "boot_id", "extra"]), st.text(max_size=50)))
def test_any_facts_survive_the_file(facts: dict[str, str]) -> None:
    run = create_run(CONFIG)
    (run.path / claim.FILE).write_bytes(claim._content(facts, "t", 3))
    holder = claim.read_holder(run.path)
    assert holder is not None
    assert (holder.token, holder.beat) == ("t", 3)
    assert facts.items() <= holder.facts.items()


def test_a_stop_request_in_the_file_alone_ends_the_training(tiny_config: Config) -> None:
    run = create_run(tiny_config(epochs=100_000), name="one")

    def ask(event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and event["epoch"] == 1:
            run.request_stop()

    with pytest.raises(Stopped):
        train(run, report=ask)
    assert run.status["state"] == "stopped"
    assert run.status["reason"] == "stopped by request; its last checkpoint is kept"
    assert not run.stop_requested, "met"


@pytest.mark.parametrize(
    ("facts", "epochs", "reason"),
    [
        ({"message": "preparing the data"}, 0, "before its first step"),
        ({"stepping": True}, 0, "in its first epoch, before its first checkpoint"),
        ({"stepping": True}, 1, "its last checkpoint is kept"),
        ({"message": "preparing the data"}, 1, "its last checkpoint is kept"),
    ],
)
def test_what_a_stopped_run_says_is_so(facts: dict[str, Any], epochs: int, reason: str) -> None:
    run = create_run(CONFIG)
    run.save_history([{"epoch": n + 1} for n in range(epochs)])
    ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run.save_status("running", process=psutil.Process(ended.pid), **facts)
    run.request_stop()
    ended.communicate(b"\n")
    assert run.status["state"] == "stopped"
    assert run.status["reason"].endswith(reason)
