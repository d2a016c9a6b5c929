"""The border map: the formula pixel by pixel, kept once, and moved with the mask it belongs to."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.config import AugmentationConfig, RunConfig
from core.data import open_dataset
from core.data.augmentation import resample, sample
from core.data.border_weights import border_weights
from core.data.preparation import prepare, prepare_borders
from core.runs import create_run
from core.training.batches import move
from core.training.loop import train

Config = Callable[..., RunConfig]
Numbers = NDArray[np.int32]


def brute_force(objects: Numbers, *, w0: float, sigma_px: float) -> NDArray[np.float64]:
    """Every pixel against every pixel of every object."""
    result = np.zeros(objects.shape)
    numbers = [n for n in np.unique(objects) if n]
    for y, x in np.argwhere(objects == 0):
        distances = sorted(
            np.sqrt(((np.argwhere(objects == n) - (y, x)) ** 2).sum(1)).min() for n in numbers
        )
        if len(distances) > 1:
            result[y, x] = w0 * np.exp(-((distances[0] + distances[1]) ** 2) / (2 * sigma_px**2))
    return result


def scattered(seed: int, *, side: int = 40, count: int = 7) -> Numbers:
    """Rectangles that may touch, with a gap in their numbers."""
    random = np.random.default_rng(seed)
    objects = np.zeros((side, side + 5), dtype=np.int32)
    for n in range(2, count + 2):
        y, x = random.integers(0, side - 4, 2)
        height, width = random.integers(1, 9, 2)
        objects[y : y + height, x : x + width] = n + (n > 4)
    return objects


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sigma_px", [1.0, 5.0])
def test_it_is_the_formula(seed: int, sigma_px: float) -> None:
    objects = scattered(seed)
    ours = border_weights(objects, w0=10, sigma_px=sigma_px)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, brute_force(objects, w0=10, sigma_px=sigma_px), atol=1e-6)


def test_with_a_pencil() -> None:
    weights = border_weights(np.array([[1, 0, 0, 0, 1]]), w0=10, sigma_px=5)
    assert weights[0] == pytest.approx([0, *[10 * np.exp(-16 / 50)] * 3, 0])  # d1 + d2 = 4


def test_a_mask_is_split_into_its_components() -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:6, 2:6] = mask[2:6, 9:14] = mask[6, 6] = True  # the single pixel hangs on by a corner
    objects = np.zeros(mask.shape, dtype=np.int32)
    objects[mask] = 3
    objects[2:6, 9:14] = 7
    assert np.array_equal(border_weights(mask), border_weights(objects))
    assert np.array_equal(border_weights(mask.astype(np.uint8)), border_weights(mask))


@pytest.mark.parametrize("objects", [0, 1], ids=["none", "one"])
def test_fewer_than_two_objects_have_no_border(objects: int) -> None:
    mask = np.zeros((16, 16), dtype=np.uint8)
    mask[4:9, 4:9] = objects
    assert not border_weights(mask).any()


def test_it_is_computed_once(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    dataset = open_dataset("phantoms_nuclei")
    prepared = prepare(dataset, size=64)
    maps = prepare_borders(dataset, prepared, size=64, sigma_px=3)
    assert maps.dtype == np.uint8
    assert maps.shape == prepared.masks.shape
    for n in (0, 5):
        mask = prepared.masks[n, 0] > 0
        assert not maps[n, 0][mask].any()
        if dataset.instances(dataset.samples[n]) is None:
            expected = 255 * border_weights(mask, w0=1, sigma_px=3)
            assert np.abs(maps[n, 0] - expected).max() <= 0.5
    assert maps.any()
    monkeypatch.setattr("core.data.preparation.border_weights", None)  # would fail if it were used
    assert np.array_equal(prepare_borders(dataset, prepared, size=64, sigma_px=3), maps)


def test_it_moves_with_the_mask() -> None:
    mask = torch.zeros(3, 1, 48, 48, dtype=torch.uint8)
    mask[:, :, 8:20, 8:30] = 1
    moves = AugmentationConfig(contrast=0.5, brightness=0.5, gamma=0.5, blur_px=3, noise=0.5)
    generator = torch.Generator().manual_seed(0)
    draw = sample(moves, batch=3, source=(48, 48), output=(32, 40), generator=generator)
    _, moved_mask = resample(mask * 9, mask, draw, (32, 40))
    moved = move(255 * mask, draw, (32, 40))
    assert torch.equal((moved >= 0.5).float(), moved_mask)
    assert torch.allclose(moved.amax(), torch.tensor(1.0))


def test_a_run_trains_with_it(tiny_config: Config) -> None:
    """Same seed, same images: only the weight of the border tells the two losses apart."""
    losses = {}
    for w0 in (0.0, 10.0):
        run = create_run(tiny_config(epochs=1, loss="weighted_bce", loss_options={"w0": w0}))
        train(run)
        losses[w0] = run.history[0]["train_loss"]
        assert run.history[0]["val_loss"] > 0
    plain = create_run(tiny_config(epochs=1, loss="bce"))
    train(plain)
    assert losses[0.0] == plain.history[0]["train_loss"]
    assert losses[10.0] > losses[0.0]


def test_a_run_trains_with_it_in_still_images(tiny_config: Config) -> None:
    run = create_run(tiny_config(epochs=1, loss="weighted_bce", augment=False))
    train(run)
    assert run.history[0]["train_loss"] > 0
