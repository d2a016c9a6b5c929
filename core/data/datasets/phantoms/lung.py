"""A CT slice through the chest, drawn in Hounsfield units and shown in the lung window.

The window is level -600 HU, width 1500 HU: -1350 HU is grey 0, +150 HU is grey 255, so fat and
heart differ little and bone is white. Truth is the lungs with the vessels inside them, without the
bronchi and great vessels at the root, as in the published masks of "Finding and Measuring Lungs in
CT Data". A larger image shows the same slice in finer pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.data.datasets.phantoms.drawing import Floats, Phantom, paint_streak, smooth_noise, to_grey

FIELD_OF_VIEW_MM = 360.0
WINDOW_HU = (-1350.0, 150.0)
AIR_HU, FAT_HU, MUSCLE_HU, BLOOD_HU, PADDING_HU = -950.0, -100.0, 50.0, 45.0, -2000.0

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Chest:
    """One person's measures, in half fields of view (-1…1), and the grid they are drawn on."""

    x: Floats
    y: Floats
    level: float
    """Height of the slice: 0 at the aortic arch, 1 at the dome of the diaphragm."""
    body: tuple[float, float]
    """Half width and half height of the body."""
    cavity: tuple[float, float]
    """Half width and half height of the rib cage's inside."""
    spine_y: float
    """Centre of the vertebral body."""


def draw_lung(rng: np.random.Generator, size: int) -> Phantom:
    """Draw one slice; truth 1 = lung.

    Args:
        rng: Source of randomness.
        size: Height and width in pixels.
    """
    chest = _chest(rng, size)
    wall, angle = _wall(rng, chest)
    middle = _mediastinum(rng, chest)
    lungs = ndimage.gaussian_filter(((wall < 1) & ~middle).astype(float), 0.016 * size) > 0.5
    hu = _body(rng, chest, wall, angle)
    hu = np.where(wall < 1, _heart(rng, chest), hu)
    _bones(rng, chest, hu, wall, angle)
    hu = np.where(lungs, _parenchyma(rng, chest), hu)
    roots = _roots(rng, chest, lungs)
    _vessels(rng, hu, lungs, roots)
    hilum = _hilum(rng, hu, roots)
    _trachea(rng, chest, hu)
    hu = _scan(rng, chest, hu)
    low, high = WINDOW_HU
    return Phantom(
        image=to_grey((hu - low) / (high - low) * 255),
        truth=(lungs & ~hilum).astype(np.uint8),
        label="lung",
        spacing_mm=(FIELD_OF_VIEW_MM / size, FIELD_OF_VIEW_MM / size),
    )


def _chest(rng: np.random.Generator, size: int) -> Chest:
    grid = (np.arange(size) + 0.5) / size * 2 - 1
    body = rng.uniform(0.78, 1.02), rng.uniform(0.56, 0.7)
    cavity = body[0] * rng.uniform(0.76, 0.87), body[1] * rng.uniform(0.78, 0.88)
    shift_x, shift_y = rng.normal(0, 0.02), rng.uniform(-0.02, 0.08)
    return Chest(
        x=grid[None, :] - shift_x,
        y=grid[:, None] - shift_y,
        level=rng.uniform(0, 1),
        body=body,
        cavity=cavity,
        spine_y=min(cavity[1] * rng.uniform(0.6, 0.7), body[1] - 0.32),
    )


def _oval(
    chest: Chest, centre: tuple[float, float], half: tuple[float, float], power: float = 2.0
) -> Floats:
    """Distance from ``centre`` (x, y) in units of a superellipse's half axes, shape (H, W)."""
    across = np.abs((chest.x - centre[0]) / half[0]) ** power
    down = np.abs((chest.y - centre[1]) / half[1]) ** power
    return np.asarray((across + down) ** (1 / power))


def _wall(rng: np.random.Generator, chest: Chest) -> tuple[Floats, Floats]:
    """The rib cage: 1 on its inner face, and the angle around it, both (H, W)."""
    wide, high = chest.cavity
    sternum = 0.05 * np.exp(-((chest.x / 0.16) ** 2)) * (chest.y < 0)
    x, y = chest.x / wide, (chest.y - sternum) / high
    power = rng.uniform(2.1, 2.5)
    wave = 0.012 * smooth_noise(rng, (chest.y.shape[0], chest.x.shape[1]), 0.06 * chest.y.size)
    wall = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power) + wave
    return wall, np.arctan2(y, x)


