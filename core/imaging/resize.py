"""Resizing to what a network sees, and where the image lies in it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

ASPECTS = {"stretch": "sides are scaled apart", "pad": "shape kept, the rest is black"}


def resize(
    image: NDArray[np.uint8], size: int, *, smooth: bool, aspect: str = "stretch"
) -> NDArray[np.uint8]:
    """Bring (C, H, W) to a square.

    Args:
        image: Shape (C, H, W).
        size: Side of the square.
        smooth: Antialiased, for images; otherwise the nearest pixel, for labels.
        aspect: Key of ``ASPECTS``; padding is to the right and below, so that corners stay.

    Returns:
        Shape (C, size, size).
    """
    height, width = inside(image.shape[1], image.shape[2], size, aspect)
    method = PillowImage.Resampling.BILINEAR if smooth else PillowImage.Resampling.NEAREST
    result = np.zeros((len(image), size, size), dtype=np.uint8)
    for target, plane in zip(result, image, strict=True):
        pil = PillowImage.fromarray(np.ascontiguousarray(plane))
        target[:height, :width] = np.asarray(pil.resize((width, height), method))
    return result


def inside(height: int, width: int, size: int, aspect: str) -> tuple[int, int]:
    """Height and width of the image within the square of ``resize``."""
    if aspect == "stretch":
        return size, size
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
