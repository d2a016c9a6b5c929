"""How many pixels two label images share, label by label; instance and ISBI scores rest on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.metrics.card import Scores

Labels = NDArray[np.integer]


@dataclass(frozen=True)
class Contingency:
    """Pixels of each pair of labels that occurs, sparse: E pairs; label 0 is a pair like others."""

    predicted: NDArray[np.int64]
    """Label in the prediction, shape (E,)."""
    real: NDArray[np.int64]
    """Label in the truth, shape (E,)."""
    shared: Scores
    """Pixels of the pair, whole numbers, shape (E,)."""

    def without_background(self) -> "Contingency":
        """The pairs in which neither label is 0."""
        return self.where((self.predicted != 0) & (self.real != 0))

    def where(self, keep: NDArray[np.bool_]) -> "Contingency":
        """Some of the pairs."""
        return Contingency(self.predicted[keep], self.real[keep], self.shared[keep])


def contingency(prediction: Labels, truth: Labels) -> Contingency:
    """Count the pixels of each pair of labels.

    Args:
        prediction: Labels of 0 or more, any shape.
        truth: The same.

    Raises:
        ValueError: The shapes differ or a label is negative.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction {prediction.shape} and truth {truth.shape} differ in shape")
    if prediction.size and min(prediction.min(), truth.min()) < 0:
        raise ValueError("labels are 0 for the background and above 0 for objects")
    width = int(prediction.max(initial=0)) + 1
    joint = truth.ravel().astype(np.int64) * width + prediction.ravel()
    pairs, counts = np.unique(joint, return_counts=True)
    return Contingency(pairs % width, pairs // width, counts.astype(np.float64))
