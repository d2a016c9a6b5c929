"""Which training images and crops make up each step, and the step's images on the device.

Everything random follows from (seed, epoch, step) and nothing else: neither from what was drawn
before, nor from how many processes share a batch or in how many parts it goes through the network.
"""

import hashlib
import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.config import AugmentationConfig, RunConfig
from core.data.augmentation import STILL, Draw, resample, sample, to
from core.data.stacks import neighbours
from core.inference.heads import Head

PIXELS_KEPT = 64
"""Foreground pixels of each class remembered for an image."""


class Foreground:
    """Where foreground lies, for the images and crops that are to hold it.

    Args:
        masks: Training masks, values 0…, shape (N, 1, H, W).
        values: Mask values of each class, see ``Head.values``.
        seed: Which pixels are remembered.
    """

    def __init__(
        self, masks: NDArray[np.uint8], values: tuple[tuple[int, ...], ...], *, seed: int
    ) -> None:
        found = [_foreground_pixels(masks, v, np.random.default_rng([seed, 1])) for v in values]
        self.classes = [(holders, pixels) for holders, pixels in found if len(holders)]

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images, and a foreground pixel of each: every class alike, then its images, then pixels.

        Returns:
            Rows of the training images, shape (count,), and pixels (x, y), shape (count, 2).
        """
        which, holder, pixel = torch.rand(3, count, generator=generator, dtype=torch.float64)
        images, places = [], []
        for n in range(count):
            holders, pixels = self.classes[int(which[n] * len(self.classes))]
            row = int(holder[n] * len(holders))
            images.append(int(holders[row]))
            places.append(pixels[row][int(pixel[n] * len(pixels[row]))])
        return torch.tensor(images), torch.from_numpy(np.array(places, dtype=np.float32))


@dataclass(frozen=True)
class Images:
    """The training images on the device, where every step reads them."""

    images: Tensor
    """uint8, shape (N, C, H, W)."""
    masks: Tensor
    """uint8, values 0… as prepared, shape (N, 1, H, W)."""
    borders: Tensor | None = None
    """255 times the border map, where the loss wants it, uint8, shape (N, 1, H, W)."""
    foreground: Foreground | None = None
    """Where foreground is, where some is to be drawn more often."""
    ignored: Tensor | None = None
    """255 where a pixel is not annotated, uint8, shape (N, 1, H, W); None for nowhere."""
    stacks: tuple[tuple[int, ...], ...] = ()
    """Rows of each volume's slices in their order, for networks that see several together."""

    @property
    def source(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.images.shape[2], self.images.shape[3]

    @property
    def nbytes(self) -> int:
        """Memory on the device."""
        held = (self.images, self.masks, self.borders, self.ignored)
        return sum(tensor.nbytes for tensor in held if tensor is not None)


@dataclass(frozen=True)
class Step:
    """A batch before its pixels are read: rows of the images, and how each is moved."""

    index: Tensor
    """Rows of the training images, shape (B,); of slices that are seen together, (B, D)."""
    draw: Draw | None
    """How they are moved, on the CPU; None leaves them as they are."""
    output: tuple[int, int]
    """Height and width of the images."""

    def rows(self, first: int, last: int) -> "Step":
        """Some of its images, the same as in the whole."""
        draw = None
        if self.draw is not None:
            tensors: dict[str, Any] = {
                f.name: value[first:last]
                for f in fields(self.draw)
                if isinstance(value := getattr(self.draw, f.name), Tensor)
            }
            draw = replace(self.draw, **tensors)
        return Step(self.index[first:last], draw, self.output)


class Epoch:
    """The steps of one epoch: ``len(epoch)`` and ``epoch[step]``.

    Args:
        config: Of the run.
        images: What there is to draw from.
        number: Epochs done.
    """

    def __init__(self, config: RunConfig, images: Images, number: int) -> None:
        self.config = config
        self.number = number
        self.source = images.source
        self.output = output_size(config, self.source)
        order = self._drawn_from(images)
        count = len(order)
        order = order[torch.randperm(count, generator=generator(config.seed, number, -1))]
        self.centres: Tensor | None = None
        if config.oversample and images.foreground and images.foreground.classes:
            numbers = generator(config.seed, number, -2)
            chosen = torch.rand(count, generator=numbers) < config.oversample
            rows, pixels = images.foreground.draw(count, numbers)
            order = torch.where(chosen, rows, order)
            if self.output != self.source:
                pixels += (torch.rand(count, 2, generator=numbers) - 0.5) * self._size_px / 2
                self.centres = torch.where(chosen[:, None], pixels, torch.nan)
        self.order = self._with_neighbours(order, images) if images.stacks else order

    def _drawn_from(self, images: Images) -> Tensor:
        """Rows that crops are taken of: every image, or slices spread over every volume."""
        each = self.config.crops_per_image
        if not images.stacks:
            return torch.arange(len(images.images)).repeat(each)
        numbers, rows = generator(self.config.seed, self.number, -3), []
        for run in images.stacks:
            count = math.ceil(len(run) / self.config.slices) * each
            place = (torch.arange(count) + torch.rand(count, generator=numbers)) / count
            rows.append(torch.tensor(run)[(place * len(run)).long()])
        return torch.cat(rows)

    def _with_neighbours(self, rows: Tensor, images: Images) -> Tensor:
        """Slices about each row, as far inside its volume as they can be, shape (N, D).

        Where images may be mirrored, half of the stacks run the other way.
        """
        depth = self.config.slices
        numbers = generator(self.config.seed, self.number, -4)
        turned = torch.rand(len(rows), generator=numbers) < 0.5
        aside = ((torch.rand(len(rows), generator=numbers) - 0.5) * depth / 2).round().long()
        whereabouts = {row: (run, n) for run in images.stacks for n, row in enumerate(run)}
        found = []
        for row, beside in zip(rows.tolist(), aside.tolist(), strict=True):
            run, place = whereabouts[row]
            room = len(run) - depth
            first = room // 2 if room < 0 else min(max(0, place + beside - depth // 2), room)
            found.append(neighbours(run, first, depth))
        index = torch.from_numpy(np.stack(found))
        if not (self.config.augment and self.config.augmentation.flips):
            return index
        return torch.where(turned[:, None], index.flip(1), index)

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.config.batch_size)

    def __getitem__(self, step: int) -> Step:
        config = self.config
        here = slice(step * config.batch_size, (step + 1) * config.batch_size)
        index = self.order[here]
        if not config.augment and self.output == self.source:
            return Step(index, None, self.output)
        moves = config.augmentation if config.augment else STILL
        draw = sample(
            moves,
            batch=len(index),
            source=self.source,
            output=self.output,
            generator=generator(config.seed, self.number, step),
            depth=index.shape[1] if index.ndim > 1 else 1,
        )
        if self.centres is not None:
            draw = self._centred(draw, self.centres[here], moves)
        return Step(index, draw, self.output)

    @property
    def _size_px(self) -> Tensor:
        return torch.tensor([self.output[1], self.output[0]], dtype=torch.float32)

    def _centred(self, draw: Draw, centres: Tensor, moves: AugmentationConfig) -> Draw:
        """The draw with some crops about a pixel each, as far inside the image as they can be."""
        size = torch.tensor([self.source[1], self.source[0]], dtype=torch.float32)
        middle, half = (size - 1) / 2, (self._size_px - 1) / 2
        low, high = torch.minimum(half, middle), torch.maximum(size - 1 - half, middle)
        inside = centres.maximum(low).minimum(high)
        if moves is STILL:  # a plain crop reads whole pixels
            inside = (inside - half).round() + half
        return replace(draw, centre=torch.where(centres.isnan(), draw.centre, inside))


