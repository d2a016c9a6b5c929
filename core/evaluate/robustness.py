"""How the figures of a frozen model hold when images differ from those it was judged on.

    python -m core robustness --weights dsb2018-unet --split test --data PATH

Every image is shown as it is and perturbed in each way of ``PERTURBATIONS``; threshold and clean-up
stay. Differences are paired by image, and all ways share the resamples of their intervals.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from core.compare import paired_difference, pooled_figure
from core.data.base import Sample
from core.errors import InputError, choose
from core.evaluate import CleanedCounts, HasTruth, SeesLevels
from core.evaluate.perturbations import PERTURBATIONS
from core.levels import STEPS
from core.metrics.aggregation import spread
from core.metrics.overlap import METRICS
from core.metrics.statistics import RESAMPLES, interval, resample_weights, resampling_units
from core.metrics.sweep import Sweep
from core.operating_point import OperatingPoint

AS_IS = "as_is"
ENOUGH = 24
"""Images that a first look takes; a model card says how many were taken."""


def robustness(
    predictor: SeesLevels,
    dataset: HasTruth,
    samples: Sequence[Sample],
    /,
    *,
    point: OperatingPoint,
    figure: str = "dice",
    ways: Sequence[str] = tuple(PERTURBATIONS),
    at_most: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    **facts: Any,  # noqa: ANN401 - handed on
) -> dict[str, Any]:
    """Measure a model on images as they are and perturbed.

    Args:
        predictor: Image to level map.
        dataset: Where the samples are from.
        samples: Those to count, all with truth.
        point: The frozen threshold and its clean-up.
        figure: Key of ``METRICS``.
        ways: Keys of ``PERTURBATIONS``.
        at_most: Take no more images than this, evenly spread over the samples; None takes all.
        progress: Called with images done and images in all.
        **facts: ``model``, ``dataset``, ``split`` and ``split_hash`` of the document.

    Returns:
        ``as_is`` and ``perturbations`` (a row each: pooled, over images, difference to ``as_is``),
        with the conventions, as JSON.

    Raises:
        InputError: Unknown figure or way, or there are no images.
    """
    metric = choose("figure", figure, METRICS)
    for way in ways:
        choose("perturbation", way, PERTURBATIONS)
    if not samples:
        raise InputError("there are no images with truth to perturb; choose another part")
    taken = evenly(samples, at_most)
    counted = {way: CleanedCounts(point.k, point.clean_up) for way in (AS_IS, *ways)}
    for n, sample in enumerate(taken):
        image, truth = dataset.image(sample), dataset.truth(sample)
        counted[AS_IS](predictor.levels(image), truth)
        for way in ways:
            change = PERTURBATIONS[way]
            seen = np.ascontiguousarray(change.image(image))
            counted[way](predictor.levels(seen), np.ascontiguousarray(change.truth(truth)))
        if progress:
            progress(n + 1, len(taken))
    groups = [sample.group for sample in taken]
    weights = resample_weights(len(taken), groups=groups)
    rows: dict[str, dict[str, Any]] = {}
    base = _counts(counted[AS_IS].counts())
    whole, drawn = pooled_figure(metric, base, weights)
    plain = metric(*base.astype(np.float64))
    for way, one in counted.items():
        counts = _counts(one.counts())
        pooled, resampled = pooled_figure(metric, counts, weights)
        values = metric(*counts.astype(np.float64))
        rows[way] = {
            "pooled": _json(pooled),
            "pooled_ci95": _pair(interval(resampled), len(taken)),
            **spread(values, groups=groups),
        }
        if way != AS_IS:
            rows[way] |= {
                "pooled_difference": _json(pooled - whole),
                "pooled_difference_ci95": _pair(interval(resampled - drawn), len(taken)),
                "paired": {
                    key: value
                    for key, value in paired_difference(values, plain, groups, weights).items()
                    if key in ("n", "difference", "ci95")
                },
            }
    over = resampling_units(groups)
    return {
        **facts,
        "figure": figure,
        "n_images": len(taken),
        "of_images": len(samples),
        "n_patients": len(set(groups)),
        "threshold": point.k / STEPS,
        "threshold_source": point.name,
        "clean_up": point.clean_up.words,
        "resolution": "native",
        "empties": "skip",
        "interval_over": over,
        AS_IS: rows.pop(AS_IS),
        "perturbations": [
            {"way": way, "title": PERTURBATIONS[way].title, **row} for way, row in rows.items()
        ],
        "conventions": {
            "pooled": "one confusion matrix over all pixels of all images",
            "mean": "mean over images; an image where the figure is 0/0 does not enter",
            "difference": "perturbed minus as it is, on the same images",
            "ci95": f"percentile bootstrap over {over}, {RESAMPLES} resamples shared by all ways",
            "perturbations": "of one fixed strength each (core/evaluate/perturbations.py); "
            "threshold and clean-up stay those of the unperturbed validation images",
        },
    }


def evenly(samples: Sequence[Sample], at_most: int | None) -> list[Sample]:
    """So many of the samples, at equal steps from the first to the last."""
    if at_most is None or at_most >= len(samples):
        return list(samples)
    if at_most < 1:
        raise InputError(f"at least one image has to be taken, not {at_most}")
    return [samples[n] for n in np.linspace(0, len(samples) - 1, at_most).round().astype(int)]


def _counts(sweep: Sweep) -> Any:  # noqa: ANN401 - an int64 array
    """TP, FP, FN and TN of each image, shape (4, N)."""
    return np.stack([part[:, 0] for part in (sweep.tp, sweep.fp, sweep.fn, sweep.tn)])


def _pair(band: Any, images: int) -> list[float] | None:  # noqa: ANN401 - two 0-d arrays
    return None if images < 2 or np.isnan(band[0]) else [float(band[0]), float(band[1])]


def _json(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
