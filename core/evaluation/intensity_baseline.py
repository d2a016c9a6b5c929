"""Baseline of a threshold on the intensity alone: the least that a network has to beat.

One intensity for all images, and the side of it that is segmented, are chosen on validation by
pooled Dice, as a network's threshold is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.base import Sample
from core.evaluation import sweep_samples
from core.inference.predictor import ImagePredictor, LabelledImages, fit_channels
from core.levels import STEPS, LevelMap
from core.metrics.overlap import dice

SIDES = {"bright": "or brighter", "dark": "or darker"}
WHITE = 255


class GreyLevels(ImagePredictor):
    """Predictor that returns an image's intensities as its level map.

    Args:
        dark: Whether darker pixels are segmented.
    """

    def __init__(self, *, dark: bool) -> None:
        self.dark = dark

    def levels(self, image: NDArray[np.uint8], /) -> LevelMap:
        """Shape (H, W) or (H, W, C) to (H, W); colours count by luma, other channels by mean."""
        if image.ndim == 3 and image.shape[2] == 3:
            image = fit_channels(image, 1)[..., 0]
        grey = image if image.ndim == 2 else np.rint(image.mean(axis=2)).astype(np.uint8)
        return _LEVELS[WHITE - grey if self.dark else grey]


_LEVELS: LevelMap = (np.arange(WHITE + 1, dtype=np.uint32) * STEPS // WHITE).astype(np.uint16)


def intensity_baseline(
    source: LabelledImages, validation: Sequence[Sample], evaluated: Sequence[Sample]
) -> dict[str, Any]:
    """The best single intensity threshold on validation images, and its score on others.

    Args:
        source: Where the samples are from.
        validation: Choose level and side.
        evaluated: Are measured.

    Returns:
        ``grey`` (0…255), ``side`` (key of ``SIDES``), ``val_dice`` and ``dice`` (pooled, native
        resolution; None where undefined), ``n_images`` of the evaluated.
    """
    found = []
    for side in SIDES:
        curve = _pooled(GreyLevels(dark=side == "dark"), source, validation)
        k = int(np.nan_to_num(curve, nan=-1.0).argmax())
        found.append((float(curve[k]), side, k))
    value, side, k = max(found)
    grey = int(np.searchsorted(_LEVELS, k))  # the least that reaches the threshold
    dark = side == "dark"
    here = float(_pooled(GreyLevels(dark=dark), source, evaluated)[k])
    return {
        "grey": WHITE - grey if dark else grey,
        "side": side,
        "val_dice": None if np.isnan(value) else value,
        "dice": None if np.isnan(here) else here,
        "n_images": len(evaluated),
    }


def _pooled(
    seen: GreyLevels, source: LabelledImages, samples: Sequence[Sample]
) -> NDArray[np.float64]:
    """Pooled Dice at every threshold."""
    whole = sweep_samples(seen, source, samples).pooled()
    curve: NDArray[np.float64] = dice(whole.tp, whole.fp, whole.fn, whole.tn)[0]
    return curve
