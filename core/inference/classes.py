"""One class of a network for several, as if it knew no other: ``NAME:CLASS`` wherever a model goes.

The class has its own map, truth and operating point; all that is made for one map serves it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.base import Dataset, Sample
from core.inference.heads import Head
from core.inference.predictor import Predictor, Probability, Progress, Rows
from core.inference.volumetric import VolumePredictor

SEPARATOR = ":"


class ClassPredictor(Predictor):
    """The predictor of one class.

    Args:
        whole: Predicts all of them.
        place: Number of the class.
    """

    def __init__(self, whole: Predictor, place: int) -> None:
        super().__init__(whole.model, **_seeing(whole, place))
        self.whole, self._place = whole, place

    def _rows(self, image: NDArray[np.uint8], progress: Progress | None) -> Rows:
        for top, rows in self.whole.class_rows(image, progress=progress):
            only: Probability = rows[self._place : self._place + 1]
            yield top, only


class ClassVolumePredictor(VolumePredictor):
    """As ``ClassPredictor``, of a 3-D network.

    Args:
        whole: Predicts all classes.
        place: Number of the class.
    """

    def __init__(self, whole: VolumePredictor, place: int) -> None:
        super().__init__(whole.model, slices=whole.slices, tile=whole.tile, **_seeing(whole, place))
        self.whole, self._place = whole, place

    def volume_probability(
        self, slices: NDArray[np.uint8], *, progress: Progress | None = None
    ) -> Probability:
        """Probability of the class, shape (1, D, H, W)."""
        maps = self.whole.volume_probability(slices, progress=progress)
        only: Probability = maps[self._place : self._place + 1]
        return only


def _seeing(whole: Predictor, place: int) -> dict[str, Any]:
    """How the predictor of one class sees: as the whole does."""
    return {
        "in_channels": whole.in_channels,
        "size": whole.size,
        "aspect": whole.aspect,
        "device": whole.device,
        "classes": (whole.classes[place],),
    }


def class_predictor(whole: Predictor, place: int) -> Predictor:
    """The predictor of one class of several.

    Args:
        whole: Predicts all of them.
        place: Number of the class.
    """
    if isinstance(whole, VolumePredictor):
        return ClassVolumePredictor(whole, place)
    return ClassPredictor(whole, place)


class ClassTruths:
    """A data set's images with the truth of one class alone.

    Args:
        dataset: Opened.
        head: What its mask values mean to the network.
        place: Number of the class.
    """

    def __init__(self, dataset: Dataset, head: Head, place: int) -> None:
        self.samples = dataset.samples
        self._dataset, self._head, self._place = dataset, head, place

    def image(self, sample: Sample) -> Any:  # noqa: ANN401 - as the data set has it
        """As the data set has it."""
        return self._dataset.image(sample)

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """1 where the sample's mask is of the class, shape (H, W)."""
        truths = self._head.truths(self._dataset.truth(sample))
        return np.asarray(truths[self._place], np.uint8)


def split_name(name: str) -> tuple[str, str]:
    """Model and class of ``NAME:CLASS``; an empty class where none is named."""
    model, _, named = name.partition(SEPARATOR)
    return model, named