def crops_per_epoch(config: RunConfig, images: Images) -> int:
    """Images, or crops of them or of volumes, that one epoch shows."""
    several = len(images.images)
    if images.stacks:
        several = sum(math.ceil(len(run) / config.slices) for run in images.stacks)
    return several * config.crops_per_image


def output_size(config: RunConfig, source: tuple[int, int]) -> tuple[int, int]:
    """Height and width of what the network sees in training."""
    return min(config.tile or source[0], source[0]), min(config.tile or source[1], source[1])


def read(step: Step, training_set: Images, head: Head) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The pixels of a step on the device.

    Returns:
        Images in [0, 1], shape (B, C, h, w); targets, shape (B, K, h, w); and what else the loss
        takes: the border maps, shape (B, 1, h, w), or nothing; last, where there are any, the
        pixels that are not annotated. Of volumes (B, C, D, h, w) each.
    """
    device = training_set.images.device
    index = step.index.flatten().to(device, non_blocking=True)
    images, masks = training_set.images[index], head.targets(training_set.masks[index])
    maps = [
        part[index] for part in (training_set.borders, training_set.ignored) if part is not None
    ]
    depth = step.index.shape[1] if step.index.ndim > 1 else 1
    if depth > 1:  # slices beside one another, as channels
        images, masks, *maps = (_side_by_side(part, depth) for part in (images, masks, *maps))
    if step.draw is None:
        image, target, maps = images.float() / 255, masks.float(), [m.float() / 255 for m in maps]
    else:
        draw = to(step.draw, device)
        image, target = resample(
            images, masks, draw, step.output, exclusive=head.softmax, depth=depth
        )
        maps = [move(part, draw, step.output) for part in maps]
    if depth > 1:
        image, target, *maps = (_as_volume(part, depth) for part in (image, target, *maps))
    return image, target, maps


def _side_by_side(planes: Tensor, depth: int) -> Tensor:
    """Shape (B D, C, H, W) to (B, D C, H, W)."""
    count, channels, *sides = planes.shape
    return planes.reshape(count // depth, depth * channels, *sides)


def _as_volume(planes: Tensor, depth: int) -> Tensor:
    """Shape (B, D C, h, w) to (B, C, D, h, w)."""
    batch, count, *sides = planes.shape
    return planes.reshape(batch, depth, count // depth, *sides).transpose(1, 2)


def move(maps: Tensor, draw: Draw, output: tuple[int, int]) -> Tensor:
    """Read maps in [0, 255] through the grid of image and mask, their values left as they are."""
    still = replace(
        draw,
        gain=torch.ones_like(draw.gain),
        offset=torch.zeros_like(draw.offset),
        gamma=None,
        blur_px=None,
        speckle=None,
        noise=None,
        grey_range=None,
        margin=None,
    )
    moved, _ = resample(maps, maps[:, :0], still, output)
    return moved  # (B, 1, h, w) in [0, 1]


def generator(seed: int, epoch: int, step: int) -> torch.Generator:
    """The random numbers of one step, whatever happened before it."""
    digest = hashlib.sha256(f"{seed} {epoch} {step}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def _foreground_pixels(
    masks: NDArray[np.uint8], values: tuple[int, ...], numbers: np.random.Generator
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Rows of the images that hold a class, and for each some of its pixels as (x, y)."""
    holders, pixels = [], []
    width = masks.shape[3]
    for row, mask in enumerate(masks[:, 0]):
        found = np.flatnonzero(np.isin(mask, values) if values else mask)
        if len(found):
            kept = found[numbers.integers(0, len(found), PIXELS_KEPT)]
            holders.append(row)
            pixels.append(np.stack([kept % width, kept // width], axis=-1))
    return np.array(holders, dtype=np.int64), pixels
