"""Faults: killed, out of disk or with damaged files, a training continues as if nothing had been.

Every test asserts that it really interrupted something, and the controls show that the comparison
would notice. How often each fault is made: ISOLINE_FAULTS, see ``tests.faults``.
"""

import multiprocessing
import os
import random
import resource
import shutil
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config import RunConfig
from core.errors import InputError
from core.runs import Run, create_run, open_run
from core.runs.checkpoint import load_checkpoint, load_first_whole, save_checkpoint
from core.runs.step_log import StepLog
from core.training.loop import train
from tests.faults import times

Config = Callable[..., RunConfig]
TIMING = ("seconds", "images_per_second")
EPOCHS = 4
# A process that has torch loaded and trains nothing is copied for each child: a start costs
# milliseconds, so a kill lands in the training and not in imports.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "pytest",
        "core.training.loop",
        "core.models",
        "tifffile",
        "torch._dynamo",
    ]  # an optimizer loads it
)

pytestmark = pytest.mark.slow


def config(tiny_config: Config, **changes: Any) -> RunConfig:
    """Everything with a state of its own: dropout, averages, schedule, oversampling."""
    options = {"base_filters": 4, "depth": 2, "dropout": 0.2}
    settings: dict[str, Any] = {
        "epochs": EPOCHS,
        "model_options": options,
        "tile": 32,
        "crops_per_image": 2,
        "schedule": "cosine",
        "ema": 0.9,
        "oversample": 0.3,
        "keep_best": 2,
        "samples_every": 2,
    }
    return tiny_config(**{**settings, **changes})


def child(name: str, environment: dict[str, str]) -> None:
    """Trains a run in a process of its own."""
    os.environ.update(environment)
    train(open_run(name))


def started(run: Run, **environment: str) -> BaseProcess:
    here = {"ISOLINE_HOME": os.environ["ISOLINE_HOME"], **environment}
    process = PROCESSES.Process(target=child, args=(run.name, here))
    process.start()
    return process


def finish(run: Run) -> None:
    process = started(run)
    process.join(120)
    assert process.exitcode == 0


def history(run: Run) -> list[dict[str, Any]]:
    """Without what depends on the machine's day."""
    return [{k: v for k, v in row.items() if k not in TIMING} for row in run.history]


def differences(one: Run, other: Run) -> list[str]:
    """In what two finished runs are not the same to the bit."""
    found = []
    if history(one) != history(other) or len(one.history) != EPOCHS:
        found.append("history")
    if StepLog(one.path).rows != StepLog(other.path).rows:
        found.append("steps")
    if one.operating_point != other.operating_point:
        found.append("operating point")
    for which in ("last", "last-1", "best"):
        left, right = (load_checkpoint(run.checkpoint(which)) for run in (one, other))
        found += [
            f"{part} of {which}"
            for part in ("model", "fitted")
            if any(not torch.equal(left[part][key], right[part][key]) for key in left[part])
        ]
    return found


@pytest.fixture(scope="module")
def uninterrupted(tiny_config: Config, _own_workspace: None) -> Run:
    run = create_run(config(tiny_config), name="uninterrupted")
    finish(run)
    return run


@pytest.fixture(scope="module")
def seconds(tiny_config: Config, uninterrupted: Run) -> float:
    """How long a training takes when its data is prepared."""
    del uninterrupted
    begun = time.monotonic()
    finish(create_run(config(tiny_config)))
    return time.monotonic() - begun


@pytest.fixture
def chance() -> random.Random:
    return random.Random(0)  # noqa: S311 - moments, no secrets


def killed(run: Run, delay: float, *, epochs: int = 0, **environment: str) -> bool:
    """Start it and kill it a while after so many epochs; whether it was still training."""
    process = started(run, **environment)
    while len(run.history) < epochs and process.is_alive():
        time.sleep(0.002)
    process.join(delay)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL and run.operating_point is None


