"""Losses that look at each pixel for itself: cross-entropy and its weighted forms.

Shapes and the target's contract: see ``core.losses.channels``. All are finite for an empty target,
where they ask for background everywhere, and for any finite logit.
"""

import math

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


def bce(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy, mean over all pixels and channels; a sigmoid for each channel."""
    return _bce_map(logits, target).mean()


def weighted_bce(
    logits: Tensor,
    target: Tensor,
    border: Tensor | None = None,
    *,
    positive_weight: float = 1.0,
    balance: bool = False,
    w0: float = 10.0,
    sigma_px: float = 5.0,
) -> Tensor:
    """Binary cross-entropy with the weight map of U-Net, mean of weight times cross-entropy.

    w(x) = w_c(x) + w0 exp(−(d1 + d2)² / 2σ²) with d1 and d2 the distances to the nearest and to
    the second nearest object (Ronneberger 2015, equation 2). The exponential is computed once in
    preparation, with ``sigma_px``, and comes as ``border``; without it w = w_c, as in validation.

    Args:
        logits: Shape (B, K, H, W); a sigmoid for each channel.
        target: Shape (B, K, H, W).
        border: The exponential, in [0, 1], shape (B, 1, H, W).
        positive_weight: w_c of the foreground; the background has 1.
        balance: Take w_c from the class frequencies of the batch, times ``positive_weight``: each
            class then weighs one half, and a class without pixels nothing.
        w0: Height of the border term.
        sigma_px: Its width in pixels of the training images; used in preparation.
    """
    del sigma_px
    loss = _bce_map(logits, target)
    positive = target.to(loss.dtype)
    weight = 1 + (positive_weight - 1) * positive
    if balance:
        share = positive.mean(
            dim=pixel_axes(positive, per_image=False), keepdim=True
        )  # (1, K, 1, 1)
        floor = 1 / positive.numel()  # never reached by a class that has a pixel
        both = positive / share.clamp(min=floor) + (1 - positive) / (1 - share).clamp(min=floor)
        weight = weight * both / 2
    if border is not None:
        weight = weight + w0 * border.to(loss.dtype)
    return (weight * loss).mean()


def ce(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of a softmax, mean over pixels: −Σ_k t_k log p_k.

    One channel is background against foreground: the same number as ``bce``.
    """
    log_p = log_probability_of_classes(logits)
    return -(with_background(target.to(log_p.dtype)) * log_p).sum(dim=1).mean()


def focal(
    logits: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float = 0.25,
    independent: bool = False,
) -> Tensor:
    """Cross-entropy that forgets easy pixels: −α_t (1 − p_t)^gamma log p_t (Lin 2017, equation 5).

    p_t is the probability of the true class. Mean over pixels; several channels are a softmax, of
    which the classes are summed (MONAI averages them, which is this divided by K).

    Args:
        logits: Shape (B, K, H, W).
        target: Shape (B, K, H, W).
        gamma: How much easy pixels are forgotten; 0 for not at all.
        alpha: Weight of the foreground, 1 − alpha that of the background (channel 0 of a softmax).
        independent: A sigmoid for each of several channels, of which the mean is taken.
    """
    if logits.shape[1] > 1 and not independent:
        log_p = log_probability_of_classes(logits)
        focus = (1 - log_p.exp()).clamp(min=SMALLEST) ** gamma
        weights = log_p.new_tensor([1 - alpha] + [alpha] * (log_p.shape[1] - 1))
        weight = per_channel(weights, log_p)
        return -(weight * focus * target.to(log_p.dtype) * log_p).sum(dim=1).mean()
    logits = precise(logits)
    target = target.to(logits.dtype)
    # (1 − p_t)^gamma by its logarithm: the slope stays finite where p_t is 1 and gamma below 1.
    focus = (gamma * functional.logsigmoid(-logits * (2 * target - 1))).exp()
    weight = alpha * target + (1 - alpha) * (1 - target)
    return (weight * focus * _bce_map(logits, target)).mean()


def topk_bce(logits: Tensor, target: Tensor, *, fraction: float = 0.1) -> Tensor:
    """Binary cross-entropy, mean over the worst pixels of the batch only (Wu 2016).

    Args:
        logits: Shape (B, K, H, W); a sigmoid for each channel.
        target: Shape (B, K, H, W).
        fraction: Share of the pixels that count, above 0; at least one does. 1 is ``bce``.
    """
    loss = _bce_map(logits, target).flatten()
    count = max(1, math.ceil(fraction * len(loss)))
    return loss.topk(count, sorted=False).values.mean()


def _bce_map(logits: Tensor, target: Tensor) -> Tensor:
    logits = precise(logits)
    return functional.binary_cross_entropy_with_logits(
        logits, target.to(logits.dtype), reduction="none"
    )
