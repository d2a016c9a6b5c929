"""How the scores of a frozen model hold when images differ from those it was evaluated on.

    python -m core robustness --weights dsb2018-unet --split test --data PATH

Every image is shown as it is and perturbed in each way of ``PERTURBATIONS``; threshold and
post-processing stay. Differences are paired by image, and all perturbations share the resamples of
their intervals.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.base import Sample
from core.data.masks.ignored import ignored_of
from core.errors import InputError, choose
from core.evaluation import Changed, LevelPredictor, PostProcessedCounts
from core.evaluation.convention import AVERAGING, IMPLEMENTATION
from core.evaluation.perturbations import PERTURBATIONS
from core.inference.predictor import LabelledImages
from core.levels import STEPS
from core.metrics.aggregation import EMPTIES, spread
from core.metrics.overlap import METRICS
from core.metrics.paired import as_number, as_pair, paired_difference, pooled_score
from core.metrics.statistics import RESAMPLES, interval, resample_weights, resampling_units
from core.threshold.operating_point import OperatingPoint

Counts = NDArray[np.int64]
Progress = Callable[[int, int], None]
AS_IS = "as_is"
DEFAULT_IMAGES = 24
"""Images that a first look takes."""


def robustness(
    predictor: LevelPredictor,
    dataset: LabelledImages,
    samples: Sequence[Sample],
    /,
    *,
    point: OperatingPoint,
    metric: str = "dice",
    perturbations: Sequence[str] | None = None,
    at_most: int | None = None,
    progress: Progress | None = None,
    **facts: Any,  # noqa: ANN401 - handed on
) -> dict[str, Any]:
    """Measure a model on images as they are and perturbed.

    Args:
        predictor: Image to level map.
        dataset: Where the samples are from.
        samples: Those to count, all with truth.
        point: The frozen threshold and its post-processing.
        metric: Key of ``METRICS``.
        perturbations: Keys of ``PERTURBATIONS``; None for all.
        at_most: Take no more images than this, evenly spread over the samples; None takes all.
        progress: Called with images done and images in all.
        **facts: ``model``, ``dataset``, ``split`` and ``split_hash`` of the document.

    Returns:
        As ``summarize_perturbed``.

    Raises:
        InputError: Unknown metric or way, or there are no images.
    """
    choose("metric", metric, METRICS)
    perturbations = tuple(PERTURBATIONS) if perturbations is None else perturbations
    for perturbation in perturbations:
        choose("perturbation", perturbation, PERTURBATIONS)
    if not samples:
        raise InputError("there are no images with truth to perturb; choose another split")
    taken = evenly(samples, at_most)
    counts = count_perturbed(
        predictor, dataset, taken, point=point, perturbations=perturbations, progress=progress
    )
    return summarize_perturbed(
        counts, taken, point=point, metric=metric, of_images=len(samples), **facts
    )


def count_perturbed(
    predictor: LevelPredictor,
    dataset: LabelledImages,
    samples: Sequence[Sample],
    *,
    point: OperatingPoint,
    perturbations: Sequence[str] = tuple(PERTURBATIONS),
    progress: Progress | None = None,
) -> dict[str, Counts]:
    """TP, FP, FN, TN of each image as it is and perturbed, (4, N); the expensive part."""
    counted = {
        perturbation: PostProcessedCounts(point.k, point.post_processing)
        for perturbation in (AS_IS, *perturbations)
    }
    last = _Last(dataset)
    shown: dict[str, LabelledImages] = {AS_IS: last} | {
        perturbation: Changed(
            last, image=PERTURBATIONS[perturbation].image, truth=PERTURBATIONS[perturbation].truth
        )
        for perturbation in perturbations
    }
    # An image is read once for all perturbations; a 3-D network reads a volume once for each.
    order = [(perturbation, sample) for sample in samples for perturbation in shown]
    if predictor.takes_volumes:
        order = [(perturbation, sample) for perturbation in shown for sample in samples]
    for step, (perturbation, sample) in enumerate(order, start=1):
        here = shown[perturbation]
        levels, truth = predictor.sample_levels(here, sample), here.truth(sample)
        counted[perturbation](levels, truth, ignored_of(here, sample))
        if progress and step % len(shown) == 0:
            progress(step // len(shown), len(samples))
    sweeps = {perturbation: one.counts() for perturbation, one in counted.items()}
    return {
        perturbation: np.stack([part[:, 0] for part in (sweep.tp, sweep.fp, sweep.fn, sweep.tn)])
        for perturbation, sweep in sweeps.items()
    }


class _Last:
    """A data set that remembers the image and the truth that were read last."""

    def __init__(self, whole: LabelledImages) -> None:
        self.samples = whole.samples
        self._whole = whole
        self._images: dict[str, NDArray[np.uint8]] = {}
        self._truths: dict[str, NDArray[np.uint8]] = {}
        self._ignored: dict[str, NDArray[np.bool_] | None] = {}

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """Of the data set."""
        if sample.id not in self._images:
            self._images = {sample.id: self._whole.image(sample)}
        return self._images[sample.id]

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """Of the data set."""
        if sample.id not in self._truths:
            self._truths = {sample.id: self._whole.truth(sample)}
        return self._truths[sample.id]

    def ignored(self, sample: Sample) -> NDArray[np.bool_] | None:
        """Of the data set."""
        if sample.id not in self._ignored:
            self._ignored = {sample.id: ignored_of(self._whole, sample)}
        return self._ignored[sample.id]


def summarize_perturbed(
    counts: Mapping[str, Counts],
    samples: Sequence[Sample],
    *,
    point: OperatingPoint,
    metric: str,
    of_images: int,
    **facts: Any,  # noqa: ANN401 - handed on
) -> dict[str, Any]:
    """One metric of the counts.

    Args:
        counts: From ``count_perturbed``.
        samples: That were counted.
        point: The operating point that they were counted at.
        metric: Key of ``METRICS``.
        of_images: How many images the samples were taken from.
        **facts: Of the document.

    Returns:
        ``as_is`` and ``perturbations`` (a row each: pooled, over images, difference to ``as_is``),
        with the conventions, as JSON.
    """
    formula = METRICS[metric]
    groups = [sample.group for sample in samples]
    weights = resample_weights(len(samples), groups=groups)
    over, spreads = resampling_units(groups), len(samples) > 1
    whole, drawn = pooled_score(formula, counts[AS_IS], weights)
    plain = formula(*counts[AS_IS].astype(np.float64))

    def row(here: Counts) -> dict[str, Any]:
        pooled, resampled = pooled_score(formula, here, weights)
        values = formula(*here.astype(np.float64))
        paired = paired_difference(values, plain, groups, weights)
        return {
            "pooled": as_number(pooled),
            "pooled_ci95": as_pair(interval(resampled)) if spreads else None,
            "pooled_difference": as_number(pooled - whole),
            "pooled_difference_ci95": as_pair(interval(resampled - drawn)) if spreads else None,
            **spread(values, groups=groups),
            "paired": {key: paired[key] for key in ("n", "difference", "ci95")},
        }

    return {
        **facts,
        "metric": metric,
        "n_images": len(samples),
        "of_images": of_images,
        "n_patients": len(set(groups)),
        "threshold": point.k / STEPS,
        "threshold_source": point.name,
        "post_processing": point.post_processing.words,
        "resolution": "native",
        "empties": f"skip: {EMPTIES['skip']}",
        "interval_over": over,
        AS_IS: {
            key: value
            for key, value in row(counts[AS_IS]).items()
            if "difference" not in key and key != "paired"
        },
        "perturbations": [
            {"perturbation": perturbation, "title": PERTURBATIONS[perturbation].title, **row(here)}
            for perturbation, here in counts.items()
            if perturbation != AS_IS
        ],
        "conventions": {
            "pooled": AVERAGING["pooled"],
            "mean": AVERAGING["per_image"],
            "difference": "perturbed minus as it is, on the same images",
            "ci95": f"percentile bootstrap over {over}, {RESAMPLES} resamples shared by all "
            "perturbations",
            "perturbations": "of one fixed strength each (core/evaluation/perturbations.py); "
            "threshold and post-processing stay those of the unperturbed validation images",
            "implementation": IMPLEMENTATION,
        },
    }


def evenly(samples: Sequence[Sample], at_most: int | None) -> list[Sample]:
    """So many of the samples, at equal steps from the first to the last."""
    if at_most is None or at_most >= len(samples):
        return list(samples)
    if at_most < 1:
        raise InputError(f"at least one image has to be taken, not {at_most}")
    return [samples[n] for n in np.linspace(0, len(samples) - 1, at_most).round().astype(int)]
