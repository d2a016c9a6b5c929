"""Slices put in order by where they lie in the patient; what is unusual about them, in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.formats.header_text import lps_affine

_TILT_DEGREES = 0.5
_UNEVEN = 0.05  # of the median distance; headers are rounded
_GAP = 1.5
_ROUNDING = 1e-4  # of the median distance; less is the noise of decimal digits

Point = Sequence[float]


@dataclass(frozen=True, eq=False)
class Stack:
    """How slices make a volume."""

    order: tuple[int, ...]
    """Index of the slice at each place, along the normal of the slices."""
    affine: NDArray[np.float64]
    """Of the array (columns, rows, slices); see ``Geometry.affine``."""
    tilt_degrees: float
    warnings: tuple[str, ...]


def stack(
    positions: Sequence[Point],
    orientation: Point,
    spacing_mm: tuple[float, float],
    *,
    depth_mm: float,
) -> Stack:
    """Put slices of one orientation in order.

    Args:
        positions: Of the first pixel of each slice, in millimetres (left, posterior, superior).
        orientation: Direction of rows and of columns, six numbers.
        spacing_mm: Between rows, between columns.
        depth_mm: Distance to assume where there is one slice; 0 assumes 1 mm.

    Raises:
        InputError: Two slices lie at one place.
    """
    across, down = np.asarray(orientation[:3], float), np.asarray(orientation[3:], float)
    normal = np.cross(across, down)
    normal /= np.linalg.norm(normal)
    points = np.asarray(positions, float)  # (N, 3)
    heights = points @ normal
    order = np.argsort(heights, kind="stable")
    steps = np.diff(points[order], axis=0)  # (N - 1, 3)
    gaps = np.diff(heights[order])
    if len(gaps) and gaps.min() < 1e-3:
        raise InputError(
            "two slices lie at one place (several phases or echoes, or a copy); give one of them"
        )
    step = _step(gaps, steps) if len(gaps) else normal * (depth_mm or 1.0)
    directions = [across * spacing_mm[1], down * spacing_mm[0], step]
    affine = lps_affine([d.tolist() for d in directions], points[order[0]].tolist())
    lean = float(step @ normal) / float(np.linalg.norm(step))
    tilt = math.degrees(math.acos(min(1.0, lean)))
    warnings = [*_gap_warnings(gaps, steps, step)]
    if tilt > _TILT_DEGREES:
        warnings.insert(
            0,
            f"the slices lean by {tilt:.1f}° (gantry tilt): other planes look sheared, and lengths "
            "across slices run along the lean",
        )
    return Stack(tuple(order.tolist()), affine, tilt, tuple(warnings))


def _step(gaps: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """From one slice to the next, shape (3,): the extent shared out where positions are rounded.

    Rounded positions make steps of two lengths, neither of which is the true one. Gaps of missing
    slices are left out.
    """
    typical: NDArray[np.float64] = np.median(steps, axis=0)
    length = float(np.median(gaps))
    if float(np.abs(steps - typical).max()) <= _ROUNDING * length:
        return typical
    shared: NDArray[np.float64] = steps[gaps <= _GAP * length].mean(axis=0)
    return shared


def _gap_warnings(
    gaps: NDArray[np.float64], steps: NDArray[np.float64], step: NDArray[np.float64]
) -> list[str]:
    if len(gaps) < 2:
        return []
    typical = float(np.median(gaps))
    wide = gaps[gaps > _GAP * typical]
    if len(wide):
        missing = int(np.rint(wide / typical - 1).sum())
        slices = "slice is" if missing == 1 else "slices are"
        line = f"about {missing} {slices} missing: usually {typical:.2f} mm apart, up to "
        line += f"{wide.max():.2f} mm in {len(wide)} of {len(gaps)} gaps; what lies beyond them is "
        return [line + "drawn too near"]
    if float(np.abs(steps - step).max()) > _UNEVEN * typical:
        line = f"the slices are {gaps.min():.2f} to {gaps.max():.2f} mm apart or shifted sideways: "
        return [line + "lengths and volumes across them are approximate"]
    return []
