"""Intervals and paired tests from the counts: bootstrap over patients or images, Wilcoxon, Holm.

A resample draws as many patients as there are, with replacement (Efron 1979; the intervals are
percentiles). Pooled counts are sums over images, so all resamples at all thresholds are one matrix
product: how often each image was drawn, shape (R, N), times the counts, shape (N, T). The sums stay
below 2^53, so float64 adds them without rounding.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.metrics.card import Metric, Scores
from core.metrics.sweep import Counts, Sweep

RESAMPLES = 2000
QUANTILES = (0.025, 0.975)
CHUNK = 32
"""Thresholds at a time: 2,000 resamples of them stay in the processor's cache."""

Weights = NDArray[np.float64]
Band = tuple[Scores, Scores]


def resampling_units(groups: Sequence[str] | None) -> str:
    """What is drawn: ``patients`` where some of at least two have several images, else ``images``.

    Images of one patient are alike, so drawing them one by one would make an interval too narrow.
    With a single patient nothing else can be drawn; the interval then says nothing of others.
    """
    if groups is None:
        return "images"
    return "patients" if 1 < len(set(groups)) < len(groups) else "images"


def resample_weights(
    images: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> Weights:
    """How often each image is in each resample, shape (R, N).

    Args:
        images: N.
        resamples: R.
        seed: The same seed draws the same images for every model: intervals of differences are
            paired.
        groups: Patient of each image; see ``resampling_units``.
    """
    member = np.arange(images)
    if groups is not None and resampling_units(groups) == "patients":
        member = np.unique(np.asarray(groups), return_inverse=True)[1]
    units = int(member.max()) + 1
    picks = draw(units, resamples=resamples, seed=seed)
    picks += np.arange(0, resamples * units, units)[:, None]
    drawn = np.bincount(picks.ravel(), minlength=resamples * units).reshape(resamples, units)
    return drawn[:, member].astype(np.float64)


def draw(units: int, *, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.int64]:
    """Numbers of the units in each resample, shape (R, units)."""
    return np.random.default_rng(seed).integers(0, units, (resamples, units))


def bootstrap(
    sweep: Sweep,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> Sweep:
    """Pooled counts of every resample at every threshold, exact.

    Returns:
        A sweep whose R "images" are the resamples; 16 bytes for each of R·T.
    """
    weights = resample_weights(len(sweep.positives), resamples=resamples, seed=seed, groups=groups)
    return weighted_counts(sweep, weights)


def weighted_counts(sweep: Sweep, weights: Weights) -> Sweep:
    """Pooled counts with each image as often as ``weights``, shape (R, N), says."""
    return Sweep(
        weighted_sums(sweep.tp, weights),
        weighted_sums(sweep.fp, weights),
        weighted_sums(sweep.positives[:, None], weights)[:, 0],
        weighted_sums(sweep.pixels[:, None], weights)[:, 0],
    )


def weighted_sums(counts: Counts, weights: Weights) -> Counts:
    """``weights @ counts`` as whole numbers, shape (R, T); in memory a threshold's row is whole."""
    sums = np.empty((counts.shape[1], len(weights)), dtype=np.int64)  # (T, R)
    for start in range(0, len(sums), 8 * CHUNK):
        part = counts[:, start : start + 8 * CHUNK]
        sums[start : start + 8 * CHUNK] = part.T.astype(np.float64) @ weights.T
    return sums.T


def interval(values: Scores) -> Band:
    """95 % percentile interval over the first axis, linear between ranks as ``numpy.percentile``.

    Values that are NaN are left out; where all are, both ends are NaN.
    """
    ranked = np.sort(values, axis=0)  # NaN last
    count = (~np.isnan(ranked)).sum(axis=0) if np.isnan(ranked[-1]).any() else len(ranked)
    low, high = (_ranked(ranked, np.asarray(count), quantile) for quantile in QUANTILES)
    return low, high


def _ranked(ranked: Scores, count: NDArray[np.int64], quantile: float) -> Scores:
    place = np.broadcast_to(quantile * np.maximum(count - 1, 0), ranked.shape[1:])
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    one = np.take_along_axis(ranked, below[None], axis=0)[0]
    other = np.take_along_axis(ranked, np.broadcast_to(above, below.shape)[None], axis=0)[0]
    share = place - below
    # From the nearer end, as numpy does, so that the last digit is the same too.
    near = one + (other - one) * share
    return np.asarray(np.where(share < 0.5, near, other - (other - one) * (1 - share)))


def pooled_bands(resampled: Sweep, scores: Mapping[str, Metric]) -> dict[str, Band]:
    """Interval of every pooled metric at every threshold, from ``bootstrap``; two of shape (T,).

    Memory grows with R times ``CHUNK``, however many thresholds there are.
    """
    thresholds = resampled.tp.shape[1]
    bands = {name: (np.empty(thresholds), np.empty(thresholds)) for name in scores}
    positives = resampled.positives[:, None].astype(np.float64)
    negatives = resampled.pixels[:, None] - positives
    for start in range(0, thresholds, CHUNK):
        part = slice(start, start + CHUNK)
        tp = resampled.tp[:, part].astype(np.float64)  # (R, CHUNK)
        fp = resampled.fp[:, part].astype(np.float64)
        fn, tn = positives - tp, negatives - fp
        for name, metric in scores.items():
            bands[name][0][part], bands[name][1][part] = interval(metric(tp, fp, fn, tn))
    return bands


def mean_bands(values: Scores, weights: Weights) -> Band:
    """Interval of the mean over images at every threshold; two of shape (T,).

    Args:
        values: Per image and threshold, shape (N, T); NaN does not count.
        weights: From ``resample_weights``, shape (R, N).
    """
    missing = np.isnan(values)
    filled = np.where(missing, 0.0, values)
    # Mostly an image counts at all thresholds or at none; then one column says how many count.
    counted = ~(missing[:, :1] if (missing == missing[:, :1]).all() else missing)
    number = _products(counted.astype(np.float64), weights)  # (T or 1, R)
    low, high = np.empty(values.shape[1]), np.empty(values.shape[1])
    for start in range(0, values.shape[1], 8 * CHUNK):
        part = slice(start, start + 8 * CHUNK)
        total = _products(filled[:, part], weights)  # (8 CHUNK, R)
        with np.errstate(invalid="ignore"):
            means = total / (number if len(number) == 1 else number[part])
        low[part], high[part] = interval(means.T)
    return low, high


def _products(values: Scores, weights: Weights) -> Scores:
    return np.asarray(values.T @ weights.T)


def resampled_means(values: Scores, weights: Weights) -> Scores:
    """Mean over the images of every resample; NaN marks a value that does not count.

    Args:
        values: Per image, shape (N,) or (N, T).
        weights: From ``resample_weights``, shape (R, N).

    Returns:
        Shape (R,) or (R, T); NaN where a resample holds no value that counts.
    """
    missing = np.isnan(values)
    filled = np.where(missing, 0.0, values)
    if not missing.any():
        return np.asarray(
            weights @ filled / weights.sum(axis=1)[(...,) + (None,) * (values.ndim - 1)]
        )
    with np.errstate(invalid="ignore"):
        return np.asarray((weights @ filled) / (weights @ (~missing).astype(np.float64)))


def wilcoxon(differences: Scores) -> float:
    """Two-sided p-value of the signed-rank test (Wilcoxon 1945), from scipy.

    Args:
        differences: One per image or patient; zeros and NaN are left out.

    Returns:
        1 where nothing is left: no difference was seen.
    """
    from scipy import stats  # 0.5 s; only where a test is asked for

    kept = differences[~np.isnan(differences) & (differences != 0)]
    return float(stats.wilcoxon(kept).pvalue) if len(kept) else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, step down (Holm 1979); in the order given."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    corrected = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1.0)
    result = np.empty(len(p_values))
    result[order] = corrected
    return [float(p) for p in result]
