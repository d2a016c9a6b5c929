"""Grey windows: which values are shown from black to white."""

import math
from typing import NamedTuple

from core.errors import InputError


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
