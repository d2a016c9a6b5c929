"""Reference masks as people store them, turned into 0 and 1 in one place.

Masks come as 1-bit, 8-bit or 16-bit grey, as RGB or RGBA with an opaque alpha, with 1 or 255 for
foreground, and through JPEG, which blurs their edge into values between.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

Pixels = NDArray[Any]


def binary_mask(pixels: Pixels) -> NDArray[np.uint8]:
    """1 where a stored mask is above half of its largest value, shape (H, W).

    Of colour the strongest channel counts. A mask without a value above 0 is all background; one
    with the same value above 0 everywhere is all foreground; NaN is background.

    Args:
        pixels: As ``read_image`` gives them, shape (H, W) or (H, W, 3).
    """
    values = strongest(pixels)
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    top = _top(values)
    if top <= 0:
        return np.zeros(values.shape, np.uint8)
    half = top / 2 if values.dtype.kind == "f" else int(top) // 2  # integers compare faster
    return (values > half).astype(np.uint8)


def non_binary(pixels: Pixels) -> list[float]:
    """Values of a stored mask that are neither 0 nor its largest, ascending; empty if binary.

    A compressed or resized mask has some close to both ends; a few exact ones are labels of
    several structures, of which ``binary_mask`` keeps those above half.
    """
    values = strongest(pixels)
    if values.dtype == np.bool_:
        return []
    top = _top(values)
    return [float(v) for v in np.unique(values[~np.isin(values, (0, top))])]


def unite(masks: Sequence[tuple[str, Pixels]], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Foreground of any of several stored masks, shape ``shape``; all 0 for none.

    Args:
        masks: Name, for messages, and pixels of each.
        shape: Height and width of the image they belong to.

    Raises:
        InputError: A mask of another size.
    """
    united = np.zeros(shape, np.uint8)
    for name, pixels in masks:
        check_size(name, pixels, shape)
        united |= binary_mask(pixels)
    return united


def number(masks: Sequence[tuple[str, Pixels]], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Masks of single objects as numbers 1…N in one map, shape ``shape``; 0 = none.

    Where two objects overlap the first keeps its pixels.

    Raises:
        InputError: A mask of another size.
    """
    numbers = np.zeros(shape, np.int32)
    for n, (name, pixels) in enumerate(masks, start=1):
        check_size(name, pixels, shape)
        numbers[(binary_mask(pixels) == 1) & (numbers == 0)] = n
    return numbers


def check_size(name: str, pixels: Pixels, shape: tuple[int, int]) -> None:
    """Refuse a mask that is not of its image's size.

    Raises:
        InputError: Names both sizes.
    """
    if pixels.shape[:2] != shape:
        (height, width), (rows, columns) = shape, pixels.shape[:2]
        raise InputError(
            f"{name}: the mask is {columns}x{rows} pixels, its image {width}x{height}; "
            "replace the mask or leave the image out"
        )


def decode_runs(text: str, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """A run-length mask of Kaggle's: ``start length start length …``, shape ``shape``.

    Pixels are counted from 1, down the columns first.

    Raises:
        InputError: Not pairs of numbers, or runs beyond the image.
    """
    try:
        numbers = np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError):
        raise InputError(f"run lengths must be whole numbers, found '{text[:30]}'") from None
    if len(numbers) % 2:
        raise InputError(f"run lengths must come in pairs, found {len(numbers)} numbers")
    starts, lengths = numbers[::2] - 1, numbers[1::2]
    flat = np.zeros(shape[0] * shape[1], np.uint8)
    if len(numbers) and (starts.min() < 0 or lengths.min() < 1 or lengths.max() > len(flat)):
        raise InputError("run lengths must start at 1 or more and be 1 or more long")
    if len(numbers) and (starts + lengths).max() > len(flat):
        raise InputError(f"run lengths go beyond the image of {shape[1]}x{shape[0]} pixels")
    for start, length in zip(starts, lengths, strict=True):
        flat[start : start + length] = 1
    return flat.reshape(shape, order="F")


def strongest(pixels: Pixels) -> Pixels:
    """Values of a stored mask, shape (H, W): of colour the strongest channel; NaN becomes 0."""
    values = pixels.max(axis=2) if pixels.ndim == 3 else pixels
    return np.nan_to_num(values, nan=0.0) if values.dtype.kind == "f" else values


def _top(values: Pixels) -> float:
    top: float = values.max().item()
    return top
