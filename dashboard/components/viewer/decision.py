"""What was decided in a viewer: threshold, post-processing, corrections, and their mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.levels import STEPS, LevelMap, mask_at
from core.threshold.postprocessing import PostProcessing, clean

Runs = tuple[int, ...]
"""Pixels row by row: how many outside, how many inside, how many outside, …"""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How a level map becomes a mask."""

    k: int
    """The threshold, 0…1000."""
    post_processing: PostProcessing = field(default_factory=PostProcessing)
    """Applied to the mask at the threshold, before corrections."""
    added: Runs = ()
    """Pixels put in manually, foreground at every threshold."""
    removed: Runs = ()
    """Pixels taken out manually."""

    @property
    def corrected_px(self) -> tuple[int, int]:
        """How many pixels were put in and taken out manually."""
        return sum(self.added[1::2]), sum(self.removed[1::2])

    def mask(self, levels: LevelMap) -> NDArray[np.bool_]:
        """Foreground of a level map, shape (H, W): exactly what the viewer paints."""
        mask = clean(mask_at(levels, self.k), self.post_processing)
        if self.added:
            mask |= covered(self.added, levels.shape)
        if self.removed:
            mask &= ~covered(self.removed, levels.shape)
        return mask

    @property
    def words(self) -> str:
        """In a line, as in a table or report."""
        parts = [f"threshold {self.k / STEPS:.3f}", *self.post_processing.phrases]
        added, removed = self.corrected_px
        if added or removed:
            parts.append(f"corrected manually: {added:,} px put in, {removed:,} px taken out")
        return ", ".join(parts)


def covered(runs: Runs, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels inside the runs, of an array of this shape."""
    inside = np.zeros(shape, np.bool_)
    flat, at = inside.reshape(-1), 0
    for gap, length in zip(runs[::2], runs[1::2], strict=True):
        flat[at + gap : at + gap + length] = True
        at += gap + length
    return inside


def decided(choice: object, *, map_digest: str, start: Decision, pixels: int) -> Decision:
    """The decision in a browser's answer; ``start`` where it is for another map or none at all.

    Args:
        choice: What the browser sent; nothing about it is trusted.
        map_digest: Names the level map on show.
        start: What the viewer began with.
        pixels: Of the map.
    """
    if not isinstance(choice, Mapping):
        return start
    if choice.get("map") != map_digest or choice.get("start") != start.k:
        return start
    k, area = _count(choice.get("k"), STEPS), _count(choice.get("minimum_area_px"), pixels)
    added = _runs(choice.get("added"), pixels)
    removed = _runs(choice.get("removed"), pixels)
    if k is None or area is None or added is None or removed is None:
        return start
    post_processing = PostProcessing(
        minimum_area_px=area, fill_holes=choice.get("fill_holes") is True
    )
    return Decision(k=k, post_processing=post_processing, added=added, removed=removed)


def _count(value: object, most: int) -> int | None:
    """The number, where it is a whole one of 0…``most``."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= most else None


def _runs(values: object, pixels: int) -> Runs | None:
    """Runs that fit a map; None where they do not."""
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) % 2:
        return None
    counts = [_count(value, pixels) for value in values]
    known = tuple(count for count in counts if count is not None)
    return known if len(known) == len(counts) and sum(known) <= pixels else None
