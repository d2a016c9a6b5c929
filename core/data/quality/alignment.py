"""Masks that lie on the wrong image: swapped files, a numbering that is off by one.

A mask's thumbnail is correlated with the thumbnail of every image of its size, both without their
blurred brightness, so that neither the typical place of the object nor shading counts, and without
sign, for some objects are dark. A mask is misplaced when another image fits it (0.3 or more), fits
clearly better than its own (by 0.15) and than every third image (by 0.1). Where objects hardly show
in a thumbnail, no image fits clearly and nothing is reported: on 1,100 public and synthetic images
no right mask was accused; of masks swapped on purpose nearly all were found in microscopy, a third
in ultrasound. A mask that is a little shifted on its own image is not found.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from core.data.quality.duplicates import Thumbnails, unit

FITS, BETTER, CLEAR = 0.3, 0.15, 0.1
_BLUR, _BLOCK = 4, 512


def misplaced(
    images: Thumbnails, masks: Thumbnails, sizes: Sequence[tuple[int, int]]
) -> list[tuple[int, int, float, float]]:
    """Masks that fit another image than their own.

    Args:
        images: Thumbnails of the images, shape (N, 48, 48).
        masks: Thumbnails of their masks in 0…255, same shape.
        sizes: Height and width of each image; only images of one size can have swapped masks.

    Returns:
        Number of the mask, of the image it fits, and its correlations with its own image and with
        that one.
    """
    same_size: dict[tuple[int, int], list[int]] = defaultdict(list)
    for n, size in enumerate(sizes):
        same_size[size].append(n)
    found = []
    for members in same_size.values():
        if len(members) > 1:
            thumbnails, outlines = (
                unit(images[members], blur=_BLUR),
                unit(masks[members], blur=_BLUR),
            )
            for n, other, own, best in _swapped(thumbnails, outlines):
                found.append((members[n], members[other], own, best))
    return sorted(found)


def _swapped(images: Thumbnails, outlines: Thumbnails) -> list[tuple[int, int, float, float]]:
    found = []
    for start in range(0, len(outlines), _BLOCK):
        fit = np.abs(outlines[start : start + _BLOCK] @ images.T)  # (≤ 512, N)
        row = np.arange(len(fit))
        own = fit[row, row + start]
        fit[row, row + start] = -1
        other = fit.argmax(axis=1)
        best = fit[row, other]
        fit[row, other] = -1
        third = np.maximum(fit.max(axis=1), 0)
        wrong = (best >= FITS) & (best - own >= BETTER) & (best - third >= CLEAR)
        found += [
            (start + int(n), int(other[n]), float(own[n]), float(best[n]))
            for n in np.flatnonzero(wrong)
        ]
    return found
