"""Image → probability → level map, at the image's native resolution, in bounded memory.

Images no larger than the tile are seen at once. Larger ones are covered by overlapping tiles whose
probabilities are blended with smooth weights; rows are quantized as soon as no later tile touches
them, so memory grows with the width of the image and not with its area. Borders are continued by
reflection, so that edge pixels have surroundings.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import nn

from core.data.base import Sample
from core.errors import InputError, NonFiniteError
from core.imaging.resize import inside, resize
from core.levels import LevelMap, level_map
from core.system.device import to_device

TILE = 512
OVERLAP = 128
MARGIN = 32
SMALLEST = 16

Probability = NDArray[np.float32]
Progress = Callable[[int, int], None]
Rows = Iterator[tuple[int, Probability]]


class Images(Protocol):
    """Where the samples of a data set and their pixels come from."""

    @property
    def samples(self) -> Sequence[Sample]:
        """All of them, in whose neighbourhood a slice lies."""

    def image(self, sample: Sample, /) -> NDArray[np.uint8]:
        """Shape (H, W) or (H, W, C), 0…255."""


class LabelledImages(Images, Protocol):
    """Where images and reference masks come from, as ``core.data.base.Dataset``."""

    def truth(self, sample: Sample, /) -> NDArray[np.uint8]:
        """Shape (H, W); any value but 0 is foreground."""


class ImagePredictor:
    """Whatever turns an image into a level map, without a look at its neighbours."""

    takes_volumes: bool = False
    """Whether it sees slices together after all, see ``core.inference.volumetric``."""

    def levels(self, image: NDArray[np.uint8], /) -> LevelMap:
        """Shape (H, W) or (H, W, C) to shape (H, W)."""
        raise NotImplementedError

    def sample_levels(self, source: Images, sample: Sample) -> LevelMap:
        """Level map of a sample, shape (H, W)."""
        return self.levels(source.image(sample))


class Predictor(ImagePredictor):
    """A network with its way of seeing.

    Where it segments several classes, ``levels``, ``probability`` and ``probability_rows`` are of
    the foreground, that is of any class: the sum of the classes of a softmax, the largest of
    sigmoids. ``class_levels``, ``class_probability`` and ``class_rows`` have a map for each.

    Args:
        model: Returns logits of shape (B, K, H, W), (B, K + 1, H, W) with ``softmax``.
        in_channels: 1 or 3; colour images are shown to a one-channel network as grey.
        size: Resize to this square before the network; None sees at native scale, tiled.
        aspect: How it is resized, ``stretch`` or ``pad``.
        device: Where the network runs.
        classes: Names of the K maps.
        softmax: Whether classes exclude one another; the first logit is then the background's.
    """

    classes: tuple[str, ...] = ("foreground",)
    softmax: bool = False

    def __init__(
        self,
        model: nn.Module,
        *,
        in_channels: int = 1,
        size: int | None = None,
        aspect: str = "stretch",
        device: torch.device | str = "cpu",
        classes: tuple[str, ...] = ("foreground",),
        softmax: bool = False,
    ) -> None:
        self.device = torch.device(device)
        self.model = to_device(model, self.device).eval()
        self.in_channels = in_channels
        self.size = size
        self.aspect = aspect
        self.classes = classes
        self.softmax = softmax

    def levels(self, image: NDArray[np.uint8], *, progress: Progress | None = None) -> LevelMap:
        """Level map of an image.

        Args:
            image: Shape (H, W) or (H, W, 3), 0…255, at least 16 pixels a side.
            progress: Called with tiles done and tiles in all.

        Returns:
            Levels 0…1000, shape (H, W).

        Raises:
            InputError: The image is too small or its channels do not fit the network.
        """
        result = np.empty(image.shape[:2], dtype=np.uint16)
        for top, rows in self.probability_rows(image, progress=progress):
            result[top : top + len(rows)] = level_map(rows)
        return result

    def probability(self, image: NDArray[np.uint8]) -> Probability:
        """Probability map, float32 in [0, 1], shape (H, W); arguments as for ``levels``."""
        return np.concatenate([rows for _, rows in self.probability_rows(image)])

    def probability_rows(
        self, image: NDArray[np.uint8], *, progress: Progress | None = None
    ) -> Rows:
        """Finished bands of the probability map from top to bottom: first row, values (h, W)."""
        for top, rows in self._rows(image, progress):
            yield top, self.foreground(rows)

    def class_levels(
        self, image: NDArray[np.uint8], *, progress: Progress | None = None
    ) -> LevelMap:
        """Level map of every class, shape (K, H, W); otherwise as ``levels``."""
        result = np.empty((len(self.classes), *image.shape[:2]), dtype=np.uint16)
        for top, rows in self.class_rows(image, progress=progress):
            result[:, top : top + rows.shape[1]] = level_map(rows)
        return result

    def class_probability(self, image: NDArray[np.uint8]) -> Probability:
        """Probability map of every class, shape (K, H, W); otherwise as ``probability``."""
        return np.concatenate([rows for _, rows in self.class_rows(image)], axis=1)

    def sample_class_levels(self, source: Images, sample: Sample) -> LevelMap:
        """Level map of every class of a sample, shape (K, H, W)."""
        return self.class_levels(source.image(sample))

    def sample_class_probability(self, source: Images, sample: Sample) -> Probability:
        """Probability map of every class of a sample, shape (K, H, W)."""
        return self.class_probability(source.image(sample))

    def class_rows(self, image: NDArray[np.uint8], *, progress: Progress | None = None) -> Rows:
        """Finished bands of every class's map: first row, values (K, h, W)."""
        if len(self.classes) == 1:
            for top, rows in self.probability_rows(image, progress=progress):
                yield top, rows[None]
        else:
            yield from self._rows(image, progress)

    def foreground(self, rows: Probability) -> Probability:
        """Shape (K, h, W) to the probability of any class, shape (h, W)."""
        if len(rows) == 1:
            only: Probability = rows[0]
            return only
        together: Probability = rows.sum(axis=0) if self.softmax else rows.max(axis=0)
        np.clip(together, 0, 1, out=together)
        return together

    def _rows(self, image: NDArray[np.uint8], progress: Progress | None) -> Rows:
        """Finished bands of the maps, values (K, h, W)."""
        pixels = fit_channels(image, self.in_channels)
        if min(pixels.shape[:2]) < SMALLEST:
            height, width = pixels.shape[:2]
            raise InputError(
                f"the image is {width}x{height} pixels; networks need at least "
                f"{SMALLEST}x{SMALLEST}"
            )
        if self.size is None:
            return self._tiled(pixels, progress)
        return self._resized(pixels, progress)

    @torch.inference_mode()
    def _network(self, tile: NDArray[np.uint8]) -> Probability:
        """Probabilities of one tile of shape (h, w, C), shape (K, h, w)."""
        x = torch.from_numpy(np.ascontiguousarray(tile)).to(self.device)
        x = x.permute(2, 0, 1)[None].float() / 255  # (1, C, h, w), channels last in memory
        logits = self.model(x)[0].float()  # (K, h, w), with softmax (K + 1, h, w)
        planes = logits.softmax(dim=0)[1:] if self.softmax else logits.sigmoid()
        probability: Probability = planes.cpu().numpy()
        if not np.isfinite(probability).all():
            raise NonFiniteError
        return probability

    def _resized(self, pixels: NDArray[np.uint8], progress: Progress | None) -> Rows:
        height, width = pixels.shape[:2]
        size = self.size or 0
        planes = resize(np.moveaxis(pixels, -1, 0), size, smooth=True, aspect=self.aspect)
        tall, wide = inside(height, width, size, self.aspect)
        probability = self._network(np.moveaxis(planes, 0, -1))[:, :tall, :wide]
        native = [enlarged(plane, width, height) for plane in probability]
        yield 0, np.clip(np.stack(native), 0, 1)
        if progress:
            progress(1, 1)

    def _tiled(self, pixels: NDArray[np.uint8], progress: Progress | None) -> Rows:
        height, width = pixels.shape[:2]
        # Coordinates of the reflected image; reading through them copies one tile at a time.
        rows = np.pad(np.arange(height), MARGIN, mode="reflect")
        columns = np.pad(np.arange(width), MARGIN, mode="reflect")
        tops, tall = _tiles(len(rows))
        lefts, wide = _tiles(len(columns))
        across, share_across = _weights(lefts, wide, len(columns))
        down, share_down = _weights(tops, tall, len(rows))
        # sums of weighted probabilities
        band = np.zeros((len(self.classes), tall, len(columns)), dtype=np.float32)
        for i, top in enumerate(tops):
            for j, left in enumerate(lefts):
                tile = pixels[np.ix_(rows[top : top + tall], columns[left : left + wide])]
                band[..., left : left + wide] += self._network(tile) * down[:, None] * across
                if progress:
                    progress(i * len(lefts) + j + 1, len(tops) * len(lefts))
            end = tops[i + 1] if i + 1 < len(tops) else len(rows)
            done = end - top
            finished = band[:, :done] / (share_down[top:end, None] * share_across)
            first, last = max(top, MARGIN), min(end, MARGIN + height)
            if last > first:
                inside = finished[:, first - top : last - top, MARGIN : MARGIN + width]
                yield first - MARGIN, np.clip(inside, 0, 1)
            band[:, : tall - done] = band[:, done:]
            band[:, tall - done :] = 0


