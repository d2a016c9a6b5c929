"""Pixels that are not annotated, kept out of a loss."""

from collections.abc import Sequence

import torch
from torch import Tensor

_CERTAIN = 30.0
"""A logit whose sigmoid is 0 or 1 in float32, so that a pixel costs nothing."""


def without_ignored(
    logits: Tensor, target: Tensor, ignored: Tensor, *, softmax: bool
) -> tuple[Tensor, Tensor]:
    """Logits and target that agree on background wherever a pixel is not annotated.

    Such a pixel has no error and no gradient in any loss. A loss that is a mean over all pixels
    still counts it in the denominator.

    Args:
        logits: Shape (B, K, ...).
        target: One plane per logit, same shape.
        ignored: Greater than 0 where a pixel is not annotated, shape (B, 1, ...).
        softmax: Whether the first plane is the background.
    """
    kept = ignored <= 0
    fill, background = torch.full_like(logits, -_CERTAIN), torch.zeros_like(target)
    if softmax:
        fill[:, 0], background[:, 0] = _CERTAIN, 1
    return torch.where(kept, logits, fill), torch.where(kept, target, background)


def apply_to_all(
    outputs: Sequence[Tensor], target: Tensor, ignored: Tensor | None, *, softmax: bool
) -> list[tuple[Tensor, Tensor]]:
    """Each output with its target; unchanged where every pixel is annotated."""
    if ignored is None:
        return [(out, target) for out in outputs]
    return [without_ignored(out, target, ignored, softmax=softmax) for out in outputs]
