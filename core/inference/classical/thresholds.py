"""Methods that look at a pixel's grey or colour: Otsu, adaptive threshold, k-means.

Every method takes float32 pixels with bright objects, shape (H, W, C), and returns the probability
of the foreground, shape (H, W). Images of one grey are sorted out before.
"""

import numpy as np
from numpy.typing import NDArray

from core.inference.classical.soft import (
    Grey,
    is_flat,
    logistic,
    native,
    otsu_threshold,
    reduced,
    two_classes,
)

Pixels = NDArray[np.float32]

FITTED_PIXELS = 65_536
"""k-means finds its centres on about this many pixels of a regular grid, and then labels all."""


def otsu(pixels: Pixels) -> Grey:
    """One threshold, between the two grey classes of least variance; soft by the distance to it."""
    grey = pixels[..., 0]
    return two_classes(grey, threshold=otsu_threshold(grey))


def adaptive(pixels: Pixels) -> Grey:
    """A threshold that follows the light: local mean plus a constant; soft by the distance to it.

    The local mean is Gaussian with a standard deviation of an eighth of the longer side: objects
    should be smaller than that. The constant is the Otsu threshold of what is left, so that an even
    ground is not half foreground.
    """
    from scipy.ndimage import gaussian_filter  # 0.2 s; only where a method runs

    grey = pixels[..., 0]
    small = reduced(grey)  # what is this smooth needs no more pixels, and costs 50 times less
    local_mean = native(gaussian_filter(small, max(5, max(small.shape) / 8)), grey.shape)
    contrast = gaussian_filter(grey, 1) - local_mean
    if is_flat(contrast):
        return np.zeros_like(contrast)
    return two_classes(contrast, threshold=otsu_threshold(contrast))


def kmeans(pixels: Pixels) -> Grey:
    """Two clusters of colour and of blurred colour; soft by the difference of squared distances.

    The features are each channel and its Gaussian blur of 2 px, so that neighbours agree. It starts
    from the two Otsu classes; the foreground is the brighter cluster. Membership as of two
    Gaussians of one variance, the features counted as one: they say nearly the same.
    """
    from scipy.cluster.vq import kmeans2  # 0.3 s; only where a method runs
    from scipy.ndimage import gaussian_filter

    features = np.concatenate([pixels, gaussian_filter(pixels, (2, 2, 0))], axis=-1)
    step = max(1, int(np.sqrt(features.shape[0] * features.shape[1] / FITTED_PIXELS)))
    sample = features[::step, ::step].reshape(-1, features.shape[-1])
    brightness = sample.mean(axis=1)
    if is_flat(brightness):
        return np.zeros(pixels.shape[:2], dtype=np.float32)
    above = brightness > otsu_threshold(brightness)
    start = np.stack([sample[~above].mean(axis=0), sample[above].mean(axis=0)])
    centres, labels = kmeans2(sample, start, iter=20, minit="matrix")
    low, high = (centre.astype(np.float32) for centre in sorted(centres, key=lambda c: c.mean()))
    variance = max(float(((sample - centres[labels]) ** 2).mean()), 1e-3)
    to_low, to_high = (((features - centre) ** 2).mean(axis=-1) for centre in (low, high))
    return logistic((to_low - to_high) / np.float32(2 * variance))
