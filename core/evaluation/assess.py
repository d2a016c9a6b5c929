"""A trained network on a split of a data set, with whatever convention is asked for.

``TrainedModel.evaluate`` is the default; here are the others: other empties, the papers' resized
resolution, test-time augmentation, other post-processing, curves over all thresholds. And
``tune``'s
work: the choice of a threshold from the maps of the validation split.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from core.data.base import Sample
from core.errors import InputError
from core.evaluation import LevelPredictor, PostProcessedCounts, Truth, summarize, sweep_samples
from core.evaluation.convention import Convention
from core.evaluation.curves import ThresholdCurves, threshold_curves
from core.inference.predictor import LabelledImages, Predictor
from core.inference.uncertainty import averaged_views, refuse_volumes
from core.levels import LevelMap
from core.metrics.false_positives import false_positive_components
from core.metrics.sweep import Counts, Sweep
from core.threshold.operating_point import (
    OperatingPoint,
    choose_operating_point,
    refuse_other_splits,
    with_temperature,
)
from core.threshold.postprocessing import PostProcessing, parse_post_processing
from core.threshold.postprocessing.levels import PostProcessedSweeps
from core.threshold.postprocessing.search import choose_with_post_processing
from core.threshold.rules import parse_rule

SEARCH = "search"


@dataclass(frozen=True)
class Assessment:
    """Scores of a part, and what further metrics can be made of."""

    document: dict[str, Any]
    """The evaluation."""
    sweep: Sweep
    """Counts at all thresholds, before any post-processing."""
    samples: tuple[Sample, ...]
    """In the order of the sweep."""
    convention: Convention
    """How they were made."""

    def curves(self) -> ThresholdCurves:
        """Every metric over the threshold; of the masks before any post-processing."""
        return threshold_curves(
            self.sweep,
            groups=[sample.group for sample in self.samples],
            convention=replace(self.convention, post_processing=PostProcessing()),
        )


def assess(
    predictor: Predictor,
    dataset: LabelledImages,
    samples: Sequence[Sample],
    /,
    *,
    point: OperatingPoint,
    empties: str = "skip",
    resized: bool = False,
    views: str = "",
    post_processing: PostProcessing | None = None,
    levels: LevelPredictor | None = None,
    progress: Callable[[int, int], None] | None = None,
    **facts: Any,  # noqa: ANN401 - handed on
) -> Assessment:
    """Evaluate at a frozen threshold.

    Args:
        predictor: Image to probability.
        dataset: Where the samples are from.
        samples: Which to count.
        point: The threshold and its post-processing.
        empties: Key of ``EMPTIES``.
        resized: At the size the network sees instead of native, as papers report.
        views: Key of ``core.inference.uncertainty.VIEWS``; empty for the image as it is.
        post_processing: None takes the operating point's.
        levels: Gives the level maps where they are there already; None runs the network.
        progress: Called with samples done and samples in all.
        **facts: ``model``, ``dataset``, ``split`` and ``split_hash`` of the document.

    Raises:
        InputError: The network sees at native scale and was to be resized, or an unknown name.
    """
    if views:
        refuse_volumes(predictor, facts["model"])
    seen = averaged_views(predictor.probability, views) if views else None
    if resized and predictor.size is None:
        raise InputError(f"{facts['model']} sees images at native scale; leave --resized out")
    convention = Convention(
        empties=empties,
        size=predictor.size if resized else None,
        aspect=predictor.aspect,
        post_processing=point.post_processing if post_processing is None else post_processing,
        averaged=seen.words if seen else "",
    )
    cleaned = (
        PostProcessedCounts(point.k, convention.post_processing)
        if convention.post_processing
        else None
    )
    sweep = sweep_samples(
        seen or levels or predictor,
        dataset,
        samples,
        convention=convention,
        progress=progress,
        cleaned=cleaned,
    )
    document = summarize(
        sweep,
        samples,
        k=point.k,
        threshold_source=point.name,
        convention=convention,
        cleaned=cleaned.counts() if cleaned else None,
        temperature=point.temperature,
        **facts,
    )
    return Assessment(document, sweep, tuple(samples), convention)


class CachedMaps:
    """Level maps and truths on disk, to be gone through more than once; ``each`` of a sweep.

    As a context: the files are gone when it ends.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="isoline-maps-")
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def __call__(self, levels: LevelMap, truth: Truth) -> None:
        """Keep one image."""
        np.save(self._file(self._count), np.stack([levels, (truth != 0).astype(np.uint16)]))
        self._count += 1

    def __iter__(self) -> Iterator[tuple[LevelMap, Truth]]:
        for n in range(self._count):
            levels, truth = np.load(self._file(n))
            yield levels, truth != 0

    def _file(self, n: int) -> Path:
        return Path(self._folder.name) / f"{n}.npy"


def choose_on_validation(
    predictor: LevelPredictor,
    dataset: LabelledImages,
    samples: Sequence[Sample],
    /,
    *,
    rule: str,
    split: str,
    post_processing: str = "",
    **part: Any,  # noqa: ANN401 - handed on
) -> tuple[OperatingPoint, Sweep]:
    """Choose a threshold for a network, with post-processing where one is asked for.

    Args:
        predictor: Image to level map.
        dataset: Where the samples are from.
        samples: The validation images.
        rule: One of ``RULES``.
        split: What part they are; only ``val`` chooses.
        post_processing: As ``parse_post_processing``, or ``search`` for the best of ``CANDIDATES``.
        **part: ``dataset`` and ``split_hash`` of the point.

    Returns:
        The point, and the counts of the masks before any post-processing.

    Raises:
        InputError: The part is not ``val``, or the rule or the post-processing cannot be used.
    """
    refuse_other_splits(split)
    parsed = parse_rule(rule)  # refuses before the network runs
    wanted = None if post_processing == SEARCH else parse_post_processing(post_processing)
    groups = [sample.group for sample in samples]
    if wanted and not wanted.largest_component:
        cleaned = PostProcessedSweeps(wanted, components=parsed.counts_components)
        sweep = sweep_samples(predictor, dataset, samples, each=cleaned)
        point = choose_operating_point(
            cleaned.sweep(),
            rule=parsed,
            split=split,
            groups=groups,
            false_positives=cleaned.false_positives(),
            **part,
        )
        return with_temperature(replace(point, post_processing=wanted), sweep), sweep
    if wanted is None or wanted:
        with CachedMaps() as maps:
            sweep = sweep_samples(predictor, dataset, samples, each=maps)
            point = choose_with_post_processing(
                maps, rule=parsed, post_processing=wanted, split=split, groups=groups, **part
            )
        return with_temperature(point, sweep), sweep
    marks = CountedComponents() if parsed.counts_components else None
    sweep = sweep_samples(predictor, dataset, samples, each=marks)
    point = choose_operating_point(
        sweep,
        rule=parsed,
        split=split,
        groups=groups,
        false_positives=marks.counts() if marks else None,
        **part,
    )
    return with_temperature(point, sweep), sweep


class CountedComponents:
    """False-positive components of every image; ``each`` of ``sweep_samples``."""

    def __init__(self) -> None:
        self._rows: list[Counts] = []

    def __call__(self, levels: LevelMap, truth: Truth) -> None:
        """Count one image."""
        self._rows.append(false_positive_components(levels, truth))

    def counts(self) -> Counts:
        """Shape (N, T)."""
        return np.concatenate(self._rows)
