"""Threshold and post-processing chosen together, on validation.

Post-processing changes a mask at every threshold anew, so the counts are no look-up: each mask is
made and labelled. Therefore the search is coarse first (every 25th threshold, every candidate) and
then fine (every threshold within 25 of the best, for the best candidate alone).
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.levels import STEPS, LevelMap, mask_at
from core.metrics.sweep import Sweep
from core.threshold.operating_point import NUDGE, OperatingPoint, decide, refuse_other_splits
from core.threshold.postprocessing import PostProcessing, components, filled, kept
from core.threshold.rules import Rule, Tally, parse_rule

AREAS_PX = (0, 16, 64, 256, 1024)
COARSE = 25
CANDIDATES = tuple(
    PostProcessing(minimum_area_px=area, fill_holes=fill, largest_component=largest)
    for fill in (False, True)
    for area, largest in (*((area, False) for area in AREAS_PX), (0, True))
)
"""What a search tries; of equally good ones the first is taken, so doing nothing comes first."""

Maps = Iterable[tuple[LevelMap, NDArray[np.bool_ | np.uint8]]]
"""Level map and truth of every image; gone through twice."""


def choose_with_post_processing(
    maps: Maps,
    *,
    rule: str | Rule,
    post_processing: PostProcessing | None,
    split: str,
    dataset: str,
    split_hash: str,
    groups: Sequence[str] | None = None,
) -> OperatingPoint:
    """Choose a threshold for cleaned masks.

    Args:
        maps: Of the validation images.
        rule: One of ``RULES``.
        post_processing: Fixed beforehand; None searches ``CANDIDATES``.
        split: The split that the maps are of.
        dataset: Its data set.
        split_hash: Its split.
        groups: Patient of each image.

    Raises:
        InputError: The part is not ``val``, no threshold satisfies the rule, or the rule is a
            guarantee and the post-processing would break it.
    """
    refuse_other_splits(split)
    parsed = parse_rule(rule)
    if parsed.kind == "guarantee":
        _refuse_broken_guarantee(parsed.text, post_processing)
    candidates = CANDIDATES if post_processing is None else (post_processing,)
    coarse = np.arange(0, STEPS + 1, COARSE)
    tallies = tally_masks(maps, candidates, coarse)
    ones = np.ones((1, len(tallies[0].sweep.positives)))
    scores = [parsed.score(tally, ones)[0] for tally in tallies]
    best = int(np.argmax([score.max() for score in scores]))
    around = int(coarse[scores[best].argmax()])
    reach = COARSE + NUDGE  # the area is also measured a nudge beyond the point
    fine = np.arange(max(around - reach, 0), min(around + reach, STEPS) + 1)
    ks = np.union1d(coarse, fine)
    (tally,) = tally_masks(maps, candidates[best : best + 1], ks)
    return decide(
        tally,
        rule=parsed,
        dataset=dataset,
        split_hash=split_hash,
        groups=groups,
        post_processing=candidates[best],
    )


def tally_masks(
    maps: Maps, candidates: Sequence[PostProcessing], ks: NDArray[np.int64]
) -> list[Tally]:
    """Counts of the cleaned masks at some thresholds, for each candidate.

    Masks of candidates that agree on filling holes are labelled once.
    """
    rows = [_tally_image(levels, truth != 0, candidates, ks) for levels, truth in maps]
    counts = np.stack([row for row, _, _ in rows])  # (N, candidates, T, 3)
    positives, pixels = (np.array([row[n] for row in rows]) for n in (1, 2))
    return [
        Tally(
            sweep=Sweep(counts[:, c, :, 0], counts[:, c, :, 1], positives, pixels),
            ks=ks,
            false_positives=counts[:, c, :, 2],
        )
        for c in range(len(candidates))
    ]


def _tally_image(
    levels: LevelMap,
    truth: NDArray[np.bool_],
    candidates: Sequence[PostProcessing],
    ks: NDArray[np.int64],
) -> tuple[NDArray[np.int64], int, int]:
    """TP, FP and components off the truth, shape (candidates, T, 3); foreground and pixels."""
    counts = np.zeros((len(candidates), len(ks), 3), dtype=np.int64)
    ordered = sorted(range(len(candidates)), key=lambda c: candidates[c].fill_holes)
    for t, k in enumerate(ks):
        mask = mask_at(levels, int(k))
        for fill, members in groupby(ordered, key=lambda c: candidates[c].fill_holes):
            labels, areas = components(filled(mask) if fill else mask)
            hits = np.bincount(labels[truth], minlength=len(areas))
            for c in members:
                stays = kept(areas, candidates[c])
                found = int(hits[stays].sum())
                wrong = int(areas[stays].sum()) - found
                counts[c, t] = found, wrong, int((hits[stays] == 0).sum())
    return counts, int(truth.sum()), truth.size


def _refuse_broken_guarantee(rule: str, post_processing: PostProcessing | None) -> None:
    if post_processing is None:
        raise InputError(
            f"{rule} is a guarantee, so post-processing cannot be searched on the same images; "
            "name it "
            "beforehand, for example --post-processing fill_holes"
        )
    if post_processing.largest_component:
        raise InputError(
            f"{rule} is a guarantee, and with largest_component a lower threshold can lose a "
            "lesion; leave that step out"
        )
