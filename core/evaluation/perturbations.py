"""What makes an image from elsewhere differ: orientation, scale, intensities, noise, frame.

Each is of one fixed strength, such as two devices, two sites or two programs that save images
differ by, and always the same for the same image. After Hendrycks and Dietterich (2019,
arXiv 1903.12261), who measured classifiers so; masks move along where pixels do.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from scipy import ndimage

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels], Pixels]

GRAIN = 0.05
"""Standard deviation of the noise, share of the grey range."""
BLUR_PX = 1.5
JPEG_QUALITY = 30
FRAME_SHARE = 8
"""Width of the frame, as one over this of the side that it is added to."""
SMALLEST_PX = 16


def _unchanged(pixels: Pixels) -> Pixels:
    return pixels


@dataclass(frozen=True)
class Perturbation:
    """One way in which an image can differ."""

    title: str
    """In words, as tables show it."""
    image: Change
    """uint8 (H, W) or (H, W, C) to the same kind of array, which may be of another size."""
    truth: Change = _unchanged
    """The same for labels of shape (H, W)."""


def _scaled(factor: float, *, smooth: bool) -> Change:
    how = PillowImage.Resampling.BILINEAR if smooth else PillowImage.Resampling.NEAREST

    def scaled(pixels: Pixels) -> Pixels:
        height, width = (max(SMALLEST_PX, round(side * factor)) for side in pixels.shape[:2])
        planes = pixels[..., None] if pixels.ndim == 2 else pixels
        resized = [
            np.asarray(PillowImage.fromarray(plane).resize((width, height), how))
            for plane in np.ascontiguousarray(np.moveaxis(planes, -1, 0))
        ]
        return np.stack(resized, axis=-1).reshape(height, width, *pixels.shape[2:])

    return scaled


def _greys(change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Change:
    """The 256 intensities as 0…1 mapped anew, and cut where they leave the range."""
    table = np.clip(change(np.arange(256) / 255) * 255, 0, 255).round().astype(np.uint8)

    def mapped(pixels: Pixels) -> Pixels:
        return np.asarray(table[pixels], np.uint8)

    return mapped


def _half_contrast(pixels: Pixels) -> Pixels:
    mean = pixels.mean(axis=(0, 1), keepdims=True)  # of each channel
    halved: NDArray[np.float64] = (pixels + mean) / 2
    return halved.round().astype(np.uint8)


def _noisy(pixels: Pixels) -> Pixels:
    grain = np.random.default_rng(0).normal(0, 255 * GRAIN, pixels.shape)
    return np.clip(pixels + grain, 0, 255).round().astype(np.uint8)


def _blurred(pixels: Pixels) -> Pixels:
    widths = (BLUR_PX, BLUR_PX, 0)[: pixels.ndim]
    soft: NDArray[np.float32] = ndimage.gaussian_filter(
        pixels.astype(np.float32), widths, mode="reflect"
    )
    return np.asarray(soft.round(), np.uint8)


def _compressed(pixels: Pixels) -> Pixels:
    """Through JPEG, as colour where there are three channels, else each plane for itself."""
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        return np.stack([_compressed(plane) for plane in np.moveaxis(pixels, -1, 0)], axis=-1)
    file = io.BytesIO()
    PillowImage.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=JPEG_QUALITY)
    with PillowImage.open(file) as read:
        return np.asarray(read)


def _framed(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    across, down = max(1, width // FRAME_SHARE), max(1, height // FRAME_SHARE)
    return np.pad(pixels, ((down, down), (across, across), (0, 0))[: pixels.ndim])


def _moved(title: str, change: Change) -> Perturbation:
    """Pixels and labels move alike."""
    return Perturbation(title, change, change)


def _resized(title: str, factor: float) -> Perturbation:
    return Perturbation(title, _scaled(factor, smooth=True), _scaled(factor, smooth=False))


PERTURBATIONS: dict[str, Perturbation] = {
    "mirrored": _moved("Mirrored, left to right", lambda pixels: pixels[:, ::-1]),
    "upside_down": _moved("Upside down", lambda pixels: pixels[::-1]),
    "turned": _moved("Turned by 90 degrees", np.rot90),
    "half_size": _resized("Half the size", 0.5),
    "double_size": _resized("Twice the size", 2.0),
    "brighter": Perturbation("Brighter by 15 %", _greys(lambda grey: grey + 0.15)),
    "darker": Perturbation("Darker, 60 %", _greys(lambda grey: grey * 0.6)),
    "lifted_black": Perturbation("Black at 20 %", _greys(lambda grey: 0.2 + 0.8 * grey)),
    "half_contrast": Perturbation("Half the contrast", _half_contrast),
    "dark_midtones": Perturbation("Gamma 1.5", _greys(lambda grey: grey**1.5)),
    "bright_midtones": Perturbation("Gamma 0.67", _greys(lambda grey: grey ** (1 / 1.5))),
    "noise": Perturbation("Noise, 5 %", _noisy),
    "blur": Perturbation("Blur, 1.5 px", _blurred),
    "jpeg": Perturbation("JPEG, quality 30", _compressed),
    "frame": _moved("A black frame", _framed),
    "inverted": Perturbation("Black and white swapped", _greys(lambda grey: 1 - grey)),
}
