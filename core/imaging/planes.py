"""Upright slices of a volume, as radiologists see them, and the way back."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

PLANES = {"axial": "SPL", "coronal": "PIL", "sagittal": "LIP"}
"""Towards which side slices, rows and columns count, so that a slice is seen as radiologists do:
the patient's right on the left of an axial or coronal slice, the face at the top or left."""

Number = TypeVar("Number", int, float)

_OPPOSITE = dict(zip("LRAPSI", "RLPAIS", strict=True))


def to_slices(array: NDArray[Any], orientation: str, *, plane: str = "axial") -> NDArray[Any]:
    """A volume as upright slices, from feet to head where axial; a view, nothing is copied.

    Args:
        array: Shape (X, Y, Z, …).
        orientation: Towards which side X, Y and Z count; ``LPS`` is left, posterior, superior.
        plane: Key of ``PLANES``.

    Returns:
        Shape (D, H, W, …): a slice is shown with its first row on top.
    """
    order, flips = _turn(orientation, plane)
    return array.transpose(*order, *range(3, array.ndim))[flips]


def from_slices(slices: NDArray[Any], orientation: str, *, plane: str = "axial") -> NDArray[Any]:
    """The way back: (D, H, W, …) to the (X, Y, Z, …) that ``to_slices`` started from; a view."""
    order, flips = _turn(orientation, plane)
    return slices[flips].transpose(*np.argsort(order), *range(3, slices.ndim))


def along(
    values: Sequence[Number], orientation: str, *, plane: str = "axial"
) -> tuple[Number, Number, Number]:
    """Sizes or spacings of X, Y and Z in the order D, H, W of ``to_slices``."""
    d, h, w = (values[axis] for axis in _turn(orientation, plane)[0])
    return d, h, w


def sides_of_plane(plane: str) -> str:
    """What lies at the left, right, top and bottom of an upright slice, a letter each: ``RLAP``."""
    return sides_towards(across=PLANES[plane][2], down=PLANES[plane][1])


def sides_of_directions(across: Sequence[float], down: Sequence[float]) -> str:
    """What lies at the left, right, top and bottom of an image, a letter each.

    Args:
        across: Towards where columns count, three numbers (left, posterior, superior).
        down: Towards where rows count.

    Returns:
        As ``RLAP``; empty where it is shown so aslant that both are nearest to one axis.
    """
    letters = []
    for direction in (across, down):
        most = max(range(3), key=lambda axis: abs(direction[axis]))
        letters.append("LPS"[most] if direction[most] > 0 else "RAI"[most])
    return sides_towards(across=letters[0], down=letters[1])


def sides_towards(across: str, down: str) -> str:
    """As ``sides_of_directions``, from the letters towards which columns and rows count."""
    if not {across, down} <= _OPPOSITE.keys() or down in {across, _OPPOSITE[across]}:
        return ""
    return _OPPOSITE[across] + across + _OPPOSITE[down] + down


def _turn(orientation: str, plane: str) -> tuple[list[int], tuple[slice, ...]]:
    """The axis of the file for each of D, H and W, and which of them run backwards."""
    order, flips = [], []
    for side in PLANES[plane]:
        axis = next(n for n, found in enumerate(orientation) if found in {side, _OPPOSITE[side]})
        order.append(axis)
        flips.append(slice(None, None, 1 if orientation[axis] == side else -1))
    return order, tuple(flips)
