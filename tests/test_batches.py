"""Which images make up a step: the same however they are shared, and lesions when asked for."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from core.config import AugmentationConfig, RunConfig
from core.inference.heads import Head
from core.training.batches import Epoch, Foreground, Images, Step, read
from core.training.distributed import Team

SIDE, COUNT = 64, 20
HEAD = Head(names=("large", "small"), values=((1,), (2,)))
CALM = AugmentationConfig(rotation_degrees=20, elastic_px=0, zoom=0.05)


@pytest.fixture
def training_set() -> Images:
    """Twenty images; the first three hold a small lesion, the first six a large one."""
    numbers = np.random.default_rng(0)
    images = numbers.integers(0, 256, (COUNT, 1, SIDE, SIDE), dtype=np.uint8)
    masks = np.zeros((COUNT, 1, SIDE, SIDE), dtype=np.uint8)
    masks[:6, :, 4:10, 4:10] = 1
    masks[:3, :, 58:61, 2:5] = 2
    found = Foreground(masks, HEAD.values, seed=0)
    return Images(torch.from_numpy(images), torch.from_numpy(masks), None, found)


def config(**changes: Any) -> RunConfig:
    settings = {"dataset": "phantoms", "batch_size": 6, "augmentation": CALM, **changes}
    return RunConfig(**settings)


def everything(epoch: Epoch) -> list[Step]:
    return [epoch[n] for n in range(len(epoch))]


def test_an_epoch_shows_every_image_as_often_as_asked(training_set: Images) -> None:
    epoch = Epoch(config(crops_per_image=3), training_set, 0)
    shown = torch.cat([step.index for step in everything(epoch)])
    assert shown.bincount().tolist() == [3] * COUNT
    assert [len(step.index) for step in everything(epoch)] == [6] * 10
    assert not torch.equal(epoch.order, Epoch(config(crops_per_image=3), training_set, 1).order)


@pytest.mark.parametrize("tile", [None, 32])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_shares_and_parts_of_a_step_are_the_step(
    training_set: Images, tile: int | None, size: int
) -> None:
    step = Epoch(config(tile=tile, oversample=0.5), training_set, 4)[1]
    whole = read(step, training_set, HEAD)
    parts = [Team(rank, size).part(len(step.index)) for rank in range(size)]
    pieces = [read(step.rows(*part), training_set, HEAD) for part in parts if part[0] < part[1]]
    assert torch.equal(torch.cat([image for image, _, _ in pieces]), whole[0])
    assert torch.equal(torch.cat([target for _, target, _ in pieces]), whole[1])


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 7])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_every_item_falls_to_one_process(count: int, size: int) -> None:
    parts = [Team(rank, size).part(count) for rank in range(size)]
    assert [n for first, last in parts for n in range(first, last)] == list(range(count))
    assert parts[0][1] > 0 or count == 0, "the first has something: its statistics count"


def held(step: Step, training_set: Images) -> torch.Tensor:
    """Whether each image holds a class, shape (B, K)."""
    return read(step, training_set, HEAD)[1].flatten(2).any(-1)


def shares(training_set: Images, **changes: Any) -> torch.Tensor:
    """Share of the crops that hold each class."""
    epoch = Epoch(config(crops_per_image=20, tile=16, **changes), training_set, 0)
    return torch.cat([held(step, training_set) for step in everything(epoch)]).float().mean(0)


@pytest.mark.parametrize("augment", [True, False])
def test_crops_are_drawn_about_lesions_of_every_class(training_set: Images, augment: bool) -> None:
    large, small = shares(training_set, augment=augment).tolist()
    assert large < 0.15
    assert small < 0.05
    large, small = shares(training_set, oversample=1.0, augment=augment).tolist()
    assert large == pytest.approx(0.5, abs=0.1)
    assert small == pytest.approx(0.5, abs=0.1)
    large, small = shares(training_set, oversample=0.5, augment=augment).tolist()
    assert small == pytest.approx(0.25, abs=0.08), "half of the crops, every class alike"


def test_a_plain_crop_reads_whole_pixels(training_set: Images) -> None:
    step = Epoch(config(tile=16, augment=False, oversample=1.0), training_set, 0)[0]
    image, _, _ = read(step, training_set, HEAD)
    intensities = image * 255
    assert torch.allclose(intensities, intensities.round(), atol=1e-2)
    for picture, row in zip(intensities.round(), step.index, strict=True):
        windows = training_set.images[row].unfold(1, 16, 1).unfold(2, 16, 1)
        assert (windows[0] == picture).flatten(2).all(-1).any(), "no crop of its image"


def test_whole_images_that_hold_a_lesion_come_more_often(training_set: Images) -> None:
    epoch = Epoch(config(oversample=0.8, crops_per_image=20), training_set, 0)
    share = (epoch.order < 6).float().mean().item()
    assert share == pytest.approx(0.8 + 0.2 * 0.3, abs=0.05)
    assert (epoch.order < 3).float().mean().item() == pytest.approx(0.8 * 0.75 + 0.03, abs=0.06)
    assert len(epoch.order) == 20 * COUNT


def test_without_any_foreground_nothing_is_drawn_more_often(training_set: Images) -> None:
    empty = np.zeros((COUNT, 1, SIDE, SIDE), dtype=np.uint8)
    nothing = replace(training_set, foreground=Foreground(empty, HEAD.values, seed=0))
    assert torch.equal(
        Epoch(config(oversample=1.0), nothing, 0).order, Epoch(config(), training_set, 0).order
    )
