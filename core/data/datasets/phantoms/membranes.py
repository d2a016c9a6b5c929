"""Cell membranes in a thin section, after the look of ISBI 2012 (Drosophila nerve cord, ssTEM).

Cells of very different sizes tile the plane; membranes are dark, of varying width, and blurred
where the section cuts them at a slant. Inside the cells lie the things that mislead a model:
mitochondria, vesicles, tubules and dark synaptic smudges. A pixel stands for 4 nm at every size, so
a larger image shows more cells.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.data.datasets.phantoms.drawing import Floats, Phantom, Window, smooth_noise, to_grey

SPACING_MM = (4e-6, 4e-6)
TILE = 256 * 256  # pixels for which the counts below are given


def draw_membranes(rng: np.random.Generator, size: int) -> Phantom:
    """Draw one section; truth 1 = cell interior, 0 = membrane (about 22 %).

    Args:
        rng: Source of randomness.
        size: Height and width in pixels.
    """
    shape = (size, size)
    cells = _tessellate(rng, shape)
    edge = np.zeros(shape, dtype=bool)
    edge[:, :-1] |= cells[:, :-1] != cells[:, 1:]
    edge[:-1] |= cells[:-1] != cells[1:]
    distance: Floats = ndimage.distance_transform_edt(~edge)  # to the nearest membrane's middle

    slant = np.clip(smooth_noise(rng, shape, 13) - 1.1, 0, 1)
    thickness = np.exp(0.16 * smooth_noise(rng, shape, 9)) * (1 + 1.1 * slant)
    relative = (distance + 0.5) / thickness
    half_width = np.clip(np.quantile(relative, rng.normal(0.22, 0.02)), 1.8, 4.0)
    interior = relative > half_width

    contrast = np.clip(0.95 + 0.2 * smooth_noise(rng, shape, 20), 0.4, 1.2) * (1 - 0.45 * slant)
    blur = half_width * thickness * 0.68
    grey = -95 * contrast * np.exp(-0.5 * (distance / blur) ** 2)
    grey -= 14 * np.exp(-0.5 * (distance / (3 * blur)) ** 2)
    grey += _cytoplasm(rng, cells)
    grey += _clutter(rng, cells, distance)
    strength = rng.uniform(0.85, 1.3)
    grain = rng.uniform(1.0, 1.35)
    grey += strength * (23 * smooth_noise(rng, shape, grain) + 10 * smooth_noise(rng, shape, 2.8))
    grey += 4 * rng.standard_normal(shape) + 7 * smooth_noise(rng, shape, 70)
    grey += 8 * smooth_noise(rng, shape, 6) + 7 * smooth_noise(rng, shape, 14)
    return Phantom(
        image=to_grey(_expose(rng, grey, interior)),
        truth=interior.astype(np.uint8),
        label="membranes",
        spacing_mm=SPACING_MM,
    )


def _tessellate(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Number of the cell at each pixel: the ellipse whose rim is nearest, large ones rounded."""
    centres, radii = _pack(rng, shape)
    warp_y = 5 * smooth_noise(rng, shape, 14) + 1.1 * smooth_noise(rng, shape, 4)
    warp_x = 5 * smooth_noise(rng, shape, 14) + 1.1 * smooth_noise(rng, shape, 4)
    common_angle, stretch = rng.uniform(0, np.pi), rng.uniform(0.05, 0.35)
    bundle = smooth_noise(rng, shape, 70) - rng.uniform(0.2, 1.5)  # where fibres run side by side
    nearest = np.full(shape, np.inf)
    cells = np.zeros(shape, dtype=np.int32)
    for number, ((y, x), radius) in enumerate(zip(centres, radii, strict=True), start=1):
        row, column = np.clip([y, x], 0, np.array(shape) - 1).astype(int)
        drawn_out = float(np.clip(4 * bundle[row, column], 0, 1))
        aspect = float(np.exp(abs(rng.normal(0, stretch)) + 0.75 * drawn_out))
        angle = common_angle + rng.normal(0, 0.5) * (1 - 0.8 * drawn_out)
        window = Window.around(y, x, 2 * radius * aspect + 14, shape)
        if window is None:
            continue
        part = window.part
        down, across = window.down + warp_y[part], window.across + warp_x[part]
        along = across * np.cos(angle) + down * np.sin(angle)
        beside = down * np.cos(angle) - across * np.sin(angle)
        rim = np.hypot(along / aspect, beside * aspect) - radius
        closer = rim < nearest[part]
        nearest[part][closer] = rim[closer]
        cells[part][closer] = number
    if (cells == 0).any():
        where = ndimage.distance_transform_edt(
            cells == 0, return_distances=False, return_indices=True
        )
        cells = cells[tuple(where)]
    return cells


