"""Does a probability of 0.8 mean foreground in 8 of 10 pixels? From the sweep, no map is kept.

The differences of a sweep's neighbouring columns are the histograms of the level map on and off the
truth, and everything here follows from them. A pixel of level k has a probability in
[k/1000, (k + 1)/1000) and counts as the middle, so a metric is within 0.0005 of that of the map.

Reliability diagram and expected calibration error (ECE): Guo et al. 2017, On Calibration of Modern
Neural Networks, arXiv 1706.04599, here of the probability of foreground, pooled over the pixels of
all images. Temperature scaling is from the same paper.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.metrics.card import Scores
from core.metrics.sweep import Sweep, histograms

BINS = 10
TEMPERATURES = (0.05, 20.0)


def level_probability(levels: int = 1001) -> Scores:
    """The probability that a level stands for, the middle of its step, shape (T,)."""
    steps = levels - 1
    return np.minimum((np.arange(levels) + 0.5) / steps, 1 - 0.5 / steps)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How far probabilities can be believed."""

    edges: Scores
    """Of the bins, shape (bins + 1,)."""
    predicted: Scores
    """Mean probability in each bin, NaN where it is empty."""
    observed: Scores
    """Share of foreground in each bin, NaN where it is empty."""
    pixels: NDArray[np.int64]
    """In each bin."""
    ece: float
    """Mean distance of the two, weighted by pixels; 0 is perfect, NaN without pixels."""
    brier: float
    """Mean squared distance of probability and truth; 0 is perfect, NaN without pixels."""
    temperature: float
    """What logits were divided by; 1 leaves them as they are."""

    def document(self) -> dict[str, object]:
        """As JSON, with null for NaN."""
        return {
            "edges": self.edges.tolist(),
            "predicted": _numbers(self.predicted),
            "observed": _numbers(self.observed),
            "pixels": self.pixels.tolist(),
            "ece": _numbers(np.array([self.ece]))[0],
            "brier": _numbers(np.array([self.brier]))[0],
            "temperature": self.temperature,
            "convention": f"probability of foreground, {len(self.pixels)} equal bins, pooled over "
            "all pixels, from 1001 levels",
        }


def calibration(sweep: Sweep, *, bins: int = BINS, temperature: float = 1.0) -> Calibration:
    """Reliability diagram, ECE and Brier score of the pooled pixels.

    Args:
        sweep: Counts of the images.
        bins: Equal steps of probability.
        temperature: From ``fit_temperature`` on the validation split.
    """
    off, on = histograms(sweep.pooled())[0]
    probability = scaled(level_probability(len(on)), temperature)
    edges = np.linspace(0, 1, bins + 1)
    place = np.minimum(np.searchsorted(edges, probability, side="right") - 1, bins - 1)
    both = on + off
    pixels = np.bincount(place, weights=both, minlength=bins)
    with np.errstate(invalid="ignore"):
        predicted = np.bincount(place, weights=both * probability, minlength=bins) / pixels
        observed = np.bincount(place, weights=on, minlength=bins) / pixels
    total = both.sum()
    gaps = np.nan_to_num(np.abs(predicted - observed))
    squared = on * (1 - probability) ** 2 + off * probability**2
    return Calibration(
        edges=edges,
        predicted=predicted,
        observed=observed,
        pixels=pixels.astype(np.int64),
        ece=float((gaps * pixels).sum() / total) if total else float("nan"),
        brier=float(squared.sum() / total) if total else float("nan"),
        temperature=temperature,
    )


def scaled(probability: Scores, temperature: float) -> Scores:
    """Probability with its logit divided by a temperature; the order of pixels stays the same."""
    logits = np.log(probability) - np.log1p(-probability)
    return np.asarray(1 / (1 + np.exp(-logits / temperature)))


def log_loss(sweep: Sweep, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood of the pooled pixels at a temperature."""
    off, on = histograms(sweep.pooled())[0]
    probability = level_probability(len(on))
    logits = (np.log(probability) - np.log1p(-probability)) / temperature
    losses = on * np.logaddexp(0, -logits) + off * np.logaddexp(0, logits)
    return float(losses.sum() / (on.sum() + off.sum()))


def fit_temperature(sweep: Sweep, *, split: str) -> float:
    """The temperature with the smallest log loss on the validation split, 0.05 to 20.

    All probabilities beyond 0.9995 are one level, so that of a very overconfident map comes out a
    little low (3.3 in place of 3.5).

    Args:
        sweep: Counts of the validation images.
        split: The split that ``sweep`` was computed on.

    Raises:
        InputError: The part is not ``val``, or truth is all foreground or all background.
    """
    from scipy.optimize import minimize_scalar  # only where something is fitted

    if split != "val":
        raise InputError(f"a temperature is fitted on the val split only, not on {split}")
    if sweep.positives.sum() in {0, sweep.pixels.sum()}:
        raise InputError("the validation truth is of one kind only; no temperature can be fitted")
    found = minimize_scalar(  # the loss is convex in 1/T, so it has one valley in log T
        lambda log_t: log_loss(sweep, float(np.exp(log_t))),
        bounds=tuple(np.log(TEMPERATURES)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def _numbers(values: Scores) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
