"""What the phantoms share: the result type, smooth noise, and strokes on a window of the image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Phantom:
    """One synthetic image with its exact truth."""

    image: NDArray[np.uint8]
    """Grey values, shape (H, W), 0…255."""
    truth: NDArray[np.uint8]
    """Foreground, shape (H, W), 0 or 1."""
    label: str
    """Class of the whole image: for ultrasound the finding, else the kind."""
    instances: NDArray[np.int32] | None = None
    """Number of the object at each pixel, shape (H, W), 0 = none; nuclei only."""
    spacing_mm: tuple[float, float] | None = None
    """Pixel height and width in millimetres, where the kind has a scale."""


def to_grey(values: Floats) -> NDArray[np.uint8]:
    """Round and clip to 0…255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], scale: float | tuple[float, float]
) -> Floats:
    """Gaussian noise of mean 0, standard deviation 1, correlated over ``scale`` pixels.

    Wide scales are drawn on a coarse grid and interpolated, so the cost does not grow with scale.

    Args:
        rng: Source of randomness.
        shape: Height and width in pixels.
        scale: Standard deviation of the smoothing kernel in pixels, down and across.
    """
    scales = scale if isinstance(scale, tuple) else (scale, scale)
    steps = [max(1, int(s / 2)) for s in scales]
    cells = [-(-length // step) + 2 for length, step in zip(shape, steps, strict=True)]
    field = rng.standard_normal(cells)
    for axis, (s, step) in enumerate(zip(scales, steps, strict=True)):
        sigma = s / step
        impulse = np.zeros(2 * int(4 * sigma + 1) + 1)
        impulse[len(impulse) // 2] = 1
        gain = np.sqrt(np.square(ndimage.gaussian_filter1d(impulse, sigma)).sum())
        field = ndimage.gaussian_filter1d(field, sigma, axis=axis, mode="wrap") / gain
    if steps[0] > 1:
        low, part = _positions(shape[0], steps[0])
        field = field[low] * (1 - part[:, None]) + field[low + 1] * part[:, None]
    if steps[1] > 1:
        low, part = _positions(shape[1], steps[1])
        field = field[:, low] * (1 - part) + field[:, low + 1] * part
    return np.ascontiguousarray(field[: shape[0], : shape[1]])


def _positions(length: int, step: int) -> tuple[NDArray[np.intp], Floats]:
    """Coarse cell and fraction within it for each of ``length`` fine positions."""
    position = np.arange(length) / step
    low = position.astype(np.intp)
    return low, position - low


def wobbly_radius(
    rng: np.random.Generator, angle: Floats, *, strength: float, harmonics: int
) -> Floats:
    """Radius of a closed contour about 1, for angles in radians; finer waves are weaker."""
    radius = np.ones_like(angle)
    for k in range(2, harmonics + 2):
        amplitude, phase = strength * rng.normal() / k, rng.uniform(0, 2 * np.pi)
        radius += amplitude * np.cos(k * angle + phase)
    return np.maximum(radius, 0.3)


@dataclass(frozen=True, eq=False)
class Window:
    """The part of an image around a point, and each pixel's offset from that point."""

    part: tuple[slice, slice]
    down: Floats
    """Offsets down, shape (h, 1), in pixels."""
    across: Floats
    """Offsets across, shape (1, w), in pixels."""

    @classmethod
    def around(cls, y: float, x: float, reach: float, shape: tuple[int, int]) -> "Window | None":
        """Pixels within ``reach`` of (y, x) down and across; None when they miss the image."""
        top, left = max(0, int(y - reach)), max(0, int(x - reach))
        bottom, right = min(shape[0], int(y + reach) + 2), min(shape[1], int(x + reach) + 2)
        if top >= bottom or left >= right:
            return None
        down = np.arange(top, bottom, dtype=float)[:, None] - y
        across = np.arange(left, right, dtype=float)[None, :] - x
        return cls((slice(top, bottom), slice(left, right)), down, across)

    def turned(self, angle: float) -> tuple[Floats, Floats]:
        """Offsets along and across an axis turned by ``angle`` radians, each (h, w)."""
        cos, sin = np.cos(angle), np.sin(angle)
        return self.across * cos + self.down * sin, self.down * cos - self.across * sin


def paint_streak(
    canvas: Floats,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
    *,
    density: float = 1.0,
) -> None:
    """Raise ``canvas`` (0…1) to a round-ended stroke; thinner than a pixel, it fills it in part.

    Args:
        canvas: Cover so far, shape (H, W), changed in place.
        start: Row and column of one end.
        end: Row and column of the other end.
        width: Half width in pixels.
        density: Cover in the stroke's middle, 0…1.
    """
    centre = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    down, across = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(down, across))
    window = Window.around(*centre, length / 2 + width + 1.5, canvas.shape)
    if window is None:
        return
    along, beside = window.turned(float(np.arctan2(down, across)))
    distance = np.hypot(np.maximum(np.abs(along) - length / 2, 0), beside)
    cover = np.clip(0.5 + width - distance, 0, 1) * min(1.0, 1.4 * width) * density
    canvas[window.part] = np.maximum(canvas[window.part], cover)
