"""A block of lung in chest CT with nodules among vessels, drawn as a volume in the lung window.

Nodules are as bright as vessels and as large as their cross-sections: in one slice a nodule and a
vessel that runs across it look the same, in the slices above and below the nodule ends and the
vessel continues. So a network that sees one slice must guess and one that sees several need not.
The window is that of ``lung``. Lengths are in mm, which are pixels within a slice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from core.data.datasets.phantoms.drawing import Floats, smooth_noise, to_grey
from core.data.datasets.phantoms.lung import BLOOD_HU, FAT_HU, MUSCLE_HU, WINDOW_HU

SHAPE = (32, 96, 96)
SPACING_MM = (1.5, 1.0, 1.0)
NODULES = (2, 5)
"""Fewest and most of a case."""
GAP_MM = 2.5
"""Least distance of a nodule from vessels and the chest wall."""
_DEPTH_MM, _SIDE_MM = SHAPE[0] * SPACING_MM[0], float(SHAPE[1])
_FAR_MM = 99.0

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PhantomVolume:
    """One synthetic volume with its exact truth."""

    image: NDArray[np.uint8]
    """Grey values, shape (D, H, W), 0…255."""
    instances: NDArray[np.uint8]
    """Number of the nodule at each voxel, shape (D, H, W), 0 = none."""
    vessels: Mask
    """Where the vessels are, shape (D, H, W)."""
    spacing_mm: tuple[float, float, float]
    """Distance of slices, rows and columns."""


@dataclass(frozen=True, eq=False)
class Tube:
    """A stretch of a vessel."""

    path: Floats
    """Points along its middle in mm: depth, row, column, shape (N, 3)."""
    radius: Floats
    """At each point in mm, shape (N,)."""


@dataclass(frozen=True, eq=False)
class Wall:
    """The inside of the rib cage, a part of a wide cylinder, and where the lung ends on it."""

    facing: float
    """Direction from the block's middle to the wall, in radians."""
    reach: float
    """Way from there to the wall in mm."""
    distance: Floats
    """From each voxel to the wall, negative beyond it, shape (D, H, W)."""
    around: Floats
    """Way along the wall, shape (D, H, W)."""


def draw_nodules(rng: np.random.Generator) -> PhantomVolume:
    """Draw one case of 32 slices of 96 x 96 pixels, 1.5 mm apart."""
    wall = _wall(rng)
    vessels = np.full(SHAPE, -_FAR_MM)
    tubes = _vessels(rng, wall)
    for tube in tubes:
        _paint(vessels, tube)
    unevenness = np.clip(0.28 * _noise(rng, 2.2), -0.6, 0.6)
    vessels += unevenness
    nodules, instances = _nodules(rng, (vessels > 0) | (wall.distance < 0), unevenness)
    hu = _parenchyma(rng) + _twigs(rng, tubes)
    cover = np.clip(0.5 + np.maximum(vessels, nodules), 0, 1)
    hu += (BLOOD_HU - hu) * cover
    beyond = np.clip(0.5 - wall.distance, 0, 1)
    hu += (_chest_wall(rng, wall) - hu) * beyond
    low, high = WINDOW_HU
    return PhantomVolume(
        image=to_grey((_scan(rng, hu) - low) / (high - low) * 255),
        instances=instances,
        vessels=(vessels > 0) & (wall.distance > 0),
        spacing_mm=SPACING_MM,
    )


def _grid() -> tuple[Floats, Floats, Floats]:
    """Depth (D, 1, 1), row (H, 1) and column (W,) of the voxels in mm."""
    z, y, x = (np.arange(n, dtype=np.float64) * mm for n, mm in zip(SHAPE, SPACING_MM, strict=True))
    return z[:, None, None], y[:, None], x


def _noise(rng: np.random.Generator, scale_mm: float) -> Floats:
    """Gaussian noise of mean 0 and standard deviation 1, correlated over ``scale_mm``."""
    sigma = [scale_mm / mm for mm in SPACING_MM]
    field = ndimage.gaussian_filter(rng.standard_normal(SHAPE), sigma, mode="wrap", truncate=3)
    return np.asarray(field / field.std())


def _wall(rng: np.random.Generator) -> Wall:
    """A chest wall at one side, which in some cases only just shows."""
    facing = rng.choice([0.0, np.pi]) + rng.normal(0, 0.5)
    reach, radius = rng.uniform(32, 56), rng.uniform(70, 95)
    z, y, x = _grid()
    slope = rng.uniform(-0.12, 0.12) * (z - _DEPTH_MM / 2)
    down = y - _SIDE_MM / 2 - np.sin(facing) * (reach - radius)
    across = x - _SIDE_MM / 2 - np.cos(facing) * (reach - radius)
    turn = np.angle(np.exp(1j * (np.arctan2(down, across) - facing)))
    distance = radius + slope - np.hypot(down, across)
    around = np.broadcast_to(turn * radius, SHAPE)
    return Wall(facing=facing, reach=reach, distance=distance, around=around)


