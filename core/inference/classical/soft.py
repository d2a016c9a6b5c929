"""How a method without probabilities comes by soft values, and which side of a grey is the object.

A soft value is a logistic: of the distance to a threshold in grey levels, or of the distance to a
contour in pixels. At 0.5 the mask is the method's own; moving the threshold moves that line.
"""

# scikit-image ships without annotations.
# mypy: disable-error-code="no-untyped-call"

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

LARGEST_PX = 512
"""Longer side of ``reduced``."""
SOFTNESS_PX = 2.0
"""Distance to the contour at which the probability has fallen from 0.5 to 0.27."""


def is_flat(values: Grey) -> bool:
    """One value everywhere: there is nothing to part."""
    return bool(values.size == 0 or values.min() == values.max())


def objects_are_dark(grey: Grey) -> bool:
    """The ground is what most of the image's frame shows; the objects are the other class."""
    frame = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return bool(np.mean(frame > otsu_threshold(grey)) > 0.5)


def otsu_threshold(values: Grey) -> float:
    """Between the two classes of least variance; the upper class is above it."""
    from skimage.filters import threshold_otsu  # 0.3 s; only where a method runs

    whole = values.astype(np.uint8)
    # Whole intensities are counted one by one; others in 256 bins, which are finer or coarser than
    # those.
    return float(threshold_otsu(whole if np.array_equal(whole, values) else values))


def two_classes(values: Grey, *, threshold: float) -> Grey:
    """Probability of the upper of two classes; 0.5 halfway between the values around ``threshold``.

    The posterior of two Gaussians of one variance: a logistic whose slope is the difference of the
    two means over the variance within the classes.
    """
    above = values > threshold
    if above.all() or not above.any():
        return above.astype(np.float32)
    low, high = values[~above], values[above]
    middle = (float(low.max()) + float(high.min())) / 2
    variance = (low.var() * low.size + high.var() * high.size) / values.size
    scale = max(float(variance) / float(high.mean() - low.mean()), 1e-3)
    return logistic((values - np.float32(middle)) / np.float32(scale))


def contour_probability(mask: Mask) -> Grey:
    """Logistic of the signed distance to the mask's contour; 0.5 runs between the pixels."""
    from scipy.ndimage import distance_transform_edt  # 0.2 s; only where a method runs

    if mask.all() or not mask.any():
        return mask.astype(np.float32)
    inside, outside = distance_transform_edt(mask), distance_transform_edt(~mask)
    signed_px = np.where(mask, inside - 0.5, 0.5 - outside)
    return logistic((signed_px / SOFTNESS_PX).astype(np.float32))


def logistic(x: Grey) -> Grey:
    """1 / (1 + exp(−x)) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(x / 2)), dtype=np.float32)


def reduced(grey: Grey) -> Grey:
    """The image with at most ``LARGEST_PX`` a side, antialiased; a smaller one as it is."""
    height, width = grey.shape
    scale = LARGEST_PX / max(height, width)
    if scale >= 1:
        return grey
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = PillowImage.fromarray(np.ascontiguousarray(grey))
    return np.asarray(image.resize(size, PillowImage.Resampling.BILINEAR))


def native(values: Grey, shape: tuple[int, ...]) -> Grey:
    """What was computed on the reduced image at the size of the image, (H, W)."""
    if values.shape == shape:
        return values
    image = PillowImage.fromarray(np.ascontiguousarray(values))
    size = (shape[1], shape[0])
    return np.asarray(image.resize(size, PillowImage.Resampling.BILINEAR), dtype=np.float32)
