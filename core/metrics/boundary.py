"""How far the contours of prediction and truth lie apart, in 2D and 3D, in millimetres.

The contour of a mask is made of its foreground pixels that have a face neighbour (4 in 2D, 6 in
3D) in the background; outside the image is background. Distances run between pixel centres. That
is the convention of MedPy and MONAI, and HD95, ASSD and the normalized surface Dice are put
together as Metrics reloaded (Maier-Hein 2024, arXiv:2206.01653) and MONAI do it. Others differ:

- MedPy's HD95 is the percentile of both directions thrown together, so a long contour hides what
  is wrong with a short one; ours is the larger of the two directed percentiles. ASSD is the mean
  over all contour pixels in all three; older papers also took the mean of the two directed means.
- DeepMind's surface-distance puts the contour between the pixels and weighs each piece by its area:
  the most faithful to a surface, but its values are not those of the libraries that papers used.

Ours, on scipy's exact distance transform, rather than a call of MONAI: the distances are computed
once, in the bounding box of the two masks, and every metric is then a look-up, where MONAI's three
functions transform three times; and no tensors are needed. The numbers are MONAI's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.metrics.card import Scores

IMPLEMENTATION = "isoline core.metrics.boundary on scipy's exact distance transform"

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances of every contour pixel to the other contour: the expensive step, done once."""

    to_truth_mm: Scores
    """From each contour pixel of the prediction, shape (A,)."""
    to_prediction_mm: Scores
    """From each contour pixel of the truth, shape (B,)."""

    @property
    def both_empty(self) -> bool:
        """Neither mask has foreground: nothing to compare, every metric is NaN."""
        return not len(self.to_truth_mm) and not len(self.to_prediction_mm)

    @property
    def one_empty(self) -> bool:
        """One mask alone has foreground: distances are infinite, shares are 0."""
        return (len(self.to_truth_mm) == 0) != (len(self.to_prediction_mm) == 0)


def surface_distances(
    prediction: NDArray[np.bool_ | np.uint8],
    truth: NDArray[np.bool_ | np.uint8],
    *,
    spacing_mm: Sequence[float] | None = None,
) -> SurfaceDistances:
    """Distances between the contours.

    Args:
        prediction: Mask, shape (H, W) or (D, H, W); any value but 0 is foreground.
        truth: The same.
        spacing_mm: Size of a pixel along each axis; 1 where it is not known, and the scores are
            then in pixels.

    Returns:
        Distances; where one mask is empty those of the other are infinite.

    Raises:
        ValueError: The shapes differ or the spacing does not fit them.
    """
    predicted, real = _checked(prediction, truth)
    spacing = _spacing(spacing_mm, predicted.ndim)
    box = _box(predicted | real)
    predicted, real = predicted[box], real[box]
    contours = contour(predicted), contour(real)
    return SurfaceDistances(*_apart(contours, spacing))


def hausdorff_mm(distances: SurfaceDistances, *, percentile: float = 100.0) -> float:
    """Hausdorff distance, or with a percentile of 95 the robust HD95.

    Args:
        distances: From ``surface_distances``.
        percentile: Of each direction, interpolated; the larger of the two is returned.

    Returns:
        Millimetres; NaN where both masks are empty, infinite where one is.
    """
    if distances.both_empty or distances.one_empty:
        return np.nan if distances.both_empty else np.inf
    directed = (distances.to_truth_mm, distances.to_prediction_mm)
    return float(max(np.percentile(part, percentile) for part in directed))


def hd95_mm(distances: SurfaceDistances) -> float:
    """The 95th percentile of the Hausdorff distance; degenerate cases as ``hausdorff_mm``."""
    return hausdorff_mm(distances, percentile=95.0)


def assd_mm(distances: SurfaceDistances) -> float:
    """Average symmetric surface distance: the mean over all contour pixels of both masks.

    Millimetres; NaN where both masks are empty, infinite where one is.
    """
    everything = np.concatenate([distances.to_truth_mm, distances.to_prediction_mm])
    return float(everything.mean()) if len(everything) else np.nan


