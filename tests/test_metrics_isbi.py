"""V_rand and V_info against scikit-learn and scikit-image, and what border thinning forgives."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from core.metrics.isbi import (
    information_score,
    membrane_scores,
    rand_score,
    segments,
    thinned_segments,
)

Labels = NDArray[np.int64]


def partitions() -> dict[str, tuple[Labels, Labels]]:
    """Prediction and truth, 0 for membrane."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:60, :70]
    truth = (y // 15) * 5 + x // 14 + 1
    truth[(y % 15 == 0) | (x % 14 == 0)] = 0
    merged = np.where(truth == 7, 8, truth)
    split = np.where((truth == 7) & (x > 20), 99, truth)
    random = generator.integers(0, 6, truth.shape)
    return {
        "merged": (merged, truth),
        "split": (split, truth),
        "wide membrane": (np.where((y % 15 < 3) | (x % 14 < 3), 0, truth), truth),
        "shifted": (np.roll(truth, 2, axis=1), truth),
        "random": (random, truth),
        "nothing but cell": (np.ones_like(truth), truth),
        "nothing but membrane": (np.zeros_like(truth), truth),
        "no membrane at all": (random + 1, truth + 1),
        "perfect": (truth, truth),
    }


PARTITIONS = partitions()


def restricted(prediction: Labels, truth: Labels) -> tuple[Labels, Labels]:
    """Pixels of the truth's cells; predicted membrane there as segments of one pixel."""
    found, real = prediction[truth != 0].copy(), truth[truth != 0]
    alone = found == 0
    found[alone] = 1000 + np.arange(alone.sum())
    return found, real


@pytest.mark.parametrize("name", PARTITIONS)
def test_scikit_learn_agrees(name: str) -> None:
    from sklearn.metrics import homogeneity_completeness_v_measure
    from sklearn.metrics.cluster import pair_confusion_matrix

    found, real = restricted(*PARTITIONS[name])
    (_, joined), (cut, together) = pair_confusion_matrix(real, found)
    itself = len(real)  # scikit-learn makes no pair of a pixel with itself, the challenge does
    rand = rand_score(*PARTITIONS[name])
    assert rand.split == pytest.approx((together + itself) / (together + cut + itself), abs=1e-9)
    assert rand.merge == pytest.approx((together + itself) / (together + joined + itself), abs=1e-9)
    assert rand.score == pytest.approx(2 / (1 / rand.split + 1 / rand.merge), abs=1e-9)
    information = information_score(*PARTITIONS[name])
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(real, found)
    assert information.score == pytest.approx(v_measure, abs=1e-9)
    assert information.merge == pytest.approx(homogeneity, abs=1e-9)
    if not np.isnan(information.split):
        assert information.split == pytest.approx(completeness, abs=1e-9)


@pytest.mark.parametrize("name", PARTITIONS)
def test_scikit_image_agrees_but_for_pairs_of_a_pixel_with_itself(name: str) -> None:
    from skimage.metrics import adapted_rand_error, variation_of_information

    found, real = restricted(*PARTITIONS[name])
    # Its "precision" divides by the pairs of the truth, which makes it the split score.
    with np.errstate(invalid="ignore"):  # where every predicted segment is one pixel
        error, split, merge = adapted_rand_error(real, found, ignore_labels=())  # type: ignore[no-untyped-call]
    rand = rand_score(*PARTITIONS[name])
    if name != "nothing but membrane":
        theirs = [split, merge, 1 - error]
        assert [rand.split, rand.merge, rand.score] == pytest.approx(theirs, abs=0.01)
    split_bits, merge_bits = variation_of_information(real, found, ignore_labels=())  # type: ignore[no-untyped-call]
    shares = np.unique(real, return_counts=True)[1] / len(real)
    real_bits = -(shares * np.log2(shares)).sum()
    information = information_score(*PARTITIONS[name])
    assert information.merge == pytest.approx(1 - merge_bits / real_bits, abs=1e-9)
    found_bits = real_bits - merge_bits + split_bits
    if not np.isnan(information.split):
        assert information.split == pytest.approx(1 - split_bits / found_bits, abs=1e-9)


def test_scikit_image_takes_all_predicted_membrane_as_one_segment() -> None:
    from skimage.metrics import adapted_rand_error

    prediction, truth = PARTITIONS["wide membrane"]
    theirs = 1 - adapted_rand_error(truth, prediction)[0]  # type: ignore[no-untyped-call]
    ours = rand_score(prediction, truth).score
    assert ours == pytest.approx(0.6907, abs=1e-4)
    assert theirs == pytest.approx(0.3941, abs=1e-4)


def test_with_a_pencil() -> None:
    # Two real cells of 2 pixels; predicted: one cell of 3 pixels and one pixel of membrane.
    truth = np.array([1, 1, 0, 2, 2])
    prediction = np.array([4, 4, 4, 4, 0])
    rand = rand_score(prediction, truth)
    # Shares ½, ¼, ¼ of pairs; ½, ½ of real; ¾, ¼ of predicted segments.
    both, real, found = 1 / 4 + 1 / 16 + 1 / 16, 1 / 2, 9 / 16 + 1 / 16
    assert rand.split == pytest.approx(both / real)
    assert rand.merge == pytest.approx(both / found)
    information = information_score(prediction, truth)
    of_real, of_pairs = np.log(2), 0.5 * np.log(2) + 0.5 * np.log(4)
    of_found = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    shared = of_real + of_found - of_pairs
    assert information.split == pytest.approx(shared / of_found)
    assert information.merge == pytest.approx(shared / of_real)


def test_a_split_costs_the_split_score_and_a_merger_the_merge_score() -> None:
    for score in (rand_score, information_score):
        split, merged = score(*PARTITIONS["split"]), score(*PARTITIONS["merged"])
        assert split.split < 1 == pytest.approx(split.merge)
        assert merged.merge < 1 == pytest.approx(merged.split)
        perfect = score(*PARTITIONS["perfect"])
        assert [perfect.split, perfect.merge, perfect.score] == pytest.approx([1, 1, 1])


def test_degenerate_partitions() -> None:
    nothing, cell = np.zeros((3, 4), int), np.ones((3, 4), int)
    assert np.isnan(rand_score(cell, nothing).score)
    assert np.isnan(information_score(cell, nothing).score)
    assert np.isnan(information_score(cell, cell).score), "a single segment holds no information"
    assert rand_score(cell, cell).score == 1
    halves = cell + (np.arange(12).reshape(3, 4) > 5)
    lost = information_score(cell, halves)
    assert (lost.score, lost.merge) == (0, 0)
    assert np.isnan(lost.split)
    assert rand_score(nothing, cell).score == pytest.approx(2 * 12 / (144 + 12))


@given(
    arrays(np.int64, (5, 6), elements=st.integers(0, 4)),
    arrays(np.int64, (5, 6), elements=st.integers(0, 4)),
)
def test_scores_stay_between_nought_and_one_and_numbers_do_not_matter(
    one: Labels, other: Labels
) -> None:
    for score in (rand_score, information_score):
        ours = score(one, other)
        for part in (ours.split, ours.merge, ours.score):
            assert np.isnan(part) or -1e-12 <= part <= 1 + 1e-12
        renamed = score(np.array([0, 9, 3, 70, 2])[one], np.array([0, 4, 3, 2, 1])[other])
        assert renamed.score == pytest.approx(ours.score, nan_ok=True)
        assert score(one.T, other.T).score == pytest.approx(ours.score, nan_ok=True)


def cells(width: int, *, gap: bool = False) -> NDArray[np.bool_]:
    """Four cells in a cross of membranes of this width."""
    interior = np.ones((61, 61), bool)
    half = width // 2
    interior[30 - half : 31 + half], interior[:, 30 - half : 31 + half] = False, False
    if gap:
        interior[10:14] = True
    return interior


def test_the_width_of_a_membrane_costs_nothing_and_a_gap_in_it_much() -> None:
    truth = cells(3)
    for width in (1, 3, 9, 15):
        for score in membrane_scores(cells(width), truth):
            assert score.score == pytest.approx(1), width
    assert rand_score(segments(cells(15)), segments(truth)).score < 0.9, "without thinning"
    torn = [score.score for score in membrane_scores(cells(3, gap=True), truth)]
    assert max(torn) < 0.9


def test_thinned_membranes_are_one_pixel_wide_and_part_four_neighbours() -> None:
    lines = thinned_segments(cells(9))
    assert set(np.unique(lines)) == {0, 1, 2, 3, 4}
    assert ((lines[:28] == 0).sum(axis=1) == 1).all()
    assert ((lines[:, 34:] == 0).sum(axis=0) == 1).all()
    assert segments(np.eye(3, dtype=bool)).max() == 3, "corners do not join"
    assert not thinned_segments(np.zeros((4, 5), bool)).any()


@pytest.mark.realdata
def test_a_real_section_scores_one_against_itself_and_less_when_eroded(realdata: Path) -> None:
    import tifffile
    from scipy.ndimage import binary_dilation, binary_erosion

    truth = tifffile.imread(realdata / "isbi2012_em" / "train-labels.tif", key=0) > 0
    perfect = membrane_scores(truth, truth)
    assert [score.score for score in perfect] == pytest.approx([1, 1])
    wide = membrane_scores(np.asarray(binary_erosion(truth)), truth)
    torn = membrane_scores(np.asarray(binary_dilation(truth, iterations=2)), truth)
    assert min(score.score for score in wide) > 0.95
    assert max(score.score for score in torn) < min(score.score for score in wide)
