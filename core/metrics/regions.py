"""BraTS: the three overlapping regions, and Dice lesion by lesion.

Menze et al., IEEE TMI 34:1993, 2015, for the regions; lesion by lesion as the challenge of 2023
scores (Moawad et al., arXiv:2306.00838): a case with one large and five small tumours is no longer
evaluated by the large one alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import choose

Mask = NDArray[np.bool_ | np.uint8]

LABELS: dict[str, dict[str, tuple[int, ...]]] = {
    "brats2018-2022": {"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)},
    "brats2023": {"WT": (1, 2, 3), "TC": (1, 3), "ET": (3,)},
}
"""Whole tumour, tumour core and enhancing tumour as made of published labels; from 2023 on the
enhancing tumour is 3, not 4. Class maps of this program are numbered as in 2023."""


def region_masks(labels: NDArray[np.integer], *, scheme: str) -> dict[str, NDArray[np.bool_]]:
    """The regions of a label image or volume.

    Args:
        labels: Published labels, any shape.
        scheme: Key of ``LABELS``.

    Raises:
        InputError: Unknown scheme.
    """
    regions = choose("label scheme", scheme, LABELS)
    return {name: np.isin(labels, kinds) for name, kinds in regions.items()}


@dataclass(frozen=True)
class LesionScore:
    """One region of one case, lesion by lesion."""

    dice: tuple[float, ...]
    """Of each real lesion that counts, 0 where it was missed."""
    found: int
    """Real lesions that count and were touched."""
    missed: int
    """Real lesions that count and were not."""
    false: int
    """Predicted lesions that touch no real one, however small."""

    @property
    def lesion_wise_dice(self) -> float:
        """Mean over real lesions and false ones, which count as 0.

        NaN where there is neither; the challenge counts that as 1.
        """
        number = len(self.dice) + self.false
        return sum(self.dice) / number if number else np.nan


def lesion_scores(
    prediction: Mask,
    truth: Mask,
    *,
    dilation: int = 3,
    smallest_mm3: float = 50.0,
    voxel_mm3: float = 1.0,
) -> LesionScore:
    """Score each lesion of a region.

    Lesions are pieces that touch at faces, edges or corners. Real pieces whose dilations touch are
    one lesion; a predicted lesion belongs to every real one whose dilation it enters, and the Dice
    of a real lesion is that of its pixels and all lesions that belong to it. The defaults are those
    of the glioma challenge (meningioma: ``dilation=1``; metastases: 1 and 2 mm³).

    Args:
        prediction: Mask of the region, any value but 0 is foreground, shape (D, H, W) or (H, W).
        truth: The same.
        dilation: Steps to neighbours at faces and edges.
        smallest_mm3: Real lesions of at most this volume count neither as found nor as missed, and
            what touches them is not false.
        voxel_mm3: Volume of a voxel.

    Raises:
        ValueError: The shapes differ.
    """
    from scipy.ndimage import (  # only where lesions are scored
        binary_dilation,
        generate_binary_structure,
        label,
    )

    if prediction.shape != truth.shape:
        raise ValueError(f"prediction {prediction.shape} and truth {truth.shape} differ in shape")
    corners = generate_binary_structure(truth.ndim, truth.ndim)
    edges = generate_binary_structure(truth.ndim, min(2, truth.ndim))

    def grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.asarray(binary_dilation(mask, edges, iterations=dilation)) if dilation else mask

    pieces, number = label(prediction != 0, corners)
    clusters, lesions = label(grown(truth != 0), corners)
    clusters[truth == 0] = 0
    touched: set[int] = set()
    scores: list[float] = []
    found = 0
    for lesion in range(1, lesions + 1):
        real = clusters == lesion
        hits = np.unique(pieces[grown(real)])
        hits = hits[hits != 0]
        touched.update(hits.tolist())
        volume = int(real.sum())
        if volume * voxel_mm3 <= smallest_mm3:
            continue
        marked = np.isin(pieces, hits) if len(hits) else np.zeros(real.shape, np.bool_)
        scores.append(2 * int((marked & real).sum()) / (int(marked.sum()) + volume))
        found += bool(len(hits))
    return LesionScore(tuple(scores), found, len(scores) - found, number - len(touched))
