"""The threshold grid: the level map agrees with the comparison in float32, for every float."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import InputError
from core.levels import STEPS, THRESHOLDS, level_map, mask_at, threshold_index


def adversarial() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Floats at, and one and two steps beside, every threshold; the ends and the tiniest ones."""
    values = [THRESHOLDS]
    for direction in (np.float32(-1), np.float32(2)):
        beside = np.nextafter(THRESHOLDS, direction)
        values += [beside, np.nextafter(beside, direction)]
    tiny = np.array([0.0, -0.0, 1e-45, 1e-40, np.finfo(np.float32).tiny, 0.5, 1.0], np.float32)
    everything = np.concatenate([*values, tiny])
    return everything[(everything >= 0) & (everything <= 1)]


def test_every_threshold_agrees_with_the_comparison_it_stands_for() -> None:
    probability = adversarial()
    levels = level_map(probability)
    assert levels.dtype == np.uint16
    for k in range(STEPS + 1):
        direct = probability >= np.float32(k / 1000)
        assert np.array_equal(mask_at(levels, k), direct), f"threshold {k}/1000"


def test_the_grid_is_a_thousand_steps_that_nobody_can_change() -> None:
    assert len(THRESHOLDS) == 1001
    assert THRESHOLDS.dtype == np.float32
    assert [float(THRESHOLDS[k]) for k in (0, 500, 1000)] == [0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        THRESHOLDS[0] = 1


@given(arrays(np.float32, st.integers(1, 50), elements=st.floats(0, 1, width=32)))
def test_a_level_is_the_largest_threshold_reached(
    probability: np.ndarray[tuple[int], np.dtype[np.float32]],
) -> None:
    levels = level_map(probability).astype(int)
    assert (probability >= THRESHOLDS[levels]).all()
    above = levels < STEPS
    assert (probability[above] < THRESHOLDS[levels[above] + 1]).all()


def test_wider_and_narrower_floats_are_compared_as_float32() -> None:
    below_in_float64 = np.array([0.1 - 1e-12, 1 - 1e-12])  # both round up to the threshold
    assert level_map(below_in_float64).tolist() == [100, 1000]
    assert level_map(np.array([0.5, 1], np.float16)).tolist() == [500, 1000]


@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 4), (2, 3, 4)])
def test_any_shape_is_kept(shape: tuple[int, ...]) -> None:
    assert level_map(np.full(shape, 0.25, np.float32)).shape == shape


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1e-6, 1.000001, 2.0])
@pytest.mark.parametrize("place", [0, 2])
def test_what_is_no_probability_is_refused(bad: float, place: int) -> None:
    values = np.array([0.1, 0.5, 0.9], np.float32)
    values[place] = bad
    with pytest.raises(ValueError, match="NaN or outside"):
        level_map(values)


def test_every_threshold_on_the_grid_has_its_index() -> None:
    for k in range(STEPS + 1):
        assert threshold_index(k / STEPS) == k
        assert threshold_index(float(f"{k / STEPS:.3f}")) == k


@pytest.mark.parametrize(
    "threshold", [0.0005, 0.4125, 0.99999, -0.001, 1.001, 2, np.nan, np.inf, -np.inf, 1e308]
)
def test_a_threshold_off_the_grid_is_refused_with_an_example(threshold: float) -> None:
    with pytest.raises(InputError, match=r"not on the grid.* in steps of 0\.001"):
        threshold_index(threshold)
