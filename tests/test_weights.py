"""Shipped models: the same levels as the rounded run, and no byte changed unnoticed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray

from core.config import RunConfig
from core.data import open_dataset
from core.data.datasets.isbi2012 import IMAGES, LABELS
from core.errors import InputError
from core.evaluation import sweep_samples
from core.evaluation.of_model import evaluate_model
from core.evaluation.tuning import tune
from core.inference.predictor import Predictor
from core.metrics.overlap import dice
from core.models import (
    list_weights,
    load_run,
    load_weights,
    weights_document,
)
from core.networks import build_model
from core.networks.folding import folded
from core.promotion.promote import promote
from core.runs import Run, create_run, open_run
from core.runs.checkpoint import load_checkpoint
from core.threshold.operating_point import choose_operating_point, with_temperature


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ``weights/`` for each test."""
    folder = tmp_path / "weights"
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def shipped(finished_run: Run, shelf: Path) -> Path:
    assert promote(finished_run, "tiny") == shelf / "tiny"
    return shelf / "tiny"


def section(data: Path, n: int = 13) -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = tifffile.imread(data / IMAGES)[n]
    return image


def test_a_run_predicts_with_its_best_checkpoint(finished_run: Run, sections: Path) -> None:
    trained = load_run(finished_run)
    model = build_model("unet", in_channels=1, classes=1, base_filters=4, depth=2)
    model.load_state_dict(load_checkpoint(finished_run.checkpoint("best"))["model"])
    expected = Predictor(folded(model.eval())).levels(section(sections))
    assert np.array_equal(trained.predictor.levels(section(sections)), expected)
    apart = Predictor(model).levels(section(sections)).astype(int) - expected
    assert abs(apart).max() <= 1, "folding rounds, no more"
    assert trained.operating_point == finished_run.operating_point


def test_a_run_that_is_not_finished_is_refused(tiny_config: Callable[..., RunConfig]) -> None:
    run = create_run(tiny_config(), name="unfinished")
    with pytest.raises(InputError, match="let it finish: python -m core resume unfinished"):
        load_run(run)


@pytest.mark.usefixtures("shipped")
def test_a_shipped_model_is_the_run_in_float16(finished_run: Run, sections: Path) -> None:
    state = load_checkpoint(finished_run.checkpoint("best"))["model"]
    rounded = {k: v.half().float() if v.ndim > 1 else v for k, v in state.items()}
    model = build_model("unet", in_channels=1, classes=1, base_filters=4, depth=2)
    model.load_state_dict(rounded)
    loaded = load_weights("tiny")
    for n in range(10, 15):
        expected = Predictor(folded(model.eval())).levels(section(sections, n))
        assert np.array_equal(loaded.predictor.levels(section(sections, n)), expected)
    assert loaded.operating_point == finished_run.operating_point
    assert loaded.split == finished_run.split
    assert loaded.config.model_options == finished_run.config.model_options
    assert loaded.config.data is None, "a path of this machine means nothing elsewhere"


def test_a_shipped_model_is_whole_and_says_nothing_of_this_machine(
    shipped: Path, sections: Path
) -> None:
    assert {str(file.relative_to(shipped)) for file in shipped.rglob("*") if file.is_file()} == {
        "card.md",
        "config.json",
        "evaluation/grey.json",
        "evaluation/robustness.json",
        "evaluation/test.json",
        "evaluation/val.json",
        "failures.jpg",
        "manifest.json",
        "model.safetensors",
        "operating_point.json",
        "patients.json",
        "split.json",
        "training_facts.json",
    }
    assert list_weights() == ["tiny"]
    assert [path.name for path in shipped.parent.iterdir()] == ["tiny"], "nothing half done"
    for file in shipped.rglob("*"):
        if file.is_file():
            assert str(sections).encode() not in file.read_bytes(), file.name
    card = (shipped / "card.md").read_text()
    test = weights_document("tiny", "evaluation/test")
    assert "Research use only. Not a medical device." in card
    assert f"{test['pooled']['dice']:.4f}" in card
    perturbed = weights_document("tiny", "evaluation/robustness")
    assert perturbed["as_is"]["pooled"] == test["pooled"]["dice"]
    for row in perturbed["perturbations"]:
        assert f"| {row['title']} | {row['pooled']:.4f} | {row['pooled_difference']:+.3f} (" in card


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("split", ["val", "test"])
def test_its_figures_are_those_of_the_weights_as_shipped(sections: Path, split: str) -> None:
    again = evaluate_model(load_weights("tiny"), split, data=sections)
    assert again == weights_document("tiny", f"evaluation/{split}")


@pytest.mark.parametrize(
    "file",
    [
        "model.safetensors",
        "config.json",
        "operating_point.json",
        "split.json",
        "evaluation/test.json",
        "card.md",
    ],
)
@pytest.mark.parametrize("place", [0.0, 0.5, 0.999])
def test_one_changed_byte_is_refused(shipped: Path, file: str, place: float) -> None:
    content = bytearray((shipped / file).read_bytes())
    content[int(place * len(content))] ^= 1
    (shipped / file).write_bytes(content)
    with pytest.raises(InputError, match=rf"{file}: missing or changed .*SHA-256 differs.*restore"):
        load_weights("tiny")


