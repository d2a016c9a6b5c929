"""The convention of a number: how it was made, and how that is reported beside it.

One short line for under a metric, one long for the footnote.
"""

from dataclasses import dataclass, field

from core.errors import choose
from core.metrics.aggregation import EMPTIES
from core.metrics.statistics import RESAMPLES
from core.threshold.postprocessing import PostProcessing

IMPLEMENTATION = "isoline core.metrics, exact pixel counts"
SKIPPED = {"skip": "empties skipped", "1": "empties count 1", "0": "empties count 0"}
INTERVALS = {
    "images": f"percentile bootstrap over images, {RESAMPLES} resamples",
    "patients": f"percentile bootstrap over patients, {RESAMPLES} resamples",
}
AVERAGING = {
    "pooled": "one confusion matrix over all pixels of all images",
    "per_image": "mean and median over images, each image counts the same",
    "per_patient": "pixels pooled within a patient, then mean and median over patients",
}


@dataclass(frozen=True, kw_only=True)
class Convention:
    """How scores are made, where it is not the default."""

    empties: str = "skip"
    """Key of ``EMPTIES``: what a metric that is 0/0 counts as in a mean."""
    size: int | None = None
    """Side of the square to which image and truth are resized, as papers do; None is native."""
    aspect: str = "stretch"
    """How they are resized."""
    post_processing: PostProcessing = field(default_factory=PostProcessing)
    """What becomes of the mask after the threshold."""
    averaged: str = ""
    """Over what views probabilities were averaged, in words; empty for the image as it is."""

    def __post_init__(self) -> None:
        choose("policy for empties", self.empties, EMPTIES)

    @property
    def resolution(self) -> str:
        """In words."""
        return "native" if self.size is None else f"resized to {self.size} x {self.size}"

    @property
    def further(self) -> tuple[str, ...]:
        """What a short label has to add."""
        return tuple(filter(None, (", ".join(self.post_processing.phrases), self.averaged)))


def labels(
    block: str,
    *,
    n: int,
    convention: Convention,
    interval_over: str,
    point: tuple[float, str] | None = None,
) -> dict[str, str]:
    """The convention of a block of scores, ``short`` for under it and ``long`` for the footnote.

    Args:
        block: Key of ``AVERAGING``.
        n: Images, or patients where the block is per patient.
        convention: How the scores were made.
        interval_over: ``images`` or ``patients``.
        point: Threshold and where it was chosen; None for curves over all thresholds.
    """
    return {
        "short": short_label(block, n=n, convention=convention, point=point),
        "long": long_label(block, convention=convention, interval_over=interval_over),
    }


def short_source(threshold_source: str) -> str:
    """``Best Dice on validation`` as ``val, best Dice``."""
    words = threshold_source.removesuffix(" on validation").removesuffix(" from validation")
    if words == threshold_source:
        return threshold_source
    return f"val, {words[:1].lower()}{words[1:]}"


def short_label(
    block: str, *, n: int, convention: Convention, point: tuple[float, str] | None
) -> str:
    """For under a metric: ``pooled · native · t=0.564 (val, best Dice) · n=6``.

    Args:
        block: Key of ``AVERAGING``.
        n: Images, or patients where the block is per patient.
        convention: How the scores were made.
        point: Threshold and where it was chosen, in words; None for curves over all thresholds.
    """
    name = {"pooled": "pooled", "per_image": "mean over images", "per_patient": "per patient"}
    at = f"t={point[0]:.3f} ({short_source(point[1])})" if point else "all thresholds"
    parts = [name[block], convention.resolution, at, *convention.further]
    if block != "pooled":
        parts.append(SKIPPED[convention.empties])
    return " · ".join([*parts, f"n={n}" + (" patients" if block == "per_patient" else "")])


def long_label(block: str, *, convention: Convention, interval_over: str) -> str:
    """For the footnote: every choice in words."""
    policy = "" if block == "pooled" else f" Empties: {EMPTIES[convention.empties]}."
    further = "".join(f" {words[:1].upper()}{words[1:]}." for words in convention.further)
    return (
        f"{AVERAGING[block][:1].upper()}{AVERAGING[block][1:]}. Interval: "
        f"{INTERVALS[interval_over]}.{policy} Resolution: {convention.resolution}.{further} "
        f"Foreground: probability >= threshold, float32. Implementation: {IMPLEMENTATION}."
    )
