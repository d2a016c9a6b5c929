"""The guarantee holds: on drawn sweeps, and on the maps of the shipped model."""

from pathlib import Path

import numpy as np
import pytest

from core.data import open_dataset
from core.errors import InputError
from core.evaluation import sweep_samples
from core.levels import STEPS
from core.metrics.conformal import (
    conformal_index,
    false_negative_rates,
    refuse_too_few,
    try_guarantee,
)
from core.metrics.sweep import Sweep
from core.models import load_weights


def drawn(images: int, *, seed: int = 0) -> Sweep:
    """Images of very different difficulty, some without foreground."""
    generator = np.random.default_rng(seed)
    positives = generator.integers(50, 500, images)
    positives[::7] = 0
    hardness = generator.gamma(1.0, 1.0, images)
    share = (1 - np.linspace(0, 1, STEPS + 1)) ** hardness[:, None]  # falls from 1 to 0
    tp = np.floor(share * positives[:, None]).astype(np.int64)
    return Sweep(tp, tp * 0, positives, np.full(images, 4096))


def test_with_a_pencil() -> None:
    positives = np.full(9, 10)
    tp = np.full((9, 3), 10)
    tp[:, 2] = 9  # at the third threshold every image misses a tenth
    tp[0, 1] = 5  # at the second one image misses half
    sweep = Sweep(tp, tp * 0, positives, positives * 2)
    # (0.5 + 1) / 10 = 0.15 at the second, (0.9 + 1) / 10 = 0.19 at the third
    assert [conformal_index(sweep, alpha) for alpha in (0.1, 0.149, 0.15, 0.189, 0.19)] == [
        0, 0, 1, 1, 2,
    ]  # fmt: skip


def test_images_without_foreground_do_not_count() -> None:
    sweep = drawn(70)
    shown = sweep.positives > 0
    only = Sweep(sweep.tp[shown], sweep.fp[shown], sweep.positives[shown], sweep.pixels[shown])
    assert len(false_negative_rates(sweep)) == shown.sum() == 60
    assert conformal_index(sweep, 0.1) == conformal_index(only, 0.1)


def test_a_stricter_guarantee_never_raises_the_threshold() -> None:
    sweep = drawn(200)
    chosen = [conformal_index(sweep, alpha) for alpha in (0.02, 0.05, 0.1, 0.2, 0.5)]
    assert chosen == sorted(chosen)
    assert chosen[0] < chosen[-1]


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
def test_new_images_of_the_same_kind_keep_it(alpha: float) -> None:
    """Calibration sets drawn again and again; the mean loss of fresh images stays below alpha."""
    fresh = false_negative_rates(drawn(4000, seed=99)).mean(axis=0)
    seen = [fresh[conformal_index(drawn(60, seed=seed), alpha)] for seed in range(300)]
    error = np.std(seen) / np.sqrt(len(seen))
    assert np.mean(seen) <= alpha + 3 * error
    assert np.mean(seen) > alpha / 2, "and it is not idle"


@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_random_halves_keep_it(alpha: float) -> None:
    trial = try_guarantee(drawn(240), alpha)
    assert trial.repeats == 1000
    assert trial.mean_rate <= alpha + 3 * trial.standard_error
    assert trial.highest_rate > trial.mean_rate
    halves = try_guarantee(drawn(240), alpha, repeats=3, seed=1)
    assert halves.calibration_images == len(false_negative_rates(drawn(240))) // 2


def test_the_naive_choice_does_not_keep_it() -> None:
    """Without the correction the mean loss of few images is beyond alpha: the test can fail."""
    fresh = false_negative_rates(drawn(4000, seed=99)).mean(axis=0)
    seen = []
    for seed in range(300):
        rates = false_negative_rates(drawn(14, seed=seed)).mean(axis=0)
        seen.append(fresh[np.flatnonzero(rates <= 0.1)[-1]])
    assert np.mean(seen) > 0.1 + 2 * np.std(seen) / np.sqrt(len(seen))


@pytest.mark.parametrize(("images", "alpha"), [(9, 0.1), (19, 0.05), (4, 0.2), (1, 0.5)])
def test_just_enough_images(images: int, alpha: float) -> None:
    refuse_too_few(images, alpha)
    with pytest.raises(InputError, match=f"needs at least {images} validation images"):
        refuse_too_few(images - 1, alpha)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, float("nan")])
def test_what_is_no_rate_is_refused(alpha: float) -> None:
    with pytest.raises(InputError, match="above 0 and below 1"):
        refuse_too_few(1000, alpha)


@pytest.mark.realdata
@pytest.mark.slow
def test_the_shipped_model_keeps_it_on_real_sections(realdata: Path) -> None:
    trained = load_weights("isbi2012-unet")
    opened = open_dataset("isbi2012", realdata / "isbi2012_em")
    samples = [sample for sample in opened.samples if sample.has_truth]
    sweep = sweep_samples(trained.predictor, opened, samples)
    trial = try_guarantee(sweep, 0.1, repeats=500)
    assert trial.calibration_images == 15
    assert trial.mean_rate <= 0.1 + 3 * trial.standard_error
