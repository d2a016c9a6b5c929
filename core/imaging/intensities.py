"""How the images that a model was trained on became 8 bits, so that a file is shown to it likewise.

A file of more than 8 bits can be shown in many ways: a CT in a window of Hounsfield units, an MRI
between the darkest and the brightest of what is not background. A model has to see what it has
learned to see; what is stored in 8 bits is shown as it is, for nothing is known of its values.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from core.errors import InputError, choose
from core.imaging.image import Image
from core.imaging.volume import Volume
from core.imaging.window import WINDOWS_HU, Window, body_window

AIR_HU = -500
"""Signed values that go below this are taken for Hounsfield units where a file names no unit."""
AS_TRAINED, OPENED = "as-trained", "opened"
CHOICES = {
    AS_TRAINED: "as the model's training images were shown",
    OPENED: "in the file's own window, else from the smallest to the largest value",
    **{name: f"the {name} window of a CT" for name in WINDOWS_HU},
}
"""In which intensities a model can be shown a file of more than 8 bits."""

Shown = TypeVar("Shown", bound=Image | Volume)


@dataclass(frozen=True, kw_only=True)
class IntensityMapping:
    """How values of more than 8 bits become 0…255; by default from smallest to largest."""

    window_hu: tuple[float, float] | None = None
    """Hounsfield units shown as black and white."""
    body: bool = False
    """Each image or volume by itself, between the percentiles 0.5 and 99.5 of what is inside."""
    outside: float | None = None
    """For ``body``: the value around it; None takes the smallest."""

    def __bool__(self) -> bool:
        return self.window_hu is not None or self.body

    @property
    def words(self) -> str:
        """In plain words, for a picker and a report."""
        if self.window_hu is not None:
            low, high = self.window_hu
            return f"level {(low + high) / 2:g}, width {high - low:g} HU"
        if self.body:
            return "the percentiles 0.5 to 99.5 of what is not background"
        return "from the smallest to the largest value"


def shown_as(found: Shown, choice: str, mapping: IntensityMapping) -> Shown:
    """An image or a volume in the intensities that were chosen for the model to see.

    Args:
        found: As read.
        choice: Key of ``CHOICES``.
        mapping: Of the model's training images.

    Raises:
        InputError: Unknown choice, or a window of a CT for values that are no Hounsfield units.
    """
    choose("intensities", choice, CHOICES)
    if choice == AS_TRAINED:
        return as_trained(found, mapping)
    if choice == OPENED:
        return found
    if not has_hounsfield(found):
        raise InputError(
            f"{found.name}: the {choice} window is of Hounsfield units, and this file has none; "
            f"choose {AS_TRAINED} or {OPENED}"
        )
    return replace(found, window=WINDOWS_HU[choice])


def has_hounsfield(found: Image | Volume) -> bool:
    """Whether the values are Hounsfield units, as the file says or as they look."""
    values = found.pixels if isinstance(found, Image) else found.array
    if found.facts.unit or values.dtype.kind not in "if":
        return found.facts.unit == "HU"
    return bool(np.nanmin(values) < AIR_HU)


def as_trained(found: Shown, intensities: IntensityMapping) -> Shown:
    """An image or a volume in the grey window in which a model's training images were.

    Args:
        found: As read. An image in 8 bits is left as it is, and a window of Hounsfield units is
            for values that are such.
        intensities: Of the model's training images.
    """
    values = found.pixels if isinstance(found, Image) else found.array
    as_it_is = values.dtype in (np.uint8, np.bool_) and not (
        intensities.body and isinstance(found, Volume)
    )
    if not intensities or as_it_is:
        return found
    if intensities.window_hu is not None:
        hounsfield = has_hounsfield(found)
        return replace(found, window=Window(*intensities.window_hu)) if hounsfield else found
    window = body_window(values, outside=intensities.outside)
    return found if window is None else replace(found, window=window)
