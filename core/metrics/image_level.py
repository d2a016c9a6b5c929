"""Images as a whole: is there a lesion at all? For data with normal images, such as BUSI.

Pixel scores are undefined on an image without a lesion; here such images are what specificity is
made of. An image is called positive when the mask has at least a minimum area. The free-response
curve (Bunch et al. 1977) asks lesion by lesion, against false positives for each image.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.levels import STEPS, LevelMap
from core.metrics.card import Scores, ratio
from core.metrics.false_positives import false_positive_components
from core.metrics.instances import split_components
from core.metrics.sweep import Counts, Sweep


@dataclass(frozen=True)
class ImageLevel:
    """Scores of a set of images at T = 1001 thresholds."""

    sensitivity: Scores
    """Share of the images with a lesion that are called positive, shape (T,); NaN without any."""
    specificity: Scores
    """Share of the images without one that are not, shape (T,); NaN without any."""
    false_positive_area_px: Scores
    """Mean foreground on images without a lesion, shape (T,); NaN without any."""
    with_lesion: int
    """Images with foreground in the truth."""
    without_lesion: int
    """Images without."""


def image_level(sweep: Sweep, *, minimum_area_px: int = 1) -> ImageLevel:
    """Evaluate images by how much of them is segmented.

    Args:
        sweep: Counts of the images.
        minimum_area_px: An image with fewer foreground pixels is called negative; 1 or more.
    """
    area = sweep.tp + sweep.fp
    called = area >= max(minimum_area_px, 1)
    lesion = sweep.positives > 0
    number = np.array([lesion.sum(), (~lesion).sum()])
    return ImageLevel(
        ratio(called[lesion].sum(axis=0), number[:1]),
        ratio((~called)[~lesion].sum(axis=0), number[1:]),
        ratio(area[~lesion].sum(axis=0), number[1:]),
        int(number[0]),
        int(number[1]),
    )


@dataclass(frozen=True)
class FreeResponse:
    """Lesions found and false positives at T = 1001 thresholds, summed over images."""

    hits: Counts
    """Lesions with a predicted pixel, shape (T,)."""
    false_marks: Counts
    """Components of the masks that touch no lesion, shape (T,)."""
    lesions: int
    """Components of the truth."""
    images: int
    """Images, those without a lesion too."""

    def __add__(self, other: "FreeResponse") -> "FreeResponse":
        """Pool two sets of images."""
        return FreeResponse(
            self.hits + other.hits,
            self.false_marks + other.false_marks,
            self.lesions + other.lesions,
            self.images + other.images,
        )

    @property
    def sensitivity(self) -> Scores:
        """Share of the lesions that are found, shape (T,); NaN without any."""
        return ratio(self.hits, np.array(self.lesions))

    @property
    def false_positives_per_image(self) -> Scores:
        """Shape (T,). Not monotone: a lower threshold can melt two false positives into one."""
        return ratio(self.false_marks, np.array(self.images))


def free_response(
    images: Iterable[tuple[LevelMap, NDArray[np.bool_ | np.uint8]]],
) -> FreeResponse:
    """The free-response curve of a set of images, exact at every threshold.

    A lesion is a component of the truth and a mark a component of the mask, both with 8 neighbours
    (26 in 3D). A lesion is found when the mask holds any of its pixels; a mark that touches no
    lesion is false.

    Args:
        images: Level map and truth of each, one shape per pair; may be a generator.
    """
    nothing = np.zeros(STEPS + 1, np.int64)
    whole = FreeResponse(nothing, nothing, 0, 0)
    for levels, truth in images:
        whole += _response(levels, truth)
    return whole


def _response(levels: LevelMap, truth: NDArray[np.bool_ | np.uint8]) -> FreeResponse:
    lesions = split_components(truth)
    number = int(lesions.max(initial=0))
    highest = np.zeros(number + 1, np.uint16)  # a lesion is found up to its highest level
    np.maximum.at(highest, lesions.ravel(), levels.ravel())
    found = np.bincount(highest[1:], minlength=STEPS + 1)
    return FreeResponse(
        found[::-1].cumsum()[::-1].astype(np.int64),
        false_positive_components(levels, truth)[0],
        number,
        1,
    )
