"""The rules that choose a threshold, against trying all of them; and where they refuse."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from core.errors import InputError
from core.levels import STEPS, level_map
from core.metrics.calibration import fit_temperature
from core.metrics.false_positives import false_positive_components
from core.metrics.sweep import Sweep, concatenate, sweep_image
from core.threshold.operating_point import (
    RULES,
    OperatingPoint,
    choose_operating_point,
    with_temperature,
)


def validation(seed: int, *, images: int = 3) -> Sweep:
    """A network that is right more often than not."""
    generator = np.random.default_rng(seed)
    sweeps = []
    for _ in range(images):
        truth = generator.random((24, 24)) < 0.3
        truth[0, 0] = True
        logits = generator.normal(size=truth.shape) + np.where(truth, 1.0, -1.0)
        sweeps.append(sweep_image(level_map(1 / (1 + np.exp(-logits))), truth))
    return concatenate(sweeps)


def choose(
    sweep: Sweep, rule: str, *, split: str = "val", resamples: int = 0, **more: Any
) -> OperatingPoint:
    part: dict[str, Any] = {"split": split, "dataset": "phantoms", "split_hash": "0123"}
    return choose_operating_point(sweep, rule=rule, resamples=resamples, **part, **more)


def figures(sweep: Sweep, k: int) -> dict[str, float]:
    """Every metric at one threshold, from its definition."""
    tp, fp, fn = (int(part[:, k].sum()) for part in (sweep.tp, sweep.fp, sweep.fn))
    return {
        "dice": 2 * tp / (2 * tp + fp + fn),
        "iou": tp / (tp + fp + fn),
        "f2": 5 * tp / (5 * tp + 4 * fn + fp),
        "f0.5": 1.25 * tp / (1.25 * tp + 0.25 * fn + fp),
        "sensitivity": tp / (tp + fn),
        "precision": tp / (tp + fp) if tp + fp else -1.0,
        "mcc": matthews(tp, fp, fn, int(sweep.pixels.sum()) - tp - fp - fn),
    }


def matthews(tp: int, fp: int, fn: int, tn: int) -> float:
    under = ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5
    return (tp * tn - fp * fn) / under if under else -1.0


def test_the_temperature_is_fitted_on_validation_alone_and_moves_no_threshold() -> None:
    sweep = validation(4)
    point = choose(sweep, "dice")
    assert point.temperature is None
    warm = with_temperature(point, sweep)
    assert warm.temperature == fit_temperature(sweep, split="val")
    assert warm.threshold == point.threshold
    assert OperatingPoint(**json.loads(json.dumps(warm.document()))) == warm
    with pytest.raises(InputError, match="chosen on the val split only"):
        with_temperature(replace(point, split="test"), sweep)
    empty = Sweep(sweep.tp * 0, sweep.fp, sweep.positives * 0, sweep.pixels)
    assert with_temperature(point, empty) == point, "nothing to fit"


@pytest.mark.parametrize("rule", ["dice", "iou", "f2", "f0.5", "mcc"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_score_is_the_best_of_all_thresholds(rule: str, seed: int) -> None:
    sweep = validation(seed)
    point = choose(sweep, rule)
    best = max(figures(sweep, k)[rule] for k in range(STEPS + 1))
    assert figures(sweep, point.k)[rule] == pytest.approx(best, rel=1e-12)
    assert point.value == pytest.approx(figures(sweep, point.k)["dice"]), "the Dice it comes with"


@pytest.mark.parametrize(
    ("rule", "figure", "bound"),
    [
        ("sensitivity>=0.95", "sensitivity", 0.95),
        ("sensitivity >= .5", "sensitivity", 0.5),
        ("recall>=0.9", "sensitivity", 0.9),
        ("precision>=0.9", "precision", 0.9),
        ("sensitivity>=1", "sensitivity", 1),
    ],
)
def test_a_bound_is_kept_with_the_best_dice(rule: str, figure: str, bound: float) -> None:
    sweep = validation(0)
    every = [figures(sweep, k) for k in range(STEPS + 1)]
    allowed = [row["dice"] for row in every if row[figure] >= bound - 1e-12]
    point = choose(sweep, rule)
    assert every[point.k][figure] >= bound - 1e-12
    assert every[point.k]["dice"] == pytest.approx(max(allowed), rel=1e-12)
    assert point.rule == rule


def test_of_a_plateau_the_middle_is_taken() -> None:
    levels = np.array([[200, 800]], np.uint16)  # every threshold from 0.201 to 0.800 is perfect
    sweep = sweep_image(levels, np.array([[0, 1]], np.uint8))
    for rule in ("dice", "iou", "f2", "sensitivity>=0.5", "precision>=1"):
        assert choose(sweep, rule).k in (500, 501), rule
    assert choose(sweep, "dice").value == 1


@given(st.integers(0, 50))
def test_images_in_another_order_choose_the_same(seed: int) -> None:
    sweep = validation(seed)
    turned = Sweep(sweep.tp[::-1], sweep.fp[::-1], sweep.positives[::-1], sweep.pixels[::-1])
    assert choose(sweep, "dice") == choose(turned, "dice")


def test_a_stricter_bound_on_sensitivity_never_raises_the_threshold() -> None:
    sweep = validation(4)
    chosen = [choose(sweep, f"sensitivity>={s}").k for s in ("0.5", "0.8", "0.9", "0.99", "1")]
    assert chosen == sorted(chosen, reverse=True)


@pytest.mark.parametrize("split", ["test", "train", "all", ""])
def test_a_threshold_comes_from_validation_alone(split: str) -> None:
    with pytest.raises(InputError, match=f"chosen on the val split only, not on {split}"):
        choose(validation(0), "dice", split=split)


@pytest.mark.parametrize(
    "rule",
    ["", "dise", "f", "f-1", "sensitivity", "sensitivity<=0.9", "fnr>=0.1", "recall>=1.5",
     "precision>=-1", "dice>=0.5", "0.5", "fppi>=1", "fppi<=", "fnr<=1.5", "mcc>=0.5"],
)  # fmt: skip
def test_an_unknown_rule_is_refused_with_the_rules(rule: str) -> None:
    with pytest.raises(InputError) as refused:
        choose(validation(0), rule)
    assert str(refused.value) == f"unknown rule '{rule}'; choose one of {RULES}"


def test_a_bound_that_no_threshold_keeps_is_refused() -> None:
    levels = np.array([[900, 100]], np.uint16)  # sure where there is nothing
    sweep = sweep_image(levels, np.array([[0, 1]], np.uint8))
    with pytest.raises(InputError, match=r"no threshold keeps precision>=0\.9 .*relax the bound"):
        choose(sweep, "precision>=0.9")


def test_validation_without_foreground_is_refused() -> None:
    sweep = sweep_image(np.zeros((4, 4), np.uint16), np.zeros((4, 4), bool))
    with pytest.raises(InputError, match="no foreground; no threshold can be chosen"):
        choose(sweep, "dice")


def test_the_document_says_where_it_comes_from() -> None:
    point = choose(validation(0), "f2")
    document: dict[str, Any] = point.document()
    assert document["name"] == "Best F2 on validation"
    assert document["threshold"] == point.k / STEPS
    assert (document["split"], document["dataset"], document["split_hash"]) == (
        "val",
        "phantoms",
        "0123",
    )
    assert document["n_images"] == 3
    assert OperatingPoint(**document) == point


def test_an_older_document_still_loads() -> None:
    older: dict[str, Any] = {
        "threshold": 0.564,
        "rule": "dice",
        "name": "Best Dice on validation",
        "value": 0.95,
        "dataset": "isbi2012",
        "split": "val",
        "split_hash": "b20e",
        "n_images": 4,
    }
    point = OperatingPoint(**older)
    assert (point.k, point.threshold_ci95, point.flat) == (564, None, None)
    assert not point.post_processing
    assert OperatingPoint(**point.document()) == point


def test_a_document_survives_json() -> None:
    point = choose(validation(0), "dice", resamples=50)
    again = OperatingPoint(**json.loads(json.dumps(point.document())))
    assert again == point
    assert again.document() == json.loads(json.dumps(point.document()))


def test_the_interval_of_the_threshold_is_that_of_choosing_on_each_resample() -> None:
    sweep = validation(1, images=5)
    point = choose(sweep, "dice", resamples=200)
    picks = np.random.default_rng(0).integers(0, 5, (200, 5))
    chosen = [
        choose(Sweep(sweep.tp[p], sweep.fp[p], sweep.positives[p], sweep.pixels[p]), "dice")
        for p in picks
    ]
    low, high = np.percentile([one.threshold for one in chosen], [2.5, 97.5])
    assert point.threshold_ci95 == pytest.approx((low, high), abs=1e-12)
    assert point.interval_over == "images"
    assert low <= point.threshold <= high


def test_patients_are_drawn_as_a_whole() -> None:
    sweep = validation(2, images=4)
    groups = ["a", "a", "b", "b"]
    point = choose(sweep, "dice", resamples=200, groups=groups)
    assert point.interval_over == "patients"
    alone = choose(sweep, "dice", resamples=200, groups=["a"] * 4)
    assert alone.interval_over == "images", "of one patient nothing else can be drawn"


def test_flat_is_the_stretch_of_equally_good_thresholds() -> None:
    sweep = validation(0)
    point = choose(sweep, "dice")
    scores = [figures(sweep, k)["dice"] for k in range(STEPS + 1)]
    good = [k for k in range(STEPS + 1) if scores[k] >= max(scores) - 0.005]
    assert point.flat is not None
    low, high = (round(end * STEPS) for end in point.flat)
    assert {low, high} <= set(good)
    assert low <= point.k <= high
    assert all(k in good for k in range(low, high + 1))
    assert low - 1 not in good
    assert high + 1 not in good


def test_area_change_with_a_pencil() -> None:
    levels = np.arange(1000, dtype=np.uint16)[None]  # one pixel at every level: area 1000 - k
    truth = (levels >= 500).astype(np.uint8)
    point = choose(sweep_image(levels, truth), "dice")
    assert point.k == 500
    assert point.area_change_percent == pytest.approx(-100 * 10 / 500)


def test_false_positives_per_image_are_components_off_the_truth() -> None:
    levels = np.zeros((9, 9), np.uint16)
    levels[0, 0], levels[0, 4], levels[4, 0], levels[4:6, 4:6] = 300, 500, 700, 600
    truth = np.zeros((9, 9), np.uint8)
    truth[4:6, 4:6] = 1
    sweep, marks = sweep_image(levels, truth), false_positive_components(levels, truth)
    assert choose(sweep, "fppi<=1", false_positives=marks).k in range(501, 601)
    assert choose(sweep, "fppi<=2", false_positives=marks).k in range(501, 601), "best Dice"
    none = choose(sweep, "fppi<=0", false_positives=marks)
    assert none.k == 0, "all in one component that touches the lesion, as nothing else keeps it"
    assert "touches no pixel of the truth" in none.note
    with pytest.raises(InputError, match="counts components"):
        choose(sweep, "fppi<=1")


@given(arrays(np.uint16, (6, 7), elements=st.integers(0, STEPS)), arrays(np.bool_, (6, 7)))
def test_components_at_all_thresholds_are_those_of_labelling_each_mask(
    levels: NDArray[np.uint16], truth: NDArray[np.bool_]
) -> None:
    counted = false_positive_components(levels, truth)
    assert counted.shape == (1, STEPS + 1)
    for k in [0, *np.unique(levels), *(np.unique(levels) + 1)]:
        if k <= STEPS:
            labels, count = ndimage.label(levels >= k, structure=np.ones((3, 3)))
            touched = set(np.unique(labels[truth])) - {0}
            assert counted[0, k] == count - len(touched), k


def test_a_guarantee_says_its_assumption_and_needs_enough_images() -> None:
    sweep = validation(0, images=20)
    point = choose(sweep, "fnr<=0.1")
    rates = sweep.fn / sweep.positives[:, None]
    allowed = [k for k in range(STEPS + 1) if (rates[:, k].sum() + 1) / 21 <= 0.1 + 1e-12]
    assert point.k == max(allowed)
    assert "exchangeable" in point.note
    assert "guaranteed" in point.name
    assert point.flat is None
    with pytest.raises(InputError, match=r"fnr<=0.1 needs at least 9 .*there are 8; .*fnr<=0.112"):
        choose(validation(0, images=8), "fnr<=0.1")
    with pytest.raises(InputError, match="above 0 and below 1"):
        choose(sweep, "fnr<=0")
