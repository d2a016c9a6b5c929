"""TP, FP, FN and TN at all 1001 thresholds from one pass over the level map.

A pixel of level v is foreground at every threshold k ≤ v, so the counts at all thresholds are the
suffix sums of two histograms of the level map: one on the truth, one off it. Nothing is
approximated.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.levels import STEPS, LevelMap

Counts = NDArray[np.int64]


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


def sweep_image(levels: LevelMap, truth: NDArray[np.bool_ | np.uint8]) -> Sweep:
    """Sweep one image.

    Args:
        levels: Level map, any shape, 0…1000.
        truth: Reference foreground, the same shape.

    Returns:
        Counts with N = 1.
    """
    if levels.shape != truth.shape:
        raise ValueError(f"level map {levels.shape} and truth {truth.shape} differ in shape")
    # One histogram over (truth, level): the two halves are the two histograms.
    joint = levels.astype(np.int32).ravel()
    joint += np.int32(STEPS + 1) * (truth.ravel() != 0)
    histogram = np.bincount(joint, minlength=2 * (STEPS + 1)).reshape(2, STEPS + 1)
    suffix = histogram[:, ::-1].cumsum(axis=1)[:, ::-1].astype(np.int64)
    return Sweep(suffix[1][None], suffix[0][None], suffix[1][:1], np.array([levels.size]))


def concatenate(sweeps: Iterable[Sweep]) -> Sweep:
    """Sweeps of several images as one, in order; how images are streamed."""
    parts = list(sweeps)
    return Sweep(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("tp", "fp", "positives", "pixels")
        )
    )
