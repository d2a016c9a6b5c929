"""What every loss does with its input: the right precision, sigmoid or softmax, which channels.

The contract: logits and target have shape (B, K, H, W), the target lies in [0, 1]; of volumes both
are (B, K, D, H, W), and a pixel is a voxel. One channel is foreground against background. Several
channels are either classes that exclude one another (softmax; the target is one-hot and channel 0
is the background) or regions that may overlap (``independent``: a sigmoid for each).
"""

import torch
from torch import Tensor
from torch.nn import functional

SMALLEST = 1e-12
"""Under a root or a quotient: the slope of x ** 0.5 has no bound at 0, and 0 / 0 is no number."""


def precise(logits: Tensor) -> Tensor:
    """Float32, whatever the precision of the network; float64 stays, for exact gradients."""
    return logits if logits.dtype == torch.float64 else logits.float()


def probability(logits: Tensor, *, independent: bool = False) -> Tensor:
    """Softmax over several channels; sigmoid of one channel, or of each if ``independent``."""
    logits = precise(logits)
    if logits.shape[1] == 1 or independent:
        return logits.sigmoid()
    return logits.softmax(dim=1)


def log_probability_of_classes(logits: Tensor) -> Tensor:
    """Log-probability of each class, background first; one channel gives two classes."""
    logits = precise(logits)
    if logits.shape[1] > 1:
        return logits.log_softmax(dim=1)
    return torch.cat([functional.logsigmoid(-logits), functional.logsigmoid(logits)], dim=1)


def with_background(foreground: Tensor) -> Tensor:
    """One channel becomes two, background first; several are left as they are."""
    if foreground.shape[1] > 1:
        return foreground
    return torch.cat([1 - foreground, foreground], dim=1)


def regions(
    logits: Tensor, target: Tensor, *, independent: bool, background: bool
) -> tuple[Tensor, Tensor]:
    """Probability and target of the channels that count, both (B, K, H, W).

    Args:
        logits: Shape (B, K, H, W).
        target: Shape (B, K, H, W).
        independent: A sigmoid for each of several channels.
        background: Whether channel 0 of a softmax counts.
    """
    p = probability(logits, independent=independent)
    t = target.to(p.dtype)
    first = 0 if background or independent or p.shape[1] == 1 else 1
    return p[:, first:], t[:, first:]


def per_channel(numbers: Tensor, of: Tensor) -> Tensor:
    """A number for each channel, shape (K,), to stand beside (B, K, H, W) or (B, K, D, H, W)."""
    return numbers.reshape(-1, *[1] * (of.ndim - 2))


def pixel_axes(of: Tensor, *, per_image: bool) -> tuple[int, ...]:
    """Axes to sum over: those of each image, or of the whole batch as if it were one image.

    Args:
        of: Shape (B, K, H, W), or (B, K, D, H, W).
        per_image: Which of both.
    """
    inside = tuple(range(2, of.ndim))
    return inside if per_image else (0, *inside)
