"""Mask → outlines that run along pixel edges, and back, exactly.

An outline is a closed polygon of pixel corners: (x, y) = (0, 0) is the upper left corner of the
image, (W, H) the lower right one. The region it encloses is exactly the pixels of the mask, so
every program that fills polygons by asking where a pixel's centre lies gets the same mask back.
Outer outlines run clockwise as seen on the screen, holes run the other way round. Pixels that
share only a corner belong together, as in ``core.export.measure``: there an outline touches
itself, and even-unusual filling is what gives the mask back.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Corners = NDArray[np.int64]
"""Corners of a closed polygon as (x, y), shape (N, 2); the first is not repeated."""

# clockwise along a pixel's top, right, bottom and left edge, the pixel always on the right hand
_STEPS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])


@dataclass(frozen=True, kw_only=True)
class Outline:
    """The outer edge of one component and the edges of its holes."""

    label: int
    """Of the component, as in the label image."""
    outer: Corners
    """Clockwise."""
    holes: tuple[Corners, ...]
    """Counter-clockwise."""


def outlines(labels: NDArray[np.integer[Any]]) -> list[Outline]:
    """The outlines of every component of a label image, by label.

    Args:
        labels: Shape (H, W), 0 outside; each label one region of touching pixels, as from
            ``core.export.measure.components``.
    """
    found: dict[int, list[Corners]] = {}
    for label, corners in _loops(labels):
        found.setdefault(label, []).append(corners)
    result = []
    for label in sorted(found):
        loops = sorted(found[label], key=_signed_area, reverse=True)  # one is positive, the outer
        result.append(Outline(label=label, outer=loops[0], holes=tuple(loops[1:])))
    return result


def fill(found: list[Outline], shape: tuple[int, int]) -> NDArray[np.int32]:
    """The label image that ``outlines`` came from, shape (H, W)."""
    labels = np.zeros(shape, np.int32)
    for outline in found:
        (left, top), (right, bottom) = outline.outer.min(axis=0), outline.outer.max(axis=0)
        flips = np.zeros((bottom - top, right - left + 1), np.bool_)
        for corners in (outline.outer, *outline.holes):
            inside = corners - (left, top)
            ends = np.roll(inside, -1, axis=0)
            for (x, y), (_, end) in zip(inside.tolist(), ends.tolist(), strict=True):
                # an edge crosses the rows between its ends; even-unusual from the left
                if y != end:
                    flips[min(y, end) : max(y, end), x] ^= True
        inside_out = np.logical_xor.accumulate(flips, axis=1)[:, :-1]
        labels[top:bottom, left:right][inside_out] = outline.label
    return labels


def _loops(labels: NDArray[np.integer[Any]]) -> list[tuple[int, Corners]]:
    """Closed walks along the edges between a label and what is not of it."""
    width = labels.shape[1]
    padded = np.pad(labels, 1)
    inner = padded[1:-1, 1:-1]
    beyond = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    starts, directions, owners = [], [], []
    for direction, neighbour in enumerate(beyond):
        rows, columns = np.nonzero((inner != 0) & (neighbour != inner))
        x = columns + (direction in (1, 2))
        y = rows + (direction in (2, 3))
        starts.append(y * (width + 1) + x)
        directions.append(np.full(len(rows), direction))
        owners.append(labels[rows, columns])
    start = np.concatenate(starts)
    direction_of = np.concatenate(directions)
    owner = np.concatenate(owners)
    following = _following(start, direction_of, owner, width + 1)
    return [
        (int(owner[walk[0]]), _corners(start[walk], direction_of[walk], width + 1))
        for walk in _walks(following.tolist())
    ]


def _following(
    start: NDArray[np.int64],
    direction: NDArray[np.int64],
    owner: NDArray[np.integer[Any]],
    stride: int,
) -> NDArray[np.int64]:
    """For each edge the one that continues: to the left, across a corner, where there is one."""
    key = start * 4 + direction
    order = np.argsort(key)
    sorted_key = key[order]
    end = start + _STEPS[direction, 0] + _STEPS[direction, 1] * stride
    following = np.full(len(start), -1)
    for turn in (1, 0, 3):  # right, straight, left: what is found last holds
        wanted = end * 4 + (direction + turn) % 4
        place = np.minimum(np.searchsorted(sorted_key, wanted), max(len(order) - 1, 0))
        edge = order[place] if len(order) else place
        fits = (sorted_key[place] == wanted) & (owner[edge] == owner) if len(order) else place > 0
        following[fits] = edge[fits]
    assert (following >= 0).all(), "every edge of a region is followed by another"
    return following


def _walks(following: list[int]) -> list[NDArray[np.int64]]:
    seen = bytearray(len(following))
    walks = []
    for first in range(len(following)):
        if seen[first]:
            continue
        walk, edge = [], first
        while not seen[edge]:
            seen[edge] = 1
            walk.append(edge)
            edge = following[edge]
        walks.append(np.array(walk))
    return walks


def _corners(start: NDArray[np.int64], direction: NDArray[np.int64], stride: int) -> Corners:
    """The points of a walk where it turns."""
    turns = direction != np.roll(direction, 1)
    y, x = np.divmod(start[turns], stride)
    return np.stack([x, y], axis=1)


def _signed_area(corners: Corners) -> int:
    """Positive clockwise on the screen, where y points down."""
    x, y = corners.T
    return int((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) // 2
