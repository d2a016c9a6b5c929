"""Several classes: an operating point and an evaluation for each, beside those of the foreground.

Every class is a binary question of its own, so each goes through the same functions as a network
with one map does.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from core.data.base import Dataset, Sample
from core.data.masks.ignored import ignored_of
from core.evaluation import summarize
from core.inference.heads import Head
from core.inference.predictor import Predictor
from core.metrics.sweep import Sweep, concatenate, sweep_image
from core.threshold.operating_point import (
    OperatingPoint,
    choose_operating_point,
    class_point,
    with_temperature,
)


def choose_points(
    foreground: Sweep,
    classes: Sequence[Sweep],
    names: Sequence[str],
    *,
    groups: Sequence[str],
    rule: str = "dice",
    **part: Any,  # noqa: ANN401 - handed on
) -> OperatingPoint:
    """The foreground's operating point, with one for each class where there are several.

    Args:
        foreground: Counts of any class on validation.
        classes: Counts of each class.
        names: Of the classes.
        groups: Patient of each image.
        rule: As ``choose_operating_point``.
        **part: ``split``, ``dataset`` and ``split_hash``.

    Raises:
        InputError: As ``choose_operating_point``; a class that the validation images do not hold
            is no error, its threshold is 0.5.
    """
    point = choose_operating_point(foreground, rule=rule, groups=groups, **part)
    point = with_temperature(point, foreground)
    if len(names) == 1:
        return point
    documents = {}
    for name, sweep in zip(names, classes, strict=True):
        if sweep.positives.any():
            chosen = choose_operating_point(sweep, rule=rule, groups=groups, **part)
            chosen = with_temperature(chosen, sweep)
        else:
            chosen = OperatingPoint(
                threshold=0.5,
                rule="fixed",
                name="fixed at 0.5, validation holds none of it",
                value=0.0,
                n_images=0,
                **part,
            )
        documents[name] = chosen.document()
    return replace(point, classes=documents)


def sweep_classes(
    predictor: Predictor,
    dataset: Dataset,
    samples: Sequence[Sample],
    head: Head,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Sweep, ...]:
    """Counts of every class of every sample at every threshold."""
    rows = []
    for n, sample in enumerate(samples):
        levels = predictor.sample_class_levels(dataset, sample)
        truths = head.truths(dataset.truth(sample))
        left = ignored_of(dataset, sample)
        kept = slice(None) if left is None else ~left
        pairs = zip(levels, truths, strict=True)
        rows.append([sweep_image(plane[kept], truth[kept]) for plane, truth in pairs])
        if progress:
            progress(n + 1, len(samples))
    return tuple(concatenate(sweeps) for sweeps in zip(*rows, strict=True))


def summarize_classes(
    classes: Sequence[Sweep],
    names: Sequence[str],
    samples: Sequence[Sample],
    point: OperatingPoint,
    **facts: Any,  # noqa: ANN401 - handed on
) -> dict[str, Any]:
    """The class level of an evaluation document: ``classes``, an evaluation for each by its name.

    Args:
        classes: Counts of each.
        names: Of the classes.
        samples: In the order of the counts.
        point: With a point for each class.
        **facts: ``model``, ``dataset``, ``split`` and ``split_hash``.

    Returns:
        Nothing where there is one class.
    """
    if len(names) == 1:
        return {}
    documents = {}
    for name, sweep in zip(names, classes, strict=True):
        own = class_point(point, name)
        documents[name] = summarize(
            sweep, samples, k=own.k, threshold_source=own.name, temperature=own.temperature, **facts
        )
    return {"classes": documents}