def _vessels(rng: np.random.Generator, wall: Wall) -> list[Tube]:
    """Vessels across the slices, each in the freest of a few places, branches, and long ones."""
    tubes = [tube for _ in range(rng.integers(2, 5)) if _clear(tube := _along(rng, wall), wall)]
    across: list[Tube] = []
    for _ in range(rng.integers(11, 17)):
        tries = [tube for _ in range(5) if _clear(tube := _across(rng), wall)]
        if not tries:
            continue
        across.append(max(tries, key=lambda tube: _room(tube, across)))
        if rng.random() < 0.3 and _clear(branch := _branch(rng, across[-1]), wall):
            tubes.append(branch)
    return tubes + across


def _width(rng: np.random.Generator) -> float:
    """Radius of a vessel: that of a random slice through a nodule, but 1.5 to 4."""
    return float(np.clip(rng.uniform(2.7, 5) * np.sqrt(1 - rng.uniform(0, 0.95) ** 2), 1.5, 4))


def _tapered(rng: np.random.Generator, radius: float, count: int) -> Floats:
    taper = rng.uniform(-0.2, 0.2)
    return np.clip(radius * np.linspace(1 - taper, 1 + taper, count), 1.5, 4)


def _across(rng: np.random.Generator) -> Tube:
    """A vessel from the first slice to the last, leaning and winding a little."""
    z = np.arange(-4, _DEPTH_MM + 4, 0.7)
    lean, heading = np.tan(np.clip(abs(rng.normal(0, 0.35)), 0, 0.9)), rng.uniform(0, 2 * np.pi)
    away = lean * (z - _DEPTH_MM / 2)
    bend = rng.uniform(0.5, 4) * np.sin(2 * np.pi * (z / rng.uniform(45, 110) + rng.random()))
    y, x = rng.uniform(2, _SIDE_MM - 2, 2)
    y = y + away * np.sin(heading) + bend * np.cos(heading)
    x = x + away * np.cos(heading) - bend * np.sin(heading)
    return Tube(np.stack([z, y, x], axis=1), _tapered(rng, _width(rng), len(z)))


def _branch(rng: np.random.Generator, parent: Tube) -> Tube:
    """A vessel that leaves ``parent`` within the block and continues to its first or last slice."""
    z = parent.path[:, 0]
    start = rng.uniform(0.2, 0.8) * _DEPTH_MM
    part = z >= start if rng.random() < 0.5 else z <= start
    run = np.abs(z[part] - start)
    away = rng.uniform(0.3, 0.7) * run**2 / (run + 8)
    heading = rng.uniform(0, 2 * np.pi)
    path = parent.path[part] + away[:, None] * [0, np.sin(heading), np.cos(heading)]
    return Tube(path, np.maximum(1.5, parent.radius[part] * rng.uniform(0.65, 0.85)))


def _along(rng: np.random.Generator, wall: Wall) -> Tube:
    """A vessel from the root of the lung that runs within the slices, then turns out of them."""
    middle = np.full(2, _SIDE_MM / 2)
    came, goes = wall.facing + np.pi + rng.normal(0, 0.4), wall.facing + rng.normal(0, 0.7)
    start = middle + 72 * np.array([np.sin(came), np.cos(came)])
    end = middle + rng.uniform(0, wall.reach - 12) * np.array([np.sin(goes), np.cos(goes)])
    part = np.linspace(0, 1, int(np.hypot(*(end - start)) / 0.7))
    bow = rng.normal(0, 6) * np.sin(np.pi * part)
    ahead = (end - start) / np.hypot(*(end - start))
    place = start + part[:, None] * (end - start) + bow[:, None] * [ahead[1], -ahead[0]]
    level = rng.uniform(0.2, 0.8) * _DEPTH_MM
    out = _DEPTH_MM + 4 if rng.random() < 0.5 else -4.0
    z = level + (out - level) * part ** rng.uniform(2, 4)
    radius = _tapered(rng, rng.uniform(1.7, 3.2), len(part))
    return Tube(np.column_stack([z, place]), radius)


def _clear(tube: Tube, wall: Wall) -> bool:
    """Whether a vessel keeps away from the chest wall all the way through the block."""
    index = np.rint(tube.path / SPACING_MM).astype(int)
    seen = ((index >= 0) & (index < SHAPE)).all(axis=1)
    room = wall.distance[tuple(index[seen].T)] - tube.radius[seen]
    return bool(seen.any() and room.min() > GAP_MM)


def _room(tube: Tube, others: list[Tube]) -> float:
    """Mean way to the nearest of the others in the same slice, at most 10 mm."""
    if not others:
        return 0.0
    ways = [np.hypot(*(tube.path - other.path)[:, 1:].T) for other in others]
    return float(np.minimum(np.min(ways, axis=0), 10).mean())


