"""Figures of overlap from the four counts. ``METRICS`` lists them.

All take arrays of equal shape and return float64 of that shape. Where a figure is 0/0 it is NaN:
Dice and IoU when prediction and truth are both empty, precision when nothing is predicted, recall
when there is nothing to find. What becomes of the NaN is the aggregation's business, and said.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Figure = NDArray[np.float64]
Numbers = NDArray[np.int64] | NDArray[np.float64]
Metric = Callable[[Numbers, Numbers, Numbers, Numbers], Figure]


def _ratio(over: Numbers, under: Numbers) -> Figure:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under == 0, np.nan, over / under)


def dice(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Figure:  # noqa: ARG001
    """2TP / (2TP + FP + FN), also called F1."""
    return _ratio(2 * tp, 2 * tp + fp + fn)


def iou(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Figure:  # noqa: ARG001
    """TP / (TP + FP + FN), also called Jaccard."""
    return _ratio(tp, tp + fp + fn)


def precision(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Figure:  # noqa: ARG001
    """TP / (TP + FP)."""
    return _ratio(tp, tp + fp)


def recall(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Figure:  # noqa: ARG001
    """TP / (TP + FN), also called sensitivity."""
    return _ratio(tp, tp + fn)


def specificity(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Figure:  # noqa: ARG001
    """TN / (TN + FP)."""
    return _ratio(tn, tn + fp)


def accuracy(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Figure:
    """(TP + TN) / all pixels."""
    return _ratio(tp + tn, tp + fp + fn + tn)


METRICS: dict[str, Metric] = {
    "dice": dice,
    "iou": iou,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "accuracy": accuracy,
}
