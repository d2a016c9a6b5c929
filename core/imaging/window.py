"""Grey windows: which values are shown from black to white."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

_ENOUGH = 4_000_000  # voxels for a percentile; more change it by less than a grey level


class Window(NamedTuple):
    """The values shown as black and as white; what lies outside is clipped."""

    low: float
    high: float

    @property
    def level(self) -> float:
        """The value shown as middle grey."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        """From black to white."""
        return self.high - self.low


class BodyWindow(NamedTuple):
    """Values of a body shown as 1 to 255, and the value around it, which alone is shown as 0."""

    low: float
    high: float
    outside: float

    @property
    def level(self) -> float:
        """The value shown as middle grey."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        """From nearly black to white."""
        return self.high - self.low


def body_window(
    array: NDArray[Any],
    *,
    outside: float | None = None,
    window: tuple[float, float] | None = None,
) -> BodyWindow | None:
    """The window of what is in an image or a volume, without what lies around it.

    Args:
        array: Any shape.
        outside: The value around the body; None takes the smallest.
        window: Values shown as 1 and 255; None takes the percentiles 0.5 and 99.5 of the values
            inside, of about four million evenly spaced ones where there are more.

    Returns:
        None where nothing is inside.
    """
    if outside is None:
        finite = array if array.dtype.kind != "f" else array[np.isfinite(array)]
        outside = float(finite.min()) if finite.size else 0.0
    if window is None:
        some = array.ravel(order="K")[:: max(1, array.size // _ENOUGH)]
        inside = some[np.isfinite(some) & (some != outside)]
        if not inside.size:
            return None
        low, high = (float(value) for value in np.percentile(inside, (0.5, 99.5)))
        window = low, high
    return BodyWindow(*window, outside)


def window_of(level: float, width: float) -> Window:
    """A window by its middle and its width, as radiologists name it.

    Raises:
        InputError: Not finite, or a width that is not positive.
    """
    if not (math.isfinite(level) and math.isfinite(width) and width > 0):
        raise InputError(f"window level {level:g} and width {width:g}: the width must be positive")
    return Window(level - width / 2, level + width / 2)


WINDOWS_HU = {
    "brain": window_of(40, 80),
    "lung": window_of(-600, 1500),
    "bone": window_of(480, 2500),
    "abdomen": window_of(50, 400),
}
"""Name → Hounsfield units of a CT."""
