"""Synthetic images that look like the prediction of a few soft lesions; no model, no file."""

import numpy as np
from numpy.typing import NDArray

from core.levels import LevelMap, level_map


def blobs(size: int, *, seed: int, cell: int) -> NDArray[np.float64]:
    """A smooth random field in [0, 1], shape (size, size): coarse noise, interpolated."""
    coarse = np.random.default_rng(seed).normal(size=(cell + 3, cell + 3))
    at = np.linspace(1, cell + 1, size, endpoint=False)
    left = at.astype(int)
    part = at - left
    part = part * part * (3 - 2 * part)
    rows = coarse[left] * (1 - part)[:, None] + coarse[left + 1] * part[:, None]
    field: NDArray[np.float64] = rows[:, left] * (1 - part) + rows[:, left + 1] * part
    low, high = field.min(), field.max()
    field -= low
    field /= high - low
    return field


def drawn(size: int, seed: int) -> tuple[NDArray[np.uint8], LevelMap, NDArray[np.bool_]]:
    """Image, level map and truth, each (size, size)."""
    field = blobs(size, seed=seed, cell=5) * 0.8 + blobs(size, seed=seed + 1, cell=19) * 0.2
    truth = field > np.quantile(field, 0.86)
    noise = np.random.default_rng(seed + 2).normal(scale=0.5, size=(size, size))
    edge = (blobs(size, seed=seed + 3, cell=31) - 0.5) * 0.12
    logits = (field + edge - np.quantile(field, 0.87)) * 26 + noise * 0.04
    texture = blobs(size, seed=seed + 4, cell=60) * 40 + noise * 14
    image = np.clip(60 + 110 * field + texture, 0, 255).astype(np.uint8)
    return image, level_map((1 / (1 + np.exp(-logits))).astype(np.float32)), truth


PRESETS = {"Lung": (-600.0, 1500.0), "Bone": (300.0, 1500.0)}


def drawn_raw(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Values as a CT would hold, -1000…1000, for an image; shape (size, size)."""
    return (image.astype(np.int16) * 8 - 1000).astype(np.int16)


def drawn_uncertainty(levels: LevelMap) -> LevelMap:
    """Highest where the probability is near a half, 0…500; shape of ``levels``."""
    return (500 - np.abs(levels.astype(np.int32) - 500)).astype(np.uint16)
