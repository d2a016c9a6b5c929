"""The surface of a predicted mask in space, as a Plotly metric; no Streamlit here."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.imaging.planes import PLANES, along
from core.levels import LevelMap

MOST_FACES = 60_000
"""About what a browser without a graphics card turns smoothly."""
MOST_VOXELS = 3_000_000
"""Looked at by marching cubes; more are averaged first."""
PREDICTION = "#F0E442"
SIDES = ("left", "posterior", "superior")


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """Triangles around a mask."""

    points_mm: NDArray[np.float32]
    """Shape (V, 3), towards left, posterior and superior."""
    faces: NDArray[np.int32]
    """Shape (F, 3), indices of points."""
    step: int
    """Voxels averaged along each axis; 1 where none were."""


def surface_of(
    levels: LevelMap, k: int, *, spacing_mm: tuple[float, float, float], plane: str
) -> Surface | None:
    """The surface at threshold k; None where the mask is empty.

    Args:
        levels: Shape (D, H, W).
        k: The threshold, 0…1000.
        spacing_mm: Along D, H and W.
        plane: Of the slices, a key of ``PLANES``.
    """
    from skimage.measure import marching_cubes  # 0.5 s; only where a surface is asked for

    box = _box(levels >= k)
    if box is None:
        return None
    part = levels[box]
    step = max(1, int(np.ceil((part.size / MOST_VOXELS) ** (1 / 3))))
    while True:
        # padded below every level, so that a mask that is cut off by the border is closed
        field = np.pad(_averaged(part, step), 1, constant_values=-1)
        iso = k - 0.5
        if field.max() <= iso:
            return None  # so thin that the average does not reach the threshold
        points, faces, *_ = marching_cubes(field, iso)  # type: ignore[no-untyped-call]  # no types
        if len(faces) <= MOST_FACES:
            break
        step += max(1, step // 2)
    firsts = np.array([one.start for one in box])
    voxels = (points - 1) * step + firsts + (step - 1) / 2
    return Surface(
        points_mm=_in_patient(voxels, levels.shape, spacing_mm, plane), faces=faces, step=step
    )


def surface_figure(surface: Surface, *, unit: str = "mm") -> go.Figure:
    """The surface, to be turned manually."""
    x, y, z = surface.points_mm.T
    i, j, k = surface.faces.T
    mesh = go.Mesh3d(
        x=x, y=y, z=z, i=i, j=j, k=k, color=PREDICTION, flatshading=False, hoverinfo="skip"
    )
    mesh.lighting = {"ambient": 0.45, "diffuse": 0.7, "specular": 0.15, "roughness": 0.8}
    figure = go.Figure(mesh)
    axes = {
        f"{axis}axis": {"title": f"{side}, {unit}", "showbackground": False}
        for axis, side in zip("xyz", SIDES, strict=True)
    }
    figure.update_layout(
        scene={"aspectmode": "data", **axes, "camera": {"eye": {"x": 1.3, "y": -1.5, "z": 0.7}}},
        height=480,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
    )
    return figure


def _box(mask: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """The smallest box around a mask."""
    ranges = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(mask.any(axis=others))
        if not found.size:
            return None
        ranges.append(slice(int(found[0]), int(found[-1]) + 1))
    return tuple(ranges)


def _averaged(levels: LevelMap, step: int) -> NDArray[np.float32]:
    """Blocks of ``step`` voxels a side, averaged; at the end they may be smaller."""
    if step == 1:
        return levels.astype(np.float32)
    result = levels.astype(np.float32)
    for axis in range(3):
        starts = np.arange(0, result.shape[axis], step)
        counts = np.diff(np.append(starts, result.shape[axis]))
        sums = np.add.reduceat(result, starts, axis=axis)
        result = sums / np.expand_dims(counts, tuple(n for n in range(3) if n != axis))
    return result.astype(np.float32)


def _in_patient(
    voxels: NDArray[np.float64],
    shape: tuple[int, ...],
    spacing_mm: tuple[float, float, float],
    plane: str,
) -> NDArray[np.float32]:
    """Voxel positions (V, 3) along D, H and W to millimetres towards left, posterior, superior."""
    letters = PLANES[plane]
    deep, tall, wide = along((0, 1, 2), letters, plane="axial")  # superior, posterior, left
    result = np.empty(voxels.shape, np.float32)
    for target, axis in enumerate((wide, tall, deep)):
        forward = letters[axis] in "LPS"
        places = voxels[:, axis] if forward else shape[axis] - 1 - voxels[:, axis]
        result[:, target] = places * spacing_mm[axis]
    return result
