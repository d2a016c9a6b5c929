"""Dice and Jaccard of probabilities: the training scores that the papers report.

They need three sums per image, so any number of images streams: Σ p t, Σ p and Σ t, with p the
probability and t the truth. Keras prints the mean over batches of a metric pooled within each
batch; which grouping is meant is up to the caller, see ``SoftSums.pooled``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.levels import STEPS
from core.metrics.card import Scores, ratio
from core.metrics.sweep import Sweep


@dataclass(frozen=True)
class SoftSums:
    """Sums over the pixels of N images."""

    both: Scores
    """Σ p t, shape (N,)."""
    predicted: Scores
    """Σ p, shape (N,)."""
    truth: Scores
    """Σ t, shape (N,)."""

    def pooled(self) -> "SoftSums":
        """All images as one, N = 1."""
        return SoftSums(
            self.both.sum(keepdims=True),
            self.predicted.sum(keepdims=True),
            self.truth.sum(keepdims=True),
        )


def soft_sums(probability: NDArray[np.floating], truth: NDArray[np.bool_ | np.uint8]) -> SoftSums:
    """Sums of one image, N = 1.

    Args:
        probability: Values in [0, 1], any shape; summed in float64.
        truth: Reference foreground, the same shape.

    Raises:
        ValueError: The shapes differ.
    """
    if probability.shape != truth.shape:
        raise ValueError(f"probability {probability.shape} and truth {truth.shape} differ in shape")
    foreground = truth != 0
    both = probability.sum(dtype=np.float64, where=foreground)
    predicted = probability.sum(dtype=np.float64)
    return SoftSums(*(np.array([float(part)]) for part in (both, predicted, foreground.sum())))


def sums_of_levels(sweep: Sweep) -> SoftSums:
    """The same sums with p = level / 1000, from the counts alone.

    Exact for the level map: Σ over thresholds k ≥ 1 of TP is the sum of the levels on the truth.
    A level rounds the probability down by less than 0.001.
    """
    both = sweep.tp[:, 1:].sum(axis=1) / STEPS
    wrong = sweep.fp[:, 1:].sum(axis=1) / STEPS
    return SoftSums(both, both + wrong, sweep.positives.astype(np.float64))


def soft_dice(sums: SoftSums, *, smooth: float = 0.0) -> Scores:
    """(2 Σpt + s) / (Σp + Σt + s), shape (N,).

    Args:
        sums: Of the images.
        smooth: In pixels; papers add 1 (often without saying so). With 0 an image without
            foreground and without probability is NaN; otherwise it scores 1.
    """
    return ratio(2 * sums.both + smooth, sums.predicted + sums.truth + smooth)


def soft_jaccard(sums: SoftSums, *, smooth: float = 0.0) -> Scores:
    """(Σpt + s) / (Σp + Σt − Σpt + s), shape (N,); arguments as ``soft_dice``."""
    return ratio(sums.both + smooth, sums.predicted + sums.truth - sums.both + smooth)
