"""A threshold with a guarantee: conformal risk control of the share of foreground that is missed.

Angelopoulos, Bates, Fisch, Lei and Schuster 2022, Conformal Risk Control, arXiv 2208.02814. The
loss of an image is its false-negative rate, between 0 and B = 1, and it never falls when the
threshold rises. The largest threshold with (n · mean loss + B) / (n + 1) ≤ α on n calibration
images keeps the expected loss of a new image at or below α.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.metrics.card import Scores
from core.metrics.statistics import Weights
from core.metrics.sweep import Sweep

LARGEST_LOSS = 1.0
ASSUMPTION = (
    "Holds on average over calibration sets and new images when new images are like these "
    "(exchangeable), counting each image that has foreground once; it says nothing of an image of "
    "another kind, nor of any single image."
)


def false_negative_rates(sweep: Sweep) -> Scores:
    """Missed share of the foreground of each image that has some, shape (n, T).

    The others have nothing to miss; counting them as 0 would water the guarantee down.
    """
    shown = sweep.positives > 0
    return np.asarray(sweep.fn[shown] / sweep.positives[shown, None])


def corrected_risk(rates: Scores, weights: Weights) -> Scores:
    """(n · mean loss + B) / (n + 1) of every resample at every threshold, shape (R, T).

    Args:
        rates: From ``false_negative_rates``, shape (n, T).
        weights: How often each image counts, shape (R, n).
    """
    images = weights.sum(axis=1)[:, None]
    return np.asarray((weights @ rates + LARGEST_LOSS) / (images + 1))


def conformal_index(sweep: Sweep, alpha: float) -> int:
    """Index of the largest threshold that keeps the guarantee.

    Args:
        sweep: Counts of the calibration images at ascending thresholds, the first of them 0.
        alpha: Accepted false-negative rate, above 0 and below 1.

    Raises:
        InputError: Too few images for so small a rate.
    """
    rates = false_negative_rates(sweep)
    refuse_too_few(len(rates), alpha)
    kept = corrected_risk(rates, np.ones((1, len(rates))))[0] <= alpha + 1e-12
    return int(np.flatnonzero(kept)[-1])


def refuse_too_few(images: int, alpha: float) -> None:
    """A guarantee needs (n + 1) α ≥ 1: with fewer images even marking everything cannot prove it.

    Raises:
        InputError: There are fewer.
    """
    if not 0 < alpha < 1:
        raise InputError(f"fnr<={alpha:g} cannot be guaranteed; give a rate above 0 and below 1")
    if (images + 1) * alpha < LARGEST_LOSS - 1e-12:
        needed = int(np.ceil(LARGEST_LOSS / alpha - 1 - 1e-9))
        possible = np.ceil(1000 * LARGEST_LOSS / (images + 1)) / 1000
        raise InputError(
            f"fnr<={alpha:g} needs at least {needed} validation images with foreground, there are "
            f"{images}; with these, fnr<={possible:g} is the strictest that can be guaranteed"
        )


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The guarantee tried out on random halves of images whose truth is known."""

    alpha: float
    """The rate that was promised."""
    repeats: int
    """How many random divisions."""
    calibration_images: int
    """Images that chose the threshold in each."""
    mean_rate: float
    """Mean false-negative rate of the other images; the promise is about this one."""
    standard_error: float
    """Of that mean over the divisions, which share their images."""
    highest_rate: float
    """The worst division; a single one may lie above alpha."""


def try_guarantee(sweep: Sweep, alpha: float, *, repeats: int = 1000, seed: int = 0) -> Trial:
    """Choose on a random half, look at the other half, many times.

    Raises:
        InputError: Half of the images are too few for alpha.
    """
    rates = false_negative_rates(sweep)
    half = len(rates) // 2
    refuse_too_few(half, alpha)
    generator = np.random.default_rng(seed)
    order = generator.permuted(np.tile(np.arange(len(rates)), (repeats, 1)), axis=1)
    chooses = (order < half).astype(np.float64)  # (R, n)
    chosen = (corrected_risk(rates, chooses) <= alpha + 1e-12).sum(axis=1) - 1  # it never falls
    others = (1 - chooses) @ rates / (len(rates) - half)  # (R, T)
    seen = np.take_along_axis(others, chosen[:, None], axis=1)[:, 0]
    return Trial(
        alpha=alpha,
        repeats=repeats,
        calibration_images=half,
        mean_rate=float(seen.mean()),
        standard_error=float(seen.std() / np.sqrt(repeats)),
        highest_rate=float(seen.max()),
    )
