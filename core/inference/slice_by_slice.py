"""A volume through a network: slice by slice, or all of it where the network sees volumes.

The page, the command line and the server predict by the same function, so their maps are the same.
Of a network for images memory is the level map (two bytes a voxel) beside the slices, and what was
done before a stop is kept; of one for volumes see ``core.inference.volumetric``.
"""

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.inference.predictor import Predictor
from core.inference.volumetric import VolumePredictor
from core.levels import LevelMap
from core.system.background import Work


def predict_volume(
    predictor: Predictor,
    slices: NDArray[np.uint8],
    levels: LevelMap,
    *,
    first: int = 0,
    after_each: Callable[[int], None] = lambda _done: None,
) -> None:
    """Fill in the level map of a volume from a slice on.

    Args:
        predictor: Of a network for images or for volumes.
        slices: Shape (D, H, W), 0…255.
        levels: Shape (D, H, W); written slice by slice, or at once by a 3-D network.
        first: The slice to begin with; a 3-D network begins anew.
        after_each: Called with how many slices are done; what it raises ends the prediction.

    Raises:
        InputError: The slices do not fit the network.
    """
    if slices.shape != levels.shape or slices.ndim != 3:
        raise ValueError(f"slices {slices.shape} and levels {levels.shape} must be one (D, H, W)")
    if isinstance(predictor, VolumePredictor):
        levels[:] = predictor.volume_levels(
            slices, progress=lambda done, total: after_each(done * len(slices) // total)
        )
        return
    even: dict[int, LevelMap] = {}  # a slice of one value, as outside of the head, is seen once
    for n in range(first, len(slices)):
        pixels = slices[n]
        value = int(pixels[0, 0])
        if value in even and (pixels == value).all():
            levels[n] = even[value]
        else:
            levels[n] = predictor.levels(pixels)
            if (pixels == value).all():
                even[value] = levels[n]
        after_each(n + 1)


class VolumePrediction(Work):
    """One volume on its way through a network; ``levels`` holds what is done.

    Args:
        predictor: Of a network for images or for volumes.
        slices: Shape (D, H, W), 0…255.
        turn: As of ``Work``.
    """

    def __init__(
        self, predictor: Predictor, slices: NDArray[np.uint8], *, turn: threading.Lock
    ) -> None:
        super().__init__(total=len(slices), turn=turn)
        self.predictor = predictor
        self.slices = slices
        self.levels: LevelMap = np.zeros(slices.shape, np.uint16)

    def act(self, after_each: Callable[[int], None]) -> None:
        """Slice by slice, beginning behind the last one done."""
        predict_volume(
            self.predictor, self.slices, self.levels, first=self.done, after_each=after_each
        )
