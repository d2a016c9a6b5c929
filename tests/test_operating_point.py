"""The rules that choose a threshold, against trying all of them; and where they refuse."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.levels import STEPS, level_map
from core.metrics.sweep import Sweep, concatenate, sweep_image
from core.operating_point import RULES, OperatingPoint, choose_operating_point


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


def choose(sweep: Sweep, rule: str, *, split: str = "val") -> OperatingPoint:
    return choose_operating_point(
        sweep, rule=rule, split=split, dataset="phantoms", split_hash="0123"
    )


def figures(sweep: Sweep, k: int) -> dict[str, float]:
    """Every figure at one threshold, from its definition."""
    tp, fp, fn = (int(part[:, k].sum()) for part in (sweep.tp, sweep.fp, sweep.fn))
    return {
        "dice": 2 * tp / (2 * tp + fp + fn),
        "iou": tp / (tp + fp + fn),
        "f2": 5 * tp / (5 * tp + 4 * fn + fp),
        "f0.5": 1.25 * tp / (1.25 * tp + 0.25 * fn + fp),
        "sensitivity": tp / (tp + fn),
        "precision": tp / (tp + fp) if tp + fp else -1.0,
        "fnr": fn / (tp + fn),
    }


@pytest.mark.parametrize("rule", ["dice", "iou", "f2", "f0.5"])
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
        ("fnr<=0.1", "fnr", -0.1),
        ("fnr<=0", "fnr", 0),
        ("sensitivity>=1", "sensitivity", 1),
    ],
)
def test_a_bound_is_kept_with_the_best_dice(rule: str, figure: str, bound: float) -> None:
    sweep = validation(0)
    every = [figures(sweep, k) for k in range(STEPS + 1)]
    sign = -1 if figure == "fnr" else 1
    allowed = [row["dice"] for row in every if sign * row[figure] >= bound - 1e-12]
    point = choose(sweep, rule)
    assert sign * every[point.k][figure] >= bound - 1e-12
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
     "precision>=-1", "dice>=0.5", "0.5"],
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
    assert choose(validation(0), "fnr<=0.1").name == "Sensitivity of at least 0.9 on validation"