def _mediastinum(rng: np.random.Generator, chest: Chest) -> Mask:
    """Everything between the lungs: heart or great vessels, the strips around them, the spine."""
    wide, high = chest.cavity
    x, y, spine_y, low = chest.x, chest.y, chest.spine_y, chest.level
    heart_half = wide * (0.2 + 0.25 * low) * rng.uniform(0.9, 1.1), high * rng.uniform(0.42, 0.55)
    heart_x, heart_y = wide * (0.02 + 0.15 * low), -high * rng.uniform(0.2, 0.34)
    tilt = rng.uniform(0.1, 0.5) * low
    u = (x - heart_x) * np.cos(tilt) + (y - heart_y) * np.sin(tilt)
    v = (y - heart_y) * np.cos(tilt) - (x - heart_x) * np.sin(tilt)
    bumps = 0.05 * smooth_noise(rng, (y.shape[0], x.shape[1]), 0.05 * y.size)
    heart = (np.abs(u / heart_half[0]) ** 2.3 + np.abs(v / heart_half[1]) ** 2.3) < 1 + bumps
    front = (np.abs(x - 0.02) < rng.uniform(0.025, 0.055)) & (y < heart_y)
    column = (np.abs(x - 0.03) < rng.uniform(0.1, 0.13) + bumps / 2) & (y > heart_y)
    spread = rng.uniform(2.5, 5)
    spine = np.abs(x) < 0.12 + spread * np.clip(y - spine_y + 0.05, 0, None) ** 2
    aorta = _oval(chest, (0.12, spine_y - 0.12), (0.075, 0.075)) < 1
    return np.asarray(heart | front | column | (spine & (y > spine_y - 0.08)) | aorta)


def _body(rng: np.random.Generator, chest: Chest, wall: Floats, angle: Floats) -> Floats:
    """Air, table, skin, fat and the muscle of the chest wall in HU, shape (H, W)."""
    size = chest.y.size
    shape = (size, size)
    x, y = chest.x, chest.y
    wide, high = chest.body
    breast = rng.uniform(0, 0.13) if rng.random() < 0.5 else 0.0
    bulge = breast * np.exp(-(((np.abs(x) - 0.45 * wide) / 0.22) ** 2)) * (y < 0)
    outline = _oval(chest, (0, 0.02), (wide, high), rng.uniform(2.1, 2.6))
    outline = outline - bulge / high + 0.012 * smooth_noise(rng, shape, 0.1 * size)
    hu = np.full(shape, AIR_HU)
    cloth = outline - 1.06 - 0.05 * smooth_noise(rng, shape, 0.08 * size)
    hu += 130 * np.exp(-((cloth / 0.008) ** 2)) * (outline > 1.015)
    curve, table_y = rng.uniform(0.1, 0.25), high + rng.uniform(0.05, 0.1)
    for below, glow in ((0.0, 900), (rng.uniform(0.1, 0.16), 1000)):
        line = y - table_y - below + curve * x**2
        hu += glow * np.exp(-((line / 0.008) ** 2)) * (outline > 1.01)
    fat = FAT_HU + 12 * smooth_noise(rng, shape, 0.03 * size)
    sides = rng.uniform(1.12, 1.2) + 0.1 * np.clip(np.sin(angle), 0, 1)
    muscle = (wall < sides + 0.03 * smooth_noise(rng, shape, 0.04 * size)) | (outline > 0.985)
    strands = smooth_noise(rng, shape, (0.012 * size, 0.03 * size)) > 1.3
    tissue = np.where(muscle | strands, MUSCLE_HU, fat)
    layered = np.where(muscle & (smooth_noise(rng, shape, 0.02 * size) > 1), -50, tissue)
    return np.where(outline < 1, layered, hu)


def _heart(rng: np.random.Generator, chest: Chest) -> Floats:
    """Blood and muscle in HU with a little fat between, for everything inside the rib cage."""
    shape = (chest.y.size, chest.y.size)
    lumps = smooth_noise(rng, shape, 0.05 * chest.y.size)
    enhanced = rng.uniform(0, 90) * (smooth_noise(rng, shape, 0.06 * chest.y.size) > 0.3)
    seam = np.exp(-((lumps / 0.06) ** 2))
    return np.asarray(BLOOD_HU + 6 * lumps + enhanced - 80 * seam)


