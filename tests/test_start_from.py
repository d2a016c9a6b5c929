"""Beginning with the weights of a shipped model or a run: what is taken over, what is refused."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.__main__ import main
from core.config import RunConfig
from core.data import DATASETS
from core.errors import InputError
from core.models import load_run, stored_run, weights_folder
from core.promotion.promote import promote
from core.runs import Run, create_run, jobs, open_run
from core.training.initial_weights import (
    beginning_with,
    check_start,
    source_of,
    start_from,
    startable,
)
from core.training.loop import Stopped, train
from tests.pages import press, run_page, texts
from tests.shapes import Shapes

pytestmark = pytest.mark.usefixtures("home")

TINY = RunConfig(
    dataset="phantoms_membranes",
    model_options={"base_filters": 2, "depth": 2},
    tile=64,
    epochs=1,
    learning_rate=1e-9,  # what a run begins with is then what it ends with
    samples_every=0,
)


@pytest.fixture(autouse=True)
def own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path / "weights"))


def trained(name: str, **changes: Any) -> Run:
    run = create_run(replace(TINY, **changes), name=name)
    train(run)
    return run


def kernels(run: Run) -> dict[str, torch.Tensor]:
    return {key: value for key, value in stored_run(run).state.items() if value.ndim == 4}


def near(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.allclose(one[key], other[key], atol=1e-3) for key in one)


def test_a_run_begins_with_the_weights_of_another_and_says_so() -> None:
    first = trained("first", seed=1)
    plain, second = trained("plain", seed=2), trained("second", seed=2, start_from="first")
    assert near(kernels(second), kernels(first))
    assert not near(kernels(plain), kernels(first))
    origin = json.loads((second.path / "started_from.json").read_text())
    assert (origin["name"], origin["dataset"], origin["started_from"]) == (
        "first",
        "phantoms_membranes",
        None,
    )
    assert origin["sha256"] == stored_run(first).digest
    assert origin["images"] == len(first.split.train)
    assert not (plain.path / "started_from.json").exists()


def test_a_run_that_was_stopped_goes_on_from_its_own_weights() -> None:
    trained("first", seed=1)
    whole = trained("whole", start_from="first", epochs=2, learning_rate=0.01)
    parts = create_run(
        replace(TINY, start_from="first", epochs=2, learning_rate=0.01), name="parts"
    )

    def stop_after_the_first(event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and event["epoch"] == 1:
            raise Stopped

    with pytest.raises(Stopped):
        train(parts, report=stop_after_the_first)
    (open_run("first").path / "checkpoints" / "best.pt").unlink()  # not needed any more
    train(parts)
    one, other = (stored_run(run).state for run in (whole, parts))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_shipped_model_can_be_fine_tuned_and_the_card_names_it() -> None:
    promote(trained("first", seed=1), "shipped")
    second = trained("second", start_from="shipped", split_seed=0)
    card = (promote(second, "finer") / "card.md").read_text(encoding="utf-8")
    assert "Fine-tuned" not in (weights_folder() / "shipped" / "card.md").read_text()
    assert "Fine-tuned from `shipped`, trained on" in card
    third = trained("third", start_from="finer")
    card = (promote(third, "finest") / "card.md").read_text(encoding="utf-8")
    assert "Fine-tuned from `finer`" in card
    assert "That model was fine-tuned from `shipped`" in card
    card = (promote(third, "finer") / "card.md").read_text(encoding="utf-8")
    assert "Fine-tuned from an earlier `finer`" in card
    assert startable() == ["finer", "finest", "shipped", "third", "second", "first"]
    assert near(kernels(third), kernels(open_run("first")))


def test_other_classes_give_the_last_layer_a_new_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "phantoms_shapes", Shapes)
    first = trained("first", seed=1)
    finer = create_run(
        replace(
            *(TINY,),
            dataset="phantoms_shapes",
            tile=None,
            target="classes",
            loss="ce",
            seed=2,
            start_from="first",
        ),
        name="finer",
    )
    train(finer)
    one, other = kernels(first), kernels(finer)
    changed = [key for key in one if one[key].shape != other[key].shape]
    assert len(changed) == 1
    assert near({k: v for k, v in one.items() if k not in changed}, other)
    assert any(
        "starts anew: it segments 4 maps and marked 1" in note for note in finer.status["notes"]
    )
    assert load_run(finer).predictor.classes == ("rim", "core", "bar")


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
def test_grey_weights_see_a_grey_picture_in_colour_as_they_did(before: int, after: int) -> None:
    from core.networks import build_model

    source = replace(stored_run(trained("first")), in_channels=before)
    torch.manual_seed(0)
    options = {"base_filters": 2, "depth": 2}
    old = build_model("unet", in_channels=before, classes=1, **options).eval()
    new = build_model("unet", in_channels=after, classes=1, **options).eval()
    notes = start_from(new, replace(source, state=old.state_dict()))
    assert len(notes) == 1
    grey = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        seen = [model(grey.expand(1, n, 64, 64)) for model, n in ((old, before), (new, after))]
    assert torch.allclose(seen[0], seen[1], atol=1e-5)


def test_what_has_been_learnt_from_does_not_judge() -> None:
    trained("first", split_seed=0)
    other = create_run(replace(TINY, start_from="first", split_seed=1), name="other")
    with pytest.raises(InputError, match=r"\d+ validation or test images are known to first"):
        train(other)
    assert other.status["state"] == "failed"
    assert not other.history


def test_what_was_learnt_two_steps_before_does_not_judge_either() -> None:
    trained("first", split_seed=0)
    trained("between", dataset="phantoms_nuclei", start_from="first")
    trained("same", start_from="between", split_seed=0)
    other = create_run(replace(TINY, start_from="between", split_seed=1), name="other")
    with pytest.raises(
        InputError, match="between goes back to first, which was trained on another"
    ):
        train(other)


@pytest.mark.parametrize(
    "changes",
    [{"model_options": {"base_filters": 4, "depth": 2}}, {"model": "resunet"}, {"members": 2}],
)
def test_another_network_is_refused_with_what_it_was(changes: dict[str, Any]) -> None:
    trained("first")
    config = replace(TINY, start_from="first", **changes)
    with pytest.raises(InputError, match="unet, base_filters=2, depth=2, members=1; leave"):
        check_start(config)
    with pytest.raises(InputError, match="first is another network"):
        train(create_run(config, name="other"))


def test_a_default_that_is_spelled_out_is_no_other_network() -> None:
    trained("first")
    options = {"base_filters": 2, "depth": 2, "normalization": "batch"}
    check_start(replace(TINY, start_from="first", model_options=options))


def test_its_network_and_how_it_sees_come_along() -> None:
    trained("first", crops_per_image=2)
    config = beginning_with(RunConfig(dataset="phantoms", size=256, epochs=7), "first")
    assert (config.model_options, config.size, config.tile) == (TINY.model_options, None, 64)
    assert (config.crops_per_image, config.epochs, config.start_from) == (2, 7, "first")


def test_settings_are_had_without_reading_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page asks for them each time it is drawn."""
    promote(trained("first"), "shipped")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("weights were read")

    for name in ("stored_run", "stored_weights"):
        monkeypatch.setattr(f"core.training.initial_weights.{name}", refuse)
    for name in ("first", "shipped"):
        check_start(beginning_with(TINY, name))


