"""Distances between contours against MONAI, MedPy, scikit-image and hand counts, 2D and 3D."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from core.metrics.boundary import (
    SurfaceDistances,
    assd_mm,
    boundary_iou,
    contour,
    hausdorff_mm,
    hd95_mm,
    surface_dice,
    surface_distances,
)

# What MONAI and surface-distance themselves use of others.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning"),
    pytest.mark.filterwarnings(
        "ignore:Please import .* from the `scipy.ndimage`:DeprecationWarning"
    ),
]

Mask = NDArray[np.bool_]
Case = tuple[Mask, Mask, tuple[float, ...]]


def cases() -> dict[str, Case]:
    """Prediction, truth and spacing."""
    generator = np.random.default_rng(0)
    empty = np.zeros((12, 15), bool)
    one, border = empty.copy(), empty.copy()
    one[10, 2] = True
    border[0], border[:, -1] = True, True
    disc = np.hypot(*np.mgrid[-6:6, -7:8]) < 4.5
    ball = np.linalg.norm(np.mgrid[-4:5, -6:6, -5:5], axis=0) < 3.6
    return {
        "disc, shifted": (disc, np.roll(disc, 2, axis=1), (1.0, 1.0)),
        "disc, anisotropic": (disc, np.roll(disc, 1, axis=0), (2.5, 0.4)),
        "one pixel": (one, disc, (1.0, 1.0)),
        "border": (border, np.ones((12, 15), bool), (1.0, 3.0)),
        "full": (np.ones((12, 15), bool), disc, (0.7, 0.7)),
        "random": (generator.random((12, 15)) < 0.2, generator.random((12, 15)) < 0.6, (1, 1)),
        "stray": (disc | one, disc, (1.0, 1.0)),
        "perfect": (disc, disc, (1.0, 1.0)),
        "ball": (ball, np.roll(ball, 1, axis=1), (5.0, 0.9, 0.9)),
        "noise in 3D": (
            generator.random((5, 9, 8)) < 0.1,
            generator.random((5, 9, 8)) < 0.3,
            (3.0, 1.0, 0.5),
        ),
    }


CASES = cases()


def measured(case: Case) -> SurfaceDistances:
    prediction, truth, spacing = case
    return surface_distances(prediction, truth, spacing_mm=spacing)


def manual(case: Case) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All pairs of contour pixels, written out."""
    prediction, truth, spacing = case

    def points(mask: Mask) -> NDArray[np.float64]:
        found = []
        for place in np.argwhere(mask):
            for axis in range(mask.ndim):
                for step in (-1, 1):
                    beside = place.copy()
                    beside[axis] += step
                    inside = all(0 <= b < n for b, n in zip(beside, mask.shape, strict=True))
                    if not (inside and mask[tuple(beside)]):
                        found.append(place * np.array(spacing))
        return np.unique(np.array(found), axis=0)

    one, other = points(prediction), points(truth)
    apart = np.linalg.norm(one[:, None] - other[None], axis=-1)
    return apart.min(axis=1), apart.min(axis=0)


def tensors(case: Case) -> dict[str, Any]:
    """MONAI's arguments, classes first."""
    prediction, truth, spacing = case
    return {
        "y_pred": torch.from_numpy(prediction)[None, None],
        "y": torch.from_numpy(truth)[None, None],
        "include_background": True,
        "spacing": spacing,
    }