def surface_dice(distances: SurfaceDistances, *, tolerance_mm: float) -> float:
    """Normalized surface Dice: share of all contour pixels within a tolerance of the other contour.

    Nikolov et al., arXiv:1809.04430, 2018, counting contour pixels as MONAI does.

    Args:
        distances: From ``surface_distances``.
        tolerance_mm: What passes as no error, such as the spread between two readers; a distance
            equal to it passes.

    Returns:
        0 to 1; NaN where both masks are empty, 0 where one is.
    """
    everything = np.concatenate([distances.to_truth_mm, distances.to_prediction_mm])
    return float((everything <= tolerance_mm).mean()) if len(everything) else np.nan


def boundary_iou(
    prediction: NDArray[np.bool_ | np.uint8],
    truth: NDArray[np.bool_ | np.uint8],
    *,
    width_mm: float | None = None,
    spacing_mm: Sequence[float] | None = None,
) -> float:
    """IoU of the two bands just inside the contours.

    Cheng et al., Boundary IoU, CVPR 2021 (arXiv:2103.16562). The band of a mask is its foreground
    within the width of a background pixel, a round distance; the authors' code erodes with a
    square, which is wider along the diagonals. Outside the image is background.

    Args:
        prediction: Mask, shape (H, W) or (D, H, W); any value but 0 is foreground.
        truth: The same.
        width_mm: Of the band; 2 % of the image's diagonal where not given, as in the paper. At
            least one pixel, so that no contour has an empty band.
        spacing_mm: Size of a pixel along each axis; 1 where it is not known.

    Returns:
        0 to 1; NaN where both masks are empty, 0 where one is.

    Raises:
        ValueError: The shapes differ or the spacing does not fit them.
    """
    predicted, real = _checked(prediction, truth)
    spacing = _spacing(spacing_mm, predicted.ndim)
    if width_mm is None:
        width_mm = 0.02 * float(np.linalg.norm(np.multiply(predicted.shape, spacing)))
    width_mm = max(width_mm, *spacing)
    box = _box(predicted | real)
    one, other = (_band(mask[box], width_mm, spacing) for mask in (predicted, real))
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else np.nan


def contour(mask: Mask) -> Mask:
    """Foreground with a face neighbour in the background; beyond the edge is background."""
    from scipy.ndimage import binary_erosion  # only where contours are compared

    return np.asarray(mask & ~binary_erosion(mask), dtype=np.bool_)


def _apart(contours: tuple[Mask, Mask], spacing: tuple[float, ...]) -> tuple[Scores, Scores]:
    from scipy.ndimage import distance_transform_edt  # only where contours are compared

    def directed(start: Mask, goal: Mask) -> Scores:
        if not start.any() or not goal.any():
            return np.full(int(start.sum()), np.inf)
        return np.asarray(distance_transform_edt(~goal, sampling=spacing))[start]

    one, other = contours
    return directed(one, other), directed(other, one)


def _band(mask: Mask, width_mm: float, spacing: tuple[float, ...]) -> Mask:
    from scipy.ndimage import distance_transform_edt  # only where contours are compared

    # A frame of background, because beyond the edge is background.
    depth = np.asarray(distance_transform_edt(np.pad(mask, 1), sampling=spacing))
    inside = depth[(slice(1, -1),) * mask.ndim]
    return np.asarray(mask & (inside <= width_mm), dtype=np.bool_)


def _checked(
    prediction: NDArray[np.bool_ | np.uint8], truth: NDArray[np.bool_ | np.uint8]
) -> tuple[Mask, Mask]:
    if prediction.shape != truth.shape:
        raise ValueError(f"prediction {prediction.shape} and truth {truth.shape} differ in shape")
    return prediction != 0, truth != 0


def _spacing(spacing_mm: Sequence[float] | None, axes: int) -> tuple[float, ...]:
    spacing = (1.0,) * axes if spacing_mm is None else tuple(float(part) for part in spacing_mm)
    if len(spacing) != axes or not all(0 < part < np.inf for part in spacing):
        raise ValueError(f"a spacing of {axes} numbers above 0 is needed, found {spacing_mm}")
    return spacing


def _box(mask: Mask) -> tuple[slice, ...]:
    """Bounding box of the foreground; distances within it do not depend on what lies outside."""
    from scipy.ndimage import find_objects  # only where contours are compared

    found = find_objects(mask.astype(np.uint8))
    return tuple(found[0]) if found else (slice(0, 0),) * mask.ndim
