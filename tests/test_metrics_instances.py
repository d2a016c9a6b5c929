"""Objects one by one against MONAI, torchmetrics and comparing every pair of masks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from core.errors import InputError
from core.metrics.contingency import contingency
from core.metrics.instances import (
    THRESHOLDS_PERCENT,
    match_instances,
    split,
    split_components,
    split_watershed,
)
from core.system.torchvision_ops import ensure_importable

Labels = NDArray[np.int64]


def scenes() -> dict[str, tuple[Labels, Labels]]:
    """Prediction and truth."""
    generator = np.random.default_rng(0)
    truth = np.zeros((40, 50), np.int64)
    for n in range(20):
        y, x = 10 * (n // 5) + 1, 10 * (n % 5) + 1
        truth[y : y + generator.integers(3, 9), x : x + generator.integers(3, 9)] = n + 1
    moved = np.roll(truth, 1, axis=1)
    fewer = np.where(generator.permutation(21)[truth] < 6, 0, moved)
    merged = np.where(moved % 4 == 1, moved + 1, moved)
    noisy = np.where(generator.random(truth.shape) < 0.15, 0, truth)
    renamed = generator.permutation(np.arange(1, 100))[truth] * (truth > 0)
    empty = np.zeros_like(truth)
    volume = truth[:36].reshape(3, 12, 50)
    return {
        "moved": (moved, truth),
        "fewer": (fewer, truth),
        "merged": (merged, truth),
        "noisy": (noisy, truth),
        "other numbers": (renamed, truth),
        "found nothing": (empty, truth),
        "nothing to find": (truth, empty),
        "one pixel": ((np.arange(2000).reshape(40, 50) == 777).astype(np.int64), truth),
        "full": (np.ones_like(truth), truth),
        "3D": (np.roll(volume, 1, axis=2), volume),
    }


SCENES = scenes()


def pair_by_pair(prediction: Labels, truth: Labels, percent: int) -> tuple[int, int, int, float]:
    """TP, FP, FN and the sum of IoU, from every pair of masks."""
    found, real = (sorted(set(part.ravel().tolist()) - {0}) for part in (prediction, truth))
    matches = []
    for a in found:
        for b in real:
            one, other = prediction == a, truth == b
            both, either = int((one & other).sum()), int((one | other).sum())
            if 100 * both > percent * either:
                matches.append(both / either)
    return len(matches), len(found) - len(matches), len(real) - len(matches), sum(matches)


@pytest.mark.parametrize("name", SCENES)
def test_matches_are_those_of_every_pair(name: str) -> None:
    ours = match_instances(*SCENES[name])
    for row, percent in enumerate(THRESHOLDS_PERCENT):
        tp, fp, fn, iou_sum = pair_by_pair(*SCENES[name], percent)
        assert (ours.tp[row], ours.fp[row], ours.fn[row]) == (tp, fp, fn)
        assert ours.iou_sum[row] == pytest.approx(iou_sum, abs=1e-9)


@pytest.mark.parametrize("name", [name for name in SCENES if "nothing" not in name])
def test_monai_finds_the_same_matches(name: str) -> None:
    # Takes no empty label image.
    from monai.metrics.panoptic_quality import compute_panoptic_quality

    prediction, truth = (torch.from_numpy(part) for part in SCENES[name])
    ours = match_instances(*SCENES[name])
    for row, percent in enumerate(THRESHOLDS_PERCENT):
        theirs = compute_panoptic_quality(
            prediction, truth, match_iou_threshold=percent / 100, output_confusion_matrix=True
        )
        counted = [ours.tp[row], ours.fp[row], ours.fn[row], ours.iou_sum[row]]
        assert counted == pytest.approx(theirs.tolist(), abs=1e-5)
        rq = compute_panoptic_quality(
            prediction, truth, metric_name="rq", match_iou_threshold=percent / 100
        )
        assert ours.f1(percent) == pytest.approx(float(rq), abs=1e-6)


@pytest.mark.parametrize("name", SCENES)
def test_torchmetrics_has_the_same_panoptic_quality(name: str) -> None:
    ensure_importable()
    from torchmetrics.functional.detection import panoptic_quality

    prediction, truth = (
        torch.from_numpy(np.stack([np.sign(part), part], axis=-1))[None] for part in SCENES[name]
    )
    theirs = panoptic_quality(
        prediction, truth, things={1}, stuffs={0}, return_sq_and_rq=True, return_per_class=True
    )
    ours = match_instances(*SCENES[name])
    pq, sq, rq = theirs[0].tolist()  # of the things; the background is the other row
    assert ours.panoptic_quality() == pytest.approx(pq, abs=1e-6)
    assert ours.f1() == pytest.approx(rq, abs=1e-6)
    if ours.tp[0]:
        assert ours.segmentation_quality() == pytest.approx(sq, abs=1e-6)
        assert ours.panoptic_quality() == pytest.approx(ours.segmentation_quality() * ours.f1())
    else:
        assert np.isnan(ours.segmentation_quality())
        assert sq == 0, "theirs is 0 where no pair has an IoU to mean"


def test_the_challenge_score_with_a_pencil() -> None:
    # Three real objects of ten pixels; found 10/10, found 7/10 (IoU 0.7), missed; one false.
    truth = np.repeat([1, 2, 3, 0], 10)
    prediction = truth.copy()
    prediction[17:20] = 0
    prediction[20:30] = 0
    prediction[35:40] = 9
    ours = match_instances(prediction, truth)
    # IoU 0.7 is above 0.50 to 0.65 and not above 0.70: 2 matches at four thresholds, then 1.
    assert ours.tp.tolist() == [2] * 4 + [1] * 6
    assert ours.dsb_score == pytest.approx((4 * 2 / 4 + 6 * 1 / 5) / 10)
    assert ours.f1() == pytest.approx(2 * 2 / 6)
    assert ours.panoptic_quality() == pytest.approx(1.7 / (2 + 0.5 + 0.5))
    assert ours.count_error == 0


@pytest.mark.parametrize("percent", THRESHOLDS_PERCENT)
def test_an_iou_equal_to_the_threshold_is_no_match(percent: int) -> None:
    truth = np.ones(100, np.int64)
    row = THRESHOLDS_PERCENT.index(percent)
    for pixels, matches in ((percent, 0), (percent + 1, 1)):
        prediction = (np.arange(100) < pixels).astype(np.int64)
        assert match_instances(prediction, truth).tp[row] == matches


def test_no_objects_at_all_are_undefined_and_images_pool() -> None:
    empty = np.zeros((3, 4), np.int64)
    nothing = match_instances(empty, empty)
    assert np.isnan([nothing.dsb_score, nothing.f1(), nothing.panoptic_quality()]).all()
    assert np.isnan(nothing.segmentation_quality())
    assert nothing.count_error == 0
    missed = match_instances(empty, np.eye(3, 4, dtype=np.int64))
    assert missed.dsb_score == missed.f1() == missed.panoptic_quality() == 0
    assert missed.count_error == -1
    one, other = (match_instances(*SCENES[name]) for name in ("moved", "fewer"))
    pooled = one + other
    assert pooled.f1() == 2 * (one.tp[0] + other.tp[0]) / (
        one.predicted + one.real + other.predicted + other.real
    )
    assert (pooled + nothing).dsb_score == pooled.dsb_score


LABELS = arrays(np.int64, (5, 6), elements=st.integers(0, 4))


@given(LABELS, LABELS)
def test_numbers_turns_and_sides_do_not_matter(one: Labels, other: Labels) -> None:
    ours = match_instances(one, other)
    renamed = np.array([0, 7, 5, 30, 2])[one]
    for prediction, truth in ((renamed, other), (one[::-1], other[::-1]), (one.T, other.T)):
        again = match_instances(prediction, truth)
        assert np.array_equal(again.tp, ours.tp)
        assert again.iou_sum == pytest.approx(ours.iou_sum)
    swapped = match_instances(other, one)
    assert np.array_equal(swapped.fp, ours.fn)
    assert (ours.tp <= min(ours.predicted, ours.real)).all()
    perfect = match_instances(one, one)
    if one.any():
        assert perfect.dsb_score == perfect.f1() == perfect.panoptic_quality() == 1


def test_what_is_no_label_image_is_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        contingency(np.zeros((2, 3), int), np.zeros((3, 2), int))
    with pytest.raises(ValueError, match="above 0 for objects"):
        contingency(np.array([-1]), np.array([0]))


# --- splitting a mask ----------------------------------------------------------------------------


def discs(apart: int) -> NDArray[np.bool_]:
    y, x = np.mgrid[:40, :60]
    near = np.minimum(np.hypot(y - 20, x - 20), np.hypot(y - 20, x - 20 - apart))
    return np.asarray(near < 9)


def test_components_touch_at_corners_and_watershed_cuts_necks() -> None:
    diagonal = np.eye(4, dtype=bool)
    assert split_components(diagonal).max() == 1
    assert split_components(discs(30)).max() == split_watershed(discs(30)).max() == 2
    touching = discs(15)
    assert split_components(touching).max() == 1
    labels = split_watershed(touching)
    assert labels.max() == 2
    assert labels[20, 12] != labels[20, 43]
    assert np.array_equal(labels > 0, touching)
    assert split_watershed(discs(0)).max() == 1
    solid = np.zeros((9, 12, 12), bool)
    solid[2:7, 2:6, 2:6], solid[2:7, 8:11, 8:11] = True, True
    assert split(solid, method="watershed").max() == split(solid).max() == 2
    assert not split_watershed(np.zeros((3, 4, 5), bool)).any()


@given(arrays(np.bool_, (8, 9)))
def test_every_component_keeps_at_least_one_object(mask: NDArray[np.bool_]) -> None:
    components, objects = split_components(mask), split_watershed(mask)
    assert np.array_equal(objects > 0, mask)
    assert objects.max(initial=0) >= components.max(initial=0)
    for label in range(1, int(objects.max(initial=0)) + 1):
        assert len(set(components[objects == label].tolist())) == 1, "no object spans two"


def test_an_unknown_way_to_split_is_refused() -> None:
    with pytest.raises(InputError, match="unknown way to split objects 'scissors'; choose one of"):
        split(np.eye(3, dtype=bool), method="scissors")
