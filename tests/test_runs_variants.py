"""Runs made from runs, what is reported of them, the trash, and the facts of a start."""

import re
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import __main__
from core.config import AugmentationConfig, RunConfig
from core.errors import InputError
from core.runs import About, create_run, list_runs, open_run
from core.runs.facts import git_state, machine_facts, record_facts
from core.runs.trash import delete_run, empty_trash, list_trash, restore_run, trash_folder
from core.runs.variants import duplicate, grid, parse_values, reproduction

CONFIG = RunConfig(dataset="phantoms", model_options={"base_filters": 4})


@pytest.fixture(autouse=True)
def _service(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is queued stays in the queue."""
    del home
    monkeypatch.setenv("ISOLINE_WORKER", "service")


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """``call("runs", "list")``: exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["core", *words])
        code = __main__.main()
        return (code, *capsys.readouterr())

    return run


def test_what_is_said_of_a_run_is_kept() -> None:
    run = create_run(CONFIG)
    assert run.about == About()
    run.say_about(tags=("a", " b ", "a"), note="two\nlines")
    assert run.say_about(starred=True) == open_run(run.name).about
    assert run.about == About(tags=("a", "b"), note="two\nlines", starred=True)
    for tag in ("", "a,b", "x" * 51):
        with pytest.raises(InputError, match="a tag is 1 to 50 characters without a comma"):
            run.say_about(tags=(tag,))


def test_a_deleted_run_comes_back_as_it_was() -> None:
    run = create_run(CONFIG, name="one")
    run.say_about(note="dear")
    before = sorted(path.name for path in run.path.rglob("*"))
    delete_run(run)
    assert list_runs() == []
    assert [name for name, _ in list_trash()] == ["one"]
    assert sorted(path.name for path in restore_run("one").path.rglob("*")) == before
    assert open_run("one").about.note == "dear"
    assert list_trash() == []
    with pytest.raises(InputError, match="no run named 'one' in the trash"):
        restore_run("one")


def test_of_two_runs_of_one_name_the_last_comes_back_and_never_over_another() -> None:
    for note in ("first", "second"):
        run = create_run(CONFIG, name="one")
        run.say_about(note=note)
        delete_run(run)
    create_run(CONFIG, name="one")
    with pytest.raises(InputError, match="there is a run named 'one' again"):
        restore_run("one")
    delete_run(open_run("one"))
    assert restore_run("one").about.note == ""
    delete_run(open_run("one"))
    assert len(list_trash()) == 3


def test_the_trash_is_emptied_after_a_month_and_not_before() -> None:
    for name, days in (("old", 31), ("young", 29)):
        delete_run(create_run(CONFIG, name=name))
        (entry,) = trash_folder().glob(f"*-{name}")
        entry.rename(trash_folder() / f"{time.time_ns() - days * 86_400 * 10**9}-{name}")
    (trash_folder() / "stray-file").mkdir()
    delete_run(create_run(CONFIG, name="new"))
    assert [name for name, _ in list_trash()] == ["new", "young"]
    assert empty_trash() == 2
    assert (trash_folder() / "stray-file").exists(), "not ours"


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_under_way_is_not_deleted(state: str) -> None:
    run = create_run(CONFIG, name="one")
    run.save_status(state)
    with pytest.raises(InputError, match="run one is under way; stop it before"):
        delete_run(run)
    assert run.path.exists()


def test_a_copy_has_the_settings_but_for_the_changes() -> None:
    run = create_run(CONFIG, name="one")
    run.say_about(tags=("a",), note="mine", starred=True)
    copy = duplicate(run, {"epochs": 7, "depth": 3, "loss.smooth": 0.25, "loss": "bce_dice"})
    config = copy.config
    assert (config.epochs, config.model_options) == (7, {"base_filters": 4, "depth": 3})
    assert (config.loss, config.loss_options) == ("bce_dice", {"smooth": 0.25})
    assert copy.about == About(tags=("a",), parent="one")
    assert duplicate(run, {"model": "unetpp"}).config.model_options == {}
    assert duplicate(run, {}).config == run.config
    with pytest.raises(InputError, match="unknown setting 'warp'"):
        duplicate(run, {"warp": 9})
    assert len(list_runs()) == 4


