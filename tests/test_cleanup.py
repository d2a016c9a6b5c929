"""Post-processing of masks, with a pencil; and its choice together with the threshold."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from core.errors import InputError
from core.evaluation.convention import Convention, long_label, short_label
from core.levels import STEPS
from core.metrics.overlap import dice
from core.metrics.sweep import sweep_image
from core.threshold.operating_point import OperatingPoint, choose_operating_point
from core.threshold.postprocessing import PostProcessing, clean, filled, parse_post_processing
from core.threshold.postprocessing.search import (
    CANDIDATES,
    choose_with_post_processing,
    tally_masks,
)

RING = np.array(
    [
        [1, 1, 1, 0, 0, 0],
        [1, 0, 1, 0, 0, 1],
        [1, 1, 1, 0, 0, 1],
        [0, 0, 0, 1, 0, 0],
    ],
    bool,
)
MASKS = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))
PART: dict[str, Any] = {"split": "val", "dataset": "phantoms", "split_hash": "0123"}


def pixels(mask: NDArray[np.bool_], **steps: object) -> int:
    return int(clean(mask, PostProcessing(**steps)).sum())  # type: ignore[arg-type]


def test_with_a_pencil() -> None:
    assert pixels(RING) == 11
    assert pixels(RING, fill_holes=True) == 12
    assert pixels(RING, minimum_area_px=3) == 9, "the corner joins the ring, the bar goes"
    assert pixels(RING, minimum_area_px=10) == 0
    assert pixels(RING, minimum_area_px=10, fill_holes=True) == 10, "holes first"
    assert pixels(RING, largest_component=True) == 9
    assert pixels(np.zeros((3, 3), bool), largest_component=True) == 0


@given(MASKS)
def test_holes_are_scipys_and_steps_are_settled_after_one_round(mask: NDArray[np.bool_]) -> None:
    assert np.array_equal(filled(mask), ndimage.binary_fill_holes(mask))
    for steps in CANDIDATES:
        once = clean(mask, steps)
        assert np.array_equal(clean(once, steps), once)
        assert once.shape == mask.shape
    assert np.array_equal(clean(mask, PostProcessing()), mask)


def test_a_volume_is_cleaned_as_a_whole() -> None:
    volume = np.zeros((3, 4, 4), bool)
    volume[:, 0, 0] = True
    volume[1, 3, 3] = True
    assert pixels(volume, largest_component=True) == 3


def test_words_are_read_back() -> None:
    for steps in CANDIDATES:
        assert parse_post_processing(steps.words) == steps
    assert not parse_post_processing("")
    with pytest.raises(
        InputError, match="unknown post-processing 'blur'; choose from minimum_area_px=N"
    ):
        parse_post_processing("fill_holes, blur")
    with pytest.raises(InputError, match="0 or more"):
        PostProcessing(minimum_area_px=-1)


def test_people_read_words_and_no_names_of_settings() -> None:
    every = PostProcessing(minimum_area_px=1200, fill_holes=True, largest_component=True)
    assert every.phrases == (
        "components under 1,200 px dropped",
        "holes filled",
        "only the largest component kept",
    )
    assert PostProcessing(minimum_area_px=1).phrases == (), "drops nothing"
    convention = Convention(post_processing=every)
    long = long_label("pooled", convention=convention, interval_over="images")
    short = short_label("pooled", n=6, convention=convention, point=None)
    assert "Components under 1,200 px dropped, holes filled, only" in long
    assert "holes filled" in short
    assert "_" not in short + long.replace("core.metrics", "")


def noisy(seed: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """A disc that is found, and specks that are not there."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:64, :64]
    truth = (rows - 32) ** 2 + (columns - 30 - seed) ** 2 < 15**2
    level = np.where(truth, 700, 100) + generator.normal(0, 60, truth.shape)
    level[generator.random(truth.shape) < 0.02] = 850
    return np.clip(level, 0, STEPS).astype(np.uint16), truth


def test_counts_of_cleaned_masks_are_those_of_cleaning_each() -> None:
    maps = [noisy(seed) for seed in range(2)]
    ks = np.array([0, 300, 650, 1000])
    for steps, tally in zip(CANDIDATES, tally_masks(maps, CANDIDATES, ks), strict=True):
        for n, (levels, truth) in enumerate(maps):
            for t, k in enumerate(ks):
                mask = clean(levels >= k, steps)
                assert tally.sweep.tp[n, t] == (mask & truth).sum()
                assert tally.sweep.fp[n, t] == (mask & ~truth).sum()
        assert tally.sweep.positives.tolist() == [truth.sum() for _, truth in maps]


def search(rule: str, post_processing: PostProcessing | None) -> OperatingPoint:
    maps = [noisy(seed) for seed in range(12)]
    return choose_with_post_processing(maps, rule=rule, post_processing=post_processing, **PART)


def test_a_search_finds_what_helps_and_beats_the_threshold_alone() -> None:
    maps = [noisy(seed) for seed in range(12)]
    sweep = [sweep_image(*pair) for pair in maps]
    point = search("dice", None)
    assert point.post_processing.minimum_area_px or point.post_processing.largest_component
    alone = max(
        float(dice(*(sum(getattr(one, part)[:, k] for one in sweep) for part in
                     ("tp", "fp", "fn", "tn")))[0])
        for k in range(STEPS + 1)
    )  # fmt: skip
    assert point.value > alone + 0.01
    masks = [(clean(levels >= point.k, point.post_processing), truth) for levels, truth in maps]
    both = sum((mask & truth).sum() for mask, truth in masks)
    assert point.value == pytest.approx(
        2 * both / sum(mask.sum() + truth.sum() for mask, truth in masks)
    )


def test_a_guarantee_with_a_fixed_clean_up_is_exact_and_with_a_searched_one_refused() -> None:
    steps = PostProcessing(minimum_area_px=16, fill_holes=True)
    point = search("fnr<=0.1", steps)
    maps = [noisy(seed) for seed in range(12)]
    (tally,) = tally_masks(maps, [steps], np.arange(500, 800))
    rates = tally.sweep.fn / tally.sweep.positives[:, None]
    kept = (rates.sum(axis=0) + 1) / 13 <= 0.1 + 1e-12
    assert kept[0]
    assert not kept[-1]
    assert point.k == 500 + np.flatnonzero(kept).max()
    assert point.post_processing == steps
    with pytest.raises(InputError, match="cannot be searched on the same images"):
        search("fnr<=0.1", None)
    with pytest.raises(InputError, match="leave that step out"):
        search("fnr<=0.1", PostProcessing(largest_component=True))


def test_only_validation_chooses_a_clean_up() -> None:
    with pytest.raises(InputError, match="val split only, not on test"):
        choose_with_post_processing(
            [noisy(0)], rule="dice", post_processing=None, **{**PART, "split": "test"}
        )


def test_doing_nothing_is_the_threshold_alone() -> None:
    levels, truth = noisy(0)
    plain = choose_operating_point(sweep_image(levels, truth), rule="dice", **PART)
    point = choose_with_post_processing(
        [(levels, truth)], rule="dice", post_processing=PostProcessing(), **PART
    )
    assert point.value == pytest.approx(plain.value, abs=0.002)
