"""The command line: fast, one JSON document on stdout, and one line for what went wrong."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tifffile
from PIL import Image as Pillow

from core.__main__ import main
from core.data.datasets.isbi2012 import IMAGES
from core.metrics.overlap import METRICS
from core.networks import MODELS
from core.runs import Run, list_runs

ROOT = Path(__file__).parents[1]
SMALL = ("base_filters=4", "depth=2", "epochs=2", "batch_size=5", "learning_rate=0.01")


class Answer:
    """What a command returned and printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        assert self.code == 0, self.err
        return json.loads(self.out)


Call = Callable[..., Answer]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """``call("models", "list")``: the command line in this process."""

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["core", *map(str, arguments)])
        code = main()
        return Answer(code, *capsys.readouterr())

    return run


def in_a_process(*arguments: object) -> Answer:
    ended = subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return Answer(ended.returncode, ended.stdout, ended.stderr)


def settings(*pairs: str) -> list[str]:
    return [part for pair in pairs for part in ("--set", pair)]


@pytest.fixture
def picture(sections: Path, tmp_path: Path) -> Path:
    path = tmp_path / "cell.png"
    Pillow.fromarray(tifffile.imread(sections / IMAGES)[12]).save(path)
    return path


def test_help_is_fast_and_loads_no_torch() -> None:
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        answer = in_a_process("--help")
        taken.append(time.perf_counter() - started)
        assert answer.code == 0
        assert answer.err == ""
    assert "Research use only" in " ".join(answer.out.split())
    assert statistics.median(taken) < 0.5
    probe = (
        "import sys; sys.argv = ['core', '--help']\n"
        "from core.__main__ import main\n"
        "main(); print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "False False"


@pytest.mark.parametrize("command", [(), ("datasets",), ("models",), ("runs",)])
def test_no_command_shows_the_help_as_it_is_laid_out(call: Call, command: tuple[str, ...]) -> None:
    answer = call(*command)
    assert answer.code == 2
    assert answer.out == ""
    assert "Usage: " in answer.err
    assert "\nCommands:\n" in answer.err


def test_models_list(call: Call) -> None:
    rows = call("models", "list", "--json").document
    assert [row["name"] for row in rows] == list(MODELS)
    for row in rows:
        assert {"title", "paper", "arxiv"} <= row.keys()
        assert type(row["parameters"]) is type(row["parameters_keras"]) is int
    assert rows[0]["parameters_keras"] == 31_054_145
    assert "31,042,369" in call("models", "list").out


def test_datasets_list_and_split(call: Call, sections: Path) -> None:
    assert "isbi2012" in {row["name"] for row in call("datasets", "list", "--json").document}
    split = call("datasets", "split", "isbi2012", "--data", sections, "--json").document
    assert [len(split[part]) for part in ("train", "val", "test")] == [10, 2, 3]
    assert split["hash"] in call("datasets", "split", "isbi2012", "--data", sections).out


def test_training_prints_one_document_and_its_progress_elsewhere(sections: Path) -> None:
    answer = in_a_process(
        "train", "--dataset", "isbi2012", "--data", sections, "--name", "by-hand", "--json",
        *settings(*SMALL, "augmentation.zoom=0.2"),
    )  # fmt: skip
    document = answer.document
    assert document.keys() >= {
        "run",
        "epochs",
        "best_epoch",
        "best",
        "seconds",
        "images_per_second",
        "checkpoint",
    }
    assert (document["run"], document["epochs"]) == ("by-hand", 2)
    assert Path(document["checkpoint"]).exists()
    lines = answer.err.splitlines()
    assert [line[:9] for line in lines] == ["a step ne", "epoch 1/2", "epoch 2/2"]
    assert "images/s" in lines[1]


def test_a_run_is_shown_resumed_and_tuned(call: Call, finished_run: Run) -> None:
    rows = call("runs", "list", "--json").document
    assert {"name": "finished", "state": "finished"}.items() <= {
        key: value for row in rows if row["name"] == "finished" for key, value in row.items()
    }.items()
    shown = call("runs", "show", "finished", "--json").document
    assert shown["config"]["dataset"] == "isbi2012"
    assert len(shown["history"]) == 2
    assert call("resume", "finished", "--json").document["epochs"] == 2
    point = call("tune", "finished", "--rule", "f2", "--json").document
    assert point["name"] == "Best F2 on validation"
    again = call("tune", "finished", "--rule", "dice", "--json").document
    assert finished_run.operating_point is not None
    assert again == finished_run.operating_point.document()


def test_evaluation_keeps_its_promised_keys(call: Call, finished_run: Run) -> None:
    document = call("evaluate", "--run", "finished", "--split", "test", "--json").document
    assert document.keys() >= {
        "model",
        "dataset",
        "split",
        "n_images",
        "n_patients",
        "threshold",
        "threshold_source",
        "resolution",
        "empties",
        "pooled",
        "per_image",
        "conventions",
    }
    assert set(document["pooled"]) == set(document["per_image"]) == set(METRICS)
    spread = document["per_image"]["dice"]
    assert spread.keys() >= {"mean", "median", "ci95"}
    assert len(spread["ci95"]) == 2
    assert finished_run.evaluation("test") == document
    text = call("evaluate", "--run", "finished", "--split", "test").out
    assert f"Dice pooled {document['pooled']['dice']:.4f}" in text


@pytest.mark.usefixtures("finished_run")
def test_a_prediction_from_a_run_and_from_what_it_was_promoted_to(
    call: Call, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path / "weights"))
    answer = call("predict", "--run", "finished", picture, "--out", tmp_path / "a", "--json")
    (row,) = answer.document
    assert row.keys() >= {"input", "mask", "threshold", "foreground_px", "area_mm2", "components"}
    assert Path(row["mask"]).exists()
    assert answer.err.strip() == str(picture)
    promoted = call("promote", "finished", "--as", "tiny", "--json").document
    assert promoted["weights"] == "tiny"
    options = ("--weights", "tiny", picture, "--out", tmp_path / "b", "--threshold", "0.5")
    (other,) = call("predict", *options, "--json").document
    assert other["threshold"] == 0.5


