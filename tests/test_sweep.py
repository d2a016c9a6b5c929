"""The sweep: exact counts at every threshold, and the scores that follow from them."""

import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from core.levels import STEPS, level_map, mask_at
from core.metrics.overlap import METRICS, dice, iou
from core.metrics.sweep import (
    Sweep,
    concatenate,
    histograms,
    sweep_image,
    sweep_images,
    sweep_of_histogram,
)
from core.metrics.sweep_device import level_tensor, sweep_batch

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
        "mean_iou": pytest.approx(1 / 3),
        "balanced_accuracy": 0.5,
        "f2": 0.5,
        "mcc": 0,
        "kappa": 0,
        "volumetric_similarity": 1,
        "area_error_px": 0,
        "relative_area_error": 0,
    }
    assert counts(sweep, 0) == [2, 2, 0, 0], "at zero everything is foreground"


def adversarial() -> NDArray[np.float32]:
    """Every threshold and its two neighbours among the floats, and values far from any."""
    thresholds = (np.arange(STEPS + 1) / STEPS).astype(np.float32)
    around = [np.nextafter(thresholds, np.float32(side)) for side in (-1, 2)]
    tiny = np.array([0, 1e-45, 1e-38, 1e-7, 1 - 6e-8], np.float32)
    spread = np.random.default_rng(0).random(3000, dtype=np.float32)
    values = np.concatenate([thresholds, *around, tiny, spread, spread**8, 1 - spread**8])
    return values[(values >= 0) & (values <= 1)]


def test_adversarial_floats_agree_with_the_direct_comparison_everywhere() -> None:
    probability = adversarial()
    truth = np.random.default_rng(1).random(probability.shape) < 0.4
    on_device = level_tensor(torch.from_numpy(probability))
    assert np.array_equal(on_device.numpy(), level_map(probability))
    ours = sweep_image(level_map(probability), truth)
    theirs = sweep_batch(on_device[None], torch.from_numpy(truth)[None])
    assert same(ours, theirs)
    for k in range(STEPS + 1):
        mask = probability >= np.float32(k / 1000)
        direct = [mask & truth, mask & ~truth, ~mask & truth, ~mask & ~truth]
        assert counts(ours, k) == [int(part.sum()) for part in direct], f"threshold {k}/1000"


@pytest.mark.parametrize("wrong", [np.nan, -1e-7, 1.0000001, np.inf])
def test_what_is_no_probability_is_refused(wrong: float) -> None:
    probability = np.array([0.5, wrong, 0.5], np.float32)
    with pytest.raises(ValueError, match="NaN or outside"):
        level_map(probability)
    with pytest.raises(ValueError, match="NaN or outside"):
        level_tensor(torch.from_numpy(probability))


def test_levels_above_the_grid_are_refused() -> None:
    levels = np.array([[0, STEPS + 1]], np.uint16)
    truth = np.zeros((1, 2), bool)
    with pytest.raises(ValueError, match="above 1000"):
        sweep_image(levels, truth)
    with pytest.raises(ValueError, match="outside 0…1000"):
        sweep_batch(torch.tensor([[0, STEPS + 1]]), torch.from_numpy(truth))
    with pytest.raises(ValueError, match="differ in shape"):
        sweep_batch(torch.zeros(1, 2, dtype=torch.int32), torch.zeros(2, 1))


@pytest.mark.parametrize("pixels", range(9))
def test_any_number_of_pixels_is_counted_in_chunks(
    monkeypatch: pytest.MonkeyPatch, pixels: int
) -> None:
    monkeypatch.setattr("core.metrics.sweep.CHUNK", 4)
    levels = np.arange(pixels, dtype=np.uint16) % 3 * 500
    truth = np.arange(pixels) % 2 == 1
    sweep = sweep_image(levels, truth)
    assert sweep.pixels[0] == pixels
    assert sweep.positives[0] == truth.sum()
    for k in (0, 1, 500, 501, 1000):
        mask = levels >= k
        assert counts(sweep, k)[:2] == [int((mask & truth).sum()), int((mask & ~truth).sum())]


@given(arrays(np.uint16, (3, 4, 5), elements=st.integers(0, STEPS)), arrays(np.bool_, (3, 4, 5)))
def test_a_batch_of_tensors_is_its_images(levels: Levels, truth: Truth) -> None:
    batch = sweep_batch(torch.from_numpy(levels.astype(np.int16)), torch.from_numpy(truth))
    assert same(batch, concatenate(map(sweep_image, levels, truth)))


@given(LEVELS, TRUTH)
def test_bands_of_an_image_add_up_and_histograms_come_back(levels: Levels, truth: Truth) -> None:
    whole = sweep_image(levels, truth)
    assert same(whole, sweep_image(levels[:1], truth[:1]) + sweep_image(levels[1:], truth[1:]))
    assert same(whole, sweep_of_histogram(histograms(whole)))
    assert histograms(whole)[0, 1, 700] == ((levels == 700) & truth).sum()


def test_many_images_keep_their_order_and_few_are_held() -> None:
    def image(n: int) -> tuple[Levels, Truth]:
        levels = np.random.default_rng(n).integers(0, STEPS + 1, (n + 1, 7))
        return levels.astype(np.uint16), np.eye(n + 1, 7) > 0

    handed: list[weakref.ref[Levels]] = []
    held = 0

    def stream() -> Iterator[tuple[Levels, Truth]]:
        nonlocal held
        for n in range(60):
            levels, truth = image(n)
            handed.append(weakref.ref(levels))
            held = max(held, sum(one() is not None for one in handed))
            yield levels, truth

    swept = sweep_images(stream())
    assert same(swept, concatenate(sweep_image(*image(n)) for n in range(60)))
    assert len(handed) == 60
    assert held <= 2
    with pytest.raises(ValueError, match="differ in shape"):
        sweep_images([(image(0)[0], image(1)[1])])


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

    overlap = {"dice", "iou", "f2", "volumetric_similarity"}
    one_kind = {"balanced_accuracy", "mcc"}
    no_lesion, no_background = {"recall", "relative_area_error"}, {"specificity"}
    assert undefined(nothing, empty) == overlap | one_kind | no_lesion | {"precision", "kappa"}
    assert undefined(everything, empty) == one_kind | no_lesion
    assert undefined(nothing, full) == one_kind | no_background | {"precision"}
    assert undefined(everything, full) == one_kind | no_background | {"kappa"}
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
