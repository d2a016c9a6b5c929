"""A synthetic volume: a bright ball off the middle, no axis like another."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.levels import LevelMap, level_map

DEPTH, HEIGHT, WIDTH = 22, 41, 57


def drawn_volume(*, raw: bool = False) -> tuple[NDArray[Any], LevelMap]:
    """Values, 8 bits or Hounsfield units, and levels; shape (D, H, W)."""
    d, h, w = np.ogrid[:DEPTH, :HEIGHT, :WIDTH]
    far = np.sqrt(((d - 8) / 6) ** 2 + ((h - 15) / 9) ** 2 + ((w - 40) / 11) ** 2)
    noise = np.random.default_rng(2).normal(0, 0.05, far.shape)
    probability = np.clip(1 / (1 + np.exp(4 * (far - 1))) + noise, 0, 1)
    values = probability * 180 + w + h * 0.5
    if raw:
        return (values * 8 - 1000).astype(np.int16), level_map(probability)
    return np.clip(values, 0, 255).astype(np.uint8), level_map(probability)
