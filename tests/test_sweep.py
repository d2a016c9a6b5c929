"""The sweep: exact counts at every threshold, and the figures that follow from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from core.levels import STEPS, level_map, mask_at
from core.metrics.overlap import METRICS, dice, iou
from core.metrics.sweep import Sweep, concatenate, sweep_image

Levels = NDArray[np.uint16]
Truth = NDArray[np.bool_]

LEVELS = arrays(np.uint16, (4, 5), elements=st.integers(0, STEPS))
TRUTH = arrays(np.bool_, (4, 5))


def counts(sweep: Sweep, k: int, n: int = 0) -> list[int]:
    """TP, FP, FN and TN of image n at threshold k/1000."""
    return [int(part[n, k]) for part in (sweep.tp, sweep.fp, sweep.fn, sweep.tn)]


def same(one: Sweep, other: Sweep) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("tp", "fp", "fn", "tn", "positives", "pixels")
    )


def figure(name: str, sweep: Sweep) -> NDArray[np.float64]:
    """Shape (N, T)."""
    return METRICS[name](sweep.tp, sweep.fp, sweep.fn, sweep.tn)


def test_every_threshold_agrees_with_counting_pixels() -> None:
    generator = np.random.default_rng(0)
    probability = generator.random((64, 64), dtype=np.float32)
    probability[:4] = 0
    probability[-4:] = 1
    truth = generator.random((64, 64)) < probability
    levels = level_map(probability)
    sweep = sweep_image(levels, truth)
    for k in range(STEPS + 1):
        mask = probability >= np.float32(k / 1000)
        direct = [mask & truth, mask & ~truth, ~mask & truth, ~mask & ~truth]
        assert counts(sweep, k) == [int(part.sum()) for part in direct], f"threshold {k}/1000"
        assert np.array_equal(mask, mask_at(levels, k))


def test_with_a_pencil() -> None:
    levels = np.array([[1000, 1000, 0, 0]], np.uint16)
    sweep = sweep_image(levels, np.array([[0, 1, 1, 0]], np.uint8))
    assert counts(sweep, 500) == [1, 1, 1, 1]
    assert {name: figure(name, sweep)[0, 500] for name in METRICS} == {
        "dice": 0.5,
        "iou": pytest.approx(1 / 3),
        "precision": 0.5,
        "recall": 0.5,
        "specificity": 0.5,
        "accuracy": 0.5,
    }
    assert counts(sweep, 0) == [2, 2, 0, 0], "at zero everything is foreground"


@given(LEVELS, TRUTH)
def test_counts_add_up_and_fall_with_the_threshold(levels: Levels, truth: Truth) -> None:
    sweep = sweep_image(levels, truth)
    assert sweep.tp.shape == sweep.fp.shape == (1, STEPS + 1)
    assert (sweep.tp + sweep.fp + sweep.fn + sweep.tn == levels.size).all()
    assert (np.diff(sweep.tp) <= 0).all()
    assert (np.diff(sweep.fp) <= 0).all()
    assert min(part.min() for part in (sweep.tp, sweep.fp, sweep.fn, sweep.tn)) >= 0


@given(LEVELS, TRUTH)
def test_iou_never_exceeds_dice_and_both_follow_from_each_other(
    levels: Levels, truth: Truth
) -> None:
    sweep = sweep_image(levels, truth)
    overlap, jaccard = figure("dice", sweep), figure("iou", sweep)
    defined = ~np.isnan(overlap)
    assert np.array_equal(defined, ~np.isnan(jaccard))
    assert (jaccard[defined] <= overlap[defined]).all()
    assert np.allclose(overlap[defined], 2 * jaccard[defined] / (1 + jaccard[defined]))


@given(LEVELS, TRUTH)
def test_flips_turns_and_shuffled_pixels_change_nothing(levels: Levels, truth: Truth) -> None:
    sweep = sweep_image(levels, truth)
    for turned in (
        sweep_image(levels[::-1], truth[::-1]),
        sweep_image(levels[:, ::-1], truth[:, ::-1]),
        sweep_image(np.rot90(levels), np.rot90(truth)),
        sweep_image(levels.reshape(-1), truth.reshape(-1)),
    ):
        assert same(sweep, turned)


@given(st.lists(st.tuples(LEVELS, TRUTH), min_size=1, max_size=4))
def test_streaming_is_stacking_and_pooling_is_one_large_image(
    images: list[tuple[Levels, Truth]],
) -> None:
    stream = concatenate(sweep_image(levels, truth) for levels, truth in images)
    assert stream.tp.shape == (len(images), STEPS + 1)
    for n, (levels, truth) in enumerate(images):
        alone = sweep_image(levels, truth)
        assert counts(stream, 300, n) == counts(alone, 300)
        assert stream.positives[n] == alone.positives[0]
    large = sweep_image(
        np.concatenate([levels for levels, _ in images]),
        np.concatenate([truth for _, truth in images]),
    )
    assert same(stream.pooled(), large)
    backwards = concatenate(sweep_image(levels, truth) for levels, truth in reversed(images))
    assert same(backwards.pooled(), large)


def test_where_a_figure_is_nothing_over_nothing_it_is_undefined() -> None:
    nothing, everything = np.zeros((2, 2), np.uint16), np.full((2, 2), STEPS, np.uint16)
    empty, full = np.zeros((2, 2), bool), np.ones((2, 2), bool)

    def undefined(levels: Levels, truth: Truth) -> set[str]:
        sweep = sweep_image(levels, truth)
        return {name for name in METRICS if np.isnan(figure(name, sweep)[0, 500])}

    assert undefined(nothing, empty) == {"dice", "iou", "precision", "recall"}
    assert undefined(everything, empty) == {"recall"}
    assert undefined(nothing, full) == {"precision", "specificity"}
    assert undefined(everything, full) == {"specificity"}
    sweep = sweep_image(everything, empty)
    assert figure("dice", sweep)[0, 500] == figure("iou", sweep)[0, 500] == 0


def test_a_figure_takes_any_shape() -> None:
    four = [np.full((2, 3), n) for n in (1, 1, 1, 1)]
    assert dice(*four).shape == iou(*four).shape == (2, 3)
    assert dice(*four).dtype == np.float64


def test_counts_do_not_overflow() -> None:
    levels = np.full((1, 2**20), STEPS, np.uint16)
    one = sweep_image(levels, np.ones(levels.shape, bool))
    pooled = concatenate([one] * 5000).pooled()
    assert counts(pooled, 500) == [5000 * 2**20, 0, 0, 0]
    assert dice(pooled.tp, pooled.fp, pooled.fn, pooled.tn)[0, 500] == 1


def test_images_and_truths_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        sweep_image(np.zeros((2, 3), np.uint16), np.zeros((3, 2), bool))


def test_any_value_but_zero_is_foreground() -> None:
    levels = np.array([0, 400, 1000], np.uint16)
    assert same(
        sweep_image(levels, np.array([0, 255, 1], np.uint8)),
        sweep_image(levels, np.array([False, True, True])),
    )