def fit_channels(image: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """The image as (H, W, C) for a network of C channels; grey repeats, colour becomes luma.

    Raises:
        InputError: The channels are something else than colours, and the image has others.
    """
    if image.ndim == 3 and image.shape[2] == channels:
        return image
    if image.ndim == 2 and channels in (1, 3):
        return np.repeat(image[..., None], channels, axis=2)
    if image.ndim == 3 and image.shape[2] == 3 and channels == 1:
        return np.asarray(PillowImage.fromarray(image).convert("L"))[..., None]
    found = 1 if image.ndim == 2 else image.shape[2]
    raise InputError(
        f"the network sees {channels} channels of a place at once (sequences of one scan, for "
        f"example) and the image has {found}; give images as it was trained on, or choose a model "
        "of one channel"
    )


def enlarged(plane: Probability, width: int, height: int) -> Probability:
    """A plane of probabilities at another size, bilinear; may leave [0, 1] by rounding."""
    image = PillowImage.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize((width, height), PillowImage.Resampling.BILINEAR))


def _tiles(length: int) -> tuple[list[int], int]:
    """First pixels of evenly spread tiles that cover ``length``, and their side."""
    if length <= TILE + 2 * MARGIN:
        return [0], length
    count = -(-(length - OVERLAP) // (TILE - OVERLAP))
    return [round(i * (length - TILE) / (count - 1)) for i in range(count)], TILE


def _weights(starts: list[int], side: int, length: int) -> tuple[Probability, Probability]:
    """Weight of each pixel within a tile, and the sum of weights on each pixel of the axis."""
    place = (np.arange(side) + 0.5) / side
    weight = (np.sin(np.pi * place) ** 2 + 1e-3).astype(np.float32)
    if len(starts) == 1:
        weight[:] = 1
    total = np.zeros(length, dtype=np.float32)
    for start in starts:
        total[start : start + side] += weight
    return weight, total
