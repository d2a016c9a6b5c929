"""A network on a part of a data set → numbers with their conventions, at native resolution."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from core.data.base import Dataset, Sample
from core.levels import STEPS
from core.metrics.overlap import METRICS, Figure
from core.metrics.sweep import Sweep, concatenate, sweep_image
from core.predict import Predictor

RESAMPLES = 2000
IMPLEMENTATION = "isoline core.metrics, exact pixel counts"


def sweep_samples(
    predictor: Predictor,
    dataset: Dataset,
    samples: Sequence[Sample],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Sweep:
    """Counts of every sample at every threshold; images are read and dropped one by one."""
    sweeps = []
    for n, sample in enumerate(samples):
        levels = predictor.levels(dataset.image(sample))
        sweeps.append(sweep_image(levels, dataset.truth(sample)))
        if progress:
            progress(n + 1, len(samples))
    return concatenate(sweeps)


def summarize(
    sweep: Sweep,
    samples: Sequence[Sample],
    *,
    k: int,
    model: str,
    dataset: str,
    split: str,
    split_hash: str,
    threshold_source: str,
) -> dict[str, Any]:
    """The evaluation document: pooled and per-image figures at one threshold.

    Args:
        sweep: Counts of the samples.
        samples: In the order of the sweep.
        k: Index of the threshold.
        model: Name of the run or the shipped model.
        dataset: Key of ``DATASETS``.
        split: Part that was evaluated.
        split_hash: Of the split it belongs to; empty where all images were taken.
        threshold_source: Where the threshold came from, in words.
    """
    pooled = sweep.pooled()
    per_image = {name: _figure(metric, sweep, k) for name, metric in METRICS.items()}
    groups = [sample.group for sample in samples]
    rows = [
        {
            "id": sample.id,
            "group": sample.group,
            "label": sample.label,
            **{name: _json(values[n]) for name, values in per_image.items()},
        }
        for n, sample in enumerate(samples)
    ]
    return {
        "model": model,
        "dataset": dataset,
        "split": split,
        "split_hash": split_hash,
        "n_images": len(samples),
        "n_patients": len(set(groups)),
        "threshold": k / STEPS,
        "threshold_source": threshold_source,
        "resolution": "native",
        "empties": "skip: an image where a figure is 0/0 does not enter its mean",
        "pooled": {name: _json(_figure(metric, pooled, k)[0]) for name, metric in METRICS.items()},
        "baseline_all_foreground": {
            name: _json(_figure(METRICS[name], pooled, 0)[0]) for name in ("dice", "iou")
        },
        "per_image": {name: _spread(values) for name, values in per_image.items()},
        "conventions": {
            "pooled": "one confusion matrix over all pixels of all images",
            "per_image": "mean and median over images, each image counts the same",
            "ci95": f"percentile bootstrap of the mean over images, {RESAMPLES} resamples",
            "baseline_all_foreground": "pooled, every pixel marked as foreground",
            "foreground": "probability >= threshold, float32",
            "implementation": IMPLEMENTATION,
        },
        "images": rows,
    }


def _figure(metric: Callable[..., Figure], sweep: Sweep, k: int) -> Figure:
    return metric(sweep.tp[:, k], sweep.fp[:, k], sweep.fn[:, k], sweep.tn[:, k])


def _spread(values: Figure) -> dict[str, Any]:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return {"mean": None, "median": None, "ci95": None, "n": 0}
    picks = np.random.default_rng(0).integers(0, len(defined), (RESAMPLES, len(defined)))
    low, high = np.percentile(defined[picks].mean(axis=1), [2.5, 97.5])
    return {
        "mean": float(defined.mean()),
        "median": float(np.median(defined)),
        "ci95": [float(low), float(high)],
        "n": len(defined),
    }


def _json(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
