"""The choice of a threshold as a document that travels with the model.

A threshold is chosen on the validation split and nowhere else: ``choose_operating_point`` refuses
any other part, so that a test score can never have been tuned on the test split. Beside the
threshold the document says how sure the choice is: a bootstrap interval of the threshold itself,
how flat the optimum is, and how far the measured area hangs on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.levels import STEPS
from core.metrics.calibration import fit_temperature
from core.metrics.card import Scores
from core.metrics.overlap import dice
from core.metrics.statistics import RESAMPLES, interval, resample_weights, resampling_units
from core.metrics.sweep import Counts, Sweep
from core.threshold.postprocessing import PostProcessing
from core.threshold.rules import NEVER, RULES, Rule, Tally, parse_rule

FLAT = 0.005
"""Scores this close to the best count as equally good."""
NUDGE = 10
"""Steps of the grid by which the threshold is moved to see how the area follows."""

__all__ = [
    "FLAT",
    "NUDGE",
    "RULES",
    "OperatingPoint",
    "choose_operating_point",
    "decide",
    "with_temperature",
]


RENAMED = {"clean_up": "post_processing"}
"""Keys of documents that were written before 0.2.0."""


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A threshold with its reason; fields after ``n_images`` are absent in older documents."""

    threshold: float
    """k/1000."""
    rule: str
    """As given, e.g. ``dice``."""
    name: str
    """The rule in words, e.g. ``Best Dice on validation``."""
    value: float
    """Pooled Dice on the validation split at this threshold."""
    dataset: str
    """Where it was chosen."""
    split: str
    """Always ``val``."""
    split_hash: str
    """Of the split that held these images."""
    n_images: int
    """How many images chose it."""
    threshold_ci95: tuple[float, float] | None = None
    """Percentile interval of the threshold: the rule applied to bootstrap resamples."""
    interval_over: str = ""
    """What was drawn, ``images`` or ``patients``."""
    flat: tuple[float, float] | None = None
    """Thresholds around this one whose score is within 0.005 of the best; None for a guarantee."""
    area_change_percent: float | None = None
    """Change of the pooled area when the threshold rises by 0.01, in percent of the area."""
    note: str = ""
    """What has to be known beside the rule: a definition, the assumption of a guarantee."""
    post_processing: PostProcessing = field(default_factory=PostProcessing)
    """What becomes of the mask after the threshold; chosen together with it."""
    temperature: float | None = None
    """Fitted on validation: logits divided by it give probabilities that are nearer to the observed
    shares. The threshold stays one of the plain probability."""
    classes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of a network for several classes: the document of each class's own point, by its name."""

    def __post_init__(self) -> None:
        if isinstance(self.post_processing, dict):  # as read from JSON
            object.__setattr__(self, "post_processing", PostProcessing(**self.post_processing))
        for name in ("threshold_ci95", "flat"):
            pair = getattr(self, name)
            object.__setattr__(self, name, None if pair is None else tuple(pair))

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "OperatingPoint":
        """From what ``document`` gave, in this version or an earlier one."""
        return cls(**{RENAMED.get(key, key): value for key, value in document.items()})

    @property
    def k(self) -> int:
        """Index on the threshold grid."""
        return round(self.threshold * STEPS)

    def document(self) -> dict[str, Any]:
        """As written to ``operating_point.json``."""
        pairs = {
            name: None if pair is None else list(pair)
            for name, pair in (("threshold_ci95", self.threshold_ci95), ("flat", self.flat))
        }
        document = {**asdict(self), **pairs}
        if not self.classes:
            del document["classes"]
        return document


def with_temperature(point: OperatingPoint, sweep: Sweep) -> OperatingPoint:
    """The point with the temperature of its validation images, where one can be fitted.

    Args:
        point: Chosen on these images.
        sweep: Their counts before any post-processing.

    Raises:
        InputError: The point is not of the validation split.
    """
    refuse_other_splits(point.split)
    if sweep.positives.sum() in {0, sweep.pixels.sum()}:
        return point
    return replace(point, temperature=fit_temperature(sweep, split=point.split))


def choose_operating_point(
    sweep: Sweep,
    *,
    rule: str | Rule,
    split: str,
    dataset: str,
    split_hash: str,
    groups: Sequence[str] | None = None,
    false_positives: Counts | None = None,
    resamples: int = RESAMPLES,
) -> OperatingPoint:
    """Apply a rule to the pooled counts of the validation split.

    Of several equally good thresholds the middle one is taken.

    Args:
        sweep: Counts of the validation images.
        rule: One of ``RULES``.
        split: The split that ``sweep`` was computed on.
        dataset: Its data set.
        split_hash: Its split.
        groups: Patient of each image; None takes each image as a patient of its own.
        false_positives: For ``fppi``: components that touch no truth, shape (N, T).
        resamples: For the interval of the threshold; 0 leaves it out.

    Raises:
        InputError: The part is not ``val``, the rule is unknown or no threshold satisfies it.
    """
    refuse_other_splits(split)
    tally = Tally(sweep=sweep, ks=np.arange(STEPS + 1), false_positives=false_positives)
    return decide(
        tally,
        rule=rule,
        dataset=dataset,
        split_hash=split_hash,
        groups=groups,
        resamples=resamples,
    )


