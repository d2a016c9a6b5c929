"""Memory before failure: what a training step needs, what the device has, which batch would fit.

The activations that a network keeps for its gradient are counted on shapes alone, see
``core.networks.cost``; nothing is allocated. The estimate is a little high on purpose: it also
holds the gradients on their way back and the buffers of the convolutions.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from core.config import RunConfig
from core.errors import InputError
from core.inference.heads import build_network
from core.networks import card_of
from core.networks.cost import activation_bytes
from core.system.device import precision_of

WORKSPACE = 1.25
"""What a step needs over the activations kept: gradients under way and buffers."""
HALF = 0.6
"""Share of float32's activations in 16 bits; normalization and loss stay at 32."""
COPIES = {"adam": 4, "adamw": 4, "sgd": 3}
"""Of the weights: themselves, gradients, moments."""
USABLE = 0.95
"""Share of the free memory that a training may take."""
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a training step takes, in bytes."""

    weights_bytes: int
    """Weights, gradients, what the optimizer remembers, and the average if there is one."""
    image_bytes: int
    """Of each image or crop that goes through the network at once."""
    data_bytes: int
    """Prepared images and masks on the device."""
    available_bytes: int
    """What the device has free."""
    images: int
    """Images that go through the network at once."""

    @property
    def needed_bytes(self) -> int:
        """All of it."""
        return self.weights_bytes + self.data_bytes + self.images * self.image_bytes

    @property
    def largest(self) -> int:
        """Images at once that would fit; 0 where not even one does."""
        free = USABLE * self.available_bytes - self.weights_bytes - self.data_bytes
        return max(0, math.floor(free / self.image_bytes))

    @property
    def fits(self) -> bool:
        """Whether it fits."""
        return self.images <= self.largest

    def sentence(self) -> str:
        """In words, for the log."""
        needed, free = _words(self.needed_bytes), _words(self.available_bytes)
        return (
            f"a step needs about {needed} of {free} free; "
            f"a batch of up to {self.largest:,} would fit at once"
        )


def estimate(
    config: RunConfig,
    in_channels: int,
    *,
    sides: tuple[int, int] | None = None,
    outputs: int = 1,
    data_bytes: int = 0,
    processes: int = 1,
    device: torch.device | str = "cpu",
) -> Estimate:
    """Estimate the memory of a training on a device.

    Args:
        config: Of the run.
        in_channels: Channels of the image.
        sides: Height and width of what the network sees; by default tile, size or 256.
        outputs: Channels of the logits.
        data_bytes: Of the prepared data that is still to come to the device.
        processes: That share a batch: each with a GPU of its own, or all the same processor.
        device: Where it would run.

    Raises:
        InputError: Network, options or precision cannot be.
    """
    device = torch.device(device)
    height, width = sides or (config.tile or config.size or 256,) * 2
    multiple = card_of(config.model).multiple
    side = -(-math.ceil(math.sqrt(height * width)) // multiple) * multiple
    with torch.device("meta"):
        model = build_network(config, in_channels=in_channels, outputs=outputs, fresh=False)
    model.to("meta")  # other libraries' networks are built on the processor all the same
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    deep = card_of(config.model).dimensions == 3
    sides_px = (-(-config.slices // multiple) * multiple,) * deep + (side, side)
    pair = torch.zeros(2, in_channels, *sides_px, device="meta")  # of one, a norm may refuse
    activations = activation_bytes(model, pair) // 2
    share = 1.0 if precision_of(config.precision, device, model) == torch.float32 else HALF
    copies = COPIES[config.optimizer] + (config.ema > 0)
    images = math.ceil(config.batch_size / config.accumulate / processes)
    return Estimate(
        weights_bytes=copies * weights,
        image_bytes=max(1, int(activations * share * WORKSPACE)),
        data_bytes=data_bytes,
        available_bytes=available_bytes(device) // (processes if device.type == "cpu" else 1),
        images=images,
    )


def micro_batches_that_fit(config: RunConfig, found: Estimate) -> int:
    """Parts in which the batch has to go through the network: ``accumulate``, or more if allowed.

    Raises:
        InputError: The batch does not fit and may not be cut, or a single image does not fit.
    """
    if found.fits:
        return config.accumulate
    start = (
        f"a training step needs about {_words(found.needed_bytes)} and "
        f"{_words(found.available_bytes)} are free"
    )
    if found.largest == 0:
        raise InputError(
            f"{start}; not even one image fits: choose a smaller network, --set size or tile"
        )
    if not config.allow_accumulation:
        batch = min(config.batch_size, config.batch_size * found.largest // found.images)
        raise InputError(
            f"{start}; a batch of {max(1, batch)} would fit: --set batch_size={max(1, batch)}, or "
            "--set allow_accumulation=true to let it through in parts"
        )
    return min(config.batch_size, config.accumulate * math.ceil(found.images / found.largest))


def available_bytes(device: torch.device) -> int:
    """Free memory of a device; on the CPU no more than the container is allowed."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return min(int(psutil.virtual_memory().available), _container_bytes())


def out_of_memory(fault: BaseException) -> bool:
    """Whether an error says that memory ran out; torch has one for GPUs, and words for the CPU."""
    return isinstance(fault, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(fault, RuntimeError) and "can't allocate memory" in str(fault)
    )


def _container_bytes() -> int:
    """What is left of the container's limit; without one, more than any machine has."""
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = (CGROUP / "memory.current").read_text().strip()
    except OSError:
        return 1 << 62
    return 1 << 62 if limit == "max" else max(0, int(limit) - int(used))


def _words(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