def test_a_sweep_is_every_combination_under_one_name() -> None:
    made = grid(CONFIG, {"learning_rate": [1e-3, 1e-4], "seed": [0, 1, 2]}, group="rates")
    assert [run.name for run in made] == [f"rates-{n}" for n in range(1, 7)]
    assert [(run.config.learning_rate, run.config.seed) for run in made] == [
        (rate, seed) for rate in (1e-3, 1e-4) for seed in (0, 1, 2)
    ]
    assert {run.about.group for run in made} == {"rates"}
    assert made[3].about.note == "learning_rate=0.0001, seed=0"
    assert all(run.status["state"] == "new" for run in made)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"learning_rate": [1e-3, -1]}, "learning_rate must be above 0"),
        ({"seed": [0], "warp": [1]}, "unknown setting 'warp'"),
        ({}, "needs values for a setting"),
        ({"seed": []}, "needs values for seed"),
        ({"seed": list(range(501))}, "501 combinations are more than the 500"),
    ],
)
def test_a_sweep_with_one_bad_value_makes_no_run(values: dict[str, list[Any]], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        grid(CONFIG, values, group="rates")
    assert list_runs() == []


def test_a_sweep_never_mixes_with_one_that_is_there() -> None:
    grid(CONFIG, {"seed": [0, 1]}, group="seeds")
    with pytest.raises(InputError, match="there is a run named 'seeds-1' already"):
        grid(CONFIG, {"seed": [2, 3]}, group="seeds")
    assert len(list_runs()) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seed=0,1", ("seed", [0, 1])),
        ("loss=bce,dice", ("loss", ["bce", "dice"])),
        ("size=None,64", ("size", [None, 64])),
        ("x=[1,2],[3]", ("x", [[1, 2], [3]])),
    ],
)
def test_values_of_a_sweep_are_read_from_the_command_line(
    text: str, expected: tuple[str, list[Any]]
) -> None:
    assert parse_values(text) == expected
    with pytest.raises(InputError, match="--over takes key=value,value"):
        parse_values(text.partition("=")[0])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"size": 64, "tile": None, "epochs": 3, "optimizer": "sgd", "augment": False},
        {"model_options": {"base_filters": 4, "depth": 2, "normalization": "none"}},
        {"loss": "bce_dice", "loss_options": {"smooth": 0.25}, "seed": 7},
        {"augmentation": AugmentationConfig(flips=False, noise=0.125, elastic_px=0.0)},
    ],
)
def test_the_command_of_a_run_makes_a_run_with_the_same_settings(
    call: Callable[..., tuple[int, str, str]], sections: Path, changes: dict[str, Any]
) -> None:
    config = RunConfig(dataset="isbi2012", data=str(sections), **changes)
    words = shlex.split(reproduction(config))
    assert words[:4] == ["python", "-m", "core", "train"]
    code, _, err = call(*words[3:], "--name", "again", "--queue")
    assert code == 0, err
    assert open_run("again").config == config


def test_the_facts_of_every_start_are_kept() -> None:
    run = create_run(CONFIG)
    assert run.facts == {}
    record_facts(run, data_sha256="ab" * 32, split_hash="cd" * 32)
    first = run.facts
    run.save_history([{"epoch": 1, "val_dice": 0.5, "val_loss": 1.0, "seconds": 1.0}])
    record_facts(run, data_sha256="other", split_hash="other")
    assert run.facts["data_sha256"] == first["data_sha256"] == "ab" * 32
    assert [start["epochs_done"] for start in run.facts["starts"]] == [0, 1]
    import torch

    machine = machine_facts()
    assert machine["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert machine["threads"] == torch.get_num_threads()
    assert machine["memory_bytes"] > 2**30
    assert machine["processor"]
    git = git_state()
    assert git is None or re.fullmatch("[0-9a-f]{40}", git["commit"])


def test_the_commands(call: Callable[..., tuple[int, str, str]]) -> None:
    create_run(CONFIG, name="one")
    for words, expected in (
        (["runs", "about", "one", "--tag", "good", "--star", "--note", "dear"], "good"),
        (["runs", "list", "--tag", "good", "--starred", "--text", "dear"], "one"),
        (["runs", "list", "--tag", "bad"], "no run is like that"),
        (["runs", "about", "one", "--untag", "good", "--unstar"], "dear"),
        (["runs", "command", "one"], "train --dataset phantoms"),
        (["runs", "show", "one"], '"command"'),
        (["runs", "duplicate", "one", "--set", "epochs=3", "--name", "two", "--queue"], "job 0000"),
        (["runs", "grid", "one", "--over", "seed=1,2", "--name", "s", "--queue"], "s-2"),
        (["jobs", "list"], "s-1"),
        (["jobs", "show", "s-2"], "queued"),
        (["jobs", "cancel", "s-2"], "cancelled"),
        (["jobs", "retry", "s-2"], "job 000004"),
        (["runs", "delete", "one"], "runs restore one"),
        (["runs", "trash"], "one"),
        (["runs", "restore", "one"], "one"),
    ):
        code, out, err = call(*words)
        assert (code, err) == (0, ""), words
        assert expected in out, words
    assert call("runs", "delete", "two")[0] == 2
    assert open_run("one").about == About(note="dear")
    code, _, err = call("runs", "sync")
    assert (code, "tracking is switched off" in err) == (2, True)
