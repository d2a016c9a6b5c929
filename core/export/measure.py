"""Mask → connected components → where each lies, how large it is and how sure the network was.

Components are numbered from 1, the largest first. All neighbours touch, also across a corner (8; 26
in a volume), as in ``core.threshold.postprocessing``. Lengths count from pixel edge to pixel edge,
so that a bar of five pixels is five pixels long; a perimeter is Crofton's estimate over four
directions, which for a circle is right within a few per cent, where counting pixel edges would give
a square's.

Diameters are what callipers would give: the longest straight line between two points of the
component's outline, and the longest line at right angles to it inside the convex hull (RECIST 1.1
and WHO measure in the same way, in the axial plane). In a volume both are taken in the slice where
the first is longest.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.levels import STEPS
from core.threshold.postprocessing import components as touching

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
Point = tuple[float, float]
"""Row and column in pixels; the centre of the first pixel is (0, 0), its corner (-0.5, -0.5)."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line between two points of a slice."""

    ends: tuple[Point, Point]
    """For drawing."""
    px: float
    """Length in pixels."""
    mm: float | None
    """Length in millimetres; None where the spacing is unknown."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """One connected part of a mask."""

    number: int
    """From 1, the largest first."""
    size: int
    """Pixels, or voxels."""
    area_mm2: float | None
    """Of an image whose spacing is known; None in a volume."""
    volume_ml: float | None
    """Of a volume whose spacing is known; None in an image."""
    longest: Line
    """Longest diameter."""
    perpendicular: Line
    """Longest at right angles to it."""
    slice: int | None
    """Where the diameters were taken, from 0; None in an image."""
    bounding_box: tuple[int, ...]
    """First row and column, row and column behind the last; in a volume slices come first."""
    centroid: tuple[float, ...]
    """Mean row and column of the pixel centres; in a volume slices come first."""
    mean_probability: float | None
    """Of its pixels, in steps of the grid; None without a level map."""
    perimeter_px: float | None
    """None in a volume."""
    perimeter_mm: float | None
    """None in a volume and where the spacing is unknown."""
    border_px: int
    """Pixels between it and the nearest edge of the image; 0 touches it."""
    border_mm: float | None
    """The same in millimetres, to the edge that is nearest in millimetres."""

    def row(self) -> dict[str, Any]:
        """One flat row of a table, units in the names; what is unknown is None."""
        kind = "voxels" if self.volume_ml is not None or self.slice is not None else "px"
        measured = asdict(self)
        for name in ("longest", "perpendicular"):
            line = measured.pop(name)
            measured |= {f"{name}_diameter_{unit}": line[unit] for unit in ("px", "mm")}
            measured[f"{name}_ends_px"] = [list(end) for end in line["ends"]]
        size = measured.pop("size")
        box = list(measured.pop("bounding_box"))
        centre = [round(value, 3) for value in measured.pop("centroid")]
        edge = {"touches_border": self.border_px == 0}
        named = {"number": measured.pop("number")}
        named["volume_voxels" if kind == "voxels" else "area_px"] = size
        return named | measured | edge | {"bounding_box_px": box, "centroid_px": centre}


def components(mask: NDArray[Any]) -> Labels:
    """Number the connected components of a mask, shape as ``mask``: 0 outside, 1 the largest.

    Of two equally large ones the one whose first pixel comes first has the lower number.
    """
    labels, areas = touching(mask != 0)
    rank = np.zeros(len(areas), np.int32)
    rank[1 + np.argsort(-areas[1:], kind="stable")] = np.arange(1, len(areas))
    numbered: Labels = rank[labels]
    return numbered


def measure(
    labels: Labels,
    *,
    levels: NDArray[np.uint16] | None = None,
    spacing_mm: tuple[float, ...] | None = None,
    unit_mm: float | None = None,
) -> list[Component]:
    """Measure every component.

    Args:
        labels: From ``components``, shape (H, W) or (D, H, W).
        levels: Level map of the same shape.
        spacing_mm: Distance of pixels along each axis of ``labels``; None gives pixels only.
        unit_mm: Area or volume of one pixel; None takes the product of the spacings, which is too
            much where slices are sheared, as under a tilted gantry.

    Returns:
        One entry for each component, by number; empty where nothing is foreground.

    Raises:
        ValueError: Shapes, or the number of spacings and axes, do not fit.
    """
    if labels.ndim not in (2, 3) or (levels is not None and levels.shape != labels.shape):
        raise ValueError(f"labels {labels.shape} and levels do not fit")
    if spacing_mm is not None and len(spacing_mm) != labels.ndim:
        raise ValueError(f"{labels.ndim} axes and {len(spacing_mm)} spacings")
    from scipy import ndimage  # 0.2 s; only where components are measured

    boxes = ndimage.find_objects(labels)
    crops = [labels[box] == number for number, box in enumerate(boxes, start=1)]
    around = _perimeters(labels, len(boxes), None) if labels.ndim == 2 else None
    around_mm = _perimeters(labels, len(boxes), spacing_mm) if labels.ndim == 2 else None
    return [
        _measure_one(
            number,
            crop,
            box,
            shape=labels.shape,
            levels=None if levels is None else levels[box],
            spacing_mm=spacing_mm,
            unit_mm=None if spacing_mm is None else unit_mm or float(np.prod(spacing_mm)),
            perimeter_px=None if around is None else float(around[number]),
            perimeter_mm=(
                None if around_mm is None or spacing_mm is None else float(around_mm[number])
            ),
        )
        for number, (crop, box) in enumerate(zip(crops, boxes, strict=True), start=1)
    ]


def table(found: list[Component]) -> list[dict[str, Any]]:
    """The rows of ``measure``."""
    return [component.row() for component in found]


def _measure_one(
    number: int,
    crop: Mask,
    box: tuple[slice, ...],
    *,
    shape: tuple[int, ...],
    levels: NDArray[np.uint16] | None,
    spacing_mm: tuple[float, ...] | None,
    unit_mm: float | None,
    perimeter_px: float | None,
    perimeter_mm: float | None,
) -> Component:
    size = int(np.count_nonzero(crop))
    starts = tuple(part.start for part in box)
    stops = tuple(part.stop for part in box)
    gaps = [min(a, n - b) for a, b, n in zip(starts, stops, shape, strict=True)]
    flat = crop.ndim == 2
    # in a volume the first and last slice are where the scan ends, not where the image does
    sides = gaps if flat else gaps[1:]
    side_mm = None if spacing_mm is None else spacing_mm[-2:]
    where, longest, perpendicular = _diameters(crop if crop.ndim == 3 else crop[None], side_mm)
    offset = (float(starts[-2]), float(starts[-1]))
    return Component(
        number=number,
        size=size,
        area_mm2=size * unit_mm if flat and unit_mm is not None else None,
        volume_ml=size * unit_mm / 1000 if not flat and unit_mm is not None else None,
        longest=_line(longest, offset, side_mm),
        perpendicular=_line(perpendicular, offset, side_mm),
        slice=None if flat else starts[0] + where,
        bounding_box=(*starts, *stops),
        centroid=tuple(
            float(start + _mean_place(crop, axis, size)) for axis, start in enumerate(starts)
        ),
        mean_probability=(
            None if levels is None else float(levels[crop].sum(dtype=np.int64)) / size / STEPS
        ),
        perimeter_px=perimeter_px,
        perimeter_mm=perimeter_mm,
        border_px=min(sides),
        border_mm=(
            None
            if side_mm is None
            else float(min(gap * mm for gap, mm in zip(sides, side_mm, strict=True)))
        ),
    )


def _mean_place(crop: Mask, axis: int, size: int) -> float:
    others = tuple(other for other in range(crop.ndim) if other != axis)
    counts = np.count_nonzero(crop, axis=others)
    return float(counts @ np.arange(len(counts))) / size


Ends = tuple[NDArray[np.float64], NDArray[np.float64]]


def _diameters(stack: Mask, side_mm: tuple[float, ...] | None) -> tuple[int, Ends, Ends]:
    """The slice of the longest diameter, and both lines there; ends in pixels of the crop."""
    scale = np.array(side_mm or (1.0, 1.0))
    best, length = None, -1.0
    for n, plane in enumerate(stack):
        rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
        if not rows.size:
            continue
        extent = np.array([np.ptp(rows) + 1, np.ptp(columns) + 1]) * scale
        if np.hypot(*extent) <= length:  # no line in this slice can be longer
            continue
        hull = _hull(plane) * scale
        one, other = _farthest(hull)
        span = float(np.hypot(*(other - one)))
        if span > length * (1 + 1e-12):
            best, length = (n, hull, one, other), span
    assert best is not None, "a component has pixels"
    n, hull, one, other = best
    across = _across(hull, one, other)
    return n, (one / scale, other / scale), (across[0] / scale, across[1] / scale)


def _hull(plane: Mask) -> NDArray[np.float64]:
    """Corners of the convex hull of the midpoints of all pixel edges, (N, 2), in order."""
    from scipy.spatial import ConvexHull

    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    height, width = plane.shape
    left = plane[rows].argmax(axis=1) - 0.5
    right = width - plane[rows][:, ::-1].argmax(axis=1) - 0.5
    top = plane[:, columns].argmax(axis=0) - 0.5
    bottom = height - plane[::-1, columns].argmax(axis=0) - 0.5
    points = np.concatenate(
        [
            np.stack([rows, left], axis=1),
            np.stack([rows, right], axis=1),
            np.stack([top, columns], axis=1),
            np.stack([bottom, columns], axis=1),
        ]
    )
    return points[ConvexHull(points).vertices]


def _farthest(hull: NDArray[np.float64]) -> Ends:
    """The two corners that lie farthest apart; of several pairs the first."""
    # a convex outline on a grid has few corners, some hundred for the largest image
    squared = ((hull[:, None] - hull[None]) ** 2).sum(axis=2)
    i, j = divmod(int(squared.argmax()), len(hull))
    return hull[min(i, j)], hull[max(i, j)]


def _across(hull: NDArray[np.float64], one: NDArray[Any], other: NDArray[Any]) -> Ends:
    """The longest chord of the hull at right angles to the line from ``one`` to ``other``.

    Chord length is concave along that line and changes its slope at corners only, so it is enough
    to look at the corners.
    """
    along = (other - one) / np.hypot(*(other - one))
    normal = np.array([-along[1], along[0]])
    t, s = (hull - one) @ along, (hull - one) @ normal
    at = np.unique(t)
    edges = []
    for side in (s >= -1e-9, s <= 1e-9):
        order = np.argsort(t[side], kind="stable")
        edges.append(np.interp(at, t[side][order], s[side][order]))
    n = int(np.argmax(edges[0] - edges[1]))
    foot = one + at[n] * along
    return foot + edges[1][n] * normal, foot + edges[0][n] * normal


def _line(ends: Ends, offset: Point, side_mm: tuple[float, ...] | None) -> Line:
    step = ends[1] - ends[0]
    a, b = ((float(y) + offset[0], float(x) + offset[1]) for y, x in ends)
    return Line(
        ends=(a, b),
        px=float(np.hypot(*step)),
        mm=None if side_mm is None else float(np.hypot(*(step * np.array(side_mm)))),
    )


def _perimeters(
    labels: Labels, count: int, spacing: tuple[float, ...] | None
) -> NDArray[np.float64]:
    """Crofton's perimeter of each label, from crossings of rows, columns and both diagonals.

    Length = 1/2 sum over directions of (angle it stands for) x (distance of its lines) x
    (crossings of the outline); the angle is half of the gaps to the neighbouring directions.
    """
    height, width = spacing or (1.0, 1.0)
    angle = np.arctan2(height, width)  # of the diagonal against the rows
    diagonal = height * width / np.hypot(height, width)
    padded = np.pad(labels, 1)
    pairs = (
        (padded[:, :-1], padded[:, 1:], angle * height),
        (padded[:-1], padded[1:], (np.pi / 2 - angle) * width),
        (padded[:-1, :-1], padded[1:, 1:], np.pi / 4 * diagonal),
        (padded[:-1, 1:], padded[1:, :-1], np.pi / 4 * diagonal),
    )
    total = np.zeros(count + 1)
    for one, other, weight in pairs:
        differs = one != other
        for side in (one, other):
            total += weight / 2 * np.bincount(side[differs], minlength=count + 1)
    return total
