"""The rules that choose a threshold, each a score to maximize over thresholds, for many resamples.

``RULES`` says how they are written. A rule sees a ``Tally`` (counts of every image at the
thresholds in question) and weights (how often each image counts), so the very code that chooses on
the images chooses on every bootstrap resample of them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.metrics.card import Scores
from core.metrics.conformal import ASSUMPTION, corrected_risk, false_negative_rates, refuse_too_few
from core.metrics.false_positives import DEFINITION
from core.metrics.overlap import METRICS, f_beta
from core.metrics.statistics import Weights, weighted_counts, weighted_sums
from core.metrics.sweep import Counts, Sweep

RULES = (
    "dice, iou, f<beta> (for example f2), mcc, sensitivity>=s, precision>=p, fppi<=f "
    "(false-positive components per image), fnr<=a (guaranteed)"
)
BEST = ("dice", "iou", "mcc")
NEVER = -np.inf
TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What a rule decides on: counts of N images at T thresholds."""

    sweep: Sweep
    """Of the masks as they would be used, cleaned where there is post-processing."""
    ks: NDArray[np.int64]
    """Index of each threshold on the grid, ascending, shape (T,)."""
    false_positives: Counts | None = None
    """Components that touch no truth, shape (N, T); needed by ``fppi`` alone."""


Score = Callable[[Tally, Weights], Scores]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A way to choose."""

    text: str
    """As given."""
    name: str
    """In words, e.g. ``Best Dice on validation``."""
    score: Score
    """To be maximized; shape (R, T) from weights of shape (R, N); ``NEVER`` where forbidden."""
    kind: str
    """``best``, ``bound`` or ``guarantee``."""
    note: str = ""
    """What has to be known beside it: a definition, an assumption."""

    @property
    def counts_components(self) -> bool:
        """Whether it needs the level maps and not only the sweep."""
        return self.text.replace(" ", "").lower().startswith("fppi")


def parse_rule(rule: str | Rule) -> Rule:
    """Understand a rule; one that is understood already passes through.

    Raises:
        InputError: It is not one of ``RULES``.
    """
    if isinstance(rule, Rule):
        return rule
    text = rule.replace(" ", "").lower()
    if text in BEST:
        name = f"Best {METRICS[text].title} on validation"
        return Rule(text=rule, name=name, score=_best(METRICS[text]), kind="best")
    if match := re.fullmatch(r"f(\d+(?:\.\d+)?)", text):
        name = f"Best F{match[1]} on validation"
        return Rule(text=rule, name=name, score=_best(_f_beta(float(match[1]))), kind="best")
    if match := re.fullmatch(r"(sensitivity|recall|precision)>=(0?\.\d+|0|1)", text):
        kind = "precision" if match[1] == "precision" else "sensitivity"
        bound = float(match[2])
        return Rule(
            text=rule,
            name=f"{kind.capitalize()} of at least {bound:g} on validation",
            score=_at_least(kind, bound),
            kind="bound",
        )
    if match := re.fullmatch(r"fppi<=(\d+(?:\.\d+)?|\.\d+)", text):
        bound = float(match[1])
        return Rule(
            text=rule,
            name=f"At most {bound:g} false-positive components per image on validation",
            score=_few_false_positives(bound),
            kind="bound",
            note=DEFINITION,
        )
    if match := re.fullmatch(r"fnr<=(0?\.\d+|0|1)", text):
        alpha = float(match[1])
        return Rule(
            text=rule,
            name=f"At most {alpha:g} of the foreground missed, guaranteed from validation",
            score=_guaranteed(alpha),
            kind="guarantee",
            note=ASSUMPTION,
        )
    raise InputError(f"unknown rule '{rule}'; choose one of {RULES}")


Counting = Callable[[Scores, Scores, Scores, Scores], Scores]


def _f_beta(beta: float) -> Counting:
    def score(tp: Scores, fp: Scores, fn: Scores, tn: Scores) -> Scores:  # noqa: ARG001 - one signature
        return f_beta(tp, fp, fn, beta=beta)

    return score


def _best(metric: Counting) -> Score:
    def score(tally: Tally, weights: Weights) -> Scores:
        return _defined(metric(*_pooled(tally, weights)))

    return score


def _at_least(metric: str, bound: float) -> Score:
    """Among the thresholds that keep the bound, the one with the best Dice."""

    def score(tally: Tally, weights: Weights) -> Scores:
        tp, fp, fn, tn = _pooled(tally, weights)
        under = tp + fp if metric == "precision" else tp + fn
        kept = (tp >= bound * under - TOLERANCE) & (under > 0)
        return np.where(kept, _defined(METRICS["dice"](tp, fp, fn, tn)), NEVER)

    return score


def _few_false_positives(bound: float) -> Score:
    """Among the thresholds that keep the bound, the one with the best Dice."""

    def score(tally: Tally, weights: Weights) -> Scores:
        assert tally.false_positives is not None, "counted from the maps, see counts_components"
        marks = weighted_sums(tally.false_positives, weights)
        kept = marks <= bound * weights.sum(axis=1)[:, None] + TOLERANCE
        return np.where(kept, _defined(METRICS["dice"](*_pooled(tally, weights))), NEVER)

    return score


def _guaranteed(alpha: float) -> Score:
    """The largest threshold that keeps the guarantee; more would be marked below it for nothing."""

    def score(tally: Tally, weights: Weights) -> Scores:
        rates = false_negative_rates(tally.sweep)
        refuse_too_few(len(rates), alpha)
        shown = weights[:, tally.sweep.positives > 0]
        kept = corrected_risk(rates, shown) <= alpha + TOLERANCE
        return np.where(kept, tally.ks.astype(np.float64), NEVER)

    return score


def _pooled(tally: Tally, weights: Weights) -> tuple[Scores, Scores, Scores, Scores]:
    """TP, FP, FN and TN of every resample at every threshold, each shape (R, T)."""
    pooled = weighted_counts(tally.sweep, weights)
    tp, fp = pooled.tp.astype(np.float64), pooled.fp.astype(np.float64)
    positives = pooled.positives[:, None]
    return tp, fp, positives - tp, pooled.pixels[:, None] - positives - fp


def _defined(score: Scores) -> Scores:
    return np.where(np.isnan(score), NEVER, score)
