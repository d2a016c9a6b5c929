"""Small images of samples, with the outline of their truth."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data.base import Dataset, Sample
from core.errors import InputError

SIDE = 192
TRUTH = np.array([0x56, 0xB4, 0xE9], dtype=np.uint8)


def thumbnail_png(dataset: Dataset, sample: Sample, *, overlay: bool = True) -> bytes:
    """A sample as a square PNG of side ``SIDE``; a file that cannot be read is a grey field."""
    try:
        example = _displayed(dataset.image(sample))
        truth = dataset.truth(sample) if overlay and sample.has_truth else None
    except InputError:
        return _png(np.full((SIDE, SIDE, 3), 90, dtype=np.uint8))
    scale = SIDE / max(example.shape[:2])
    size = (max(1, round(example.shape[1] * scale)), max(1, round(example.shape[0] * scale)))
    small = np.array(Image.fromarray(example).resize(size, Image.Resampling.BILINEAR))
    if truth is not None:
        labels = Image.fromarray(truth).resize(size, Image.Resampling.NEAREST)
        small[_outline(np.asarray(labels))] = TRUTH
    square = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return _png(square)


def overlay_image(example: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """An image with the outline of a mask, shape (H, W, 3)."""
    result = _displayed(example).copy()
    result[_outline(mask.astype(np.uint8))] = TRUTH
    return result


def _displayed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Any number of channels as RGB: three as they are, otherwise the first as grey."""
    if image.ndim == 3 and image.shape[2] == 3:
        return image
    grey = image if image.ndim == 2 else image[..., 0]
    return np.repeat(grey[..., None], 3, axis=2)


def _outline(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels of a class beside those of a smaller one, or of none; shape (H, W)."""
    padded = np.pad(labels, 1, mode="edge")
    beside = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    lower: NDArray[np.bool_] = np.minimum.reduce(beside) < labels
    return lower


def _png(example: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(example).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