def _pack(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Centres (N, 2) and radii (N,) of discs that barely overlap, the large ones placed first."""
    margin = 30
    height, width = shape[0] + 2 * margin, shape[1] + 2 * margin
    tiles = height * width / TILE
    large = rng.uniform(36, 75, rng.poisson(rng.uniform(2, 5) * tiles))
    medium = rng.uniform(17, 34, int(rng.uniform(18, 42) * tiles))
    small = rng.uniform(8.5, 15, int(rng.uniform(70, 200) * tiles))
    radii = np.concatenate([np.sort(large)[::-1], np.sort(medium)[::-1], np.sort(small)[::-1]])
    radii = np.minimum(radii, 0.3 * min(shape))  # so that a small image still shows membranes
    tries = rng.uniform(-margin, 1, (len(radii), 2))
    tries = (tries + margin) / (margin + 1) * [height, width] - margin
    kept = np.zeros((len(radii), 3))
    count = 0
    for (y, x), radius in zip(tries, radii, strict=True):
        placed = kept[:count]
        gap = np.hypot(placed[:, 0] - y, placed[:, 1] - x) - 0.86 * (placed[:, 2] + radius)
        if count == 0 or gap.min() > 0:
            kept[count] = y, x, radius
            count += 1
    return kept[:count, :2], kept[:count, 2]


def _cytoplasm(rng: np.random.Generator, cells: NDArray[np.int32]) -> Floats:
    """Each cell's own brightness."""
    per_cell = rng.normal(0, 12, int(cells.max()) + 1)
    return np.asarray(per_cell[cells])


def _clutter(rng: np.random.Generator, cells: NDArray[np.int32], distance: Floats) -> Floats:
    """Dark things inside cells and on membranes that are not membrane."""
    shape = cells.shape
    tiles = cells.size / TILE
    grey = np.zeros(shape)
    inside = np.flatnonzero(distance > 4.5)
    crowding = np.exp(rng.normal(-0.6, 0.9, int(cells.max()) + 1)).clip(0, 2.5)
    if len(inside):
        picks = rng.choice(inside, int(700 * tiles))
        kept = picks[rng.uniform(0, 2.5, len(picks)) < crowding[cells.ravel()[picks]]]
        radii = np.where(rng.random(len(kept)) < 0.55, 0.0, rng.uniform(1.2, 3.2, len(kept)))
        _stamp_rings(grey, kept, radii, depth=rng.uniform(25, 80, len(kept)))
    tubule = np.exp(-((smooth_noise(rng, shape, 4.5) / 0.16) ** 2))
    present = np.clip(smooth_noise(rng, shape, 10) - 0.7, 0, 1) * (distance > 4)
    grey -= 45 * tubule * present
    grey -= 30 * np.clip(smooth_noise(rng, shape, 3.5) - 1.3, 0, 1.5)
    _mitochondria(rng, grey, distance, count=rng.poisson(2.8 * tiles))
    _synapses(rng, grey, distance, count=rng.poisson(2.5 * tiles))
    return grey


def _stamp_rings(grey: Floats, places: NDArray[np.intp], radii: Floats, *, depth: Floats) -> None:
    """Darken a ring (a spot where the radius is 0) at each flat index in ``places``."""
    offset = np.arange(-6, 7)
    centre = np.sqrt(offset[:, None] ** 2 + offset[None, :] ** 2)
    shade = np.exp(-(((centre - radii[:, None, None]) / 1.1) ** 2)) * depth[:, None, None]
    y, x = np.unravel_index(places, grey.shape)
    rows = np.clip(y[:, None, None] + offset[:, None], 0, grey.shape[0] - 1)
    columns = np.clip(x[:, None, None] + offset[None, :], 0, grey.shape[1] - 1)
    np.subtract.at(grey, (rows, columns), shade)


def _mitochondria(rng: np.random.Generator, grey: Floats, distance: Floats, *, count: int) -> None:
    """Grey ovals with a dark rim and wavy inner folds, kept clear of the membrane."""
    room = np.flatnonzero(distance > 9)
    if not len(room):
        return
    for place in rng.choice(room, count):
        y, x = np.unravel_index(place, grey.shape)
        minor = min(float(distance[y, x]) * 1.1, float(np.exp(rng.uniform(np.log(9), np.log(34)))))
        major = minor * rng.uniform(1, 1.9)
        window = Window.around(float(y), float(x), major + 4, grey.shape)
        assert window is not None
        along, beside = window.turned(rng.uniform(0, np.pi))
        clear = np.clip(distance[window.part] - 2.5, 0, 1)
        rho = np.hypot(along / major, beside / minor)
        body = 1 / (1 + np.exp((rho - 1) * minor / 0.8)) * clear
        wave = smooth_noise(rng, (body.shape[0], body.shape[1]), 4.0)
        folds = np.sin(2 * np.pi * along / rng.uniform(4.5, 6.5) + 1.6 * wave)
        rim = np.exp(-(((rho - 1) * minor / 1.3) ** 2)) * clear
        grey[window.part] *= 1 - 0.8 * body
        grey[window.part] -= body * (rng.uniform(50, 80) + 20 * folds) + 45 * rim


def _synapses(rng: np.random.Generator, grey: Floats, distance: Floats, *, count: int) -> None:
    """Dark smudges that sit on a membrane and spill into the cell."""
    edge = np.flatnonzero(distance == 0)
    if not len(edge):
        return
    for place in rng.choice(edge, count):
        y, x = np.unravel_index(place, grey.shape)
        major, minor = rng.uniform(5, 18), rng.uniform(2.5, 7)
        window = Window.around(float(y), float(x), 2.5 * major, grey.shape)
        assert window is not None
        along, beside = window.turned(rng.uniform(0, np.pi))
        streaks = 1 + 0.3 * smooth_noise(rng, (along.shape[0], along.shape[1]), 1.5)
        spot = np.exp(-0.5 * ((along / major) ** 2 + (beside / minor) ** 2))
        grey[window.part] -= rng.uniform(30, 90) * spot * streaks


def _expose(rng: np.random.Generator, grey: Floats, interior: NDArray[np.bool_]) -> Floats:
    """Set the mean grey of interior and membrane near the real stack's 138 and 85."""
    bright, dark = rng.normal(138, 4), rng.normal(85, 4)
    mean_in, mean_on = grey[interior].mean(), grey[~interior].mean()
    gain = (bright - dark) / (mean_in - mean_on)
    return np.asarray((grey - mean_on) * gain + dark)
