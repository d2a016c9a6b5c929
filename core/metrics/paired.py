"""Two models on the same images: the difference, its interval and its test."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.metrics.card import Scores
from core.metrics.statistics import (
    Weights,
    holm,
    interval,
    resampled_means,
    resampling_units,
    wilcoxon,
)

Document = dict[str, Any]


def paired_difference(a: Scores, b: Scores, owners: Sequence[str], weights: Weights) -> Document:
    """Mean of a − b over the images on which both are defined, interval and test."""
    difference = a - b
    defined = difference[~np.isnan(difference)]
    if not len(defined):
        return {"n": 0, "difference": None, "ci95": None, "p": None, "wins": 0, "losses": 0}
    units = difference
    if resampling_units(owners) == "patients":
        members = np.unique(np.asarray(owners), return_inverse=True)[1]
        units = resampled_means(difference, np.eye(members.max() + 1)[:, members])
    return {
        "n": len(defined),
        "difference": float(defined.mean()),
        "ci95": as_pair(interval(resampled_means(difference, weights))),
        "p": wilcoxon(units),
        "wins": int((defined > 0).sum()),
        "losses": int((defined < 0).sum()),
    }


def corrected(pairs: list[Document]) -> list[Document]:
    """Rows with ``p_holm`` beside their ``p``, for the number of rows that have one."""
    tested = [pair for pair in pairs if pair["p"] is not None]
    for pair, p in zip(tested, holm([pair["p"] for pair in tested]), strict=True):
        pair["p_holm"] = p
    return [{"p_holm": None, **pair} for pair in pairs]


def pooled_score(
    metric: Callable[..., Scores], counts: NDArray[np.int64], weights: Weights
) -> tuple[float, Scores]:
    """The pooled metric and that of every resample, from counts of shape (4, n)."""
    whole = metric(*counts.sum(axis=1, keepdims=True).astype(np.float64))
    return float(whole[0]), metric(*(weights @ counts.T).T)


def as_pair(band: tuple[Scores, Scores]) -> list[float] | None:
    """An interval as JSON has it; None where it is undefined."""
    return None if np.isnan(band[0]) else [float(band[0]), float(band[1])]


def as_number(value: float) -> float | None:
    """A metric as JSON has it; None where it is undefined."""
    return None if np.isnan(value) else float(value)
