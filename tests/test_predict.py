"""Prediction: tiles that nobody can see, native resolution, and memory that does not grow."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from core.errors import InputError
from core.inference.predictor import MARGIN, SMALLEST, Predictor, fit_channels
from core.levels import level_map

ROOT = Path(__file__).parents[1]
SIZES = [(16, 16), (17, 300), (300, 17), (513, 700), (577, 64), (64, 1100)]
Pixels = NDArray[np.uint8]


class Pointwise(nn.Module):
    """Looks at one pixel only: tiling must be invisible to the last digit."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.head = nn.Conv2d(channels, 1, 1)
        nn.init.constant_(self.head.weight, 4.0 / channels)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, -2.0)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(image)
        return logits


class Neighbours(nn.Module):
    """Looks at 3 x 3 pixels; beyond its tile it sees zeros, so tiles differ at their edges."""

    def forward(self, image: Tensor) -> Tensor:
        return 4 * functional.avg_pool2d(image, 3, stride=1, padding=1) - 2


def noise(*shape: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def ramp(height: int, width: int) -> Pixels:
    return np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8)


def at_once(model: nn.Module, image: Pixels) -> NDArray[np.float32]:
    """One pass over the whole reflected image."""
    padded = np.pad(image, MARGIN, mode="reflect")
    with torch.inference_mode():
        logits = model(torch.from_numpy(padded)[None, None].float() / 255)[0, 0]
    result: NDArray[np.float32] = logits.sigmoid().numpy()[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return result


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_tiles_equal_one_pass(height: int, width: int) -> None:
    image = noise(height, width)
    probability = Predictor(Pointwise()).probability(image)
    assert probability.dtype == np.float32
    assert np.allclose(probability, at_once(Pointwise(), image), atol=1e-6)


def test_what_a_network_sees_at_the_edge_of_a_tile_hardly_counts() -> None:
    image = noise(700, 1100)
    difference = abs(Predictor(Neighbours()).probability(image) - at_once(Neighbours(), image))
    assert difference.max() < 1e-3, "a tile's own edge is off by 0.2 and more"
    assert Predictor(Neighbours()).probability(image[:500, :500])[0, 0] == pytest.approx(
        at_once(Neighbours(), image[:500, :500])[0, 0]
    ), "the image's edge has reflected surroundings"


def test_there_is_no_seam() -> None:
    image = ramp(1100, 700)
    steps = abs(np.diff(Predictor(Neighbours()).probability(image)[1:-1, 1:-1], axis=0))
    assert steps.max() < 0.01


def test_a_constant_image_gives_a_constant_map() -> None:
    levels = Predictor(Pointwise()).levels(np.full((1030, 600), 128, np.uint8))
    assert levels.max() - levels.min() <= 1


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_rows_cover_the_image_once_from_top_to_bottom(height: int, width: int) -> None:
    bands = list(Predictor(Pointwise()).probability_rows(noise(height, width)))
    expected = 0
    for top, rows in bands:
        assert top == expected
        assert rows.shape[1] == width
        expected += len(rows)
    assert expected == height


@pytest.mark.parametrize("size", [None, 64])
def test_levels_are_those_of_the_probability(size: int | None) -> None:
    image, predictor = noise(513, 300), Predictor(Pointwise(), size=size)
    levels = predictor.levels(image)
    assert levels.dtype == np.uint16
    assert np.array_equal(levels, level_map(predictor.probability(image)))


@pytest.mark.parametrize("size", [None, 64])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (513, 1300)])
def test_progress_counts_up_to_the_end(size: int | None, height: int, width: int) -> None:
    seen: list[tuple[int, int]] = []
    predictor = Predictor(Pointwise(), size=size)
    predictor.levels(noise(height, width), progress=lambda *state: seen.append(state))
    total = seen[0][1]
    assert seen == [(n, total) for n in range(1, total + 1)]
    assert total > 1 if size is None and width > 600 else total == 1