def test_killed_at_random_moments_it_ends_as_if_nothing_had_happened(
    tiny_config: Config, uninterrupted: Run, seconds: float, chance: random.Random
) -> None:
    """At any moment of all, or of an epoch: a start can take longer than all steps."""
    kills, with_progress = 0, 0
    while kills < times(30):
        run = create_run(config(tiny_config))
        for _ in range(3):
            done = chance.choice([0, len(run.history) + 1])
            if killed(run, chance.uniform(0, 0.1 if done else 0.8 * seconds), epochs=done):
                kills += 1
                with_progress += 0 < len(run.history) < EPOCHS
        finish(run)
        assert differences(run, uninterrupted) == []
        shutil.rmtree(run.path)
    assert with_progress > kills / 5, "most kills came before the first or after the last epoch"


def test_a_resume_that_forgets_the_optimizer_is_noticed(
    tiny_config: Config, uninterrupted: Run
) -> None:
    run = create_run(config(tiny_config))
    while not killed(run, 0, epochs=1):  # by its epochs: how fast the machine is changes
        shutil.rmtree(run.path)
        run = create_run(config(tiny_config))
    document = load_checkpoint(run.checkpoint("last"))
    document["optimizer"]["state"] = {}
    save_checkpoint(run.checkpoint("last"), document)
    finish(run)
    assert {"history", "steps", "model of last"} <= set(differences(run, uninterrupted))