def _bones(rng: np.random.Generator, chest: Chest, hu: Floats, wall: Floats, angle: Floats) -> None:
    """Ribs around the cage, breastbone and vertebra, dense at their rims."""
    around = np.linspace(-np.pi, np.pi, 721)
    half = np.zeros_like(around)
    for side in (0, np.pi):
        for place in np.linspace(-1.15, 1.15, rng.integers(5, 8)):
            centre = side + place + rng.normal(0, 0.06)
            off = np.angle(np.exp(1j * (around - centre))) / rng.uniform(0.05, 0.13)
            half = np.maximum(half, rng.uniform(0.028, 0.042) * np.sqrt(np.clip(1 - off**2, 0, 1)))
    thick = np.interp(angle, around, half)
    slant = 1.075 + 0.012 * smooth_noise(rng, (chest.y.size, chest.y.size), 0.08 * chest.y.size)
    rib = np.abs(wall - slant) / np.maximum(thick, 1e-6)
    _bone(hu, np.where(thick > 0.004, rib, 9))
    front = -chest.cavity[1] - 0.03 + 0.05
    _bone(hu, _oval(chest, (0, front), (rng.uniform(0.11, 0.17), 0.035), 4))
    spine_y = chest.spine_y
    _bone(hu, _oval(chest, (0, spine_y), (rng.uniform(0.1, 0.12), rng.uniform(0.085, 0.1)), 2.6))
    _bone(hu, _oval(chest, (0, spine_y + 0.17), (0.13, 0.075), 2))
    _bone(hu, _oval(chest, (0, spine_y + 0.23), (0.025, 0.06)))
    for side in (-1, 1):
        _bone(hu, _oval(chest, (side * 0.16, spine_y + 0.16), (0.09, 0.035)))
    canal = _oval(chest, (0, spine_y + 0.145), (0.055, 0.05)) < 1
    hu[canal] = 25


def _bone(hu: Floats, rho: Floats) -> None:
    """Fill rho < 1 with bone: a dense rim around marrow."""
    hu[rho < 1] = 620
    hu[rho < 0.72] = 210


def _parenchyma(rng: np.random.Generator, chest: Chest) -> Floats:
    """Aerated lung in HU: denser at the back, where blood settles, and finely mottled."""
    size = chest.y.size
    back = chest.y / chest.cavity[1]
    base = rng.normal(-720, 30) + rng.uniform(15, 60) * back
    mottle = 14 * smooth_noise(rng, (size, size), 0.012 * size)
    patches = 14 * smooth_noise(rng, (size, size), 0.08 * size)
    return np.asarray(base + mottle + patches)


def _roots(rng: np.random.Generator, chest: Chest, lungs: Mask) -> list[tuple[float, float, int]]:
    """Where vessels enter each lung: row, column and the side (-1 left of the image, 1 right)."""
    size = chest.y.size
    roots = []
    for side in (-1, 1):
        row = int(np.argmin(np.abs(chest.y[:, 0] - rng.uniform(0.0, 0.12))))
        middle = int(np.argmin(np.abs(chest.x[0])))
        step = np.arange(middle, size) if side > 0 else np.arange(middle, -1, -1)
        hits = np.flatnonzero(lungs[row, step])
        column = step[hits[0]] if len(hits) else middle + side * size // 6
        roots.append((float(row), float(column), side))
    return roots


def _vessels(
    rng: np.random.Generator, hu: Floats, lungs: Mask, roots: list[tuple[float, float, int]]
) -> None:
    """Vessels fan out from the root; the slice catches each as a streak or a dot."""
    size = len(hu)
    canvas = np.zeros(hu.shape)
    for root_y, root_x, side in roots:
        for _ in range(rng.integers(4, 8)):
            _branch(rng, canvas, (root_y, root_x), side=side, width=rng.uniform(0.006, 0.012))
        for _ in range(rng.integers(90, 150)):
            reach = rng.uniform(0.06, 0.5) * size
            heading = rng.uniform(-1.5, 1.5) * (1 if reach > 0.1 * size else 0.8)
            y = root_y + reach * float(np.sin(heading)) * 1.1
            x = root_x + side * reach * float(np.cos(heading)) * 0.8
            width = size * float(np.exp(rng.normal(np.log(0.0017), 0.35))) * (1.6 - reach / size)
            length = size * abs(rng.normal(0, 0.012))
            direction = heading + rng.normal(0, 0.35)
            paint_streak(
                canvas,
                (y, x),
                (y + length * np.sin(direction), x + side * length * np.cos(direction)),
                width,
                density=rng.uniform(0.35, 1),
            )
    cover = np.clip(canvas, 0, 1) * lungs
    hu += (BLOOD_HU - hu) * cover


