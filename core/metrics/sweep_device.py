"""The sweep where the map is: quantization and counting on the GPU, only counts come back.

The same thresholds, compared in float32, and the same whole numbers as ``core.levels`` and
``core.metrics.sweep``; a map of 1024² is 4 MiB, its counts are 16 KiB.
"""

import numpy as np
import torch
from torch import Tensor

from core.levels import STEPS, THRESHOLDS
from core.metrics.sweep import BINS, Sweep, sweep_of_histogram


def level_tensor(probability: Tensor) -> Tensor:
    """Quantize a probability map onto the threshold grid, exactly, on its device.

    Args:
        probability: Values in [0, 1], any shape; compared as float32.

    Returns:
        Largest k with ``probability >= k/1000`` in float32, int32, same shape, 0…1000.

    Raises:
        ValueError: A value is NaN or outside [0, 1].
    """
    values = probability.detach().float()
    if values.numel():
        low, high = values.aminmax()
        if not (low >= 0 and high <= 1):  # NaN fails both; waits for the GPU
            raise ValueError("a probability map holds values that are NaN or outside [0, 1]")
    thresholds = torch.from_numpy(np.array(THRESHOLDS)).to(values.device)
    level = (values * STEPS).int().clamp_(max=STEPS)
    level += values >= thresholds[(level + 1).clamp_(max=STEPS)]  # product rounded down
    level.clamp_(max=STEPS)
    level -= (values < thresholds[level]).int()  # product rounded up
    return level


def sweep_batch(levels: Tensor, truth: Tensor) -> Sweep:
    """Sweep a batch in one pass on its device.

    Args:
        levels: Levels 0…1000, shape (B, …), any integer type.
        truth: Reference foreground, the same shape and device; any value but 0 is foreground.

    Returns:
        Counts with N = B, on the CPU.

    Raises:
        ValueError: The shapes differ or a level is outside 0…1000.
    """
    if levels.shape != truth.shape:
        raise ValueError(
            f"level map {tuple(levels.shape)} and truth {tuple(truth.shape)} differ in shape"
        )
    images = len(levels)
    joint = levels.reshape(images, -1).long()
    if joint.numel() and not (joint.min() >= 0 and joint.max() <= STEPS):
        raise ValueError(f"a level map holds values outside 0…{STEPS}")
    joint = joint + BINS * (truth.reshape(images, -1) != 0)
    joint += 2 * BINS * torch.arange(images, device=joint.device)[:, None]
    counts = torch.bincount(joint.reshape(-1), minlength=images * 2 * BINS)
    histogram = counts.reshape(images, 2, BINS)[..., : STEPS + 1]
    return sweep_of_histogram(histogram.cpu().numpy())