@pytest.mark.parametrize("size", [None, 64])
@pytest.mark.parametrize("shape", [(15, 100), (100, 15), (1, 1), (15, 15, 3)])
def test_an_image_that_is_too_small_is_refused(size: int | None, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as refused:
        Predictor(Pointwise(), size=size).levels(noise(*shape))
    assert f"{shape[1]}x{shape[0]} pixels; networks need at least {SMALLEST}x{SMALLEST}" in str(
        refused.value
    )


def test_a_resized_image_comes_back_at_its_own_size() -> None:
    halves = np.zeros((200, 333), np.uint8)
    halves[:, 166:] = 255
    seen: list[tuple[int, ...]] = []

    class Watched(Pointwise):
        def forward(self, image: Tensor) -> Tensor:
            seen.append(tuple(image.shape))
            return super().forward(image)

    levels = Predictor(Watched(), size=48).levels(halves)
    assert seen == [(1, 1, 48, 48)]
    assert levels.shape == (200, 333)
    low, high = (level_map(torch.tensor(x).sigmoid().numpy()[None])[0] for x in (-2.0, 2.0))
    assert (levels[:, :150] == low).all()
    assert (levels[:, 185:] == high).all()


def test_colour_and_grey_are_fitted_to_the_network() -> None:
    grey = noise(32, 40)
    colour = np.repeat(grey[..., None], 3, axis=2)
    from_grey = Predictor(Pointwise()).levels(grey)
    assert np.array_equal(Predictor(Pointwise()).levels(colour), from_grey)
    assert (
        abs(Predictor(Pointwise(3), in_channels=3).levels(grey).astype(int) - from_grey).max() <= 1
    ), "grey is repeated"
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    assert (fit_channels(red, 1) == 76).all(), "ITU-R 601 luma: 0.299 x 255"
    assert fit_channels(red, 3) is red


@pytest.mark.parametrize("shape", [(32, 32, 4), (32, 32, 2), (4, 32, 32, 3)])
def test_an_image_of_odd_channels_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"the network sees 1 channels .* and the image has \d"):
        Predictor(Pointwise()).levels(noise(*shape))


def test_a_grey_image_does_not_stand_for_two_sequences() -> None:
    with pytest.raises(InputError, match=r"sees 2 channels .* and the image has 1"):
        Predictor(Pointwise(2), in_channels=2).levels(noise(32, 32))


def test_a_network_that_returns_no_numbers_is_a_fault() -> None:
    class Broken(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image * float("nan")

    with pytest.raises(ValueError, match="values that are not numbers"):
        Predictor(Broken()).levels(noise(32, 32))


def test_the_network_is_in_evaluation_mode_and_the_image_is_left_alone() -> None:
    network = nn.Sequential(nn.BatchNorm2d(1), Pointwise()).train()
    image = noise(64, 64)
    before = image.copy()
    Predictor(network).levels(image)
    assert not network.training
    assert np.array_equal(image, before)


MEMORY = """
import sys
import numpy as np, psutil, torch
from torch import nn
from core.inference.predictor import Predictor

class Constant(nn.Module):
    def forward(self, image):
        return image - 0.5

peak = 0
def measure(*_):
    global peak
    peak = max(peak, psutil.Process().memory_info().rss)

predictor = Predictor(Constant())
predictor.levels(np.zeros((1024, 1024), np.uint8), progress=measure)
small = peak
image = np.zeros((4096, 4096), np.uint8)
image[:] = 1
levels = predictor.levels(image, progress=measure)
assert levels.shape == (4096, 4096)
print((peak - small) / 2**20)
"""


def test_a_large_image_needs_little_more_memory_than_a_small_one() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", MEMORY], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # 16 MiB of pixels, as much again as channels, 32 MiB of levels; a float32 map alone would be 64
    # and the tiles of an unblended pass 121 times 1 MiB.
    assert float(answer.stdout) < 110