WRONG: dict[str, tuple[str, str]] = {
    "data set": ("train --dataset cats", "unknown data set 'cats'; choose one of phantoms,"),
    "model": (
        "train --dataset phantoms --model nonet",
        "unknown model 'nonet'; choose one of unet",
    ),
    "setting": ("train --dataset phantoms --set epoch=3", "unknown setting 'epoch'; choose one of"),
    "value": (
        "train --dataset phantoms --set epochs=many",
        "epochs takes a whole number, found 'many'",
    ),
    "number": ("train --dataset phantoms --set learning_rate=NaN", "learning_rate must be a num"),
    "no equals": ("train --dataset phantoms --set epochs", "--set takes key=value, found 'epochs'"),
    "loss": ("train --dataset phantoms --set loss=dise", "unknown loss 'dise'; choose one of bce"),
    "option": ("train --dataset phantoms --set depth=99", "a depth from 1 to 8, found 64 and 99"),
    "no data": ("train --dataset isbi2012", "isbi2012 needs --data PATH: a folder with train-vol"),
    "folder": ("train --dataset isbi2012 --data {tmp}/none", "/none: no such folder; expected a"),
    "run name": ("train --dataset phantoms --name a/b", "run name 'a/b' must be"),
    "no data set": ("train", "with --dataset, or an experiment with --preset"),
    "no such command": ("trian", "No such command 'trian'"),
    "no such flag": ("models list --yaml", "No such option"),
    "missing run": ("resume nobody", "no run named 'nobody'; see: python -m core runs list"),
    "show": ("runs show nobody", "no run named 'nobody'"),
    "rule": ("tune finished --rule dise", "unknown rule 'dise'; choose one of dice, iou, f<beta>"),
    "split": ("evaluate --run finished --split tset", "unknown split 'tset'; choose one of train"),
    "neither": ("evaluate --split val", "give either --run RUN or --weights NAME"),
    "both": ("evaluate --run a --weights b --split val", "give either --run RUN or --weights NAME"),
    "weights": ("evaluate --weights huge --split val", "no shipped model 'huge'"),
    "no image": ("predict --run finished {text} --out {tmp}/out", "notes.txt"),
    "missing image": ("predict --run finished {tmp}/no.png --out {tmp}/out", "no.png"),
    "threshold": (
        "predict --run finished {png} --out {tmp}/out --threshold 0.0005",
        "threshold 0.0005 is not on the grid; give a number from 0 to 1 in steps of 0.001",
    ),
    "far threshold": (
        "predict --run finished {png} --out {tmp}/out --threshold 1e308",
        "is not on the grid",
    ),
    "no number": (
        "predict --run finished {png} --out {tmp}/out --threshold half",
        "Invalid value for '--threshold'",
    ),
    "out is a file": ("predict --run finished {png} --out {text}", "a file is in the way"),
    "promote": ("promote nobody --as x", "no run named 'nobody'"),
    "promote to nowhere": ("promote finished --as ../x", "model name '../x' must be"),
}


@pytest.mark.usefixtures("finished_run")
@pytest.mark.parametrize(("command", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_line_and_exit_code_two(
    call: Call, picture: Path, tmp_path: Path, command: str, message: str
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not an image")
    before = {run.name for run in list_runs()}
    words = [word.format(tmp=tmp_path, png=picture, text=text) for word in command.split()]
    for extra in ([], ["--json"]):
        answer = call(*words, *extra)
        assert answer.code == 2
        assert answer.out == ""
        assert answer.err.startswith("error: ")
        assert answer.err.count("\n") == 1
        assert answer.err.endswith("\n")
        assert message in answer.err
    assert {run.name for run in list_runs()} == before, "a refusal leaves no run behind"


def test_wrong_input_in_a_process_shows_no_traceback() -> None:
    answer = in_a_process("resume", "nobody")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "error: no run named 'nobody'; see: python -m core runs list\n"


def test_a_fault_of_ours_is_not_the_persons(monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    def broken() -> list[Run]:
        raise RuntimeError("a bug")

    monkeypatch.setattr("core.runs.table.run_table", broken)
    with pytest.raises(RuntimeError, match="a bug"):  # a traceback and exit code 1
        call("runs", "list")


@pytest.mark.usefixtures("home")
def test_no_runs_yet_says_how_to_start(call: Call) -> None:
    assert call("runs", "list", "--json").document == []
    assert "no runs yet; start one: python -m core train" in call("runs", "list").out
