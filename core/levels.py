"""The threshold grid: probability → level map → mask, in this one place.

The thresholds are t_k = k/1000 for k = 0…1000, as float32. A pixel is foreground at t_k when
``probability >= t_k``; the *level* of a pixel is the largest such k. Masks, counts, curves, the
browser viewer and the exports all start from the level map, so they cannot disagree by a pixel.
"""

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

STEPS = 1000
THRESHOLDS: NDArray[np.float32] = (np.arange(STEPS + 1) / STEPS).astype(np.float32)
THRESHOLDS.setflags(write=False)

LevelMap = NDArray[np.uint16]


def level_map(probability: NDArray[np.floating]) -> LevelMap:
    """Quantize a probability map onto the threshold grid, exactly.

    Args:
        probability: Values in [0, 1], any shape; compared as float32.

    Returns:
        Largest k with ``probability >= k/1000`` in float32, same shape, 0…1000.

    Raises:
        ValueError: A value is NaN or outside [0, 1].
    """
    values = np.asarray(probability, dtype=np.float32)
    if values.size and not (values.min() >= 0 and values.max() <= 1):  # NaN fails both
        raise ValueError("a probability map holds values that are NaN or outside [0, 1]")
    level = (values * np.float32(STEPS)).astype(np.int32)
    np.minimum(level, STEPS, out=level)
    level += values >= THRESHOLDS[np.minimum(level + 1, STEPS)]  # float32 product rounded down
    np.minimum(level, STEPS, out=level)
    level -= values < THRESHOLDS[level]  # float32 product rounded up
    return level.astype(np.uint16)


def threshold_index(threshold: float) -> int:
    """The k of a threshold on the grid.

    Raises:
        InputError: The threshold is not one of 0, 0.001, …, 1.
    """
    k = round(threshold * STEPS) if 0 <= threshold <= 1 else -1  # NaN and infinities are neither
    if k < 0 or abs(threshold * STEPS - k) > 1e-6:
        raise InputError(
            f"threshold {threshold:g} is not on the grid; give a number from 0 to 1 "
            "in steps of 0.001, for example 0.412"
        )
    return k


def mask_at(levels: LevelMap, k: int) -> NDArray[np.bool_]:
    """Foreground at threshold k/1000; the same shape as ``levels``."""
    return levels >= k