def test_a_missing_file_and_a_changed_manifest_are_refused(shipped: Path) -> None:
    manifest = shipped / "manifest.json"
    document = json.loads(manifest.read_text())
    digest = document["files"]["card.md"]
    manifest.write_text(json.dumps(document).replace(digest, digest[::-1]))
    with pytest.raises(InputError, match=r"card\.md: missing or changed"):
        load_weights("tiny")
    manifest.write_text(json.dumps(document))
    load_weights("tiny")
    (shipped / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model\.safetensors: missing or changed"):
        load_weights("tiny")


@pytest.mark.usefixtures("shipped")
def test_an_unknown_model_is_refused_with_the_choices() -> None:
    for name in ("huge", "../tiny", ""):
        with pytest.raises(InputError, match=f"no shipped model '{name}'; choose one of tiny"):
            load_weights(name)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/"])
def test_a_name_that_leads_elsewhere_deletes_nothing(
    finished_run: Run, shipped: Path, name: str
) -> None:
    with pytest.raises(InputError, match="model name"):
        promote(finished_run, name)
    assert (shipped / "manifest.json").exists()


def test_promoting_again_replaces_the_older_one(finished_run: Run, shipped: Path) -> None:
    (shipped / "stray.txt").write_text("of the older one")
    promote(finished_run, "tiny")
    assert not (shipped / "stray.txt").exists()
    load_weights("tiny")


def test_a_failed_promotion_keeps_the_older_one(
    finished_run: Run, shipped: Path, sections: Path
) -> None:
    labels = sections / LABELS
    labels.rename(sections / "away")
    try:
        with pytest.raises(InputError, match=LABELS):
            promote(finished_run, "tiny")
    finally:
        (sections / "away").rename(labels)
    load_weights("tiny")
    assert [path.name for path in shipped.parent.iterdir()] == ["tiny"]


def test_evaluation_of_a_part_and_of_everything(finished_run: Run, sections: Path) -> None:
    trained = load_run(finished_run)
    test, everything = (evaluate_model(trained, split, data=sections) for split in ("test", "all"))
    assert (test["n_images"], everything["n_images"]) == (3, 15)
    assert test["split_hash"] == finished_run.split.hash
    assert everything["split_hash"] == ""
    assert test["threshold_source"] == "Best Dice on validation"
    rows = {row["id"]: row for row in everything["images"]}
    assert [rows[row["id"]] for row in test["images"]] == test["images"]
    low, high = test["per_image"]["dice"]["ci95"]
    assert low <= test["per_image"]["dice"]["mean"] <= high


def test_wrong_data_is_refused(finished_run: Run, sections: Path, tmp_path: Path) -> None:
    trained = load_run(finished_run)
    fewer = shutil.copytree(sections, tmp_path / "fewer")
    for name in (IMAGES, LABELS):
        tifffile.imwrite(fewer / name, tifffile.imread(fewer / name)[:13], photometric="minisblack")
    with pytest.raises(InputError, match=r"2 images of the test split are not there, .*section-13"):
        evaluate_model(trained, "test", data=fewer)
    with pytest.raises(InputError, match="no such folder"):
        evaluate_model(trained, "test", data=tmp_path / "nowhere")
    with pytest.raises(InputError, match="splits say nothing about phantoms; use --split all"):
        evaluate_model(trained, "val", data=None, dataset="phantoms")
    with pytest.raises(
        InputError, match="unknown split 'tset'; choose one of train, val, test, all"
    ):
        evaluate_model(trained, "tset", data=sections)
    with pytest.raises(InputError, match="unknown data set 'cats'"):
        evaluate_model(trained, "all", data=None, dataset="cats")


def test_tuning_chooses_on_validation_and_keeps_the_choice(
    finished_run: Run, sections: Path
) -> None:
    before = finished_run.operating_point
    assert before is not None
    try:
        document = tune("finished", "sensitivity>=0.99")
        point = open_run("finished").operating_point
        assert point is not None
        assert document == point.document()
        opened = open_dataset("isbi2012", sections)
        trained = load_run(finished_run)
        sweep = sweep_samples(trained.predictor, opened, trained.samples(opened, "val"))
        assert len(sweep.positives) == 2
        pooled = sweep.pooled()
        assert pooled.tp[0, point.k] >= 0.99 * pooled.positives[0]
        assert point.value == pytest.approx(
            float(dice(pooled.tp, pooled.fp, pooled.fn, pooled.tn)[0, point.k])
        )
        assert point.split == "val"
        assert tune("finished", "dice") == before.document(), "training chose by the same rule"
        again = choose_operating_point(
            sweep, rule="dice", split="val", dataset="isbi2012", split_hash=point.split_hash
        )
        assert with_temperature(again, sweep) == before
    finally:
        finished_run.save_operating_point(before)


def test_tuning_refuses_what_it_cannot_do(finished_run: Run) -> None:
    with pytest.raises(InputError, match="unknown rule 'best'"):
        tune("finished", "best")
    with pytest.raises(InputError, match="no run named 'nobody'"):
        tune("nobody", "dice")
    assert finished_run.operating_point is not None
    assert finished_run.operating_point.rule == "dice", "a refusal changes nothing"


def test_loading_leaves_the_random_numbers_of_the_process_to_the_process(
    finished_run: Run,
) -> None:
    """Weights are loaded, so a network's fresh ones must not decide anything."""
    torch.manual_seed(1)
    one = load_run(finished_run).predictor.levels(np.full((32, 32), 77, np.uint8))
    torch.manual_seed(2)
    other = load_run(finished_run).predictor.levels(np.full((32, 32), 77, np.uint8))
    assert np.array_equal(one, other)
