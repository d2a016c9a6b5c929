"""Losses made of others.

Shapes and the target's contract: see ``core.losses.channels``. Where an option of a part is not
explained here, it is as in ``core.losses.overlap``.
"""

import torch
from torch import Tensor
from torch.nn import functional

from core.losses.channels import (
    SMALLEST,
    log_probability_of_classes,
    per_channel,
    pixel_axes,
    precise,
    with_background,
)
from core.losses.entropy import bce, ce
from core.losses.overlap import dice, tversky_index


def bce_dice(
    logits: Tensor, target: Tensor, *, smooth: float = 1.0, per_image: bool = False
) -> Tensor:
    """Binary cross-entropy plus 1 − soft Dice; a sigmoid for each channel."""
    region = dice(logits, target, smooth=smooth, per_image=per_image, independent=True)
    return bce(logits, target) + region


def ce_dice(
    logits: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    per_image: bool = False,
    background: bool = True,
) -> Tensor:
    """Cross-entropy plus 1 − soft Dice of a softmax (Isensee 2021, who leaves background out)."""
    region = dice(logits, target, smooth=smooth, per_image=per_image, background=background)
    return ce(logits, target) + region


def combo(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 1.0,
) -> Tensor:
    """−α mean[β t log p + (1 − β)(1 − t) log(1 − p)] + (1 − α)(1 − Dice) (Taghanaki 2019).

    The paper subtracts Dice, here 1 − Dice is added: the same gradient, and 0 for a perfect
    prediction. A sigmoid for each channel.

    Args:
        logits: Shape (B, K, H, W).
        target: Shape (B, K, H, W).
        alpha: Share of the cross-entropy.
        beta: Weight of the foreground in it; above ½ punishes false negatives more.
        smooth: Added above and below the Dice quotient, in pixels; 1 in the paper.
    """
    z = precise(logits)
    t = target.to(z.dtype)
    entropy = -beta * t * functional.logsigmoid(z) - (1 - beta) * (1 - t) * functional.logsigmoid(
        -z
    )
    return alpha * entropy.mean() + (1 - alpha) * dice(z, t, smooth=smooth, independent=True)


def unified_focal(
    logits: Tensor,
    target: Tensor,
    *,
    weight: float = 0.5,
    delta: float = 0.6,
    gamma: float = 0.5,
    asymmetric: bool = True,
    smooth: float = 1e-7,
) -> Tensor:
    """λ · focal + (1 − λ) · focal Tversky with shared δ and gamma (Yeung 2022), after its code.

    Focal: mean over pixels of Σ_k δ_k (1 − p_k)^gamma (−t_k log p_k), with δ_k = δ for foreground
    and 1 − δ for background. Focal Tversky: mean over images and classes of (1 − T_k)^(1 − gamma),
    T_k with δ on false negatives and 1 − δ on false positives. Softmax; one channel counts as two
    classes. With an empty target T of the foreground is 0 unless the prediction is empty too.

    Args:
        logits: Shape (B, K, H, W).
        target: Shape (B, K, H, W).
        weight: λ, share of the focal loss.
        delta: Above ½ punishes false negatives more.
        gamma: Strength of both, from 0 to below 1: 0 is cross-entropy and Tversky.
        asymmetric: Background alone is suppressed by the focal factor, foreground alone is enhanced
            in the Tversky part; otherwise both classes are.
        smooth: Added above and below the Tversky quotient.
    """
    log_p = log_probability_of_classes(logits)  # (B, K, H, W), K at least 2
    p = log_p.exp()
    t = with_background(target.to(p.dtype))
    is_background = torch.arange(p.shape[1], device=p.device) == 0  # (K,)
    share = torch.where(is_background, 1 - delta, delta).to(p.dtype)
    focus = (1 - p).clamp(min=SMALLEST) ** gamma
    if asymmetric:
        focus = torch.where(per_channel(is_background, p), focus, 1)
    focal = -(per_channel(share, p) * focus * t * log_p).sum(dim=1).mean()
    index = tversky_index(
        p, t, axes=pixel_axes(p, per_image=True), alpha=1 - delta, beta=delta, smooth=smooth
    )
    miss = (1 - index).clamp(min=SMALLEST)  # (B, K)
    enhanced = miss ** (1 - gamma)
    if asymmetric:
        enhanced = torch.where(is_background, miss, enhanced)
    return weight * focal + (1 - weight) * enhanced.mean()


def breast_custom(logits: Tensor, target: Tensor) -> Tensor:
    """The breast paper's "BCE-Dice" as printed: −(1 − D)², D = Σpt / (Σp + Σt − Σpt).

    As printed the loss has no cross-entropy in it, D is intersection over union, and the sign makes
    a better prediction cost more: from −1 (no overlap) to 0 (perfect). It is here so that the
    formula can be examined; to train what its name means, take ``bce_dice``. A sigmoid for each
    channel, pooled over the batch; D is 0 when target and prediction are both empty.
    """
    p = precise(logits).sigmoid()
    t = target.to(p.dtype)
    axes = pixel_axes(p, per_image=False)
    both = (p * t).sum(axes)
    printed_dice = both / (p.sum(axes) + t.sum(axes) - both).clamp(min=SMALLEST)
    return -((1 - printed_dice) ** 2).mean()
