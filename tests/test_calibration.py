"""Calibration from the counts against computing it from the pixels."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import InputError
from core.levels import level_map
from core.metrics.calibration import (
    calibration,
    fit_temperature,
    level_probability,
    log_loss,
    scaled,
)
from core.metrics.sweep import Sweep, concatenate, sweep_image


def pixels(
    temperature: float = 1.0, *, size: int = 200_000
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities whose logits are ``temperature`` times too large, and truths."""
    generator = np.random.default_rng(0)
    logits = generator.normal(-0.5, 1.5, size)
    truth = generator.random(size) < 1 / (1 + np.exp(-logits))
    return 1 / (1 + np.exp(-temperature * logits)), truth


def sweep_of(probability: NDArray[np.float64], truth: NDArray[np.bool_]) -> Sweep:
    halves = np.array_split(np.arange(len(truth)), 2)
    return concatenate(sweep_image(level_map(probability[h]), truth[h]) for h in halves)


def test_figures_are_those_of_the_pixels() -> None:
    probability, truth = pixels(2.0)
    found = calibration(sweep_of(probability, truth))
    assert found.brier == pytest.approx(float(((probability - truth) ** 2).mean()), abs=5e-4)
    place = np.minimum((level_map(probability) // 100).astype(int), 9)
    for n in range(10):
        here = place == n
        assert found.pixels[n] == here.sum()
        assert found.observed[n] == pytest.approx(truth[here].mean(), abs=1e-12)
        assert found.predicted[n] == pytest.approx(probability[here].mean(), abs=5e-4)
    gaps = [abs(probability[place == n].mean() - truth[place == n].mean()) for n in range(10)]
    weights = [(place == n).mean() for n in range(10)]
    assert found.ece == pytest.approx(float(np.dot(gaps, weights)), abs=1e-3)


def test_with_a_pencil() -> None:
    # two pixels at 0.9, one of them foreground; two at 0.1, none: a gap of 0.4 and one of 0.1
    sweep = sweep_image(np.array([900, 900, 100, 100], np.uint16), np.array([1, 0, 0, 0], np.uint8))
    found = calibration(sweep)
    assert found.ece == pytest.approx((0.4005 + 0.1005) / 2)
    assert found.observed[9] == 0.5
    assert np.isnan(found.observed[5])
    assert found.document()["observed"][5] is None  # type: ignore[index]


def test_a_perfect_map_is_as_calibrated_as_the_grid_lets_it_be() -> None:
    sweep = sweep_image(np.array([1000, 0, 1000, 0], np.uint16), np.array([1, 0, 1, 0], np.uint8))
    found = calibration(sweep)
    assert found.ece <= 0.0005 + 1e-12
    assert found.brier <= 0.0005


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_is_found_and_calibrates(temperature: float) -> None:
    sweep = sweep_of(*pixels(temperature))
    fitted = fit_temperature(sweep, split="val")
    assert fitted == pytest.approx(temperature, rel=0.03)
    losses = [log_loss(sweep, t) for t in (fitted * 0.97, fitted, fitted * 1.03)]
    assert min(losses) == losses[1]
    before, after = calibration(sweep), calibration(sweep, temperature=fitted)
    assert after.ece < 0.01
    assert after.ece <= before.ece + 1e-3


def test_scaling_keeps_the_order_of_pixels_so_masks_stay() -> None:
    probability = level_probability()
    assert (np.diff(scaled(probability[:1000], 3.0)) > 0).all()
    assert np.allclose(scaled(probability, 1.0), probability)


@pytest.mark.parametrize("split", ["test", "train", "all"])
def test_only_validation_fits(split: str) -> None:
    with pytest.raises(InputError, match="fitted on the val split only"):
        fit_temperature(sweep_of(*pixels(size=100)), split=split)


def test_truth_of_one_kind_is_refused() -> None:
    with pytest.raises(InputError, match="of one kind only"):
        fit_temperature(
            sweep_image(np.array([3, 4], np.uint16), np.array([0, 0], np.uint8)), split="val"
        )