def _branch(
    rng: np.random.Generator,
    canvas: Floats,
    start: tuple[float, float],
    *,
    side: int,
    width: float,
) -> None:
    """One vessel that leaves the root, bends, thins and dips out of the slice now and then."""
    size = len(canvas)
    heading = rng.uniform(-1.3, 1.3)
    y, x = start
    seen = True
    while width > 0.0015:
        length = rng.uniform(0.02, 0.05) * size
        end = y + length * float(np.sin(heading)), x + side * length * float(np.cos(heading))
        if seen:
            paint_streak(canvas, (y, x), end, width * size)
        y, x = end
        heading += rng.normal(0, 0.3)
        width *= rng.uniform(0.62, 0.85)
        seen = rng.random() < 0.75


def _hilum(rng: np.random.Generator, hu: Floats, roots: list[tuple[float, float, int]]) -> Mask:
    """Great vessels and air-filled bronchi at each root; the mask of what is not lung."""
    size = len(hu)
    mask: Mask = np.zeros(hu.shape, dtype=bool)
    for root_y, root_x, side in roots:
        knot = np.zeros(hu.shape)
        bronchi = np.zeros(hu.shape)
        for _ in range(rng.integers(3, 7)):
            y = root_y + rng.normal(0, 0.03) * size
            x = root_x + side * rng.uniform(-0.02, 0.035) * size
            end = y + rng.normal(0, 0.012) * size, x + side * rng.uniform(0, 0.03) * size
            paint_streak(knot, (y, x), end, rng.uniform(0.009, 0.018) * size)
        for _ in range(rng.integers(1, 4)):
            y = root_y + rng.normal(0, 0.02) * size
            x = root_x + side * rng.uniform(0, 0.035) * size
            radius = rng.uniform(0.005, 0.011) * size
            paint_streak(knot, (y, x), (y, x), radius + 0.006 * size)
            paint_streak(bronchi, (y, x), (y, x + side * radius * rng.uniform(0, 1)), radius)
        hu += (BLOOD_HU - hu) * knot
        hu += (AIR_HU - hu) * bronchi
        mask |= (knot > 0.5) | (bronchi > 0.5)
    return mask


def _trachea(rng: np.random.Generator, chest: Chest, hu: Floats) -> None:
    """The windpipe, or its two main branches a little lower; air, but not lung."""
    if chest.level > 0.45:
        return
    y = chest.spine_y - rng.uniform(0.2, 0.26)
    radius = rng.uniform(0.035, 0.05)
    if chest.level < 0.25:
        hu[_oval(chest, (rng.normal(0, 0.01), y), (radius, radius * 0.9)) < 1] = AIR_HU
        return
    for side in (-1, 1):
        hu[_oval(chest, (side * 0.06, y), (radius, radius * 0.7)) < 1] = AIR_HU


def _scan(rng: np.random.Generator, chest: Chest, hu: Floats) -> Floats:
    """The scanner: its point spread, correlated noise, and the circle it reconstructs."""
    size = len(hu)
    shape = (size, size)
    hu = ndimage.gaussian_filter(hu, max(0.35, 0.0016 * size))
    white = smooth_noise(rng, shape, max(0.45, 0.0016 * size))
    coarse = smooth_noise(rng, shape, 0.006 * size)
    grain = white - 0.3 * coarse
    dose = rng.uniform(20, 62) * (1 + 0.25 * np.exp(-((chest.x / 0.6) ** 2 + chest.y**2)))
    hu = hu + dose * grain
    if rng.random() < 0.7:
        radius = np.hypot(np.linspace(-1, 1, size)[:, None], np.linspace(-1, 1, size)[None, :])
        hu = np.where(radius > 1, PADDING_HU, hu)
    return np.asarray(hu)
