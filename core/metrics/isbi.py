"""V_rand and V_info: how well the cells of an EM section come apart, whatever the borders' width.

Arganda-Carreras et al., Crowdsourcing the creation of image segmentation algorithms for
connectomics, Frontiers in Neuroanatomy 9:142, 2015: the scores of the ISBI 2012 challenge. A
missing stretch of membrane merges two cells and costs a lot; a border that is a pixel too wide
costs nothing.

Conventions, as in the challenge's own program:

- Segments are the 4-connected pieces of what is not membrane.
- Foreground-restricted: pixels that the truth calls membrane do not count at all; within its cells,
  each pixel that the prediction calls membrane is a segment of its own.
- Border-thinned: predicted cells first grow over the predicted membrane until lines one pixel wide
  are left (a watershed); the truth is not thinned.
- A pixel makes a pair with itself (scikit-image's ``adapted_rand_error`` leaves such pairs out, and
  takes all predicted membrane as one segment).
- A score is the F-score of its split and merge parts, meant over sections at each threshold; the
  challenge then takes the best threshold, here left to an operating point.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.metrics.card import Scores
from core.metrics.contingency import Labels, contingency

Mask = NDArray[np.bool_ | np.uint8]


@dataclass(frozen=True)
class PartitionScore:
    """Agreement of two partitions, each part from 0 to 1."""

    split: float
    """Falls when a real segment is cut apart."""
    merge: float
    """Falls when real segments are joined."""
    score: float
    """Their F-score: V_rand or V_info."""


def segments(cells: Mask) -> NDArray[np.int32]:
    """The pieces of a mask of cell interiors: labels from 1, 0 on the membrane.

    Args:
        cells: Foreground as in the data set: any value but 0 is interior, shape (H, W).
    """
    from scipy.ndimage import label  # only where partitions are compared

    labels, _ = label(cells != 0)  # faces only, which in 2D is 4 neighbours
    return np.asarray(labels, dtype=np.int32)


def thinned_segments(cells: Mask) -> NDArray[np.int32]:
    """As ``segments``, once the cells have grown until membranes are one pixel wide."""
    from skimage.segmentation import watershed  # only where partitions are compared

    lines = watershed(cells == 0, segments(cells), connectivity=1, watershed_line=True)  # type: ignore[no-untyped-call]
    return np.asarray(lines, dtype=np.int32)


def membrane_scores(prediction: Mask, truth: Mask) -> tuple[PartitionScore, PartitionScore]:
    """V_rand and V_info of two masks of cell interiors, foreground-restricted, border-thinned.

    Args:
        prediction: Any value but 0 is interior, shape (H, W).
        truth: The same.
    """
    parts = thinned_segments(prediction), segments(truth)
    return rand_score(*parts), information_score(*parts)


def rand_score(prediction: Labels, truth: Labels) -> PartitionScore:
    """V_rand: agreement on which pairs of pixels belong together, foreground-restricted.

    Args:
        prediction: Segment of each pixel, 0 for membrane, any shape.
        truth: The same.

    Returns:
        Split Σp²/Σt², merge Σp²/Σs² and their F-score, with p, t and s the shares of pixels in
        pairs of segments, real and predicted segments. NaN where the truth is all membrane.
    """
    p, s, t = _shares(prediction, truth)
    both, real, found = (float((part**2).sum()) for part in (p, t, s))
    if not both:
        return PartitionScore(np.nan, np.nan, np.nan)
    return PartitionScore(both / real, both / found, 2 * both / (real + found))


def information_score(prediction: Labels, truth: Labels) -> PartitionScore:
    """V_info: the information that the two partitions share, foreground-restricted.

    Args:
        prediction: Segment of each pixel, 0 for membrane, any shape.
        truth: The same.

    Returns:
        Split I/H(prediction), merge I/H(truth) and their F-score 2I/(H + H). A part whose entropy
        is 0 is NaN: a single segment holds no information. The score is NaN where both are 0.
    """
    p, s, t = _shares(prediction, truth)
    found, real = _entropy(s), _entropy(t)
    shared = max(found + real - _entropy(p), 0.0)
    return PartitionScore(
        shared / found if found else np.nan,
        shared / real if real else np.nan,
        2 * shared / (found + real) if found + real else np.nan,
    )


def _shares(prediction: Labels, truth: Labels) -> tuple[Scores, Scores, Scores]:
    """Shares of the truth's foreground: of pairs, of predicted and of real segments."""
    table = contingency(prediction, truth)
    table = table.where(table.real != 0)
    inside = table.predicted != 0
    alone = np.ones(int(table.shared[~inside].sum()))  # membrane in a cell: segments of one pixel
    pairs = np.concatenate([table.shared[inside], alone])
    found = np.bincount(table.predicted[inside], table.shared[inside])
    found = np.concatenate([found[found > 0], alone])
    real = np.bincount(table.real, table.shared)
    total = max(pairs.sum(), 1)
    return pairs / total, found / total, real[real > 0] / total


def _entropy(shares: Scores) -> float:
    return float(-(shares * np.log(shares)).sum()) + 0.0  # no −0
