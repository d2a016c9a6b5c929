"""All runs as rows: as fresh as the folders, fast from the second look on, filtered."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from core.config import RunConfig
from core.runs import CREATED, Run, create_run, list_runs
from core.runs.table import choose_rows, run_table
from core.runs.trash import delete_run
from core.system.files import read_json, write_json

CONFIG = RunConfig(dataset="phantoms", model_options={"base_filters": 4})

pytestmark = pytest.mark.usefixtures("home")


def row(epoch: int, dice: float = 0.5) -> dict[str, float]:
    return {"epoch": epoch, "val_dice": dice, "val_loss": 0.3, "seconds": 2.0}


def fresh() -> list[dict[str, object]]:
    """What the rows are without anything kept."""
    return [run.summary() for run in list_runs()]


def aged(run: Run, seconds: int) -> Run:
    write_json(run.path / CREATED, {"created": seconds})
    return run


def test_the_table_follows_every_change_of_a_run(home: Path) -> None:
    one, two = aged(create_run(CONFIG, name="one"), 2), aged(create_run(CONFIG, name="two"), 1)
    assert [r["name"] for r in run_table()] == ["one", "two"]
    assert (home / "runs-index.json").exists()
    for change in (
        lambda: one.save_history([row(1)]),
        lambda: one.save_history([row(1), row(2, 0.7)]),
        lambda: two.say_about(starred=True, tags=("good",)),
        lambda: one.save_status("finished"),
        lambda: two.queue("000001"),
        two.leave_queue,
        lambda: aged(create_run(CONFIG, name="three"), 3),
        lambda: delete_run(one),
    ):
        change()
        assert run_table() == fresh()
    assert [r["name"] for r in run_table()] == ["three", "two"]


def test_a_run_that_is_killed_is_lost_at_the_next_look() -> None:
    run = create_run(CONFIG, name="one")
    trains = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run.save_status("running", process=psutil.Process(trains.pid))
    assert run_table()[0]["state"] == "running"
    trains.kill()
    trains.communicate()
    killed = time.monotonic()
    assert run_table()[0]["state"] == "lost"
    assert time.monotonic() - killed < 10
    run.save_status("running")
    assert run_table()[0]["state"] == "running"


def test_rows_come_from_the_index_where_nothing_changed(home: Path) -> None:
    for n in range(3):
        create_run(CONFIG, name=f"run-{n}").save_history([row(1)])
    run_table()
    index = home / "runs-index.json"
    document = read_json(index)
    assert document["rows"].keys() == {"run-0", "run-1", "run-2"}
    document["rows"]["run-1"][1]["note"] = "from the index"
    index.write_text(json.dumps(document))
    assert {r["name"]: r["note"] for r in run_table()}["run-1"] == "from the index"
    Run(home / "runs" / "run-1").save_history([row(1), row(2)])
    assert {r["name"]: r["note"] for r in run_table()}["run-1"] == ""


@pytest.mark.parametrize("content", ["", "[]", '{"version": 0, "rows": {}}', '{"rows": 3}'])
def test_an_index_of_another_time_is_made_anew(home: Path, content: str) -> None:
    create_run(CONFIG, name="one")
    (home / "runs-index.json").write_text(content)
    assert run_table() == fresh()
    assert read_json(home / "runs-index.json")["rows"].keys() == {"one"}


def test_no_workspace_is_an_empty_table(home: Path) -> None:
    assert run_table() == []
    home.rmdir()
    assert run_table() == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {"one", "two", "three"}),
        ({"model": "unetpp"}, {"two"}),
        ({"dataset": "phantoms", "state": "new"}, {"one", "two"}),
        ({"tag": "good"}, {"one", "three"}),
        ({"starred": True}, {"three"}),
        ({"group": "rates"}, {"two"}),
        ({"text": "GOOD one"}, {"one"}),
        ({"text": "slow"}, {"two"}),
        ({"tag": "goo"}, set()),
    ],
)
def test_rows_are_chosen_by_all_that_is_asked(
    filters: dict[str, object], expected: set[str]
) -> None:
    create_run(CONFIG, name="one").say_about(tags=("good",))
    two = create_run(RunConfig(dataset="phantoms", model="unetpp"), name="two")
    two.say_about(group="rates", note="a slow one")
    three = create_run(CONFIG, name="three")
    three.say_about(tags=("good",), starred=True)
    three.save_status("finished")
    found = choose_rows(run_table(), **filters)  # type: ignore[arg-type]
    assert {row["name"] for row in found} == expected
