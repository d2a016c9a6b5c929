"""The rules that choose a threshold, and the choice as a document that travels with the model.

A threshold is chosen on the validation split and nowhere else: ``choose_operating_point`` refuses
any other part, so that a test figure can never have been tuned on the test split.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.errors import InputError
from core.levels import STEPS
from core.metrics.overlap import Figure, dice, iou
from core.metrics.sweep import Sweep

RULES = "dice, iou, f<beta> (for example f2), sensitivity>=s, precision>=p, fnr<=a"


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A threshold with its reason."""

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

    @property
    def k(self) -> int:
        """Index on the threshold grid."""
        return round(self.threshold * STEPS)

    def document(self) -> dict[str, Any]:
        """As written to ``operating_point.json``."""
        return asdict(self)


def choose_operating_point(
    sweep: Sweep, *, rule: str, split: str, dataset: str, split_hash: str
) -> OperatingPoint:
    """Apply a rule to the pooled counts of the validation split.

    Of several equally good thresholds the middle one is taken.

    Args:
        sweep: Counts of the validation images.
        rule: One of ``RULES``.
        split: The part that ``sweep`` was computed on.
        dataset: Its data set.
        split_hash: Its split.

    Raises:
        InputError: The part is not ``val``, the rule is unknown or no threshold satisfies it.
    """
    if split != "val":
        raise InputError(f"a threshold is chosen on the val split only, not on {split}")
    pooled = sweep.pooled()
    tp, fp, fn, tn = (part[0] for part in (pooled.tp, pooled.fp, pooled.fn, pooled.tn))
    if pooled.positives[0] == 0:
        raise InputError("the validation images have no foreground; no threshold can be chosen")
    overlap = dice(tp, fp, fn, tn)
    name, best = _parse(rule)(tp.astype(float), fp.astype(float), fn.astype(float))
    candidates = np.flatnonzero(best == np.nanmax(best))
    k = int(candidates[len(candidates) // 2])
    return OperatingPoint(
        threshold=k / STEPS,
        rule=rule,
        name=name,
        value=float(overlap[k]),
        dataset=dataset,
        split=split,
        split_hash=split_hash,
        n_images=len(sweep.positives),
    )


Score = Callable[[Figure, Figure, Figure], tuple[str, Figure]]


def _parse(rule: str) -> Score:
    """The rule as a score to maximize over the thresholds."""
    text = rule.replace(" ", "").lower()
    if text == "dice":
        return lambda tp, fp, fn: ("Best Dice on validation", dice(tp, fp, fn, tp))
    if text == "iou":
        return lambda tp, fp, fn: ("Best IoU on validation", iou(tp, fp, fn, tp))
    if match := re.fullmatch(r"f(\d+(?:\.\d+)?)", text):
        beta = match[1]
        beta2 = float(beta) ** 2

        def f_beta(tp: Figure, fp: Figure, fn: Figure) -> tuple[str, Figure]:
            score = (1 + beta2) * tp / np.maximum((1 + beta2) * tp + beta2 * fn + fp, 1)
            return f"Best F{beta} on validation", score

        return f_beta
    if match := re.fullmatch(r"(sensitivity|recall|precision|fnr)(>=|<=)(0?\.\d+|0|1)", text):
        return _bounded(rule, match[1], match[2], float(match[3]))
    raise InputError(f"unknown rule '{rule}'; choose one of {RULES}")


def _bounded(rule: str, figure: str, sign: str, bound: float) -> Score:
    """Among the thresholds that keep the bound, the one with the best Dice."""
    if (figure == "fnr") != (sign == "<="):
        raise InputError(f"unknown rule '{rule}'; choose one of {RULES}")
    if figure == "fnr":
        figure, bound = "sensitivity", 1 - bound

    def score(tp: Figure, fp: Figure, fn: Figure) -> tuple[str, Figure]:
        under = tp + fp if figure == "precision" else tp + fn
        kept = tp >= bound * under - 1e-9
        kept &= under > 0
        if not kept.any():
            raise InputError(f"no threshold keeps {rule} on the validation images; relax the bound")
        overlap = dice(tp, fp, fn, tp)
        return f"{figure.capitalize()} of at least {bound:g} on validation", np.where(
            kept, overlap, -1.0
        )

    return score
