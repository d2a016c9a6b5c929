"""Losses that compare whole regions: Dice, Jaccard and their relatives.

Shapes and the target's contract: see ``core.losses.channels``. Shared options:

    smooth: Added above and below the quotient, in pixels. It decides the empty case: with an empty
        target the loss falls to 0 as the prediction empties, and with 0 it stays at 1.
    per_image: Mean over images, each counting the same; otherwise the batch is one large image, so
        that an empty image is no special case.
    independent: Several channels are regions that may overlap, a sigmoid for each.
    background: Whether channel 0 of a softmax counts.

Several channels: the mean over channels.
"""

import torch
from torch import Tensor

from core.losses.channels import (
    SMALLEST,
    pixel_axes,
    precise,
    probability,
    regions,
    with_background,
)


def dice(
    logits: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    per_image: bool = False,
    independent: bool = False,
    background: bool = True,
) -> Tensor:
    """1 − (2 Σpt + s) / (Σp + Σt + s) (Milletari 2016, without its squares); options as above."""
    p, t = regions(logits, target, independent=independent, background=background)
    axes = pixel_axes(p, per_image=per_image)
    total = p.sum(axes) + t.sum(axes)
    return 1 - _quotient(2 * (p * t).sum(axes), total, smooth).mean()


def generalized_dice(
    logits: Tensor,
    target: Tensor,
    *,
    smooth: float = 0.0,
    per_image: bool = False,
) -> Tensor:
    """1 − 2 Σ_k w_k Σpt / Σ_k w_k (Σp + Σt) with w_k = 1 / (Σt_k)² (Sudre 2017).

    Softmax; one channel counts as two classes, background and foreground, as in the paper. A class
    without pixels takes the largest weight of the others (MONAI does the same): with an empty
    target of one channel the loss is the mean probability of the foreground.
    """
    p = with_background(probability(logits))
    t = with_background(target.to(p.dtype))
    axes = pixel_axes(p, per_image=per_image)
    size = t.sum(axes)  # (B, K) or (K,)
    weight = torch.where(size > 0, 1 / size.clamp(min=SMALLEST) ** 2, 0)
    largest = weight.amax(dim=-1, keepdim=True)
    weight = torch.where(size > 0, weight, largest)
    both, total = (p * t).sum(axes), p.sum(axes) + size
    quotient = _quotient(2 * (weight * both).sum(-1), (weight * total).sum(-1), smooth)
    return 1 - quotient.mean()


def jaccard(
    logits: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    per_image: bool = False,
    independent: bool = False,
    background: bool = True,
) -> Tensor:
    """1 − (Σpt + s) / (Σp + Σt − Σpt + s): intersection over union; options as above."""
    p, t = regions(logits, target, independent=independent, background=background)
    axes = pixel_axes(p, per_image=per_image)
    both = (p * t).sum(axes)
    return 1 - _quotient(both, p.sum(axes) + t.sum(axes) - both, smooth).mean()


def tversky(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    smooth: float = 1.0,
    per_image: bool = False,
    independent: bool = False,
    background: bool = True,
) -> Tensor:
    """1 − (TP + s) / (TP + α FP + β FN + s) (Salehi 2017); the other options as above.

    Args:
        logits: Shape (B, K, H, W).
        target: Shape (B, K, H, W).
        alpha: Weight of false positives; α = β = ½ is Dice, α = β = 1 is Jaccard.
        beta: Weight of false negatives; 0.7 is the paper's best for small lesions.
        smooth: As above.
        per_image: As above.
        independent: As above.
        background: As above.
    """
    p, t = regions(logits, target, independent=independent, background=background)
    axes = pixel_axes(p, per_image=per_image)
    return 1 - tversky_index(p, t, axes=axes, alpha=alpha, beta=beta, smooth=smooth).mean()


def focal_tversky(
    logits: Tensor,
    target: Tensor,
    *,
    gamma: float = 4 / 3,
    alpha: float = 0.3,
    beta: float = 0.7,
    smooth: float = 1.0,
    per_image: bool = False,
    independent: bool = False,
    background: bool = True,
) -> Tensor:
    """(1 − T)^(1/gamma) with T the Tversky index (Abraham 2019); the other options as ``tversky``.

    The paper's α weighs false negatives; here as in ``tversky`` that is ``beta``, so its 0.7 and
    0.3 change places. Below a difference of 1e-12 from perfection the gradient is 0.

    Args:
        logits: Shape (B, K, H, W).
        target: Shape (B, K, H, W).
        gamma: Above 1 attends to what is still badly covered.
        alpha: Weight of false positives.
        beta: Weight of false negatives.
        smooth: As above.
        per_image: As above.
        independent: As above.
        background: As above.
    """
    p, t = regions(logits, target, independent=independent, background=background)
    axes = pixel_axes(p, per_image=per_image)
    index = tversky_index(p, t, axes=axes, alpha=alpha, beta=beta, smooth=smooth)
    return ((1 - index).clamp(min=SMALLEST) ** (1 / gamma)).mean()


def tversky_index(
    p: Tensor, t: Tensor, *, axes: tuple[int, ...], alpha: float, beta: float, smooth: float
) -> Tensor:
    """(TP + s) / (TP + α FP + β FN + s), summed over ``axes``."""
    both = (p * t).sum(axes)
    missed, wrong = (t * (1 - p)).sum(axes), (p * (1 - t)).sum(axes)
    return _quotient(both, both + alpha * wrong + beta * missed, smooth)


def lovasz(logits: Tensor, target: Tensor, *, per_image: bool = False) -> Tensor:
    """The convex closure of 1 − IoU of the hard mask (Berman 2018), after its first author's code.

    One channel: the Lovász hinge, of errors 1 − logit · (2t − 1), 0 once each pixel is right by a
    margin of one. Several: the Lovász softmax, mean over the classes that the target has. With an
    empty target of one channel the loss is the largest error. The target is 0 or 1. Sorts all
    pixels, B H W log(B H W).
    """
    logits = precise(logits)
    target = target.to(logits.dtype)
    if logits.shape[1] == 1:
        errors = (1 - logits * (2 * target - 1)).relu()
    else:
        errors = (target - logits.softmax(dim=1)).abs()
    parts = len(logits) if per_image else 1
    classes = logits.shape[1]
    # One row of pixels for each class of each image, or for each class of the batch.
    errors, truth = (
        x.transpose(1, 0).reshape(classes, parts, -1).transpose(0, 1) for x in (errors, target)
    )
    errors, order = errors.sort(dim=-1, descending=True)  # (parts, K, pixels)
    truth = truth.gather(-1, order)
    size = truth.sum(-1, keepdim=True)
    left = size - truth.cumsum(-1)
    union = size + (1 - truth).cumsum(-1)
    rise = 1 - left / union  # union is at least 1: it holds the pixel itself
    rise = torch.cat([rise[..., :1], rise[..., 1:] - rise[..., :-1]], dim=-1)
    loss = (errors * rise).sum(-1)  # (parts, K)
    if classes == 1:
        return loss.mean()
    present = (size[..., 0] > 0).to(loss.dtype)
    return ((loss * present).sum(-1) / present.sum(-1).clamp(min=1)).mean()


def _quotient(above: Tensor, below: Tensor, smooth: float) -> Tensor:
    # Not under float32's smallest square: the gradient divides by the square of this.
    return (above + smooth) / (below + smooth).clamp(min=SMALLEST)
