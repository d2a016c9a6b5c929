"""The grey level alone: the best one of validation, either side, measured on others."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.data.base import Sample
from core.evaluation.intensity_baseline import GreyLevels, intensity_baseline


class Drawn:
    """Images of two intensities; the truth is one of them, and a few pixels of noise."""

    def __init__(self, foreground: int, background: int, *, marked: int = 1) -> None:
        self.intensities, self.marked = (foreground, background), marked
        self.samples = [Sample(id=str(n), group=str(n)) for n in range(4)]

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        image = np.where(self.truth(sample) > 0, *self.intensities).astype(np.uint8)
        image[0, : int(sample.id)] = self.intensities[0]  # marked wrongly, more in later ones
        return image

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        del sample
        truth = np.zeros((10, 10), np.uint8)
        truth[4:8, 2:7] = self.marked
        return truth


@pytest.mark.parametrize(("foreground", "background"), [(200, 50), (50, 200), (255, 0), (0, 255)])
def test_it_finds_the_level_and_the_side(foreground: int, background: int) -> None:
    drawn = Drawn(foreground, background)
    found = intensity_baseline(drawn, drawn.samples[:1], drawn.samples[1:])
    bright = foreground > background
    assert found["side"] == ("bright" if bright else "dark")
    low, high = sorted((foreground, background))
    assert (low < found["grey"] <= high) if bright else (low <= found["grey"] < high)
    assert found["val_dice"] == 1
    assert found["dice"] == pytest.approx(2 * 60 / (2 * 60 + 1 + 2 + 3))  # 3 images of 20 pixels
    assert found["n_images"] == 3


@pytest.mark.parametrize("channels", [(), (2,), (3,), (4,)])
def test_every_grey_has_a_level_of_its_own(channels: tuple[int, ...]) -> None:
    image: NDArray[Any] = np.arange(256, dtype=np.uint8).reshape(16, 16)
    if channels:
        image = np.repeat(image[..., None], channels[0], axis=2)
    levels = GreyLevels(dark=False).levels(image)
    assert levels.shape == (16, 16)
    assert len(np.unique(levels)) == 256
    assert np.array_equal(levels[::-1, ::-1], GreyLevels(dark=True).levels(image))


def test_images_without_foreground_leave_it_undefined() -> None:
    drawn = Drawn(9, 9, marked=0)
    found = intensity_baseline(drawn, drawn.samples[:2], drawn.samples[2:])
    assert found["dice"] in (None, 0)
