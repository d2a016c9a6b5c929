"""Objects one by one, as for nuclei: matching, the DSB 2018 score, F1, panoptic quality, counts.

A predicted and a real object match at a threshold t when their IoU is **above** t. From ½ on no
object can then have two partners, so nothing has to be assigned (Kirillov et al., Panoptic
segmentation, CVPR 2019, arXiv:1801.00868); the threshold is compared in whole numbers, so an IoU of
exactly 0.6 is never above 0.6 by rounding. Caicedo et al., Nature Methods 16:1247, 2019, gives the
score of the 2018 Data Science Bowl.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import choose
from core.metrics.card import Scores
from core.metrics.contingency import Labels, contingency

THRESHOLDS_PERCENT = tuple(range(50, 100, 5))
"""IoU of 0.50, 0.55, …, 0.95, as the challenge has them."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class InstanceMatch:
    """Matches of one image, or of many pooled, at IoU thresholds of 0.50 to 0.95 (T = 10)."""

    tp: Counts
    """Pairs that match, shape (T,)."""
    predicted: int
    """Objects in the prediction."""
    real: int
    """Objects in the truth."""
    iou_sum: Scores
    """Sum of the IoU over the pairs that match, shape (T,)."""

    def __add__(self, other: "InstanceMatch") -> "InstanceMatch":
        """Pool two images, each object counting the same."""
        return InstanceMatch(
            self.tp + other.tp,
            self.predicted + other.predicted,
            self.real + other.real,
            self.iou_sum + other.iou_sum,
        )

    @property
    def fp(self) -> Counts:
        """Predicted objects without a partner, shape (T,)."""
        return self.predicted - self.tp

    @property
    def fn(self) -> Counts:
        """Real objects without a partner, shape (T,)."""
        return self.real - self.tp

    @property
    def dsb_score(self) -> float:
        """Mean over the thresholds of TP / (TP + FP + FN); the challenge averages it over images.

        NaN where there are no objects at all.
        """
        union = self.predicted + self.real - self.tp
        return float((self.tp / union).mean()) if union.all() else np.nan

    def f1(self, percent: int = 50) -> float:
        """2TP / (2TP + FP + FN) at an IoU threshold in percent; NaN without any objects.

        Also the recognition quality RQ of the panoptic quality at 50.
        """
        total = self.predicted + self.real
        return 2 * int(self.tp[_row(percent)]) / total if total else np.nan

    def segmentation_quality(self, percent: int = 50) -> float:
        """SQ: mean IoU of the pairs that match; NaN where none does (torchmetrics: 0)."""
        row = _row(percent)
        return float(self.iou_sum[row] / self.tp[row]) if self.tp[row] else np.nan

    def panoptic_quality(self, percent: int = 50) -> float:
        """PQ: sum of IoU over TP + ½ FP + ½ FN, which is SQ · RQ; NaN without any objects."""
        total = self.predicted + self.real
        return 2 * float(self.iou_sum[_row(percent)]) / total if total else np.nan

    @property
    def count_error(self) -> int:
        """Predicted minus real objects."""
        return self.predicted - self.real


def match_instances(prediction: Labels, truth: Labels) -> InstanceMatch:
    """Match the objects of two label images.

    Args:
        prediction: 0 for the background, each object a number of its own; any shape.
        truth: The same; the numbers need not agree.

    Raises:
        ValueError: The shapes differ or a label is negative.
    """
    table = contingency(prediction, truth)
    predicted_px = np.bincount(table.predicted, table.shared)
    real_px = np.bincount(table.real, table.shared)
    pairs = table.without_background()
    union = predicted_px[pairs.predicted] + real_px[pairs.real] - pairs.shared
    percent = np.array(THRESHOLDS_PERCENT)[:, None]
    above = 100 * pairs.shared > percent * union  # (T, E)
    return InstanceMatch(
        above.sum(axis=1),
        int(np.count_nonzero(predicted_px[1:])),
        int(np.count_nonzero(real_px[1:])),
        (above * (pairs.shared / union)).sum(axis=1),
    )


def split_components(mask: NDArray[np.bool_ | np.uint8]) -> NDArray[np.int32]:
    """Objects that touch nowhere, not even at corners (8 neighbours in 2D, 26 in 3D).

    Returns:
        Labels from 1, 0 for the background, the shape of ``mask``.
    """
    from scipy.ndimage import generate_binary_structure, label  # only where objects are split

    labels, _ = label(mask != 0, generate_binary_structure(mask.ndim, mask.ndim))
    return np.asarray(labels, dtype=np.int32)


def split_watershed(
    mask: NDArray[np.bool_ | np.uint8], *, minimum_distance_px: int = 5
) -> NDArray[np.int32]:
    """Components, cut at their necks where they look like several round objects grown together.

    The distance to the background is flooded from its peaks, so touching nuclei come apart; a
    component always gives at least one object.

    Args:
        mask: Any value but 0 is foreground, shape (H, W) or (D, H, W).
        minimum_distance_px: Peaks nearer than this to one another are one object.

    Returns:
        Labels from 1, 0 for the background, the shape of ``mask``.
    """
    from scipy.ndimage import distance_transform_edt  # only where objects are split
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    components = split_components(mask)
    if not components.any():
        return components
    depth = np.asarray(distance_transform_edt(components > 0))
    # Labels make every component keep a peak of its own, however small it is.
    peaks = peak_local_max(  # type: ignore[no-untyped-call]
        depth, min_distance=minimum_distance_px, labels=components, exclude_border=False
    )
    seeds = np.zeros(components.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    flooded = watershed(  # type: ignore[no-untyped-call]
        -depth, seeds, connectivity=mask.ndim, mask=components > 0
    )
    return np.asarray(flooded, dtype=np.int32)


SPLITTERS = {"components": split_components, "watershed": split_watershed}


def split(mask: NDArray[np.bool_ | np.uint8], *, method: str = "components") -> NDArray[np.int32]:
    """A mask as a label image.

    Args:
        mask: Any value but 0 is foreground.
        method: ``components`` or ``watershed``.

    Raises:
        InputError: Unknown method.
    """
    return choose("way to split objects", method, SPLITTERS)(mask)


def _row(percent: int) -> int:
    return THRESHOLDS_PERCENT.index(percent)
