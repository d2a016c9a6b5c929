"""Several answers to one image: turned back rightly, summed up rightly, and worth something."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.errors import InputError
from core.inference.predictor import Predictor
from core.inference.uncertainty import (
    VIEWS,
    Member,
    augmented,
    averaged_views,
    dropout_members,
    entropy_bits,
    error_histogram,
    gather,
    risk_coverage,
)
from core.networks import build_model

IMAGE = np.random.default_rng(0).integers(0, 256, (20, 33), dtype=np.uint8)


def brightness(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sees no direction."""
    grey = image if image.ndim == 2 else image[..., 0]
    return (grey / np.float32(255)).astype(np.float32)


def leftmost(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sees nothing but the direction: 1 in the first column."""
    result = np.zeros(image.shape[:2], np.float32)
    result[:, 0] = 1
    return result


@pytest.mark.parametrize("way", list(VIEWS))
def test_views_are_turned_back(way: str) -> None:
    for image in (IMAGE, np.stack([IMAGE] * 3, axis=-1)):
        for member in augmented(brightness, way):
            assert np.array_equal(member(image), brightness(image))
    corners = gather(augmented(leftmost, way), IMAGE).mean
    expected = np.zeros(IMAGE.shape)
    expected[:, [0, -1]] += 0.25 if way == "turns" else 0.5
    if way == "turns":
        expected[[0, -1], :] += 0.25
    assert np.allclose(corners, expected)


def test_all_views_differ() -> None:
    assert [len(set(views)) for views in VIEWS.values()] == [2, 4, 8]
    with pytest.raises(InputError, match="unknown way to augment 'spin'; choose one of mirror"):
        augmented(brightness, "spin")


def always(probability: float) -> Member:
    """Says the same of every pixel."""
    return lambda image: np.full(image.shape[:2], probability, np.float32)


def test_maps_of_disagreement_with_a_pencil() -> None:
    found = gather([always(0.0), always(1.0)], IMAGE[:1, :1])
    assert found.members == 2
    assert found.mean[0, 0] == 0.5
    assert found.deviation[0, 0] == 0.5
    assert found.entropy[0, 0] == 1
    assert found.mutual_information[0, 0] == 1, "each is sure, and they differ"
    agreed = gather([always(0.5)] * 3, IMAGE[:1, :1])
    assert agreed.entropy[0, 0] == 1
    assert agreed.mutual_information[0, 0] == agreed.deviation[0, 0] == 0
    assert np.allclose(entropy_bits(np.array([0, 0.5, 1.0])), [0, 1, 0])


def network(dropout: float) -> Predictor:
    torch.manual_seed(0)
    model = build_model("unet", in_channels=1, classes=1, base_filters=4, depth=2, dropout=dropout)
    return Predictor(model)


def test_dropout_answers_differ_repeat_and_leave_no_trace() -> None:
    predictor = network(0.5)
    image = np.tile(IMAGE, (2, 1))
    before = predictor.probability(image)
    state = torch.random.get_rng_state()
    one = gather(dropout_members(predictor, samples=4), image)
    again = gather(dropout_members(predictor, samples=4), image)
    assert np.array_equal(one.mean, again.mean)
    assert one.deviation.max() > 0
    assert np.array_equal(predictor.probability(image), before), "dropout is off again"
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_network_without_dropout_is_refused() -> None:
    with pytest.raises(InputError, match=r"has no dropout.*--set dropout=0\.1"):
        dropout_members(network(0.0))


def test_an_averaged_predictor_is_a_predictor() -> None:
    averaged = averaged_views(network(0.0).probability, "flips")
    image = np.tile(IMAGE, (2, 1))
    flipped = averaged.levels(image[:, ::-1])
    assert np.abs(flipped[:, ::-1].astype(int) - averaged.levels(image)).max() <= 1
    assert averaged.words == "mean of 4 views (flips)"


def direct(uncertainty: NDArray[np.float64], wrong: NDArray[np.bool_]) -> float:
    """Mean risk over the coverages 1/n … n/n, no ties."""
    errors = wrong[np.argsort(uncertainty)].cumsum()
    return float((errors / np.arange(1, len(wrong) + 1)).mean())


def test_risk_and_coverage_against_sorting_the_pixels() -> None:
    generator = np.random.default_rng(1)
    uncertainty = (generator.permutation(1000) + 0.5) / 1001
    wrong = generator.random(1000) < uncertainty
    curve = risk_coverage(error_histogram(uncertainty.astype(np.float32), wrong))
    assert curve.area == pytest.approx(direct(uncertainty, wrong), abs=0.005)
    assert curve.coverage[-1] == 1
    assert curve.risk[-1] == curve.area_random == pytest.approx(wrong.mean())
    assert 0.2 < curve.gain < 1


def test_the_best_the_worst_and_the_blind() -> None:
    wrong = np.arange(100_000) < 20_000
    knows = risk_coverage(error_histogram(wrong.astype(np.float32), wrong))
    assert knows.gain == pytest.approx(1)
    blind = risk_coverage(error_histogram(np.zeros(wrong.shape, np.float32), wrong))
    assert blind.gain == pytest.approx(0)
    assert risk_coverage(error_histogram((~wrong).astype(np.float32), wrong)).gain < 0
    perfect = risk_coverage(error_histogram(np.zeros(4, np.float32), np.zeros(4, bool)))
    assert perfect.area == 0
    assert np.isnan(perfect.gain)


def test_images_add_up() -> None:
    generator = np.random.default_rng(2)
    parts = [(generator.random((8, 8), np.float32), generator.random((8, 8)) < 0.3)] * 3
    added = sum(error_histogram(*part) for part in parts)
    whole = error_histogram(
        np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts])
    )
    assert np.array_equal(added, whole)
