"""Whether the mean of several answers is better than one, and whether disagreement finds errors."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.data import open_dataset
from core.data.masks.ignored import ignored_of
from core.errors import InputError, choose
from core.evaluation import sweep_samples
from core.inference.uncertainty import (
    VIEWS,
    AveragedPredictor,
    Member,
    augmented,
    dropout_members,
    ensemble_members,
    error_histogram,
    gather,
    refuse_volumes,
    risk_coverage,
)
from core.levels import STEPS, level_map, mask_at
from core.metrics.overlap import dice
from core.metrics.sweep import Counts, Sweep, concatenate, sweep_image
from core.models import TrainedModel
from core.threshold.operating_point import choose_operating_point

METHODS = {
    **{method: f"the image seen {len(views)} ways" for method, views in VIEWS.items()},
    "dropout": "one network, dropout left on",
    "members": "the members of one model that was trained with several",
    "ensemble": "several networks",
}
POINTS = 101
"""Of a risk-coverage curve as it is written down."""


def members_of(models: Sequence[TrainedModel], method: str, *, samples: int = 16) -> list[Member]:
    """Who answers.

    Args:
        models: One, or several for ``ensemble``.
        method: Key of ``METHODS``.
        samples: How often a network with dropout is asked.

    Raises:
        InputError: Unknown way, too few or too many models, or no dropout.
    """
    choose("method", method, METHODS)
    if (len(models) > 1) != (method == "ensemble"):
        raise InputError(
            "an ensemble takes at least two models, --run or --weights repeated; "
            "every other way takes one"
        )
    for model in models:
        refuse_volumes(model.predictor, model.name)
    first = models[0].predictor
    if method == "ensemble":
        return [model.predictor.probability for model in models]
    if method == "members":
        return ensemble_members(first)
    return (
        dropout_members(first, samples=samples)
        if method == "dropout"
        else augmented(first.probability, method)
    )


def disagreement(
    models: Sequence[TrainedModel],
    method: str,
    *,
    split: str,
    data: Path | None,
    samples: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Evaluate the mean map and the map of disagreement on a part of the models' own data set.

    The mean's threshold is chosen on validation by the first model's rule. A pixel is wrong where
    the mean's mask differs from the truth; pixels of least standard deviation are accepted first.

    Args:
        models: The first one's data set, split and rule count.
        method: Key of ``METHODS``.
        split: ``val`` or ``test``.
        data: Where the data set lies.
        samples: How often a network with dropout is asked.
        progress: Called with images done and images in all.

    Raises:
        InputError: As ``members_of``, or the models have other data sets or splits.
    """
    members = members_of(models, method, samples=samples)
    first = models[0]
    for other in models:
        if not other.config.dataset:
            raise InputError(f"{other.name} was not trained, so no threshold can be chosen for it")
        if other.split.hash != first.split.hash:
            raise InputError(
                f"{first.name} and {other.name} have different splits, so one knows the other's "
                "test images; train both on one split"
            )
    opened = open_dataset(first.config.dataset, data)
    mean = AveragedPredictor(members, words=METHODS[method])
    point = choose_operating_point(
        sweep_samples(mean, opened, first.samples(opened, "val")),
        rule=first.operating_point.rule,
        split="val",
        dataset=first.config.dataset,
        split_hash=first.split.hash,
    )
    alone, together = [], []
    histogram: Counts = np.zeros((2, STEPS + 1), np.int64)
    chosen = first.samples(opened, split)
    for n, sample in enumerate(chosen):
        image, truth = opened.image(sample), opened.truth(sample) != 0
        found = gather(members, image)
        levels = level_map(np.clip(found.mean, 0, 1))
        own_levels, deviation = first.predictor.sample_levels(opened, sample), found.deviation
        left = ignored_of(opened, sample)
        if left is not None:
            own_levels, levels, deviation = own_levels[~left], levels[~left], deviation[~left]
            truth = truth[~left]
        alone.append(sweep_image(own_levels, truth))
        together.append(sweep_image(levels, truth))
        # The deviation of probabilities is 0.5 at most.
        histogram += error_histogram(2 * deviation, mask_at(levels, point.k) != truth)
        if progress:
            progress(n + 1, len(chosen))
    curve = risk_coverage(histogram)
    own = first.operating_point
    return {
        "models": [model.name for model in models],
        "method": method,
        "members": len(members),
        "dataset": first.config.dataset,
        "split": split,
        "n_images": len(chosen),
        "alone": {"threshold": own.threshold, "dice": _dice(alone, own.k)},
        "mean": {"threshold": point.threshold, "dice": _dice(together, point.k)},
        "risk_coverage": {
            "area": curve.area,
            "area_random": curve.area_random,
            "area_best": curve.area_best,
            "gain": None if np.isnan(curve.gain) else curve.gain,
            "coverage": np.linspace(0, 1, POINTS).tolist(),
            "risk": np.interp(np.linspace(0, 1, POINTS), curve.coverage, curve.risk).tolist(),
        },
        "conventions": {
            "dice": "pooled over all pixels, native resolution; each threshold from validation "
            f"by the rule '{own.rule}'",
            "risk_coverage": "share of wrong pixels among those of least standard deviation; gain "
            "0 is chance, 1 finds every error",
            "mean": METHODS[method],
        },
    }


def _dice(sweeps: Sequence[Sweep], k: int) -> float | None:
    pooled = concatenate(sweeps).pooled()
    value = float(dice(pooled.tp, pooled.fp, pooled.fn, pooled.tn)[0, k])
    return None if np.isnan(value) else value
