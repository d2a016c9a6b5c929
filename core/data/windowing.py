"""CT values in 8 bits: a window of Hounsfield units stretched over 0…255."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUNG_WINDOW_HU = (-1350.0, 150.0)
"""The lung window, level -600 HU and width 1500 HU, as radiologists look at lungs."""


def to_window(hu: NDArray[Any], window_hu: tuple[float, float]) -> NDArray[np.uint8]:
    """Grey values of a window: its lower end and below is 0, its upper end and above 255.

    Args:
        hu: Hounsfield units, any shape; padding below air (-2000 and less) becomes 0 as air does.
        window_hu: Lower and upper end; level ± half the width.
    """
    low, high = window_hu
    grey = (hu.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    result: NDArray[np.uint8] = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    return result
