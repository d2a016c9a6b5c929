"""Run folders: names that lead nowhere else, states that tell the truth, lists in order."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from core.config import RunConfig
from core.data.splits import Split
from core.errors import InputError
from core.runs import CREATED, check_name, create_run, list_runs, open_run, runs_folder
from core.system.files import write_json
from core.threshold.operating_point import OperatingPoint

CONFIG = RunConfig(dataset="phantoms", model_options={"base_filters": 4})

pytestmark = pytest.mark.usefixtures("home")


def row(epoch: int, *, dice: float, loss: float) -> dict[str, float]:
    return {"epoch": epoch, "val_dice": dice, "val_loss": loss, "seconds": 2.0}


@pytest.mark.parametrize("name", ["a", "run-1", "3.5_b", "A" * 100, "v1..2"])
def test_a_plain_name_is_taken_as_it_is(name: str) -> None:
    run = create_run(CONFIG, name=name)
    assert run.path == runs_folder() / name
    assert open_run(name).config == CONFIG
    assert {entry.name for entry in run.path.iterdir()} == {
        "checkpoints",
        "config.json",
        "created.json",
        "evaluation",
        "samples",
    }


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        ".hidden",
        "-x",
        "_x",
        "a/b",
        "../x",
        "/x",
        "a b",
        "a\n",
        "ä",
        "A" * 101,
        "a\\b",
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str, home: Path) -> None:
    with pytest.raises(InputError, match="must be at most 100 letters, digits"):
        create_run(CONFIG, name=name)
    with pytest.raises(InputError, match=r"no run named [\s\S]*; see: python -m core runs list"):
        open_run(name)
    with pytest.raises(InputError, match="model name"):
        check_name("model", name)
    assert not (home / "runs").exists() or list((home / "runs").iterdir()) == []


def test_a_name_that_is_taken_is_refused_with_both_ways_on() -> None:
    create_run(CONFIG, name="twice")
    with pytest.raises(
        InputError, match=r"choose another --name, or continue with it: .* resume twice"
    ):
        create_run(CONFIG, name="twice")


def test_runs_without_a_name_never_collide() -> None:
    names = [create_run(CONFIG).name for _ in range(5)]
    assert len(set(names)) == 5
    assert all(name.startswith("phantoms-unet-20") for name in names)


def test_a_folder_without_a_config_is_no_run(home: Path) -> None:
    (home / "runs" / "stray").mkdir(parents=True)
    assert list_runs() == []
    with pytest.raises(InputError, match="no run named 'stray'"):
        open_run("stray")


def test_runs_are_listed_newest_first() -> None:
    for n, name in enumerate(["b", "c", "a"]):
        write_json(create_run(CONFIG, name=name).path / CREATED, {"created": n})
    assert [run.name for run in list_runs()] == ["a", "c", "b"]


def test_when_a_run_was_made_stays_as_it_was() -> None:
    before = time.time()
    run = create_run(CONFIG, name="first")
    made = run.created
    assert before <= made <= time.time()
    os.utime(run.path / "config.json", (2e9, 2e9))  # as a copy of the workspace does
    run.save_config(replace(CONFIG, epochs=99))
    assert run.config.epochs == 99
    assert run.created == run.summary()["started"] == made
    create_run(CONFIG, name="second")
    run.save_config(replace(CONFIG, epochs=100))
    assert [one.name for one in list_runs()] == ["second", "first"]


@pytest.mark.parametrize("damage", [None, "{", "{}", '{"created": null}'])
def test_an_older_run_keeps_the_earliest_known_time(damage: str | None) -> None:
    run = create_run(CONFIG, name="older")
    (run.path / CREATED).unlink()
    if damage is not None:
        (run.path / CREATED).write_text(damage)
    for file, seconds in (("config.json", 300), ("split.json", 200)):
        (run.path / file).touch()
        os.utime(run.path / file, (seconds, seconds))
    assert run.created == 200
    write_json(run.path / "facts.json", {"starts": [{"time": 100.0}, {"time": 400.0}]})
    assert run.created == 100
    if damage is None:
        run.save_config(CONFIG)
        assert json.loads((run.path / CREATED).read_text()) == {"created": 100.0}


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("config.json", '{"dataset": "phantoms", "warp": 9}', "unknown setting 'warp'"),
        ("config.json", '{"dataset"', "not valid JSON"),
        ("status.json", "", "not valid JSON"),
    ],
)
def test_a_run_of_another_version_or_damaged_spoils_its_own_row_alone(
    file: str, content: str, reason: str
) -> None:
    good, bad = create_run(CONFIG, name="good"), create_run(CONFIG, name="bad")
    (bad.path / file).write_text(content)
    rows = {run.name: run.summary() for run in list_runs()}
    assert rows["bad"]["state"] == "unreadable"
    assert reason in rows["bad"]["reason"]
    assert rows["good"]["state"] == "new"
    assert rows["bad"].keys() == good.summary().keys()


def test_no_workspace_is_no_runs() -> None:
    assert list_runs() == []


def test_a_run_under_way_is_running_and_names_its_process() -> None:
    run = create_run(CONFIG)
    assert run.status == {"state": "new"}
    run.save_status("running", epoch=3)
    assert run.status["state"] == "running"
    assert run.status["epoch"] == 3
    process = run.process()
    assert process is not None
    assert process.pid == os.getpid()
    run.save_status("finished")
    assert run.status["state"] == "finished"
    assert run.process() is None


@pytest.mark.parametrize("state", ["starting", "running"])
def test_a_run_whose_process_is_gone_is_lost(state: str) -> None:
    run = create_run(CONFIG, name="gone")
    ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run.save_status(state, process=psutil.Process(ended.pid))
    assert run.status["state"] == state
    ended.communicate(b"\n")
    assert run.status["state"] == "lost"
    assert "continue with: python -m core resume gone" in run.status["reason"]
    assert run.process() is None
    assert run.summary()["state"] == "lost"


def test_a_process_that_ended_but_was_not_waited_for_is_gone() -> None:
    run = create_run(CONFIG)
    zombie = subprocess.Popen([sys.executable, "-c", "pass"])
    run.save_status("running", process=psutil.Process(zombie.pid))
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    assert run.status["state"] == "lost"
    zombie.wait()


def test_another_process_with_the_same_number_does_not_count() -> None:
    run = create_run(CONFIG)
    run.save_status("running")
    file = run.path / "status.json"
    status = json.loads(file.read_text())
    assert status["pid"] == os.getpid()
    file.write_text(json.dumps({**status, "start_ticks": status["start_ticks"] - 100}))
    assert run.status["state"] == "lost"


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_a_run_that_ended_is_never_lost(state: str) -> None:
    run = create_run(CONFIG)
    run.save_status(state, reason="so it was")
    status = json.loads((run.path / "status.json").read_text())
    (run.path / "status.json").write_text(json.dumps({**status, "pid": 2**22 + 1}))
    assert run.status["state"] == state


def test_history_survives_a_line_that_was_cut_off() -> None:
    run = create_run(CONFIG)
    assert run.history == []
    rows = [row(1, dice=0.5, loss=0.7), row(2, dice=0.6, loss=0.8)]
    run.save_history(rows)
    assert run.history == rows
    with (run.path / "history.jsonl").open("a") as file:
        file.write('{"epoch": 3, "va')
    assert run.history == rows


@pytest.mark.parametrize(("monitor", "best", "dice"), [("dice", 2, 0.6), ("loss", 1, 0.5)])
def test_the_summary_shows_the_epoch_whose_checkpoint_is_kept(
    monitor: str, best: int, dice: float
) -> None:
    run = create_run(RunConfig(dataset="phantoms", monitor=monitor, epochs=9), name="one")
    run.save_history(
        [row(1, dice=0.5, loss=0.1), row(2, dice=0.6, loss=0.8), row(3, dice=0.6, loss=0.1)]
    )
    summary = run.summary()
    assert (summary["best_epoch"], summary["val_dice"]) == (best, dice)
    assert (summary["epochs_done"], summary["epochs"], summary["seconds"]) == (3, 9, 6)
    assert (summary["name"], summary["state"], summary["dataset"]) == ("one", "new", "phantoms")


def test_a_new_run_has_a_summary() -> None:
    summary = create_run(CONFIG).summary()
    assert summary["val_dice"] is None
    assert summary["best_epoch"] is None
    assert summary["epochs_done"] == 0


def test_split_operating_point_and_evaluation_survive_their_files() -> None:
    run = create_run(CONFIG)
    split = Split(train=("a",), val=("b",), test=("c",), method="manually")
    run.save_split(split)
    assert run.split == split
    assert open_run(run.name).operating_point is None
    point = OperatingPoint(
        threshold=0.412,
        rule="dice",
        name="Best Dice on validation",
        value=0.9,
        dataset="phantoms",
        split="val",
        split_hash=split.hash,
        n_images=1,
    )
    run.save_operating_point(point)
    assert run.operating_point == point
    assert point.k == 412
    assert run.evaluation("val") is None
    run.save_evaluation({"split": "val", "pooled": {"dice": 0.5}})
    assert run.evaluation("val") == {"split": "val", "pooled": {"dice": 0.5}}


def test_an_edited_split_is_noticed() -> None:
    run = create_run(CONFIG)
    run.save_split(Split(train=("a",), val=("b",), test=("c",), method=""))
    file = run.path / "split.json"
    file.write_text(file.read_text().replace('"c"', '"d"'))
    with pytest.raises(InputError, match="do not fit its recorded hash"):
        _ = run.split
