"""What a network costs: multiply-adds, memory of a training step, receptive field.

Multiply-adds and memory are counted on shapes alone (torch's ``meta`` device), so nothing is
allocated and the largest network takes a moment. The receptive field is found by asking which
pixels of the image one pixel of the logits depends on.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

COSTS = Path(__file__).with_name("costs.json")
"""The scores of every network, written by ``python -m core.cli.tables --costs``."""
ADAM_COPIES = 4
"""Weights, gradients and the two moments of Adam."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """For a batch of images, float32."""

    multiply_adds: int
    """Of one image's forward pass."""
    training_bytes: int
    """Estimate of a training step with Adam: activations kept for the gradient, and the weights."""


def cost(model: nn.Module, *, in_channels: int = 1, side: int = 256, batch: int = 8) -> Cost:
    """Count a network, best one that was built under ``torch.device("meta")``.

    Args:
        model: On the meta device; on another it is really run.
        in_channels: Of the image.
        side: Height and width of the image, and depth for networks on volumes.
        batch: Images in a training step.
    """
    device = next(model.parameters()).device
    dimensions = 3 if any(isinstance(m, nn.Conv3d) for m in model.modules()) else 2
    shape = (in_channels, *[side] * dimensions)
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *shape, device=device))
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    activations = activation_bytes(model, torch.zeros(batch, *shape, device=device))
    return Cost(
        multiply_adds=counter.get_total_flops() // 2,
        training_bytes=activations + ADAM_COPIES * weights,
    )


def activation_bytes(model: nn.Module, image: Tensor) -> int:
    """Bytes that a training step keeps for the gradient, beside the weights.

    Args:
        model: On the device of the image; on the meta device nothing is allocated.
        image: Shape (B, C, H, W) or (B, C, D, H, W).
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()  # noqa: SLF001 - the only identity on meta
        held.append(tensor)  # alive, so that no other storage takes its place
        return tensor

    held: list[Tensor] = []
    model.train()
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(image)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))
    del loss
    own = {p.untyped_storage()._cdata for p in model.parameters()}  # noqa: SLF001
    return sum(size for storage, size in kept.items() if storage not in own)


def receptive_field_px(model: nn.Module, *, in_channels: int = 1, side: int = 512) -> int | None:
    """Side of the square of image pixels that one pixel of the logits depends on.

    Args:
        model: On the CPU; its weights are overwritten.
        in_channels: Of the image.
        side: Of the image that is tried.

    Returns:
        The largest side over a few places, for pooling makes it differ by some pixels; None where
        it reaches across the whole image.
    """
    model.eval().double()  # the farthest pixels count for little: float32 would lose them
    with torch.no_grad():
        for parameter in model.parameters():  # no zero and no cancelling on the way
            parameter.copy_(torch.rand_like(parameter) * 0.02 + 0.01)  # gates stay half open
    reach = 0
    for place in (side // 2 - 8, side // 2 - 1, side // 2, side // 2 + 5):
        image = torch.rand(1, in_channels, side, side, dtype=torch.double, requires_grad=True)
        (gradient,) = torch.autograd.grad(model(image)[0, 0, place, place], image)
        touched = gradient[0].abs().sum(0) > 0
        rows, columns = touched.any(1).nonzero(), touched.any(0).nonzero()
        if rows.min() == 0 or columns.min() == 0:
            return None
        reach = max(reach, int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1)
    return reach
