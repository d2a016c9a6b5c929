"""Pixels made plain: transparency laid on black, images turned upright, kinds in words."""

import numpy as np

from core.imaging.image import Pixels


def keyed(pixels: Pixels, key: object) -> Pixels:
    """Black where the pixel has the one value, or colour, declared transparent."""
    if key is None:
        return pixels
    clear = pixels == np.asarray(key)
    if pixels.ndim == 3:
        clear = clear.all(axis=2, keepdims=True)
    return np.where(clear, pixels.dtype.type(0), pixels)


def on_black(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Unsigned pixels weighted by their opacity, rounded; opaque pixels stay exactly."""
    top = int(np.iinfo(pixels.dtype).max)
    if int(alpha.min()) == top:
        return np.ascontiguousarray(pixels)
    if pixels.ndim == 3:
        alpha = alpha[..., None]
    # The product of two 16-bit values and the rounding term still fit 32 bits.
    wide = np.uint32 if pixels.dtype.itemsize <= 2 else np.float64
    weighted = pixels.astype(wide) * alpha
    weighted = (weighted + top // 2) // top
    return weighted.astype(pixels.dtype)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF / TIFF orientation; codes outside 1…8 mean upright."""
    if orientation in {5, 6, 7, 8}:
        pixels = pixels.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def kind_in_words(pixels: Pixels) -> str:
    """Bits, kind of number and channels: ``16-bit signed grey``."""
    kind = {"f": " float", "i": " signed", "u": "", "b": ""}[pixels.dtype.kind]
    return f"{pixels.dtype.itemsize * 8}-bit{kind} {'grey' if pixels.ndim == 2 else 'colour'}"


def inverted(pixels: Pixels) -> Pixels:
    """Min-is-white values turned to min-is-black: 0 becomes the largest value of the type."""
    return -pixels if pixels.dtype.kind == "f" else np.invert(pixels)
