"""Window and level for the viewer: the values behind an image of more than 8 bits."""

import numpy as np

from core.imaging import WINDOWS_HU, Image, window_of
from dashboard.components.viewer import RawValues


def raw_values(image: Image | None) -> RawValues | None:
    """The grey values of an image and the window it is shown in; None where 8 bits say it all.

    The presets of CT are offered where the values are Hounsfield units.
    """
    if image is None or image.pixels.ndim == 3 or image.pixels.dtype in (np.uint8, np.bool_):
        return None
    finite = image.pixels[np.isfinite(image.pixels)]
    if not finite.size or finite.min() == finite.max():
        return None
    low, high = image.window[:2] if image.window else (float(finite.min()), float(finite.max()))
    if not low < high:
        return None
    window = window_of((low + high) / 2, high - low)
    center, width = window.level, window.width
    if image.facts.stated_window and image.window == image.facts.window:
        center, width = image.facts.stated_window
    presets = WINDOWS_HU if image.facts.unit == "HU" else {}
    return RawValues(
        values=image.pixels,
        center=center,
        width=width,
        unit=image.facts.unit,
        presets={name.capitalize(): (w.level, w.width) for name, w in presets.items()},
    )