@pytest.mark.parametrize("name", CASES)
def test_distances_are_those_of_all_pairs(name: str) -> None:
    ours, theirs = measured(CASES[name]), manual(CASES[name])
    assert np.sort(ours.to_truth_mm) == pytest.approx(np.sort(theirs[0]), abs=1e-9)
    assert np.sort(ours.to_prediction_mm) == pytest.approx(np.sort(theirs[1]), abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_hausdorff_agrees(name: str) -> None:
    from medpy.metric import binary
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance
    from skimage.metrics import hausdorff_distance

    prediction, truth, spacing = CASES[name]
    ours = measured(CASES[name])
    assert hausdorff_mm(ours) == pytest.approx(
        float(compute_hausdorff_distance(**tensors(CASES[name]))), abs=1e-5
    )
    assert hausdorff_mm(ours) == pytest.approx(binary.hd(prediction, truth, spacing), abs=1e-6)
    assert hd95_mm(ours) == pytest.approx(
        float(compute_hausdorff_distance(**tensors(CASES[name]), percentile=95)), abs=1e-5
    )
    assert hd95_mm(ours) == pytest.approx(
        max(np.percentile(part, 95) for part in manual(CASES[name])), abs=1e-9
    )
    if len(set(spacing)) == 1:
        pixels = hausdorff_distance(contour(prediction), contour(truth))  # type: ignore[no-untyped-call]
        assert hausdorff_mm(ours) == pytest.approx(spacing[0] * pixels, abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_average_distance_and_surface_dice_agree(name: str) -> None:
    from medpy.metric import binary
    from monai.metrics.surface_dice import compute_surface_dice
    from monai.metrics.surface_distance import compute_average_surface_distance

    prediction, truth, spacing = CASES[name]
    ours = measured(CASES[name])
    assert assd_mm(ours) == pytest.approx(binary.assd(prediction, truth, spacing), abs=1e-6)
    assert assd_mm(ours) == pytest.approx(
        float(compute_average_surface_distance(**tensors(CASES[name]), symmetric=True)), abs=1e-5
    )
    everything = np.concatenate(manual(CASES[name]))
    for tolerance in (0.0, 0.45, 1.25, 3.1):
        share = surface_dice(ours, tolerance_mm=tolerance)
        theirs = compute_surface_dice(**tensors(CASES[name]), class_thresholds=[tolerance])
        assert share == pytest.approx(float(theirs), abs=1e-6)
        assert share == pytest.approx((everything <= tolerance + 1e-9).mean(), abs=1e-9)


def test_conventions_of_hd95_differ_and_ours_sees_the_shorter_contour() -> None:
    from medpy.metric import binary

    # A long contour that is right, and a short one whose pixels are all far off.
    truth = np.zeros((60, 60), bool)
    truth[5:55, 5:55] = True
    prediction = truth.copy()
    prediction[29:32, 29:32] = False  # a hole: few contour pixels, all far from the truth's contour
    ours = surface_distances(prediction, truth)
    assert hausdorff_mm(ours) == binary.hd(prediction, truth) == 23
    assert hd95_mm(ours) == pytest.approx(22)
    assert binary.hd95(prediction, truth) == 0, "both directions thrown together hide it"


def test_a_surface_between_the_pixels_is_another_convention() -> None:
    import surface_distance

    disc, shifted, spacing = CASES["disc, shifted"]
    theirs = surface_distance.compute_surface_distances(shifted, disc, spacing)
    ours = measured(CASES["disc, shifted"])
    assert surface_distance.compute_robust_hausdorff(theirs, 100) == pytest.approx(2)
    assert hausdorff_mm(ours) == pytest.approx(2)
    between = surface_distance.compute_surface_dice_at_tolerance(theirs, 1.0)
    assert surface_dice(ours, tolerance_mm=1.0) != pytest.approx(between, abs=0.01)
    assert between == pytest.approx(surface_dice(ours, tolerance_mm=1.0), abs=0.2)


def test_with_a_pencil() -> None:
    # Two single pixels, three rows and four columns apart, 2 mm by 1 mm.
    one, other = np.zeros((5, 6), bool), np.zeros((5, 6), bool)
    one[0, 0], other[3, 4] = True, True
    far = surface_distances(one, other, spacing_mm=(2, 1))
    assert hausdorff_mm(far) == hd95_mm(far) == assd_mm(far) == pytest.approx(np.sqrt(36 + 16))
    assert surface_dice(far, tolerance_mm=7.2) == 0
    assert surface_dice(far, tolerance_mm=7.3) == 1
    assert hausdorff_mm(surface_distances(one, other)) == pytest.approx(5), "pixels without spacing"


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_nothing_is_undefined_and_half_of_nothing_infinite(shape: tuple[int, ...]) -> None:
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    nothing = surface_distances(empty, empty)
    assert nothing.both_empty
    assert np.isnan([hausdorff_mm(nothing), hd95_mm(nothing), assd_mm(nothing)]).all()
    assert np.isnan(surface_dice(nothing, tolerance_mm=1))
    assert np.isnan(boundary_iou(empty, empty))
    for pair in ((empty, full), (full, empty)):
        half = surface_distances(*pair)
        assert half.one_empty
        assert hausdorff_mm(half) == hd95_mm(half) == assd_mm(half) == np.inf
        assert surface_dice(half, tolerance_mm=1e9) == 0
        assert boundary_iou(*pair) == 0


def test_monai_calls_nothing_undefined_too_and_medpy_raises() -> None:
    from medpy.metric import binary
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance

    empty = np.zeros((4, 5), bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = compute_hausdorff_distance(**tensors((empty, empty, (1.0, 1.0))))
    assert np.isnan(float(theirs))
    with pytest.raises(RuntimeError, match="does not contain"):
        binary.hd(empty, empty)


def test_wrong_shapes_and_spacings_are_refused() -> None:
    mask = np.ones((3, 4), bool)
    with pytest.raises(ValueError, match="differ in shape"):
        surface_distances(mask, mask.T)
    for spacing in ((1.0,), (1.0, 0.0), (1.0, np.nan), (1.0, 1.0, 1.0)):
        with pytest.raises(ValueError, match="a spacing of 2 numbers above 0"):
            surface_distances(mask, mask, spacing_mm=spacing)


@given(arrays(np.bool_, (4, 5)), arrays(np.bool_, (4, 5)), st.sampled_from([(1, 1), (2, 0.5)]))
def test_turning_and_swapping_change_nothing(
    one: Mask, other: Mask, spacing: tuple[float, float]
) -> None:
    def figures(a: Mask, b: Mask, size: tuple[float, ...]) -> list[float]:
        distances = surface_distances(a, b, spacing_mm=size)
        return [
            hausdorff_mm(distances),
            hd95_mm(distances),
            assd_mm(distances),
            surface_dice(distances, tolerance_mm=1),
            boundary_iou(a, b, width_mm=1, spacing_mm=size),
        ]

    plain = pytest.approx(figures(one, other, spacing), nan_ok=True)
    assert figures(one[::-1], other[::-1], spacing) == plain
    assert figures(one.T, other.T, spacing[::-1]) == plain
    assert figures(other, one, spacing) == plain
    if one.any():
        assert figures(one, one, spacing) == [0, 0, 0, 1, 1]


# --- boundary IoU --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("width", [1, 2, 3])
def test_boundary_iou_is_that_of_eroding_with_a_ball(name: str, width: int) -> None:
    from skimage.morphology import ball, disk, erosion, isotropic_erosion

    prediction, truth, _ = CASES[name]
    element = (disk if prediction.ndim == 2 else ball)(width)  # type: ignore[no-untyped-call]
    bands = []
    for mask in (prediction, truth):
        framed = np.pad(mask, width + 1)
        inner = erosion(framed, element)
        again = isotropic_erosion(framed, width)  # type: ignore[no-untyped-call]
        assert np.array_equal(inner, again)
        bands.append(framed & ~inner)
    expected = (bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum()
    ours = boundary_iou(prediction, truth, width_mm=width)
    assert ours == pytest.approx(expected, abs=1e-9)


def test_the_authors_square_band_is_wider_along_diagonals() -> None:
    from scipy.ndimage import binary_erosion

    disc, shifted, _ = CASES["disc, shifted"]
    bands = [m & ~binary_erosion(m, np.ones((3, 3), bool), iterations=2) for m in (disc, shifted)]
    square = (bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum()
    ours = boundary_iou(disc, shifted, width_mm=2)
    assert ours == pytest.approx(8 / 36)
    assert square == pytest.approx(15 / 41)


def test_boundary_iou_width_is_two_percent_of_the_diagonal_and_a_wide_band_is_plain_iou() -> None:
    disc, shifted, _ = CASES["disc, shifted"]
    grown = [np.kron(mask, np.ones((8, 8), bool)) for mask in (disc, shifted)]
    diagonal = float(np.hypot(*grown[0].shape))
    assert boundary_iou(*grown) == boundary_iou(*grown, width_mm=0.02 * diagonal)
    assert boundary_iou(*grown, spacing_mm=(0.5, 0.5)) == boundary_iou(*grown)
    plain = (disc & shifted).sum() / (disc | shifted).sum()
    assert boundary_iou(disc, shifted, width_mm=100) == pytest.approx(plain)
    assert boundary_iou(disc, shifted, width_mm=1) < plain
