"""Methods without training: the contract of a trained model, and sense on what suits them."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage
from scipy import ndimage

from core.__main__ import main
from core.data import open_dataset
from core.data.datasets.phantoms import draw
from core.errors import InputError
from core.evaluation.of_model import evaluate_model
from core.inference.classical import CLASSICAL, ClassicalPredictor, classical_predictor
from core.inference.classical.regions import _cheapest_cut
from core.inference.classical.soft import contour_probability, objects_are_dark, two_classes
from core.levels import level_map, mask_at
from core.models import list_weights, load_weights

every_method = pytest.mark.parametrize("name", CLASSICAL)
Picture = NDArray[np.uint8]


def disc(side: int = 64, *, ground: int = 40, level: int = 200, noise: float = 8) -> Picture:
    """A bright disc of a quarter of the side on an even ground."""
    y, x = np.mgrid[:side, :side] - side / 2
    grey = np.where(y**2 + x**2 < (side / 4) ** 2, level, ground)
    grey = grey + np.random.default_rng(0).normal(0, noise, grey.shape)
    return grey.clip(0, 255).astype(np.uint8)


def dice(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))


@every_method
@pytest.mark.parametrize(
    "shape",
    [(1, 1), (1, 9), (2, 2), (7, 5), (16, 16), (33, 64), (64, 64, 3), (5, 3, 3), (1200, 90)],
)
def test_the_contract(name: str, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    before = image.copy()
    predictor = ClassicalPredictor(name)
    probability = predictor.probability(image)
    assert probability.dtype == np.float32
    assert probability.shape == shape[:2]
    assert probability.min() >= 0
    assert probability.max() <= 1
    levels = predictor.levels(image)
    assert np.array_equal(levels, level_map(probability))
    assert np.array_equal(levels, ClassicalPredictor(name).levels(image)), "the same map again"
    assert np.array_equal(image, before)


@every_method
@pytest.mark.parametrize("grey", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (32, 20), (32, 20, 3)])
def test_a_picture_of_one_grey_holds_nothing(name: str, grey: int, shape: tuple[int, ...]) -> None:
    image = np.full(shape, grey, dtype=np.uint8)
    assert not ClassicalPredictor(name).levels(image).any()


@every_method
def test_a_disc_is_found_bright_or_dark(name: str) -> None:
    image, truth = disc(), disc(noise=0) > 100
    for picture, polarity in itertools.product((image, 255 - image), ("auto", "right")):
        if polarity == "right":
            polarity = "bright" if picture is image else "dark"  # noqa: PLW2901
        mask = ClassicalPredictor(name, polarity=polarity).probability(picture) >= 0.5
        assert dice(mask, truth) > 0.93, polarity
    wrong = ClassicalPredictor(name, polarity="dark").probability(image) >= 0.5
    assert dice(wrong, truth) < 0.6


@every_method
def test_a_colour_picture_is_that_of_its_greys(name: str) -> None:
    image = disc()
    grey = ClassicalPredictor(name).levels(image)
    assert np.array_equal(ClassicalPredictor(name).levels(np.stack([image] * 3, -1)), grey)


def test_kmeans_sees_colour() -> None:
    red, green = np.array([200, 40, 60]), np.array([60, 112, 58])  # of nearly one luma
    truth = disc(noise=0) > 100
    image = np.where(truth[..., None], red, green).astype(np.uint8)
    image += np.random.default_rng(0).integers(0, 9, image.shape).astype(np.uint8)
    mask = ClassicalPredictor("classical/kmeans", polarity="bright").probability(image) >= 0.5
    assert max(dice(mask, truth), dice(~mask, truth)) > 0.95


@every_method
def test_a_higher_threshold_marks_less(name: str) -> None:
    levels = ClassicalPredictor(name).levels(disc(ground=90, level=150, noise=30))
    areas = [mask_at(levels, k).sum() for k in (1, 200, 500, 800, 1000)]
    assert areas == sorted(areas, reverse=True)
    assert len(np.unique(levels)) > 20, "soft"


@every_method
def test_nuclei(name: str) -> None:
    dataset = open_dataset("phantoms_nuclei")
    predictor = ClassicalPredictor(name)
    scores = [
        dice(predictor.probability(dataset.image(s)) >= 0.5, dataset.truth(s) > 0)
        for s in dataset.samples[:8]
    ]
    assert np.mean(scores) > 0.7


def test_adaptive_follows_the_light() -> None:
    truth = np.zeros((128, 128), dtype=bool)
    truth[8::16, 8::16] = True
    truth = ndimage.binary_dilation(truth, iterations=3)
    light = np.linspace(0, 100, 128)[None]
    image = (light + 50 * truth).astype(np.uint8)
    masks = {
        name: ClassicalPredictor(f"classical/{name}", polarity="bright").probability(image) >= 0.5
        for name in ("adaptive", "otsu")
    }
    assert dice(masks["adaptive"], truth) > 0.9
    assert dice(masks["otsu"], truth) < 0.5


def test_watershed_parts_what_touches_at_a_higher_threshold() -> None:
    y, x = np.mgrid[:60, :90]
    truth = ((y - 30) ** 2 + (x - 30) ** 2 < 16**2) | ((y - 30) ** 2 + (x - 58) ** 2 < 16**2)
    image = np.where(truth, 180, 30).astype(np.uint8)
    counts = {}
    for name in ("watershed", "otsu"):
        probability = ClassicalPredictor(f"classical/{name}").probability(image)
        assert dice(probability >= 0.5, truth) > 0.95
        counts[name] = [ndimage.label(probability >= t)[1] for t in (0.5, 0.7)]
    assert counts == {"watershed": [1, 2], "otsu": [1, 1]}


def test_the_cut_is_the_cheapest() -> None:
    """Every labelling of a 3x3 image, its price, and the one the maximum flow finds."""
    random = np.random.default_rng(5)
    for _ in range(5):
        grey = random.uniform(0, 255, (3, 3)).astype(np.float32)
        odds = random.uniform(-3, 3, (3, 3)).astype(np.float32)
        down, right = np.diff(grey, axis=0) ** 2, np.diff(grey, axis=1) ** 2
        beta = 1 / (2 * np.concatenate([down.ravel(), right.ravel()]).mean())

        def price(mask: NDArray[np.bool_], odds: NDArray[np.float32] = odds) -> float:
            wrong = odds[~mask].clip(min=0).sum() - odds[mask].clip(max=0).sum()
            links = (2 * np.exp(-beta * down))[np.diff(mask, axis=0)].sum()  # noqa: B023
            links += (2 * np.exp(-beta * right))[np.diff(mask, axis=1)].sum()  # noqa: B023
            return float(wrong + links)

        masks = [
            np.array(bits).reshape(3, 3) for bits in itertools.product([False, True], repeat=9)
        ]
        assert price(_cheapest_cut(grey, odds)) == pytest.approx(min(map(price, masks)), abs=0.02)


def test_soft_values_with_a_pencil() -> None:
    mask = np.array([[False, False, True, True]])
    half, one_and_a_half = 1 / (1 + math.exp(-0.25)), 1 / (1 + math.exp(-0.75))
    expected = [1 - one_and_a_half, 1 - half, half, one_and_a_half]  # px/2 to the line between
    assert contour_probability(mask)[0] == pytest.approx(expected, abs=1e-6)
    # Means 10 and 30, variance within the classes 4, middle of 12 and 28: slope 20/4.
    values = np.array([8, 12, 28, 32], dtype=np.float32)
    posterior = two_classes(values, threshold=12)
    assert posterior == pytest.approx(1 / (1 + np.exp(-5 * (values - 20.0))), abs=1e-6)
    assert two_classes(values, threshold=40).tolist() == [0, 0, 0, 0]


def test_the_frame_shows_the_ground() -> None:
    image = disc(noise=0).astype(np.float32)
    assert not objects_are_dark(image)
    assert objects_are_dark(255 - image)


# --- in the place of a trained model -------------------------------------------------------------


@every_method
def test_it_stands_in_for_a_trained_model(name: str) -> None:
    trained = load_weights(name)
    assert trained.name == name
    assert trained.operating_point.k == 500
    assert trained.operating_point.name == "fixed at 0.5, nothing was trained"
    assert trained.predictor.in_channels == CLASSICAL[name].in_channels
    assert name not in list_weights(), "shipped models are those with a folder"


def test_it_is_evaluated_on_all_images_alone() -> None:
    document = evaluate_model(
        load_weights("classical/otsu"), "all", data=None, dataset="phantoms_nuclei"
    )
    assert document["n_images"] == len(open_dataset("phantoms_nuclei").samples)
    assert document["threshold"] == 0.5
    assert document["threshold_source"] == "fixed at 0.5, nothing was trained"
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_it_has_no_split(split: str) -> None:
    with pytest.raises(InputError, match=f"not trained and has no {split} split; use --split all"):
        evaluate_model(load_weights("classical/otsu"), split, data=None, dataset="phantoms_nuclei")


def test_it_belongs_to_no_data_set() -> None:
    with pytest.raises(InputError, match="belongs to no data set; name one with --dataset"):
        evaluate_model(load_weights("classical/otsu"), "all", data=None)


def test_polarity_is_part_of_the_name() -> None:
    image = 255 - disc()
    dark, bright = (
        load_weights(f"classical/otsu/{polarity}").predictor.probability(image)
        for polarity in ("dark", "bright")
    )
    assert np.array_equal(dark, classical_predictor("classical/otsu").probability(image))
    assert ((dark >= 0.5) != (bright >= 0.5)).all()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("classical/otto", "unknown classical method 'classical/otto'; choose one of classical/o"),
        ("classical/", "unknown classical method 'classical/'"),
        ("classical/otsu/grey", "unknown polarity 'grey'; choose one of auto, bright, dark"),
    ],
)
def test_an_unknown_method_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_weights(name)


def test_the_command_line_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    phantom = draw("nuclei", seed=3, size=96)
    PillowImage.fromarray(phantom.image).save(tmp_path / "cells.png")
    command = ["predict", "--weights", "classical/otsu", str(tmp_path / "cells.png")]
    monkeypatch.setattr("sys.argv", ["core", *command, "--out", str(tmp_path / "out"), "--json"])
    assert main() == 0
    row = json.loads(capsys.readouterr().out)[0]
    mask = np.asarray(PillowImage.open(row["mask"])) > 0
    levels = ClassicalPredictor("classical/otsu").levels(phantom.image)
    assert np.array_equal(mask, levels >= 500)
    assert row["threshold"] == 0.5


@every_method
def test_the_card_says_what_it_is(name: str) -> None:
    card = CLASSICAL[name]
    assert card.title
    assert card.authors
    assert 1970 < card.year < 2020
    assert card.link.startswith("https://doi.org/")
    assert card.use.endswith(".")
    assert card.soft
    assert card.implementation
