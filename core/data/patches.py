"""Images of mixed sizes as patches of one size, at their own scale.

A training that crops at random wants all images in one array. Where their sizes differ, each is
covered by patches somewhat larger than the crop, so that a crop may still move and turn; an image
smaller than a patch is continued by reflection.
"""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

ROOM = 1.5
"""Side of a patch over side of the crops taken from it."""

Pixel = TypeVar("Pixel", np.uint8, np.int32)


def patch_side(tile: int) -> int:
    """Side of the patches for crops of side ``tile``, a multiple of 16."""
    return math.ceil(ROOM * tile / 16) * 16


def patch_corners(height: int, width: int, *, tile: int) -> list[tuple[int, int]]:
    """Top left corners of the patches of an image, evenly spread and at most ``tile`` apart.

    Args:
        height: Of the image.
        width: Of the image.
        tile: Side of the crops.

    Returns:
        (row, column) pairs; negative where the image is smaller than the patch and lies in its
        middle.
    """
    return [(top, left) for top in _starts(height, tile) for left in _starts(width, tile)]


def cut_patch(image: NDArray[Pixel], corner: tuple[int, int], *, side: int) -> NDArray[Pixel]:
    """One patch of (C, H, W), shape (C, side, side); beyond the image its reflection."""
    rows, columns = (
        _reflected(np.arange(start, start + side), length)
        for start, length in zip(corner, image.shape[1:], strict=True)
    )
    return image[:, rows[:, None], columns]


def _starts(length: int, tile: int) -> list[int]:
    side = patch_side(tile)
    if length <= side:
        return [-((side - length) // 2)]
    count = math.ceil((length - side) / tile) + 1
    return [round(n * (length - side) / (count - 1)) for n in range(count)]


def _reflected(place: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Coordinates folded back into 0…length − 1, the edge pixels not repeated."""
    if length == 1:
        return np.zeros_like(place)
    period = 2 * (length - 1)
    place = np.abs(place) % period
    return np.minimum(place, period - place)
