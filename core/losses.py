"""``LOSSES``: what training minimizes. ``loss = criterion(logits, target)``.

Every loss takes logits of shape (B, K, H, W) and a target of the same shape in [0, 1], computes in
float32 whatever the precision of the logits, and returns a scalar.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from core.errors import choose

Loss = Callable[[Tensor, Tensor], Tensor]


def bce(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy, mean over all pixels."""
    return functional.binary_cross_entropy_with_logits(logits.float(), target)


def bce_dice(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy plus 1 − soft Dice, the latter pooled over the batch."""
    probability = logits.float().sigmoid()
    overlap = (probability * target).sum()
    dice = (2 * overlap + 1) / (probability.sum() + target.sum() + 1)
    return bce(logits, target) + 1 - dice


LOSSES: dict[str, Loss] = {"bce": bce, "bce_dice": bce_dice}


def build_loss(name: str) -> Loss:
    """A loss by name.

    Raises:
        InputError: Unknown name.
    """
    return choose("loss", name, LOSSES)
