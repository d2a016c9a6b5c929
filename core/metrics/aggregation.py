"""From scores of images to one number: pooled, over images, over patients; and what empties count.

No way is the right one for every question, so each is computed and each says what it is. Pooled
weighs an image by its size; a mean over images lets a small lesion count as much as a large one; a
mean over patients keeps a patient with many images from counting many times.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.errors import choose
from core.metrics.card import Metric, Scores
from core.metrics.overlap import METRICS
from core.metrics.statistics import (
    draw,
    interval,
    resample_weights,
    resampled_means,
    resampling_units,
)
from core.metrics.sweep import Counts, Sweep

EMPTIES = {
    "skip": "an image where a metric is 0/0 does not enter its mean",
    "1": "an image where a share is 0/0, as Dice with nothing to find and nothing found, counts 1",
    "0": "an image where a share is 0/0, as Dice with nothing to find and nothing found, counts 0",
}
"""What becomes of an undefined metric; errors, whose best value is 0, are always skipped."""


def column(sweep: Sweep, k: int) -> Sweep:
    """The counts at one threshold, T = 1."""
    return Sweep(sweep.tp[:, [k]], sweep.fp[:, [k]], sweep.positives, sweep.pixels)


def image_scores(
    sweep: Sweep, *, empties: str = "skip", scores: Sequence[str] = tuple(METRICS)
) -> dict[str, Scores]:
    """Scores of every image at every threshold, shape (N, T); NaN does not count.

    Raises:
        InputError: Unknown policy for empties.
    """
    tp, fp, fn, tn = sweep.tp, sweep.fp, sweep.fn, sweep.tn
    return {
        name: with_empties(METRICS[name](tp, fp, fn, tn), METRICS[name], empties) for name in scores
    }


def with_empties(values: Scores, metric: Metric, empties: str) -> Scores:
    """Scores with 0/0 replaced as the policy says.

    Raises:
        InputError: Unknown policy.
    """
    choose("policy for empties", empties, EMPTIES)
    if empties == "skip" or metric.best != 1:
        return values
    return np.where(np.isnan(values), float(empties), values)


def by_group(sweep: Sweep, groups: Sequence[str]) -> tuple[list[str], Sweep]:
    """The images of each patient as one: names in order of appearance, and their counts."""
    names = list(dict.fromkeys(groups))
    place = {name: n for n, name in enumerate(names)}
    member = np.array([place[group] for group in groups])

    def pool(counts: Counts) -> Counts:
        sums = np.zeros((len(names), *counts.shape[1:]), dtype=np.int64)
        np.add.at(sums, member, counts)
        return sums

    return names, Sweep(pool(sweep.tp), pool(sweep.fp), pool(sweep.positives), pool(sweep.pixels))


def spread(values: Scores, *, groups: Sequence[str] | None = None) -> dict[str, Any]:
    """Mean, median and 95 % interval of the mean over the values that count, as JSON.

    Args:
        values: One per image or patient, shape (N,); NaN does not count.
        groups: Patient of each, where several values come from one; see ``resampling_units``.
    """
    counts = ~np.isnan(values)
    defined = values[counts]
    if not len(defined):
        return {"mean": None, "median": None, "ci95": None, "n": 0}
    if groups is not None and resampling_units(groups) == "patients":
        kept = [group for group, counted in zip(groups, counts, strict=True) if counted]
        means = resampled_means(defined, resample_weights(len(defined), groups=kept))
    else:
        means = defined[draw(len(defined))].mean(axis=1)
    low, high = interval(means)
    return {
        "mean": float(defined.mean()),
        "median": float(np.median(defined)),
        "ci95": [float(low), float(high)],
        "n": len(defined),
    }
