"""What is reported of a metric: formula, range, when it is undefined. Tooltips and docs show it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Numbers = NDArray[np.int64] | NDArray[np.float64]
Counting = Callable[[Numbers, Numbers, Numbers, Numbers], Scores]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric made of the four counts; called like the function it holds."""

    compute: Counting
    """Takes TP, FP, FN and TN, all of one shape."""
    title: str
    """As shown to a person."""
    formula: str
    """In one line of TP, FP, FN and TN."""
    undefined: str
    """When it is 0/0 and so NaN, in words."""
    also: str = ""
    """Other names of the same metric."""
    low: float = 0.0
    """Smallest value it can take."""
    high: float = 1.0
    """Largest value it can take."""
    best: float = 1.0
    """Its value for a perfect prediction."""
    unit: str = ""
    """``px`` for an area, empty for a share or a quotient."""

    def __call__(self, tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:
        """The metric, float64 of the same shape; NaN where it is 0/0."""
        return self.compute(tp, fp, fn, tn)

    @property
    def note(self) -> str:
        """Formula, range and degenerate case in one sentence each, for a tooltip."""
        also = f", also called {self.also}" if self.also else ""
        low, high = (_bound(value, self.unit) for value in (self.low, self.high))
        return (
            f"{self.title}{also}: {self.formula}. From {low} to {high}, perfect is "
            f"{self.best:g}. Undefined {self.undefined}."
        )


def ratio(over: NDArray[np.number], under: NDArray[np.number]) -> Scores:
    """``over / under`` in float64, NaN where ``under`` is 0."""
    above, below = (part.astype(np.float64, copy=False) for part in (over, under))
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Scores = np.asarray(above / below)
    np.copyto(result, np.nan, where=below == 0)
    return result


def _bound(value: float, unit: str) -> str:
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    return f"{value:g} {unit}".strip()
