"""Bootstrap and tests against doing them one by one, and against scipy and statsmodels' rules."""

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from core.metrics.overlap import METRICS
from core.metrics.statistics import (
    bootstrap,
    holm,
    interval,
    mean_bands,
    pooled_bands,
    resample_weights,
    resampled_means,
    resampling_units,
    wilcoxon,
)
from core.metrics.sweep import Sweep


def counts(images: int, *, thresholds: int = 7, seed: int = 0) -> Sweep:
    generator = np.random.default_rng(seed)
    positives = generator.integers(0, 500, images)
    negatives = generator.integers(1, 5000, images)

    def falling(total: NDArray[np.int64]) -> NDArray[np.int64]:
        share = np.sort(generator.random((images, thresholds)), axis=1)[:, ::-1].copy()
        share[:, 0] = 1
        return (share * total[:, None]).astype(np.int64)

    return Sweep(falling(positives), falling(negatives), positives, positives + negatives)


@pytest.mark.parametrize("groups", [None, ["a", "a", "b", "c", "c", "c"]])
def test_every_resample_is_the_sum_over_the_images_drawn(groups: list[str] | None) -> None:
    sweep = counts(6)
    drawn = bootstrap(sweep, resamples=50, seed=3, groups=groups)
    units = 6 if groups is None else 3
    picks = np.random.default_rng(3).integers(0, units, (50, units))
    members = [[n] for n in range(6)] if groups is None else [[0, 1], [2], [3, 4, 5]]
    for r in range(50):
        images = [n for unit in picks[r] for n in members[unit]]
        for name in ("tp", "fp", "fn", "tn", "positives", "pixels"):
            whole = getattr(sweep, name)[images].sum(axis=0)
            assert np.array_equal(getattr(drawn, name)[r], whole), name


def test_sums_beyond_float32_are_exact() -> None:
    large = np.array([[2**40 + 1]])
    sweep = Sweep(large, large * 0, large[:, 0], large[:, 0])
    assert (bootstrap(sweep, resamples=3).tp == 2**40 + 1).all()


def test_what_is_drawn() -> None:
    assert resampling_units(None) == "images"
    assert resampling_units(["a", "b"]) == "images"
    assert resampling_units(["a", "a"]) == "images"
    assert resampling_units(["a", "a", "b"]) == "patients"
    weights = resample_weights(3, resamples=100, groups=["a", "a", "b"])
    assert np.array_equal(weights[:, 0], weights[:, 1])
    assert (weights[:, 1:].sum(axis=1) == 2).all()


def test_the_order_of_patients_changes_nothing() -> None:
    groups = ["b", "a", "b", "c"]
    order = [2, 3, 1, 0]
    one = resample_weights(4, groups=groups)
    other = resample_weights(4, groups=[groups[n] for n in order])
    assert np.array_equal(one[:, order], other)


def test_an_interval_is_numpys_and_leaves_out_what_is_undefined() -> None:
    values = np.random.default_rng(0).normal(size=(101, 9))
    values[::3, 2] = np.nan
    values[:, 5] = np.nan
    low, high = interval(values)
    expected = [np.percentile(v[~np.isnan(v)], [2.5, 97.5]) if n != 5 else [np.nan] * 2
                for n, v in enumerate(values.T)]  # fmt: skip
    assert np.array_equal(np.array([low, high]).T, np.array(expected), equal_nan=True)


def test_bands_are_the_intervals_of_each_threshold() -> None:
    sweep = counts(9, thresholds=70)
    drawn = bootstrap(sweep, resamples=300)
    bands = pooled_bands(drawn, METRICS)
    assert set(bands) == set(METRICS)
    for name, metric in METRICS.items():
        expected = interval(metric(drawn.tp, drawn.fp, drawn.fn, drawn.tn))
        assert np.allclose(bands[name], expected, equal_nan=True, rtol=1e-12, atol=1e-12)
        assert bands[name][0].shape == (70,)


def test_means_of_resamples_and_their_bands() -> None:
    values = np.random.default_rng(1).random((8, 70))
    values[2] = np.nan
    values[3, 60:] = np.nan
    weights = resample_weights(8, resamples=200)
    means = resampled_means(values, weights)
    picks = np.random.default_rng(0).integers(0, 8, (200, 8))
    assert np.allclose(means, np.nanmean(values[picks], axis=1))
    assert np.allclose(mean_bands(values, weights), interval(means))
    constant = values[:3]
    assert np.allclose(
        mean_bands(constant, weights[:, :3]), interval(resampled_means(constant, weights[:, :3])),
        equal_nan=True,
    )  # fmt: skip


def test_an_interval_covers_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        sample = generator.normal(size=(60, 1))
        low, high = mean_bands(sample, resample_weights(60, resamples=500))
        covered += bool(low[0] <= 0 <= high[0])
    assert 0.89 <= covered / 200 <= 0.99


def test_holm_with_a_pencil() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.2]) == [0.2]


def test_wilcoxon_is_scipys_without_zeros() -> None:
    difference = np.random.default_rng(0).normal(0.3, 1, 40)
    assert wilcoxon(difference) == stats.wilcoxon(difference).pvalue
    padded = np.concatenate([difference, [0, 0, np.nan]])
    assert wilcoxon(padded) == wilcoxon(difference)
    assert wilcoxon(np.zeros(5)) == 1.0
    assert wilcoxon(np.array([0.1, 0.1, 0.2])) <= 1


@pytest.mark.slow
def test_all_figures_at_all_thresholds_of_500_images_take_seconds() -> None:
    sweep = counts(500, thresholds=1001)
    started = time.process_time()
    pooled_bands(bootstrap(sweep), METRICS)
    assert time.process_time() - started < 10, "goal: 2 s on two idle cores"