def two_processes(run: Run, delay: float, victim: int | None) -> tuple[int | None, ...]:
    """Train with two processes as torchrun starts them; kill one after a while, then the other."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    team = [
        started(
            run,
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE="2",
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
        )
        for rank in range(2)
    ]
    team[0].join(delay)
    if victim is not None:
        team[victim].kill()
        team[victim].join()
        team[1 - victim].join(10)
        team[1 - victim].kill()
    for process in team:
        process.join()
    return tuple(process.exitcode for process in team)


def test_two_processes_killed_at_random_moments_end_as_if_nothing_had_happened(
    tiny_config: Config, seconds: float, chance: random.Random
) -> None:
    reference = create_run(config(tiny_config))
    begun = time.monotonic()
    assert two_processes(reference, 120, None) == (0, 0)
    seconds = time.monotonic() - begun
    kills = 0
    while kills < times(4):
        run = create_run(config(tiny_config))
        for victim in (0, 1):
            codes = two_processes(run, chance.uniform(0.2, 0.8) * seconds, victim)
            kills += codes[victim] == -signal.SIGKILL and run.operating_point is None
        assert two_processes(run, 120, None) == (0, 0)
        assert differences(run, reference) == []


def write_for_ever(folder: str, how: str) -> None:
    """Write checkpoint after checkpoint, each a little other, until killed."""
    path, weights = Path(folder) / "last.pt", torch.arange(300_000.0)
    for epoch in range(1, 10**9):
        state = {"weights": weights + epoch, "epoch": epoch}
        if how == "whole":
            save_checkpoint(path, state, keep=path.with_name("last-1.pt"))
        else:
            torch.save(state, path)


def kills_while_writing(folder: Path, how: str, chance: random.Random, count: int) -> int:
    """How often a writer that is killed leaves a checkpoint that cannot be read."""
    unreadable = 0
    for n in range(count):
        place = folder / str(n)
        place.mkdir()
        process = PROCESSES.Process(target=write_for_ever, args=(str(place), how))
        process.start()
        while not (place / "last.pt").exists():
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        try:
            if how == "whole":
                state = load_checkpoint(place / "last.pt")
            else:
                state = torch.load(place / "last.pt", weights_only=True)
            assert torch.equal(state["weights"], torch.arange(300_000.0) + state["epoch"])
        except (InputError, RuntimeError, EOFError, OSError):
            unreadable += 1
    return unreadable


def test_no_kill_while_writing_leaves_an_unreadable_checkpoint(
    tmp_path: Path, chance: random.Random
) -> None:
    assert kills_while_writing(tmp_path, "whole", chance, times(50)) == 0
    both = [place for place in tmp_path.iterdir() if (place / "last-1.pt").exists()]
    assert len(both) > times(50) / 4, "the one before was hardly ever there"
    for place in both:
        last, before = (load_checkpoint(place / f"{n}.pt")["epoch"] for n in ("last", "last-1"))
        assert before in (last - 1, last)


def test_writing_in_place_would_leave_unreadable_ones(
    tmp_path: Path, chance: random.Random
) -> None:
    assert kills_while_writing(tmp_path, "in place", chance, 15) > 0


def until_full(name: str, home: str, epoch: int, largest: int) -> None:
    """Train; after ``epoch`` epochs no file may grow beyond ``largest`` bytes."""
    os.environ["ISOLINE_HOME"] = home

    def fill(event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and event["epoch"] == epoch:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))

    train(open_run(name), report=fill)


LIMITS: tuple[float, ...] = (0, 0.99, 500, 0.5, 2000, 0.1, 100, 0.3, 0.7, 0.9)
"""Sizes at which writing stops: bytes within the small files, shares all along the checkpoint."""


@pytest.mark.parametrize("limit", LIMITS[: times(10, at_least=4)])
def test_a_full_disk_leaves_the_last_checkpoint_and_the_history(
    tiny_config: Config, uninterrupted: Run, limit: float
) -> None:
    share = uninterrupted.checkpoint("last").stat().st_size if 0 < limit < 1 else 1
    run = create_run(config(tiny_config))
    arguments = (run.name, os.environ["ISOLINE_HOME"], 2, int(limit * share))
    process = PROCESSES.Process(target=until_full, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode == 1, "it did not notice"
    assert run.status["state"] in ("failed", "lost")
    document, file, fault = load_first_whole([run.checkpoint("last"), run.checkpoint("last-1")])
    assert (file.name, fault) == ("last.pt", "")
    assert document["epoch"] >= 2
    assert history(run)[:2] == history(uninterrupted)[:2]
    finish(run)
    assert differences(run, uninterrupted) == []


def test_flipped_bytes_are_refused_and_the_checkpoint_before_is_used(
    uninterrupted: Run, tmp_path: Path, chance: random.Random
) -> None:
    last, before = tmp_path / "last.pt", uninterrupted.checkpoint("last-1")
    content = uninterrupted.checkpoint("last").read_bytes()
    for _ in range(times(100)):
        spoilt = bytearray(content)
        place = chance.randrange(len(content))
        spoilt[place] ^= 1 << chance.randrange(8)
        last.write_bytes(spoilt)
        document, file, fault = load_first_whole([last, before])
        assert (document["epoch"], file) == (EPOCHS - 1, before)
        assert "damaged" in fault or "not a checkpoint" in fault
    last.write_bytes(content)
    assert load_first_whole([last, before])[1:] == (last, "")


def test_a_run_with_a_damaged_checkpoint_goes_on_from_the_one_before_and_says_so(
    tiny_config: Config, uninterrupted: Run, chance: random.Random
) -> None:
    run = create_run(config(tiny_config))
    shutil.copytree(uninterrupted.path, run.path, dirs_exist_ok=True)
    (run.path / "operating_point.json").unlink()
    content = bytearray(run.checkpoint("last").read_bytes())
    content[chance.randrange(len(content))] ^= 1
    run.checkpoint("last").write_bytes(content)
    events: list[dict[str, Any]] = []
    train(run, report=events.append)
    said = [event["text"] for event in events if event["event"] == "note"]
    assert any("continuing from last-1.pt, one epoch earlier" in text for text in said)
    assert any("damaged" in text for text in run.status["notes"])
    assert [e["epoch"] for e in events if e["event"] == "epoch"] == [EPOCHS]
    assert differences(run, uninterrupted) == []
    assert run.checkpoint("damaged").read_bytes() == content, "kept to be examined, never used"
    for which in ("last", "last-1"):
        run.checkpoint(which).write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"last\.pt: not a checkpoint"):
        train(run)
