"""Post-processing at all thresholds at once: a level map whose masks are the cleaned masks.

Filling holes and dropping small components keep the order of masks (more before is no less after),
so they act on the level map as a whole: a hole is filled up to the lowest level of the wall around
it, a small peak is cut down to where it is large enough. ``largest_component`` keeps no such order
and cannot be done this way. Reconstruction and area opening: Vincent 1993 and 1994, in
scikit-image.
"""

import numpy as np
from numpy.typing import NDArray

from core.levels import LevelMap
from core.metrics.false_positives import false_positive_components
from core.metrics.sweep import Counts, Sweep, concatenate, sweep_image
from core.threshold.postprocessing import PostProcessing


def post_processed_levels(levels: LevelMap, post_processing: PostProcessing) -> LevelMap:
    """``mask_at(result, k) == clean(mask_at(levels, k), post_processing)`` for all k.

    At threshold 0 every pixel is foreground, also where the whole image is less than the area.

    Args:
        levels: Level map, two or three dimensions.
        post_processing: Without ``largest_component``.
    """
    from skimage.morphology import area_opening, reconstruction  # 0.3 s; only where it is needed

    assert not post_processing.largest_component, "keeps no order of masks"
    result: NDArray[np.integer] = levels
    if post_processing.fill_holes:
        seed = np.full_like(levels, levels.max())
        for axis in range(levels.ndim):
            for border in (0, -1):
                place = (slice(None),) * axis + (border,)
                seed[place] = levels[place]
        straight = np.sum(np.abs(np.indices((3,) * levels.ndim) - 1), axis=0) <= 1
        result = reconstruction(seed, levels, method="erosion", footprint=straight)  # type: ignore[no-untyped-call]
    if post_processing.minimum_area_px > 1:
        result = area_opening(  # type: ignore[no-untyped-call]
            result.astype(np.uint16),
            area_threshold=post_processing.minimum_area_px,
            connectivity=levels.ndim,
        )
    return np.asarray(result, dtype=np.uint16)


class PostProcessedSweeps:
    """Counts of cleaned masks at all thresholds; ``each`` of ``sweep_samples``.

    Args:
        post_processing: Without ``largest_component``.
        components: Whether to count false-positive components too.
    """

    def __init__(self, post_processing: PostProcessing, *, components: bool = False) -> None:
        self.post_processing = post_processing
        self.components = components
        self._sweeps: list[Sweep] = []
        self._marks: list[Counts] = []

    def __call__(self, levels: LevelMap, truth: NDArray[np.bool_ | np.uint8]) -> None:
        """Count one image."""
        cleaned = post_processed_levels(levels, self.post_processing)
        self._sweeps.append(sweep_image(cleaned, truth))
        if self.components:
            self._marks.append(false_positive_components(cleaned, truth))

    def sweep(self) -> Sweep:
        """All images."""
        return concatenate(self._sweeps)

    def false_positives(self) -> Counts | None:
        """Shape (N, T); None where they were not counted."""
        return np.concatenate(self._marks) if self.components else None
