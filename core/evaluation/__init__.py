"""A network on a split of a data set → numbers with their conventions.

Usually at native resolution, with undefined metrics skipped and the mask as the operating point
makes it; ``Convention`` says what else can be asked for, and the document says what was.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.data.base import Sample
from core.data.masks.ignored import ignored_of
from core.evaluation.convention import AVERAGING, IMPLEMENTATION, INTERVALS, Convention, labels
from core.imaging.resize import inside, resize
from core.inference.predictor import Images, LabelledImages
from core.levels import STEPS, LevelMap, mask_at
from core.metrics.aggregation import EMPTIES, by_group, column, image_scores, spread
from core.metrics.calibration import calibration
from core.metrics.card import Scores
from core.metrics.overlap import METRICS
from core.metrics.ranking import auroc, average_precision
from core.metrics.statistics import (
    RESAMPLES,
    bootstrap,
    pooled_bands,
    resampling_units,
)
from core.metrics.sweep import Sweep, concatenate, sweep_image
from core.threshold.postprocessing import PostProcessing, clean

PLACES = ("file", "row", "slice")
"""Facts of a sample that say where it lies, so no subgroup is made of them."""

Truth = NDArray[np.bool_ | np.uint8]
Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class LevelPredictor(Protocol):
    """Whatever turns a sample into a level map, as ``core.inference.predictor.Predictor``."""

    takes_volumes: bool
    """Whether it sees the slices of a volume together."""

    def sample_levels(self, source: Images, sample: Sample) -> LevelMap:
        """Shape (H, W)."""


class Changed:
    """A data set whose images are shown otherwise than they are.

    Args:
        whole: What it is of.
        image: Changes an image of shape (H, W) or (H, W, C).
        truth: Changes a mask of shape (H, W) to fit.
    """

    def __init__(self, whole: LabelledImages, *, image: Change, truth: Change) -> None:
        self.samples = whole.samples
        self._whole, self._image, self._truth = whole, image, truth

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """The image of a sample, changed."""
        return np.ascontiguousarray(self._image(self._whole.image(sample)))

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """The mask of a sample, changed."""
        return np.ascontiguousarray(self._truth(self._whole.truth(sample)))

    def ignored(self, sample: Sample) -> NDArray[np.bool_] | None:
        """Pixels of a sample that are not annotated, changed as its mask; None for none."""
        found = ignored_of(self._whole, sample)
        return None if found is None else self._truth(found.astype(np.uint8)) > 0


def sweep_samples(
    predictor: LevelPredictor,
    dataset: LabelledImages,
    samples: Sequence[Sample],
    *,
    convention: Convention | None = None,
    progress: Callable[[int, int], None] | None = None,
    each: Callable[[LevelMap, Truth], None] | None = None,
    cleaned: "PostProcessedCounts | None" = None,
) -> Sweep:
    """Counts of every sample at every threshold; images are read and dropped one by one.

    Args:
        predictor: Image to level map.
        dataset: Where the samples are from.
        samples: Which to count.
        convention: Decides the resolution; None is native.
        progress: Called with samples done and samples in all.
        each: Shown every level map with its truth, for what cannot be had from the counts.
        cleaned: Counts every mask after its post-processing.
    """
    if convention is not None and convention.size is not None:
        dataset = _resized(dataset, convention.size, convention.aspect)
    sweeps = []
    for n, sample in enumerate(samples):
        levels, truth = predictor.sample_levels(dataset, sample), dataset.truth(sample)
        left = ignored_of(dataset, sample)
        if cleaned is not None:
            cleaned(levels, truth, left)
        if left is None:
            sweeps.append(sweep_image(levels, truth))
        else:  # for ``each`` nothing is found there, and nothing is to be found
            sweeps.append(sweep_image(levels[~left], truth[~left]))
            levels = np.where(left, levels.dtype.type(0), levels)
        if each:
            each(levels, truth)
        if progress:
            progress(n + 1, len(samples))
    return concatenate(sweeps)


class PostProcessedCounts:
    """Counts of cleaned masks at one threshold; ``each`` of ``sweep_samples``.

    Args:
        k: Index of the threshold.
        post_processing: What becomes of each mask.
    """

    def __init__(self, k: int, post_processing: PostProcessing) -> None:
        self.k = k
        self.post_processing = post_processing
        self._rows: list[Sweep] = []

    def __call__(
        self, levels: LevelMap, truth: Truth, ignored: NDArray[np.bool_] | None = None
    ) -> None:
        """Count one image, without the pixels that are not annotated."""
        if ignored is not None:
            levels = np.where(ignored, levels.dtype.type(0), levels)
        mask = clean(mask_at(levels, self.k), self.post_processing).astype(np.uint16)
        if ignored is not None:
            mask, truth = mask[~ignored], truth[~ignored]
        self._rows.append(column(sweep_image(mask, truth), 1))

    def counts(self) -> Sweep:
        """All images, T = 1."""
        return concatenate(self._rows)


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
    convention: Convention | None = None,
    cleaned: Sweep | None = None,
    temperature: float | None = None,
) -> dict[str, Any]:
    """The evaluation document: pooled, per-image and per-patient scores at one threshold.

    Args:
        sweep: Counts of the samples.
        samples: In the order of the sweep.
        k: Index of the threshold.
        model: Name of the run or the shipped model.
        dataset: Key of ``DATASETS``.
        split: Part that was evaluated.
        split_hash: Of the split it belongs to; empty where all images were taken.
        threshold_source: Where the threshold came from, in words.
        convention: How the sweep was made and what empties count as.
        cleaned: Counts of the cleaned masks at k, T = 1; needed where there is post-processing.
        temperature: Fitted on validation; None where none was.
    """
    convention = convention or Convention()
    assert (cleaned is not None) == bool(convention.post_processing), (
        "post-processing needs its own counts"
    )
    here = column(sweep, k) if cleaned is None else cleaned
    groups = [sample.group for sample in samples]
    over = resampling_units(groups)
    pooled = _scores(here.pooled())
    scores = {name: values[:, 0] for name, values in image_scores(here).items()}
    per_image = {
        name: values[:, 0]
        for name, values in image_scores(here, empties=convention.empties).items()
    }
    patients = by_group(here, groups)[1]
    per_patient = image_scores(patients, empties=convention.empties)
    bands = pooled_bands(bootstrap(here, groups=groups), METRICS)
    return {
        "model": model,
        "dataset": dataset,
        "split": split,
        "split_hash": split_hash,
        "n_images": len(samples),
        "n_patients": len(set(groups)),
        "threshold": k / STEPS,
        "threshold_source": threshold_source,
        "resolution": convention.resolution,
        "empties": f"{convention.empties}: {EMPTIES[convention.empties]}",
        "post_processing": convention.post_processing.words,
        "averaged": convention.averaged,
        "interval_over": over,
        "pooled": {name: _json(values[0, 0]) for name, values in pooled.items()},
        "pooled_ci95": {
            name: None if np.isnan(low[0]) or len(samples) < 2 else [float(low[0]), float(high[0])]
            for name, (low, high) in bands.items()
        },
        "baseline_all_foreground": {
            name: _json(_scores(column(sweep, 0).pooled())[name][0, 0]) for name in ("dice", "iou")
        },
        "per_image": {name: spread(values, groups=groups) for name, values in per_image.items()},
        "per_patient": {
            name: spread(values[:, 0]) | ({} if len(values) > 1 else {"ci95": None})
            for name, values in per_patient.items()
        },
        "empties_variants": {
            policy: {
                name: {key: spread(values[:, 0])[key] for key in ("mean", "median", "n")}
                for name, values in image_scores(here, empties=policy).items()
            }
            for policy in EMPTIES
        },
        "threshold_free": {
            "auroc": _json(auroc(sweep.pooled())[0]),
            "average_precision": _json(average_precision(sweep.pooled())[0]),
        },
        "calibration": calibration(sweep).document() | _scaled(sweep, temperature),
        "labels": {
            block: labels(
                block,
                n=len(set(groups)) if block == "per_patient" else len(samples),
                convention=convention,
                interval_over="patients" if block == "per_patient" else over,
                point=(k / STEPS, threshold_source),
            )
            for block in AVERAGING
        },
        "conventions": {
            "pooled": AVERAGING["pooled"],
            "per_image": AVERAGING["per_image"],
            "per_patient": AVERAGING["per_patient"],
            "ci95": _interval_words(over),
            "pooled_ci95": INTERVALS[over],
            "baseline_all_foreground": "pooled, every pixel marked as foreground",
            "empties_variants": "mean and median over images under each policy for empties",
            "threshold_free": "pooled, over all 1001 thresholds, ties counted as such",
            "foreground": "probability >= threshold, float32",
            "implementation": IMPLEMENTATION,
        },
        "images": [
            {
                "id": sample.id,
                "group": sample.group,
                "label": sample.label,
                **{name: _json(values[n]) for name, values in scores.items()},
                "counts": [int(part[n, 0]) for part in (here.tp, here.fp, here.fn, here.tn)],
                "facts": {key: v for key, v in sample.facts.items() if key not in PLACES},
            }
            for n, sample in enumerate(samples)
        ],
    }


def _scores(sweep: Sweep) -> dict[str, Scores]:
    return {
        name: metric(sweep.tp, sweep.fp, sweep.fn, sweep.tn) for name, metric in METRICS.items()
    }


def _interval_words(over: str) -> str:
    drawn = "" if over == "images" else ", patients drawn"
    return f"percentile bootstrap of the mean over images{drawn}, {RESAMPLES} resamples"


def _resized(dataset: LabelledImages, size: int, aspect: str) -> Changed:
    """Images and truth as a network of this size sees them, without the padding."""

    def shown(pixels: NDArray[np.uint8], *, smooth: bool) -> NDArray[np.uint8]:
        planes = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
        tall, wide = inside(pixels.shape[0], pixels.shape[1], size, aspect)
        seen = resize(planes, size, smooth=smooth, aspect=aspect)[:, :tall, :wide]
        return seen[0] if pixels.ndim == 2 else np.moveaxis(seen, 0, -1)

    return Changed(dataset, image=partial(shown, smooth=True), truth=partial(shown, smooth=False))


def _scaled(sweep: Sweep, temperature: float | None) -> dict[str, Any]:
    """Calibration after temperature scaling; nothing where no temperature was fitted."""
    if temperature is None:
        return {}
    found = calibration(sweep, temperature=temperature).document()
    return {"scaled": {name: found[name] for name in ("temperature", "ece", "brier")}}


def _json(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
