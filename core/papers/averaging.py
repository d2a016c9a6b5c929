"""IoU above Dice: which averagings give such a pair.

Dice = 2 IoU / (1 + IoU), so of one class on one confusion matrix Dice is never below IoU, and no
mean over the same classes and images can turn that round. A table that prints a mean IoU above its
Dice has averaged the two columns differently. Here every typical way is computed, of a network or
of a drawn confusion matrix that can be followed with a pencil.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.metrics.overlap import dice, iou
from core.papers.conventions import SplitCounts, one_against_rest

Counts = NDArray[np.int64]

PENCIL: Counts = np.array(
    [
        [985_000, 500, 2_300, 200],
        [500, 1_500, 250, 150],
        [2_100, 200, 5_500, 150],
        [250, 150, 150, 1_100],
    ]
)
"""A million pixels of one drawn brain: truth by row, decision by column; background, necrosis,
oedema, enhancing tumour, in about the shares of BraTS."""

AVERAGINGS = {
    "all classes": "mean over background and the three tumour classes, all images together",
    "tumour classes": "mean over the three tumour classes, all images together",
    "tumour or not": "background and whole tumour as two classes, averaged, all images together",
    "whole tumour": "the whole tumour against the rest, all images together",
    "per image, empties 1": "tumour classes in each image, a class that neither has counts 1",
    "per image, empties 0": "tumour classes in each image, a class that neither has counts 0",
    "cast to whole numbers": "MeanIoU fed with probabilities: only those of exactly 1 count",
}
"""Averaging → what it is."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A printed IoU and Dice, and the two averagings that come nearest."""

    iou: float
    dice: float
    iou_way: str
    dice_way: str
    ours: tuple[float, float]
    """IoU and Dice by those two averagings."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "printed": {"iou": self.iou, "dice": self.dice},
            "ours": {"iou": self.ours[0], "dice": self.ours[1]},
            "iou_way": f"{self.iou_way}: {AVERAGINGS[self.iou_way]}",
            "dice_way": f"{self.dice_way}: {AVERAGINGS[self.dice_way]}",
        }


def averagings(
    confusion: Counts, *, certain: Counts | None = None
) -> dict[str, tuple[float, float]]:
    """IoU and Dice by every averaging of ``AVERAGINGS`` that can be computed.

    Args:
        confusion: Shape (N, L, L), truth by row, background first.
        certain: As ``SplitCounts.certain``; None leaves that way out.
    """
    together = confusion.sum(axis=0)
    tumour = np.stack(
        [
            [confusion[:, 0, 0], confusion[:, 0, 1:].sum(axis=1)],
            [confusion[:, 1:, 0].sum(axis=1), confusion[:, 1:, 1:].sum(axis=(1, 2))],
        ]
    ).transpose(2, 0, 1)  # (N, 2, 2)
    whole, two = one_against_rest(together), one_against_rest(tumour.sum(axis=0))
    each = one_against_rest(confusion)
    found = {}
    for averaging, counts, part in (
        ("all classes", whole, slice(None)),
        ("tumour classes", whole, slice(1, None)),
        ("tumour or not", two, slice(None)),
        ("whole tumour", two, slice(1, None)),
    ):
        found[averaging] = tuple(float(np.nanmean(metric(*counts)[part])) for metric in (iou, dice))
    for empties in (1, 0):
        found[f"per image, empties {empties}"] = tuple(
            float(np.nan_to_num(metric(*each)[:, 1:], nan=empties).mean()) for metric in (iou, dice)
        )
    if certain is not None:
        tp, fp, fn, tn = certain.sum(axis=0).astype(np.float64)
        both = np.array([tp, tn]), np.array([fp, fn]), np.array([fn, fp]), np.array([tn, tp])
        found["cast to whole numbers"] = tuple(
            float(np.nanmean(metric(*both))) for metric in (iou, dice)
        )
    return {averaging: (pair[0], pair[1]) for averaging, pair in found.items()}


def of_counts(counted: SplitCounts) -> dict[str, tuple[float, float]]:
    """The averagings of a network's decisions on a split of the data."""
    return averagings(counted.confusion, certain=counted.certain)


def nearest_pair(found: dict[str, tuple[float, float]], *, iou: float, dice: float) -> Pair:
    """The two averagings whose IoU and Dice come nearest to a printed pair."""
    iou_way = min(found, key=lambda averaging: abs(found[averaging][0] - iou))
    dice_way = min(found, key=lambda averaging: abs(found[averaging][1] - dice))
    return Pair(
        iou=iou,
        dice=dice,
        iou_way=iou_way,
        dice_way=dice_way,
        ours=(found[iou_way][0], found[dice_way][1]),
    )
