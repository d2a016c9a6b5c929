"""What is left of a metric when images differ: the perturbations, the counts, the command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from core.__main__ import app
from core.data.base import Sample
from core.data.importing import open_where_it_lies
from core.errors import InputError
from core.evaluation.of_model import evaluate_model, robustness_of_model
from core.evaluation.perturbations import PERTURBATIONS
from core.evaluation.robustness import evenly, robustness
from core.inference.predictor import ImagePredictor
from core.levels import LevelMap, level_map
from core.metrics.statistics import resampling_units
from core.models import load_weights
from core.threshold.operating_point import OperatingPoint

Pixels = NDArray[np.uint8]
POINT = OperatingPoint(
    threshold=0.5,
    rule="dice",
    name="Best Dice on validation",
    value=1.0,
    dataset="squares",
    split="val",
    split_hash="",
    n_images=1,
)
MOVES = ("mirrored", "upside_down", "turned", "half_size", "double_size", "frame")


def gradient(*shape: int) -> Pixels:
    """Intensities from 20 to 220 along the rows, in each channel."""
    row = np.linspace(20, 220, shape[1]).astype(np.uint8)
    return np.broadcast_to(row.reshape(1, -1, *(1,) * (len(shape) - 2)), shape).copy()


def sample_of(name: str, group: str | None = None) -> Sample:
    return Sample(id=name, group=group or name)


class Squares:
    """A dark ground with one bright square in each image."""

    samples: tuple[Sample, ...] = ()

    def image(self, sample: Sample) -> Pixels:
        return 40 + 160 * self.truth(sample)

    def truth(self, sample: Sample) -> Pixels:
        labels = np.zeros((48, 64), dtype=np.uint8)
        start = 4 + int(sample.id)
        labels[8:24, start : start + 20] = 1
        return labels


class Grey(ImagePredictor):
    """Says that a pixel is foreground as surely as it is bright."""

    def levels(self, image: Pixels, /) -> LevelMap:
        return level_map(image.astype(np.float32) / 255)


@pytest.mark.parametrize("way", PERTURBATIONS)
@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3), (40, 60, 4), (17, 16)])
def test_images_stay_images_and_labels_go_with_them(way: str, shape: tuple[int, ...]) -> None:
    image = gradient(*shape)
    image[: shape[0] // 3] = 200  # rows differ too
    before = image.copy()
    change = PERTURBATIONS[way]
    seen = change.image(image)
    assert seen.dtype == np.uint8
    assert seen.shape[2:] == shape[2:]
    assert np.array_equal(image, before), "the original is left alone"
    assert np.array_equal(seen, change.image(image)), "always the same"
    assert seen.shape != image.shape or not np.array_equal(seen, image)
    labels = (image.reshape(*shape[:2], -1)[..., 0] > 120).astype(np.uint8)
    moved = change.truth(labels)
    assert moved.shape == seen.shape[:2]
    assert set(np.unique(moved)) <= {0, 1}
    assert (way in MOVES) == (moved.shape != labels.shape or not np.array_equal(moved, labels))


def test_each_way_does_what_it_says() -> None:
    image = gradient(32, 64)

    def seen(way: str) -> NDArray[np.int64]:
        return PERTURBATIONS[way].image(image).astype(np.int64)

    assert seen("half_size").shape == (16, 32)
    assert seen("double_size").shape == (64, 128)
    assert seen("turned").shape == (64, 32)
    assert seen("frame").shape == (40, 80)
    assert (seen("frame")[:4] == 0).all()
    assert np.array_equal(seen("mirrored"), image[:, ::-1])
    assert np.array_equal(seen("inverted"), 255 - image.astype(np.int64))
    assert np.array_equal(seen("brighter"), np.minimum(image + 38.25, 255).round())
    assert np.array_equal(seen("darker"), (image * 0.6).round())
    assert abs(seen("lifted_black") - (51 + 0.8 * image)).max() <= 0.5
    halved = seen("half_contrast")
    assert halved.std() == pytest.approx(image.std() / 2, rel=0.02)
    assert halved.mean() == pytest.approx(image.mean(), abs=0.5)
    assert (seen("dark_midtones") < image).all()
    assert (seen("bright_midtones") > image).all()
    assert (seen("noise") - image).std() == pytest.approx(255 * 0.05, rel=0.1)
    assert seen("blur")[:, 20:40] == pytest.approx(image[:, 20:40].astype(int), abs=1)


def test_the_counts_are_those_of_the_perturbed_masks() -> None:
    samples = [sample_of(str(n)) for n in range(6)]
    told: list[tuple[int, int]] = []
    found = robustness(
        Grey(),
        Squares(),
        samples,
        point=POINT,
        perturbations=("mirrored", "darker", "inverted", "brighter"),
        progress=lambda done, total: told.append((done, total)),
        model="grey",
        dataset="squares",
    )
    assert told == [(n, 6) for n in range(1, 7)]
    assert found["as_is"]["pooled"] == 1
    rows = {row["perturbation"]: row for row in found["perturbations"]}
    assert list(rows) == ["mirrored", "darker", "inverted", "brighter"]
    assert rows["mirrored"]["pooled_difference"] == 0
    assert rows["brighter"]["pooled_difference"] == 0
    assert rows["darker"]["pooled"] == 0, "200 becomes 120, below one half"
    assert rows["darker"]["paired"] == {"n": 6, "difference": -1, "ci95": [-1, -1]}
    assert rows["inverted"]["pooled"] == 0
    assert found["model"] == "grey"
    assert found["n_images"] == found["of_images"] == 6
    assert found["interval_over"] == resampling_units([sample.group for sample in samples])
    json.dumps(found, allow_nan=False)


def test_few_images_are_taken_from_all_over_and_said() -> None:
    samples = [sample_of(str(n)) for n in range(10)]
    assert [sample.id for sample in evenly(samples, 4)] == ["0", "3", "6", "9"]
    assert evenly(samples, 10) == evenly(samples, None) == evenly(samples, 99) == samples
    assert len(evenly(samples, 1)) == 1
    with pytest.raises(InputError, match="at least one image"):
        evenly(samples, 0)
    found = robustness(Grey(), Squares(), samples, point=POINT, perturbations=("noise",), at_most=1)
    assert (found["n_images"], found["of_images"]) == (1, 10)
    assert found["perturbations"][0]["pooled_ci95"] is None, "one image has no spread"


def test_what_there_is_not_is_refused() -> None:
    one = [sample_of("0")]
    with pytest.raises(InputError, match="unknown perturbation 'rain'"):
        robustness(Grey(), Squares(), one, point=POINT, perturbations=("rain",))
    with pytest.raises(InputError, match="unknown metric 'beauty'"):
        robustness(Grey(), Squares(), one, point=POINT, metric="beauty")
    with pytest.raises(InputError, match="no images with truth"):
        robustness(Grey(), Squares(), [], point=POINT)


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["robustness", "--weights", "phantoms-unet", *arguments])


def test_the_command_says_the_evaluations_figure_first() -> None:
    arguments = ("--split", "test", "--perturbation", "mirrored", "--perturbation", "noise")
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    evaluated = evaluate_model(load_weights("phantoms-unet"), "test", data=None)
    assert found["as_is"]["pooled"] == evaluated["pooled"]["dice"]
    assert found["as_is"]["mean"] == evaluated["per_image"]["dice"]["mean"]
    assert found["as_is"]["pooled_ci95"] == evaluated["pooled_ci95"]["dice"]
    assert found["split_hash"] == evaluated["split_hash"]
    assert {row["perturbation"] for row in found["perturbations"]} == {"mirrored", "noise"}
    words = invoke(*arguments, "--images", "4").stdout
    assert "n = 4 of " in words
    assert "Mirrored, left to right" in words
    assert "Blur" not in words
    for wrong, reason in (
        (("--split", "test", "--perturbation", "rain"), "unknown perturbation"),
        (("--split", "nope"), "unknown split"),
    ):
        assert isinstance(invoke(*wrong).exception, InputError), reason


@pytest.mark.realdata
def test_real_sections_are_perturbed(realdata: Path) -> None:
    model = load_weights("isbi2012-unet")
    found = robustness_of_model(
        model, "test", data=realdata / "isbi2012_em", perturbations=["mirrored"], at_most=2
    )
    assert found["as_is"]["pooled"] > 0.94
    assert abs(found["perturbations"][0]["pooled_difference"]) < 0.01
    opened = open_where_it_lies("isbi2012", realdata / "isbi2012_em")
    assert found["of_images"] == len(model.samples(opened, "test"))