def refuse_other_splits(split: str) -> None:
    """Only validation chooses.

    Raises:
        InputError: It is another part.
    """
    if split != "val":
        raise InputError(f"a threshold is chosen on the val split only, not on {split}")


def decide(
    tally: Tally,
    *,
    rule: str | Rule,
    dataset: str,
    split_hash: str,
    groups: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    post_processing: PostProcessing | None = None,
) -> OperatingPoint:
    """Apply a rule to validation counts at any thresholds; arguments as ``choose_operating_point``.

    Args:
        tally: Counts of the validation images, of cleaned masks where there is post-processing.
        rule: One of ``RULES``.
        dataset: Where the images are from.
        split_hash: Their split.
        groups: Patient of each image.
        resamples: For the interval of the threshold; 0 leaves it out.
        post_processing: What the counts were cleaned with.

    Raises:
        InputError: The rule is unknown or no threshold satisfies it.
    """
    parsed = parse_rule(rule)
    if parsed.counts_components and tally.false_positives is None:
        raise InputError(
            f"{parsed.text} counts components; choose it with: python -m core tune RUN --rule"
        )
    images = len(tally.sweep.positives)
    if tally.sweep.positives.sum() == 0:
        raise InputError("the validation images have no foreground; no threshold can be chosen")
    score = parsed.score(tally, np.ones((1, images)))
    place = int(middle_of_best(score)[0])
    if place < 0:
        raise InputError(
            f"no threshold keeps {parsed.text} on the validation images; relax the bound"
        )
    pooled = tally.sweep.pooled()
    overlap = dice(pooled.tp, pooled.fp, pooled.fn, pooled.tn)[0]
    return OperatingPoint(
        threshold=int(tally.ks[place]) / STEPS,
        rule=parsed.text,
        name=parsed.name,
        value=float(overlap[place]),
        dataset=dataset,
        split="val",
        split_hash=split_hash,
        n_images=images,
        threshold_ci95=_threshold_interval(tally, parsed, groups, resamples),
        interval_over=resampling_units(groups) if resamples else "",
        flat=None if parsed.kind == "guarantee" else _flat(score[0], tally.ks, place),
        area_change_percent=area_change_percent(tally, int(tally.ks[place])),
        note=parsed.note,
        post_processing=post_processing or PostProcessing(),
    )


def middle_of_best(score: Scores) -> NDArray[np.int64]:
    """Column of the middle of the best scores of each row, −1 where every one is forbidden."""
    best = score.max(axis=1, keepdims=True)
    equal = (score == best) & (best > NEVER)
    rank = equal.cumsum(axis=1, dtype=np.int16)
    middle = (rank > rank[:, -1:] // 2).argmax(axis=1)
    return np.where(equal.any(axis=1), middle, -1)


def area_change_percent(tally: Tally, k: int) -> float | None:
    """Change of the pooled area for a threshold 0.01 higher, from 0.01 below to 0.01 above.

    None where nothing is segmented at k.
    """
    area = (tally.sweep.tp + tally.sweep.fp).sum(axis=0)
    below, above = max(k - NUDGE, 0), min(k + NUDGE, STEPS)
    low, here, high = np.interp([below, k, above], tally.ks, area)
    if not here:
        return None
    return float(100 * (high - low) / here * NUDGE / (above - below))


def _threshold_interval(
    tally: Tally, rule: Rule, groups: Sequence[str] | None, resamples: int
) -> tuple[float, float] | None:
    """Of the thresholds that resamples choose; a resample that keeps no bound is left out."""
    if not resamples:
        return None
    weights = resample_weights(len(tally.sweep.positives), resamples=resamples, groups=groups)
    places = middle_of_best(rule.score(tally, weights))
    chosen = tally.ks[places[places >= 0]] / STEPS
    if not len(chosen):
        return None
    low, high = interval(chosen)
    return float(low), float(high)


def _flat(score: Scores, ks: NDArray[np.int64], place: int) -> tuple[float, float]:
    """The unbroken stretch of thresholds around a place whose scores are as good as the best."""
    worse = np.flatnonzero(score < score[place] - FLAT)
    first = worse[worse < place].max(initial=-1) + 1
    last = worse[worse > place].min(initial=len(score)) - 1
    return int(ks[first]) / STEPS, int(ks[last]) / STEPS


def class_point(point: OperatingPoint, name: str) -> OperatingPoint:
    """The operating point of a class.

    Raises:
        InputError: There is none of this name.
    """
    if name not in point.classes:
        raise InputError(
            f"no threshold was chosen for '{name}'; choose one of {', '.join(point.classes)}"
        )
    return OperatingPoint.of_document(point.classes[name])
