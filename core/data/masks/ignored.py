"""Pixels that a reference mask says nothing of, for what counts pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.base import Dataset, Sample
from core.data.patches import cut_patch
from core.data.preparation import Prepared
from core.imaging.resize import resize


def ignored_of(dataset: object, sample: Sample) -> NDArray[np.bool_] | None:
    """``dataset.ignored(sample)``; None where every pixel counts.

    Args:
        dataset: A data set or a view of one, some of which know of no such pixels.
        sample: One of its samples.
    """
    asked: Any = getattr(dataset, "ignored", None)
    found: NDArray[np.bool_] | None = None if asked is None else asked(sample)
    return found if found is not None and found.any() else None


def prepared_ignored(
    dataset: Dataset,
    prepared: Prepared,
    rows: list[int],
    *,
    size: int | None = None,
    aspect: str = "stretch",
) -> NDArray[np.uint8] | None:
    """255 where a prepared image is not annotated, shape (N, 1, H, W); None for nowhere.

    Args:
        dataset: The data set that was prepared.
        prepared: What ``prepare`` made of it.
        rows: Which of its rows.
        size: As given to ``prepare``.
        aspect: As given to ``prepare``.
    """
    if not dataset.ignores:
        return None
    samples = {sample.id: sample for sample in dataset.samples}
    side = prepared.masks.shape[2:]
    result = np.zeros((len(rows), 1, *side), np.uint8)
    for n, row in enumerate(rows):
        found = ignored_of(dataset, samples[prepared.ids[row]])
        if found is None:
            continue
        plane = found[None].astype(np.uint8) * np.uint8(255)
        if prepared.patches is not None:
            result[n] = cut_patch(plane, prepared.patches[row], side=side[0])
        else:
            result[n] = resize(plane, size, smooth=False, aspect=aspect) if size else plane
    return result if result.any() else None
