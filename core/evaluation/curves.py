"""Everything about a split that can be drawn over the threshold, as one document.

The page *Threshold* and ``python -m core evaluate --curves FILE`` both come from here, so they
agree digit for digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import choose
from core.evaluation.convention import Convention, labels
from core.levels import STEPS
from core.metrics.aggregation import image_scores
from core.metrics.card import Scores
from core.metrics.overlap import METRICS
from core.metrics.statistics import (
    RESAMPLES,
    Band,
    mean_bands,
    pooled_bands,
    resample_weights,
    resampling_units,
    weighted_counts,
)
from core.metrics.sweep import Counts, Sweep, histograms
from core.threshold.operating_point import middle_of_best
from core.threshold.rules import NEVER


@dataclass(frozen=True, kw_only=True)
class ThresholdCurves:
    """Scores at all T thresholds with 95 % bands; NaN where a metric is 0/0."""

    thresholds: Scores
    """k/1000, shape (T,)."""
    pooled: dict[str, Scores]
    """By key of ``METRICS``, shape (T,)."""
    pooled_band: dict[str, Band]
    """Low and high, each shape (T,)."""
    per_image: dict[str, Scores]
    """Mean over images, shape (T,)."""
    per_image_band: dict[str, Band]
    """Low and high, each shape (T,)."""
    best_index: dict[str, NDArray[np.int64]]
    """For Dice and IoU: each image's own best threshold index, −1 where undefined, shape (N,)."""
    on_truth: Counts
    """Pixels of the truth at each level, shape (T,)."""
    off_truth: Counts
    """The other pixels at each level, shape (T,)."""
    area_px: Scores
    """Mean predicted area of an image, shape (T,)."""
    area_change_percent: Scores
    """Change of that area for a threshold 0.01 higher, in percent of it, shape (T,)."""
    labels: dict[str, dict[str, str]]
    """``pooled`` and ``per_image``: convention, short and long."""
    n_images: int
    """N."""

    def document(self) -> dict[str, Any]:
        """As JSON, null for NaN."""
        return {
            "thresholds": self.thresholds.tolist(),
            "n_images": self.n_images,
            "pooled": _curves(self.pooled, self.pooled_band),
            "per_image": _curves(self.per_image, self.per_image_band),
            "best_index": {name: index.tolist() for name, index in self.best_index.items()},
            "histogram": {"on_truth": self.on_truth.tolist(), "off_truth": self.off_truth.tolist()},
            "area_px": self.area_px.tolist(),
            "area_change_percent": _numbers(self.area_change_percent),
            "labels": self.labels,
        }


def threshold_curves(
    sweep: Sweep,
    *,
    groups: Sequence[str] | None = None,
    scores: Sequence[str] = tuple(METRICS),
    convention: Convention | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ThresholdCurves:
    """All curves of a sweep.

    Args:
        sweep: Counts of the images.
        groups: Patient of each image.
        scores: Keys of ``METRICS``.
        convention: How the sweep was made and what empties count as.
        resamples: For the bands.
        seed: Of the resamples.

    Raises:
        InputError: Unknown metric.
    """
    convention = convention or Convention()
    metrics = {name: choose("metric", name, METRICS) for name in scores}
    weights = resample_weights(len(sweep.positives), resamples=resamples, seed=seed, groups=groups)
    whole = sweep.pooled()
    values = image_scores(sweep, empties=convention.empties, scores=scores)
    off, on = histograms(whole)[0]
    area = (whole.tp + whole.fp)[0] / len(sweep.positives)
    over = resampling_units(groups)
    return ThresholdCurves(
        thresholds=np.arange(STEPS + 1) / STEPS,
        pooled={
            name: metric(whole.tp, whole.fp, whole.fn, whole.tn)[0]
            for name, metric in metrics.items()
        },
        pooled_band=pooled_bands(weighted_counts(sweep, weights), metrics),
        per_image={name: _mean(part) for name, part in values.items()},
        per_image_band={name: mean_bands(part, weights) for name, part in values.items()},
        best_index={
            name: middle_of_best(np.where(np.isnan(values[name]), NEVER, values[name]))
            for name in ("dice", "iou")
            if name in values
        },
        on_truth=on,
        off_truth=off,
        area_px=area,
        area_change_percent=area_change(area),
        labels={
            block: labels(block, n=len(sweep.positives), convention=convention, interval_over=over)
            for block in ("pooled", "per_image")
        },
        n_images=len(sweep.positives),
    )


def area_change(area: Scores, *, nudge: int = 10) -> Scores:
    """Change of an area for a threshold 0.01 higher, in percent of it, from both sides.

    Args:
        area: At all thresholds, shape (T,).
        nudge: Steps of the grid to each side.

    Returns:
        Shape (T,); NaN where the area is 0.
    """
    index = np.arange(len(area))
    below, above = np.maximum(index - nudge, 0), np.minimum(index + nudge, len(area) - 1)
    slope = (area[above] - area[below]) / (above - below) * 10
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(area > 0, 100 * slope / area, np.nan)


def _mean(values: Scores) -> Scores:
    """Over images, shape (N, T) to (T,); NaN where none counts."""
    counted = (~np.isnan(values)).sum(axis=0)
    total = np.nansum(values, axis=0)
    return np.where(counted > 0, total / np.maximum(counted, 1), np.nan)


def _curves(values: dict[str, Scores], bands: dict[str, Band]) -> dict[str, Any]:
    return {
        name: {
            "value": _numbers(curve),
            "low": _numbers(bands[name][0]),
            "high": _numbers(bands[name][1]),
        }
        for name, curve in values.items()
    }


def _numbers(values: Scores) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
