"""Images as a whole, against scikit-learn, and the free-response curve against labelling masks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.levels import STEPS
from core.metrics.image_level import free_response, image_level
from core.metrics.sweep import Sweep, concatenate, sweep_image

Levels = NDArray[np.uint16]
Truth = NDArray[np.bool_]


def images() -> list[tuple[Levels, Truth]]:
    """Ten images with lesions, six without."""
    from scipy.ndimage import gaussian_filter

    generator = np.random.default_rng(0)
    made = []
    for n in range(16):
        truth = np.zeros((30, 34), bool)
        if n < 10:
            for _ in range(1 + n % 3):
                y, x = generator.integers(2, 26, 2)
                truth[y : y + 3, x : x + 4] = True
        field = gaussian_filter(generator.normal(size=truth.shape), 1.5) + 0.3 * truth
        made.append((np.clip(1500 * field, 0, STEPS).astype(np.uint16), truth))
    return made


IMAGES = images()


def swept() -> Sweep:
    return concatenate(sweep_image(*image) for image in IMAGES)


@pytest.mark.parametrize("area", [1, 20])
@pytest.mark.parametrize("k", [1, 120, 300, 500, 999])
def test_scikit_learn_agrees(k: int, area: int) -> None:
    from sklearn.metrics import confusion_matrix

    called = [int((levels >= k).sum()) >= area for levels, _ in IMAGES]
    real = [bool(truth.any()) for _, truth in IMAGES]
    (tn, fp), (fn, tp) = confusion_matrix(real, called, labels=[False, True])
    ours = image_level(swept(), minimum_area_px=area)
    assert ours.sensitivity[k] == pytest.approx(tp / (tp + fn))
    assert ours.specificity[k] == pytest.approx(tn / (tn + fp))
    assert (ours.with_lesion, ours.without_lesion) == (10, 6)
    off = [(levels >= k).sum() for levels, truth in IMAGES if not truth.any()]
    assert ours.false_positive_area_px[k] == pytest.approx(np.mean(off))


def test_at_nought_everything_is_called_positive() -> None:
    ours = image_level(swept(), minimum_area_px=0)
    assert (ours.sensitivity[0], ours.specificity[0]) == (1, 0)
    assert ours.false_positive_area_px[0] == 30 * 34
    assert (np.diff(ours.sensitivity) <= 0).all()
    assert (np.diff(ours.specificity) >= 0).all()


def test_without_normal_images_specificity_is_undefined_and_the_other_way_round() -> None:
    lesions = image_level(concatenate(sweep_image(*image) for image in IMAGES[:10]))
    assert np.isnan(lesions.specificity).all()
    assert np.isnan(lesions.false_positive_area_px).all()
    assert not np.isnan(lesions.sensitivity).any()
    normals = image_level(concatenate(sweep_image(*image) for image in IMAGES[10:]))
    assert np.isnan(normals.sensitivity).all()
    assert not np.isnan(normals.specificity).any()


def test_the_free_response_curve_is_that_of_labelled_masks() -> None:
    from scipy.ndimage import label
    from skimage.measure import label as other_label

    ours = free_response(iter(IMAGES))
    corners = np.ones((3, 3))
    for k in (1, 50, 100, 200, 300, 400, 600, 800, 1000):
        hits = false = 0
        for levels, truth in IMAGES:
            mask = levels >= k
            lesions, number = label(truth, corners)
            hits += sum(mask[lesions == n].any() for n in range(1, number + 1))
            marks = other_label(mask, connectivity=2)  # type: ignore[no-untyped-call]
            false += len(set(marks[mask].tolist()) - set(marks[truth & mask].tolist()))
        assert ours.hits[k] == hits, k
        assert ours.false_marks[k] == false, k
    assert ours.images == 16
    assert ours.lesions == sum(label(truth, corners)[1] for _, truth in IMAGES)
    assert ours.sensitivity[0] == 1
    assert (np.diff(ours.hits) <= 0).all()


def test_responses_pool_in_any_order_and_are_undefined_without_lesions() -> None:
    whole, turned = free_response(IMAGES), free_response(IMAGES[::-1])
    parts = free_response(IMAGES[:7]) + free_response(IMAGES[7:])
    for other in (turned, parts):
        assert np.array_equal(whole.hits, other.hits)
        assert np.array_equal(whole.false_marks, other.false_marks)
    normals = free_response(IMAGES[10:])
    assert np.isnan(normals.sensitivity).all()
    assert normals.false_positives_per_image.max() > 0
    assert np.isnan(free_response([]).false_positives_per_image).all()


def test_with_a_pencil() -> None:
    levels, truth = np.zeros((3, 6), np.uint16), np.zeros((3, 6), bool)
    levels[0], truth[0] = [900, 0, 400, 0, 700, 700], [1, 0, 1, 0, 0, 0]
    ours = free_response([(levels, truth)])
    assert ours.lesions == 2
    assert ours.hits[[400, 401, 900, 901]].tolist() == [2, 1, 1, 0]
    assert ours.false_marks[[0, 1, 700, 701]].tolist() == [0, 1, 1, 0]
