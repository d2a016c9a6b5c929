"""Losses that weigh a pixel by its distance to the contour.

Shapes and the target's contract: see ``core.losses.channels``. The distance maps are exact, made
by scipy on the CPU in every step, one or two for each channel of each image: at batch 8 and 256²
about 0.04 s for ``boundary`` and 0.09 s for ``hausdorff_dt`` on one core (``bce``: 0.003 s), and
a wait for the GPU.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.losses.channels import pixel_axes, probability
from core.losses.overlap import generalized_dice


def boundary(logits: Tensor, target: Tensor, *, alpha: float = 0.01, region: float = 1.0) -> Tensor:
    """Generalized Dice times ``region`` plus α times the mean of φ p over pixels (Kervadec 2019).

    φ is the signed distance to the contour of the target in pixels: positive outside, 0 on the
    outermost pixels inside and negative beyond, so the boundary term is negative for a good
    prediction. A channel without foreground has φ = 0 and is left to generalized Dice. Softmax, of
    which the background does not count.

    Args:
        logits: Shape (B, K, H, W).
        target: Shape (B, K, H, W), 0 or 1.
        alpha: Weight of the boundary term; the paper starts at 0.01 and adds 0.01 an epoch.
        region: Weight of generalized Dice; alone the boundary term tends to an empty mask.
    """
    p = probability(logits)
    first = 0 if p.shape[1] == 1 else 1
    distance = _map(target[:, first:], _signed_distance_px).to(p)
    loss = alpha * (distance * p[:, first:]).mean()
    return loss + region * generalized_dice(logits, target) if region else loss


def hausdorff_dt(
    logits: Tensor, target: Tensor, *, alpha: float = 2.0, independent: bool = False
) -> Tensor:
    """Mean of (p − t)² (d_p^α + d_t^α), d the distance to the contours of p > ½ and of t (Karimi).

    Karimi 2019, equation 8, as MONAI computes it. A mask without a contour has d = 0; where neither
    has one, d is 1, so that the loss is the squared error and not nothing. Its unit is px^α: beside
    another loss it wants a small weight.

    Args:
        logits: Shape (B, K, H, W); softmax over several channels.
        target: Shape (B, K, H, W), 0 or 1.
        alpha: How much far errors count; the paper's best is 2.
        independent: A sigmoid for each of several channels.
    """
    p = probability(logits, independent=independent)
    distance = _map(p, _distance_px).to(p) ** alpha + _map(target, _distance_px).to(p) ** alpha
    uniform = distance.amax(dim=pixel_axes(distance, per_image=True), keepdim=True) == 0
    return ((p - target.to(p.dtype)) ** 2 * torch.where(uniform, 1, distance)).mean()


Distance = NDArray[np.float64]


def _map(masks: Tensor, measure: Callable[[NDArray[np.bool_]], Distance]) -> Tensor:
    """``measure`` of each channel of each image, float64 on the CPU, shape (B, K, H, W)."""
    hard = (masks.detach() > 0.5).cpu().numpy()  # waits for the GPU
    maps = [measure(mask) for image in hard for mask in image]
    return torch.from_numpy(np.stack(maps).reshape(hard.shape))


def _signed_distance_px(mask: NDArray[np.bool_]) -> Distance:
    """Distance to the mask outside, minus (distance to the background − 1) inside; or 0."""
    from scipy.ndimage import distance_transform_edt  # only where these losses are used

    if not mask.any() or mask.all():  # no contour, hence no distance to it
        return np.zeros(mask.shape)
    outside, inside = distance_transform_edt(~mask), distance_transform_edt(mask)
    return np.asarray(np.where(mask, 1 - inside, outside))


def _distance_px(mask: NDArray[np.bool_]) -> Distance:
    """Distance to the nearest pixel of the other kind; 0 where all pixels are of one kind."""
    from scipy.ndimage import distance_transform_edt  # only where these losses are used

    if not mask.any() or mask.all():
        return np.zeros(mask.shape)
    return np.asarray(distance_transform_edt(mask) + distance_transform_edt(~mask))