def _paint(inside: Floats, tube: Tube) -> None:
    """Raise ``inside``, the depth below a surface in mm, to that of balls along the tube."""
    grid = _grid()
    for point, radius in zip(tube.path, tube.radius, strict=True):
        first = np.maximum(0, np.ceil((point - radius - 2) / SPACING_MM)).astype(int)
        last = np.maximum(0, np.floor((point + radius + 2) / SPACING_MM) + 1).astype(int)
        z, y, x = (slice(a, b) for a, b in zip(first, last, strict=True))
        off = grid[0][z] - point[0], grid[1][y] - point[1], grid[2][x] - point[2]
        way = np.sqrt(off[0] ** 2 + off[1] ** 2 + off[2] ** 2)
        part = inside[z, y, x]
        np.maximum(part, radius - way, out=part)


def _nodules(
    rng: np.random.Generator, taken: Mask, unevenness: Floats
) -> tuple[Floats, NDArray[np.uint8]]:
    """Ellipsoids in the lung's free places, which end well inside the block.

    Returns:
        Depth below their surfaces in mm, and their numbers, both (D, H, W).
    """
    inside, instances = np.full(SHAPE, -_FAR_MM), np.zeros(SHAPE, np.uint8)
    z, y, x = _grid()
    free = np.asarray(ndimage.distance_transform_edt(~taken, sampling=SPACING_MM))
    edge = np.minimum(np.minimum(y, _SIDE_MM - 1 - y), np.minimum(x, _SIDE_MM - 1 - x))
    ends = np.minimum(z, _DEPTH_MM - SPACING_MM[0] - z)
    for _ in range(rng.integers(NODULES[0], NODULES[1], endpoint=True)):
        axes = np.clip(rng.uniform(2.7, 5) * np.exp(rng.normal(0, 0.12, 3)), 2.5, 6)
        room = free - axes.max() - 0.6  # unevenness adds up to 0.6 mm
        fits = (room > GAP_MM) & (edge > axes.max()) & (ends > axes.max() + 2)
        beside_vessels = fits & (room < GAP_MM + 8)  # neither near nor far tells a nodule
        places = np.argwhere(beside_vessels if beside_vessels.any() else fits)
        if not len(places):
            continue
        centre = places[rng.integers(len(places))] * SPACING_MM
        off = z - centre[0], y - centre[1], x - centre[2]
        turned = Rotation.random(random_state=rng).as_matrix() / axes[:, None]
        squares = [(row[0] * off[0] + row[1] * off[1] + row[2] * off[2]) ** 2 for row in turned]
        rho = np.sqrt(squares[0] + squares[1] + squares[2])
        depth = (1 - rho) * axes.mean() + unevenness
        instances[depth > 0] = instances.max() + 1
        inside = np.maximum(inside, depth)
        free = np.minimum(free, np.sqrt(off[0] ** 2 + off[1] ** 2 + off[2] ** 2) - axes.max() - 0.6)
    return inside, instances


def _parenchyma(rng: np.random.Generator) -> Floats:
    """Aerated lung in HU, in patches and finely mottled."""
    patches = smooth_noise(rng, SHAPE[1:], 9)
    return np.asarray(rng.normal(-850, 20) + 16 * patches + 14 * _noise(rng, 1.5))


def _twigs(rng: np.random.Generator, tubes: list[Tube]) -> Floats:
    """What vessels too thin for a voxel add to the lung, in HU; they spring from the others."""
    added = np.zeros(SHAPE)
    for _ in range(rng.integers(90, 150)):
        tube = tubes[rng.integers(len(tubes))]
        way = np.arange(0, rng.uniform(8, 30), 0.5)[:, None]
        first, later = rng.normal(0, 1, (2, 3))
        heading = first / np.linalg.norm(first) + way / 40 * later
        points = tube.path[rng.integers(len(tube.path))] + np.cumsum(heading, axis=0) * 0.5
        index = np.rint(points / SPACING_MM).astype(int)
        seen = ((index >= 0) & (index < SHAPE)).all(axis=1)
        added[tuple(index[seen].T)] = (rng.uniform(300, 700) * (1 - way[seen] / 40)).ravel()
    return added


def _chest_wall(rng: np.random.Generator, wall: Wall) -> Floats:
    """Muscle between ribs, which slant through the slices, and fat further out, in HU."""
    depth = -wall.distance
    layers = 9 + 2.5 * smooth_noise(rng, SHAPE[1:], 9)
    strands = smooth_noise(rng, SHAPE[1:], 4) > 1.1
    hu = np.where((depth < layers) | strands, MUSCLE_HU, FAT_HU)
    z = _grid()[0]
    slant, length = rng.uniform(0.3, 0.8) * rng.choice([-1, 1]), rng.uniform(11, 16)
    along = (wall.around + slant * z + rng.uniform(0, 34)) % 34 - 17
    rib = np.hypot(along / length, (depth - 5.5) / 3.6)
    hu = np.where(rib < 1, 620, hu)
    return np.where(rib < 0.68, 210, hu)


def _scan(rng: np.random.Generator, hu: Floats) -> Floats:
    """The scanner: its point spread and correlated noise."""
    blurred = ndimage.gaussian_filter(hu, (0.4, 0.65, 0.65), truncate=3)
    grain = ndimage.gaussian_filter(rng.standard_normal(SHAPE), (0.25, 0.6, 0.6), truncate=3)
    return np.asarray(blurred + rng.uniform(22, 38) * grain / grain.std())
