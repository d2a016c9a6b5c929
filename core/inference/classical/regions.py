"""Methods that look at regions and contours: watershed, morphological snakes, graph cut.

The contract is that of ``core.inference.classical.thresholds``. Soft values come from the distance
to the contour. What costs more than a few passes over the pixels runs on an image of at most
``LARGEST_PX`` a side, and its probability is brought back to the native size.
"""

# scikit-image ships without annotations.
# mypy: disable-error-code="no-untyped-call"

import numpy as np
from numpy.typing import NDArray

from core.inference.classical.soft import (
    SOFTNESS_PX,
    Grey,
    Mask,
    contour_probability,
    is_flat,
    logistic,
    native,
    otsu_threshold,
    reduced,
)

Pixels = NDArray[np.float32]

SEEDS_APART_PX = 7
"""Two maxima of the distance map nearer than this are one object."""
STRONGEST = 1000
"""Capacity of the link between two pixels of one grey; scipy's maximum flow takes integers."""


def watershed(pixels: Pixels) -> Grey:
    """Flooding of the gradient from object cores and ground (Meyer 1994).

    Cores are where the distance to the Otsu mask's contour is more than half of its local maximum,
    the ground is what is 3 px away from that mask; the flood meets on the strongest edge between.
    Objects that touch are parted, and the probability falls towards the line between them: a higher
    threshold opens it. Runs at native size, about 3 s for each million pixels.
    """
    from scipy import ndimage  # 0.3 s with scikit-image; only where a method runs
    from skimage.feature import peak_local_max
    from skimage.filters import sobel
    from skimage.segmentation import find_boundaries
    from skimage.segmentation import watershed as flood

    grey = ndimage.gaussian_filter(pixels[..., 0], 1)
    if is_flat(grey):
        return np.zeros_like(grey)
    mask = grey > otsu_threshold(grey)
    ground = ndimage.distance_transform_edt(~mask) > 3
    distance = ndimage.distance_transform_edt(mask)
    smooth = ndimage.gaussian_filter(distance, 1)
    peaks = peak_local_max(
        smooth, min_distance=SEEDS_APART_PX, labels=mask.astype(np.int32), exclude_border=False
    )
    if not ground.any() or not len(peaks):
        return contour_probability(mask)
    seeds = np.zeros(mask.shape, dtype=np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    pieces = flood(-smooth, seeds, mask=mask)
    deepest = np.concatenate([[0], ndimage.maximum(distance, pieces, np.arange(1, len(peaks) + 1))])
    cores = np.where(distance > deepest[pieces] / 2, pieces, 0)
    basins = flood(sobel(grey), np.where(ground, len(peaks) + 1, cores))
    objects = basins <= len(peaks)
    if objects.all() or not objects.any():
        return contour_probability(objects)
    rim = find_boundaries(basins, mode="inner")  # of each object, also towards its neighbours
    inside = ndimage.distance_transform_edt(~rim) + 0.5
    outside = ndimage.distance_transform_edt(~objects) - 0.5
    return logistic((np.where(objects, inside, -outside) / SOFTNESS_PX).astype(np.float32))


def chan_vese(pixels: Pixels) -> Grey:
    """Active contour without edges, by morphological operators (Chan 2001, Márquez-Neila 2014).

    40 steps from the Otsu mask; each moves the contour to where the two sides are most even in
    themselves, and smooths it twice. Soft by the distance to the contour.
    """
    from skimage.segmentation import morphological_chan_vese  # 0.3 s; only where a method runs

    grey = reduced(pixels[..., 0])
    if is_flat(grey):
        return np.zeros(pixels.shape[:2], dtype=np.float32)
    start = grey > otsu_threshold(grey)
    if min(grey.shape) < 2:  # no gradient to move along
        return native(contour_probability(start), pixels.shape[:2])
    # An even number of smoothings: scikit-image takes two operators in turn, across calls.
    mask = morphological_chan_vese(grey / 255, 40, init_level_set=start, smoothing=2) > 0
    return native(contour_probability(mask), pixels.shape[:2])


def graph_cut(pixels: Pixels) -> Grey:
    """The cheapest cut between object and ground intensities, as GrabCut without a hand-drawn box.

    Boykov 2001, Rother 2004: a pixel's link to either side is the likelihood of its grey in that
    side's histogram; the link between neighbours is weak where their intensities differ. Histograms
    and cut take turns, starting from the Otsu mask, until nothing changes, 5 times at most. The cut
    is exact (scipy's maximum flow). Soft by the distance to the contour.
    """
    grey = reduced(pixels[..., 0])
    if is_flat(grey):
        return np.zeros(pixels.shape[:2], dtype=np.float32)
    mask = grey > otsu_threshold(grey)
    for _ in range(5):
        cut = _cheapest_cut(grey, _log_odds(grey, mask))
        if not cut.any() or cut.all() or np.array_equal(cut, mask):  # one side left: keep the last
            break
        mask = cut
    return native(contour_probability(mask), pixels.shape[:2])


def _log_odds(grey: Grey, mask: Mask) -> Grey:
    """Log of how much more often a pixel's grey is seen in the mask than outside, within ±5."""
    from scipy.ndimage import gaussian_filter1d

    bins = grey.astype(np.uint8) // 4
    histograms = [np.bincount(bins[side], minlength=64) / side.sum() for side in (mask, ~mask)]
    inside, outside = (gaussian_filter1d(h, 1, mode="nearest") + 1e-4 for h in histograms)
    return np.clip(np.log(inside / outside), -5, 5).astype(np.float32)[bins]


def _cheapest_cut(grey: Grey, log_odds: Grey) -> Mask:
    """Pixels on the object's side of the minimum cut of the grid graph with 4 neighbours."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    number = np.arange(grey.size, dtype=np.int32).reshape(grey.shape)
    source, sink = grey.size, grey.size + 1
    pairs = [
        (number[:, 1:], number[:, :-1], grey[:, 1:] - grey[:, :-1]),
        (number[1:], number[:-1], grey[1:] - grey[:-1]),
    ]
    difference = np.concatenate([d.ravel() for _, _, d in pairs])
    # Rother's β: the mean squared difference of neighbours sets what counts as an edge.
    beta = 1 / max(2 * float((difference**2).mean()), 1e-6)
    link = np.rint(2 * STRONGEST * np.exp(-beta * difference**2)).astype(np.int32)
    one = np.concatenate([a.ravel() for a, _, _ in pairs])
    other = np.concatenate([b.ravel() for _, b, _ in pairs])
    pull = np.rint(STRONGEST * log_odds).astype(np.int32).ravel()
    rows = np.concatenate([one, other, np.full(grey.size, source), number.ravel()])
    columns = np.concatenate([other, one, number.ravel(), np.full(grey.size, sink)])
    capacity = np.concatenate([link, link, np.maximum(pull, 0), np.maximum(-pull, 0)])
    graph = csr_array((capacity, (rows, columns)), shape=(grey.size + 2, grey.size + 2))
    graph.indices, graph.indptr = graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
    rest = csr_array(graph - maximum_flow(graph, source, sink).flow)
    rest.eliminate_zeros()  # what is still reachable from the source is the object
    reached = breadth_first_order(rest, source, return_predecessors=False)
    mask = np.zeros(grey.size + 2, dtype=bool)
    mask[reached] = True
    return mask[: grey.size].reshape(grey.shape)