def test_nothing_of_this_name() -> None:
    create_run(TINY, name="empty")
    with pytest.raises(InputError, match="nothing to start from is called 'nobody'"):
        source_of("nobody")
    for ask in (source_of, lambda name: beginning_with(TINY, name)):
        with pytest.raises(InputError, match="no such checkpoint; train the run first"):
            ask("empty")


def test_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str, rc: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["core", "train", *words, "--json"])
        assert main() == rc
        said = capsys.readouterr()
        return said.out if rc == 0 else said.err

    trained("first")
    start = ("--dataset", "phantoms_membranes", "--initial-weights", "first")
    assert "leave --model out" in run(*start, "--model", "unet", rc=2)
    assert "another network" in run(*start, "--set", "base_filters=4", rc=2)
    run(*start, "--set", "epochs=1", "--name", "second")
    assert open_run("second").config.model_options == TINY.model_options
    assert (open_run("second").path / "started_from.json").exists()


def test_the_page_begins_with_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOLINE_WORKER", "service")  # what is queued stays in the queue
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    trained("first", model_options={"base_filters": 3, "depth": 2})
    app = run_page("train")
    app.selectbox(key="train-dataset").set_value("phantoms_membranes").run()
    app.selectbox(key="train-begin").set_value("first").run()
    assert not app.exception
    assert app.number_input(key="train-base_filters").value == 3
    assert app.number_input(key="train-tile").value == 64
    app.number_input(key="train-base_filters").set_value(4).run()
    press(app, "Start training")
    assert "first is another network than the one to train" in texts(app)
    assert not jobs.list_jobs()
    app.number_input(key="train-base_filters").set_value(3).run()
    press(app, "Start training")
    (job,) = jobs.list_jobs()
    assert open_run(job.run).config.start_from == "first"
    assert open_run(job.run).config.model_options == {"base_filters": 3, "depth": 2}


def test_settings_of_a_run_bring_its_beginning_which_can_be_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    trained("first")
    trained("second", start_from="first")
    app = run_page("train", **{"from": "second"})
    assert app.selectbox(key="train-begin").value == "first"
    assert "Begins with the weights of first" in texts(app)
    app.selectbox(key="train-begin").set_value(None).run()
    assert app.selectbox(key="train-begin").value is None
    assert "Begins with" not in texts(app)
    app.number_input(key="train-epochs").set_value(2).run()
    assert app.selectbox(key="train-begin").value is None
