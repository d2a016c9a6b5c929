"""TP, FP, FN and TN at all 1001 thresholds from one pass over the level map.

A pixel of level v is foreground at every threshold k ≤ v, so the counts at all thresholds are the
suffix sums of two histograms of the level map: one on the truth, one off it. Nothing is
approximated. Counts of parts add up to the counts of the whole, so any number of images, or one
image of any size, streams in bounded memory. For maps on a GPU see ``core.metrics.sweep_device``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.levels import STEPS, LevelMap

Counts = NDArray[np.int64]
Truth = NDArray[np.bool_ | np.uint8]

BINS = 1024  # levels 0…1000, rounded up so that the truth is one bit above them
CHUNK = 1 << 20
"""Pixels at a time, so that a volume needs no second array of its size."""


@dataclass(frozen=True)
class Sweep:
    """Counts of pixels for N images at T = 1001 thresholds."""

    tp: Counts
    """Foreground in both, shape (N, T)."""
    fp: Counts
    """Foreground in the prediction only, shape (N, T)."""
    positives: Counts
    """Foreground in the truth, shape (N,)."""
    pixels: Counts
    """All pixels, shape (N,)."""

    @property
    def fn(self) -> Counts:
        """Foreground in the truth only, shape (N, T)."""
        return self.positives[:, None] - self.tp

    @property
    def tn(self) -> Counts:
        """Background in both, shape (N, T)."""
        return self.pixels[:, None] - self.positives[:, None] - self.fp

    def pooled(self) -> "Sweep":
        """All images as one, N = 1: the convention that weighs images by their size."""
        return Sweep(
            self.tp.sum(0, keepdims=True),
            self.fp.sum(0, keepdims=True),
            self.positives.sum(keepdims=True),
            self.pixels.sum(keepdims=True),
        )

    def __add__(self, other: "Sweep") -> "Sweep":
        """Image by image; parts of one image, such as bands or slices, become the whole."""
        return Sweep(
            self.tp + other.tp,
            self.fp + other.fp,
            self.positives + other.positives,
            self.pixels + other.pixels,
        )


def sweep_image(levels: LevelMap, truth: Truth) -> Sweep:
    """Sweep one image.

    Args:
        levels: Level map, any shape, 0…1000.
        truth: Reference foreground, the same shape; any value but 0 is foreground.

    Returns:
        Counts with N = 1.

    Raises:
        ValueError: The shapes differ or a level is above 1000.
    """
    if levels.shape != truth.shape:
        raise ValueError(f"level map {levels.shape} and truth {truth.shape} differ in shape")
    foreground = truth if truth.dtype == np.bool_ else truth != 0
    histogram = _histogram(levels.reshape(-1), foreground.reshape(-1))
    return sweep_of_histogram(histogram[None])


def sweep_images(images: Iterable[tuple[LevelMap, Truth]]) -> Sweep:
    """Sweep many images, one held at a time; threads would wait for each other's interpreter lock.

    Args:
        images: Level map and truth of each, as for ``sweep_image``; may be a generator.

    Returns:
        Counts of the images in order.
    """
    return concatenate(sweep_image(*image) for image in images)


def sweep_of_histogram(histogram: Counts) -> Sweep:
    """Counts from histograms of the levels.

    Args:
        histogram: Pixels of each level off and on the truth, shape (N, 2, T).
    """
    suffix = histogram[..., ::-1].cumsum(axis=-1)[..., ::-1]  # (N, 2, T)
    # Copies, so that a row is contiguous and nothing keeps the other half alive.
    off, on = (np.ascontiguousarray(suffix[:, part]) for part in (0, 1))
    return Sweep(on, off, on[:, 0].copy(), on[:, 0] + off[:, 0])


def histograms(sweep: Sweep) -> Counts:
    """Pixels of each level off and on the truth, shape (N, 2, T): what the sweep was made of."""
    suffix = np.stack([sweep.fp, sweep.tp], axis=1)
    return -np.diff(suffix, axis=-1, append=0)


def concatenate(sweeps: Iterable[Sweep]) -> Sweep:
    """Sweeps of several images as one, in order; how images are streamed."""
    parts = list(sweeps)
    return Sweep(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("tp", "fp", "positives", "pixels")
        )
    )


def _histogram(levels: LevelMap, truth: Truth) -> Counts:
    """Pixels of each level off and on the truth (0 or 1), shape (2, T), of flat arrays."""
    from torch import bincount, from_numpy  # takes 16 bits as they are, and lets threads run

    if levels.size and levels.max() > STEPS:
        raise ValueError(f"a level map holds {levels.max()}, above {STEPS}")
    counts = np.zeros(2 * BINS, np.int64)
    for start in range(0, levels.size, CHUNK):
        part = slice(start, start + CHUNK)
        joint = np.multiply(truth[part], BINS, dtype=np.uint16)  # truth and level in one number
        joint += levels[part]
        counts += bincount(from_numpy(joint.view(np.int16)), minlength=len(counts)).numpy()
    return counts.reshape(2, BINS)[:, : STEPS + 1]
