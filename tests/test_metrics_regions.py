"""BraTS regions of old and new labels, and Dice lesion by lesion against a plain recount."""

from collections import deque
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.data.datasets.brats import REGIONS
from core.errors import InputError
from core.metrics.regions import LABELS, LesionScore, lesion_scores, region_masks

Mask = NDArray[np.bool_]


def test_regions_of_old_and_new_labels_are_the_same_tissue() -> None:
    old = np.array([[0, 1, 2, 4], [4, 4, 0, 2]])
    new = np.where(old == 4, 3, old)
    before, after = (
        region_masks(old, scheme="brats2018-2022"),
        region_masks(new, scheme="brats2023"),
    )
    assert {name: mask.sum() for name, mask in before.items()} == {"WT": 6, "TC": 4, "ET": 3}
    for name, mask in before.items():
        assert np.array_equal(mask, after[name])
    assert LABELS["brats2023"] == REGIONS, "the class maps of the data set are numbered so"
    with pytest.raises(InputError, match="unknown label scheme 'brats2012'; choose one of"):
        region_masks(old, scheme="brats2012")


def pieces(mask: Mask) -> list[set[tuple[int, ...]]]:
    """Pieces that touch at faces, edges or corners, pixel by pixel."""
    left = {tuple(int(n) for n in place) for place in np.argwhere(mask)}
    steps = list(product((-1, 0, 1), repeat=mask.ndim))
    found = []
    while left:
        start = left.pop()
        piece, waiting = {start}, deque([start])
        while waiting:
            place = waiting.popleft()
            for step in steps:
                beside = tuple(a + b for a, b in zip(place, step, strict=True))
                if beside in left:
                    left.remove(beside)
                    piece.add(beside)
                    waiting.append(beside)
        found.append(piece)
    return found


def dilated(
    piece: set[tuple[int, ...]], steps: int, shape: tuple[int, ...]
) -> set[tuple[int, ...]]:
    """Grown by faces and edges."""
    moves = [s for s in product((-1, 0, 1), repeat=len(shape)) if sum(map(abs, s)) <= 2]
    inside = set(product(*map(range, shape)))
    for _ in range(steps):
        around = {
            tuple(a + b for a, b in zip(place, step, strict=True))
            for place in piece
            for step in moves
        }
        piece = around & inside
    return piece


def recount(prediction: Mask, truth: Mask, *, dilation: int, smallest: float) -> LesionScore:
    """The definition, in sets of pixels."""
    everything = {place for piece in pieces(truth) for place in piece}
    grown = np.zeros(truth.shape, bool)
    for place in dilated(everything, dilation, truth.shape):
        grown[place] = True
    lesions = [piece & everything for piece in pieces(grown)]
    marks = pieces(prediction)
    touched: set[int] = set()
    dice, found = [], 0
    for lesion in lesions:
        around = dilated(lesion, dilation, truth.shape)
        hits = [n for n, mark in enumerate(marks) if mark & around]
        touched.update(hits)
        if len(lesion) > smallest:
            mark = set().union(*(marks[n] for n in hits))
            dice.append(2 * len(mark & lesion) / (len(mark) + len(lesion)))
            found += bool(hits)
    return LesionScore(tuple(dice), found, len(dice) - found, len(marks) - len(touched))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [(24, 26), (9, 10, 11)])
def test_a_plain_recount_agrees(seed: int, shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(seed)
    truth, prediction = np.zeros(shape, bool), np.zeros(shape, bool)
    for n in range(5):
        corner = [int(generator.integers(0, side - 3)) for side in shape]
        box = tuple(slice(a, a + int(generator.integers(1, 4))) for a in corner)
        truth[box] = True
        if n != 1:
            prediction[tuple(slice(s.start + 1, s.stop + 1) for s in box)] = True
    prediction[(-1,) * len(shape)] = True
    for dilation, smallest in ((0, 0), (1, 2), (3, 5)):
        ours = lesion_scores(prediction, truth, dilation=dilation, smallest_mm3=smallest)
        theirs = recount(prediction, truth, dilation=dilation, smallest=smallest)
        assert sorted(ours.dice) == pytest.approx(sorted(theirs.dice))
        assert (ours.found, ours.missed, ours.false) == (theirs.found, theirs.missed, theirs.false)


def test_with_a_pencil() -> None:
    truth, prediction = np.zeros((30, 30), bool), np.zeros((30, 30), bool)
    truth[2:12, 2:12] = True  # 100 px, found but for half
    prediction[2:12, 2:7] = True
    truth[20:28, 20:28] = True  # 64 px, missed
    truth[2:4, 25:27] = True  # 4 px, too small to count
    prediction[2:4, 25] = True  # and not false either
    prediction[28, 2] = True  # a false one of a single pixel
    score = lesion_scores(prediction, truth)
    assert score.dice == pytest.approx((2 * 50 / 150, 0))
    assert (score.found, score.missed, score.false) == (1, 1, 1)
    assert score.lesion_wise_dice == pytest.approx((2 / 3 + 0 + 0) / 3)
    half = lesion_scores(prediction, truth, voxel_mm3=0.5)
    assert (half.found, half.missed) == (0, 0), "100 px are then 50 mm³, which is not above 50"


def test_nothing_is_undefined_and_perfect_is_one() -> None:
    empty, full = np.zeros((4, 5, 6), bool), np.ones((4, 5, 6), bool)
    assert np.isnan(lesion_scores(empty, empty).lesion_wise_dice)
    assert lesion_scores(empty, full).lesion_wise_dice == 0
    assert lesion_scores(full, empty).lesion_wise_dice == 0
    assert lesion_scores(full, full).lesion_wise_dice == 1
    with pytest.raises(ValueError, match="differ in shape"):
        lesion_scores(full, full[:2])


@pytest.mark.realdata
def test_a_real_case_against_itself_and_against_a_piece_of_it(realdata: Path) -> None:
    import nibabel

    folder = realdata / "brats2018"
    volume = nibabel.Nifti1Image.from_filename(next(folder.glob("*/*_seg.nii.gz")))
    labels = np.asarray(volume.dataobj)[:, :, 40:110:2]
    for name, mask in region_masks(labels, scheme="brats2018-2022").items():
        whole = lesion_scores(mask, mask)
        assert whole.lesion_wise_dice == pytest.approx(1), name
        assert whole.found >= 1
        cut = mask.copy()
        cut[: cut.shape[0] // 2] = False
        assert lesion_scores(cut, mask).lesion_wise_dice < 1
