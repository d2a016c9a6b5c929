"""Scores without a threshold, from the sweep: areas under the ROC and the precision-recall curve.

Both are exact for the level map: the same number as scikit-learn's ``roc_auc_score`` and
``average_precision_score`` of the levels, since a level map has no more than 1001 distinct values.
Against the float map they treat probabilities within 0.001 of one another as ties.
"""

import numpy as np

from core.metrics.card import Scores, ratio
from core.metrics.sweep import Counts, Sweep


def auroc(sweep: Sweep) -> Scores:
    """Area under the receiver operating characteristic, by trapezoids, shape (N,).

    The probability that a foreground pixel has a higher level than a background pixel, a tie
    counting half. NaN where the truth lacks foreground or background.
    """
    tp, fp = (_from_nothing(part) for part in (sweep.tp, sweep.fp))
    area = (np.diff(fp) * (tp[:, 1:] + tp[:, :-1])).sum(axis=1) / 2
    positives = sweep.positives.astype(np.float64)
    return ratio(area, positives * (sweep.pixels - sweep.positives))


def average_precision(sweep: Sweep) -> Scores:
    """Mean of the precision over the recall gained at each threshold, shape (N,).

    A sum of steps, without interpolation: trapezoids under a precision-recall curve promise more
    than any threshold gives. NaN where the truth has no foreground (scikit-learn: 0).
    """
    tp, fp = (_from_nothing(part) for part in (sweep.tp, sweep.fp))
    gained = np.diff(tp)
    precision = np.nan_to_num(ratio(tp[:, 1:], tp[:, 1:] + fp[:, 1:]))  # nothing gained at 0/0
    return ratio((gained * precision).sum(axis=1), sweep.positives)


def _from_nothing(counts: Counts) -> Scores:
    """From the strictest threshold to the laxest, a column of zeros first, shape (N, T + 1)."""
    rising = np.zeros((len(counts), counts.shape[1] + 1))
    rising[:, 1:] = counts[:, ::-1]
    return rising
