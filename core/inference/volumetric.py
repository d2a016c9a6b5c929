"""A 3-D network with its way of seeing: windows over all slices, each with its neighbours.

Windows are as large as the crops of its training and overlap by a quarter; their probabilities are
blended with Gaussian weights (MONAI's ``sliding_window_inference``). A volume of fewer slices than
a window is continued by its mirror image. In memory are, beside the network's own, 14 bytes a voxel
for one class and 26 for three (measured, one channel); 4 bytes a voxel and class stay, the map of
the last volume, so that its slices can be asked for one by one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.config import RunConfig
from core.data.base import Sample
from core.data.stacks import neighbours, stack_of
from core.errors import InputError, NonFiniteError
from core.imaging.resize import inside, resize
from core.inference.heads import Head
from core.inference.predictor import (
    SMALLEST,
    Images,
    Predictor,
    Probability,
    Progress,
    Rows,
    enlarged,
    fit_channels,
)
from core.levels import LevelMap, level_map
from core.networks import MODELS, card_of

OVERLAP = 0.25
"""Of neighbouring windows, as a share of their side."""

Volume = NDArray[np.uint8]
Seen = tuple[Images, dict[str, int], Probability]


class VolumePredictor(Predictor):
    """The predictor of a 3-D network; images by themselves are refused.

    Args:
        model: Takes (B, C, D, H, W), returns logits (B, K, D, H, W), one more with ``softmax``.
        slices: Slices of a window.
        tile: Its height and width; None for whole slices.
        **seeing: As of ``Predictor``.
    """

    takes_volumes = True

    def __init__(
        self,
        model: nn.Module,
        *,
        slices: int,
        tile: int | None = None,
        **seeing: Any,  # noqa: ANN401 - handed on
    ) -> None:
        super().__init__(model, **seeing)
        self.slices, self.tile = slices, tile
        self._seen: Seen | None = None

    def _rows(self, image: NDArray[np.uint8], progress: Progress | None) -> Rows:  # noqa: ARG002 - of the contract
        raise InputError(
            "the model sees whole volumes, and this is a single image; give it a volume (NIfTI, "
            "a DICOM series, NRRD, a stack) or choose a model for images"
        )

    def volume_levels(self, slices: Volume, *, progress: Progress | None = None) -> LevelMap:
        """Level map of the foreground.

        Args:
            slices: Shape (D, H, W) or (D, H, W, C), 0…255.
            progress: Called with windows done and windows in all.

        Returns:
            Levels 0…1000, shape (D, H, W).

        Raises:
            InputError: Slices are too small, or their channels do not fit the network.
        """
        maps = self.volume_probability(slices, progress=progress)
        result = np.empty(slices.shape[:3], np.uint16)
        for n in range(len(result)):  # a slice at a time: the sum of classes is a copy
            result[n] = level_map(self.foreground(maps[:, n]))
        return result

    def volume_probability(
        self, slices: Volume, *, progress: Progress | None = None
    ) -> Probability:
        """Probability of every class, float32 in [0, 1], shape (K, D, H, W); else as above."""
        depth, height, width = slices.shape[:3]
        if min(height, width) < SMALLEST:
            raise InputError(
                f"the slices are {width}x{height} pixels; networks need at least "
                f"{SMALLEST}x{SMALLEST}"
            )
        planes = [np.moveaxis(fit_channels(one, self.in_channels), -1, 0) for one in slices]
        if self.size is not None:
            planes = [resize(one, self.size, smooth=True, aspect=self.aspect) for one in planes]
        missing = max(0, self.slices - depth)
        order = neighbours(range(depth), -(missing // 2), depth + missing)
        volume = torch.from_numpy(np.stack([planes[n] for n in order], axis=1))  # (C, D, h, w)
        maps = self._windows(volume, progress)[:, missing // 2 : missing // 2 + depth]
        if self.size is None:
            return maps
        tall, wide = inside(height, width, self.size, self.aspect)
        native = np.empty((len(maps), depth, height, width), np.float32)
        for k, n in np.ndindex(len(maps), depth):
            native[k, n] = enlarged(maps[k, n, :tall, :wide], width, height)
        return np.clip(native, 0, 1, out=native)

    @torch.inference_mode()
    def _windows(self, volume: Tensor, progress: Progress | None) -> Probability:
        """Probabilities of a uint8 volume of shape (C, D, h, w), shape (K, D, h, w)."""
        from monai.inferers.utils import sliding_window_inference  # takes seconds to import

        depth, height, width = volume.shape[1:]
        window = (
            self.slices,
            min(self.tile or height, height),
            min(self.tile or width, width),
        )
        total, done = count_windows((depth, height, width), window), 0

        def look(part: Tensor) -> Tensor:
            nonlocal done
            logits = self.model(part.to(self.device)).float()  # (1, K, d, h, w)
            planes = logits.softmax(dim=1)[:, 1:] if self.softmax else logits.sigmoid()
            if not torch.isfinite(planes).all():
                raise NonFiniteError
            done += 1
            if progress:
                progress(min(done, total), total)
            seen: Tensor = planes.cpu()
            return seen

        found = sliding_window_inference(
            volume[None].float() / 255,
            window,
            sw_batch_size=1,
            predictor=look,
            overlap=OVERLAP,
            mode="gaussian",
            device="cpu",
        )
        assert isinstance(found, Tensor)
        maps: Probability = found[0].clamp(0, 1).numpy()
        return maps

    def sample_levels(self, source: Images, sample: Sample) -> LevelMap:
        """Level map of a slice within its volume, shape (H, W)."""
        return level_map(self.foreground(self.sample_class_probability(source, sample)))

    def sample_class_levels(self, source: Images, sample: Sample) -> LevelMap:
        """Level map of every class, shape (K, H, W)."""
        return level_map(self.sample_class_probability(source, sample))

    def sample_class_probability(self, source: Images, sample: Sample) -> Probability:
        """Probability of every class, shape (K, H, W)."""
        _, places, maps = self._whole(source, sample)
        return np.ascontiguousarray(maps[:, places[sample.id]])

    def _whole(self, source: Images, sample: Sample) -> Seen:
        """The maps of the volume that a slice is of; those of the last one are kept."""
        seen = self._seen
        if seen is None or seen[0] is not source or sample.id not in seen[1]:
            run = stack_of(sample, source.samples)
            slices = np.stack([source.image(one) for one in run])
            places = {one.id: n for n, one in enumerate(run)}
            seen = self._seen = (source, places, self.volume_probability(slices))
        return seen


def count_windows(sides: Sequence[int], window: Sequence[int]) -> int:
    """How many windows cover a volume of these sides."""
    steps = [max(1, int(side * (1 - OVERLAP))) for side in window]
    return int(
        np.prod(
            [
                1 if whole <= side else -(-(whole - side) // step) + 1
                for whole, side, step in zip(sides, window, steps, strict=True)
            ]
        )
    )


def inference_mode(config: RunConfig) -> str:
    """How a network sees an image, to follow on "it sees an image"."""
    size = f"resized to {config.size} x {config.size} pixels" if config.size else ""
    if config.model not in MODELS or MODELS[config.model].dimensions == 2:
        return size or "at its native scale, tiled where it is large"
    side = (
        f"{config.tile} x {config.tile} pixels" if config.tile else "their whole height and width"
    )
    windows = f"in its volume, through windows of {config.slices} slices and {side}"
    return f"{windows}, {size}" if size else windows


def build_predictor(
    config: RunConfig,
    model: nn.Module,
    *,
    in_channels: int,
    head: Head,
    device: torch.device,
) -> Predictor:
    """The predictor of a network, with the way of seeing that its config says.

    Args:
        config: Of the run.
        model: Its network.
        in_channels: Channels of an image.
        head: What its maps are.
        device: Where it runs.
    """
    seeing: dict[str, Any] = {
        "in_channels": in_channels,
        "size": config.size,
        "aspect": config.aspect,
        "device": device,
        "classes": head.names,
        "softmax": head.softmax,
    }
    if card_of(config.model).dimensions == 3:
        return VolumePredictor(model, slices=config.slices, tile=config.tile, **seeing)
    return Predictor(model, **seeing)
