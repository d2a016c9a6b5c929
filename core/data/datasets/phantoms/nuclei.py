"""Fluorescent nuclei on a dark ground, after the look of DSB 2018 stage 1 (BBBC038).

Each image takes one of a few looks (small and sparse, medium, large, crowded); within it nuclei
vary in size, shape, brightness and texture, and many touch. A larger image shows more nuclei of the
same size in pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.data.datasets.phantoms.drawing import (
    Floats,
    Phantom,
    Window,
    smooth_noise,
    to_grey,
    wobbly_radius,
)

TILE = 256 * 256  # pixels for which the counts below are given
SMALLEST_PX = 12  # what is cut to less than this by a neighbour or the border is not a nucleus


@dataclass(frozen=True)
class Look:
    """How the nuclei of one image look, as ranges to draw from."""

    radius: tuple[float, float]
    """Mean radius in pixels."""
    count: tuple[float, float]
    """Nuclei in a tile of 256 x 256."""
    touching: float
    """Share of nuclei placed against another one."""
    bright: float
    """Share of condensed, much brighter nuclei."""


LOOKS = (
    Look(radius=(4.5, 6.5), count=(5, 60), touching=0.15, bright=0.05),
    Look(radius=(8, 12), count=(10, 55), touching=0.3, bright=0.05),
    Look(radius=(17, 26), count=(4, 12), touching=0.35, bright=0.03),
    Look(radius=(6, 10), count=(50, 110), touching=0.5, bright=0.12),
)


def draw_nuclei(rng: np.random.Generator, size: int) -> Phantom:
    """Draw one field of view; truth 1 = nucleus, with a number for each.

    Args:
        rng: Source of randomness.
        size: Height and width in pixels.
    """
    shape = (size, size)
    look = LOOKS[rng.choice(len(LOOKS), p=[0.3, 0.3, 0.2, 0.2])]
    light, instances = _paint(rng, look, shape)

    lamp = 1 + 0.12 * smooth_noise(rng, shape, max(60, size / 3))
    blur = rng.uniform(0.6, 1.3) + 0.03 * look.radius[0]
    sharp = ndimage.gaussian_filter(light, blur)
    haze = ndimage.gaussian_filter(light, rng.uniform(8, 20), truncate=3)
    peak, ground = np.exp(rng.uniform(np.log(25), np.log(125))), rng.uniform(3, 14)
    expected = lamp * (peak * (sharp + rng.uniform(0.03, 0.25) * haze) + ground)
    expected += 0.05 * ground * smooth_noise(rng, shape, 12)
    gain = rng.uniform(1.5, 12)  # photons per grey level: few give a grainy image
    photons = rng.poisson(np.clip(expected, 0, None) * gain)
    image = photons / gain + rng.normal(0, rng.uniform(0.3, 1.5), shape)
    return Phantom(
        image=to_grey(image),
        truth=(instances > 0).astype(np.uint8),
        label="nuclei",
        instances=instances,
    )


def _paint(
    rng: np.random.Generator, look: Look, shape: tuple[int, int]
) -> tuple[Floats, NDArray[np.int32]]:
    """Emitted light (1 = a typical nucleus) and the number of each nucleus, both (H, W)."""
    light = np.zeros(shape)
    instances = np.zeros(shape, dtype=np.int32)
    base = rng.uniform(*look.radius)
    count = max(1, round(rng.uniform(*look.count) * shape[0] * shape[1] / TILE))
    spread, wobble = rng.uniform(0.1, 0.3), rng.uniform(0.05, 0.16)
    texture = rng.uniform(0.05, 0.35) if rng.random() < 0.7 else 0.0
    stain = rng.uniform(0.1, 0.4)
    placed: list[tuple[float, float, float]] = []
    for number in range(1, count + 1):
        radius = base * float(np.exp(rng.normal(0, spread)))
        bright = rng.random() < look.bright
        if bright:
            radius *= rng.uniform(0.55, 0.85)
        y, x = _place(rng, placed, radius, shape, touching=rng.random() < look.touching)
        placed.append((y, x, radius))
        brightness = float(np.exp(rng.normal(0, stain))) * (rng.uniform(1.8, 3) if bright else 1)
        _paint_one(
            rng,
            light,
            instances,
            number,
            centre=(y, x),
            radius=radius,
            wobble=wobble,
            texture=texture,
            brightness=brightness,
        )
    _debris(rng, light, base, count=rng.poisson(3 * shape[0] * shape[1] / TILE))
    if not (np.bincount(instances.ravel())[1:] >= SMALLEST_PX).any():
        # A small image can miss every nucleus: then one is set in the middle.
        _paint_one(
            rng,
            light,
            instances,
            count + 1,
            centre=(shape[0] / 2, shape[1] / 2),
            radius=base,
            wobble=wobble,
            texture=texture,
            brightness=1.0,
        )
    return light, _renumber(instances)


def _place(
    rng: np.random.Generator,
    placed: list[tuple[float, float, float]],
    radius: float,
    shape: tuple[int, int],
    *,
    touching: bool,
) -> tuple[float, float]:
    """Centre of the next nucleus: against an earlier one, or the freest of a few free places."""
    if touching and placed:
        y, x, other = placed[rng.integers(len(placed))]
        angle = rng.uniform(0, 2 * np.pi)
        apart = (radius + other) * rng.uniform(0.82, 1.05)
        return y + apart * float(np.sin(angle)), x + apart * float(np.cos(angle))
    tries = rng.uniform(0, 1, (6, 2)) * shape
    if not placed:
        return float(tries[0, 0]), float(tries[0, 1])
    others = np.array(placed)
    gap = np.hypot(tries[:, :1] - others[:, 0], tries[:, 1:] - others[:, 1]) - others[:, 2]
    best = tries[np.argmax(np.minimum(gap.min(axis=1), 2.5 * radius))]
    return float(best[0]), float(best[1])


def _paint_one(
    rng: np.random.Generator,
    light: Floats,
    instances: NDArray[np.int32],
    number: int,
    *,
    centre: tuple[float, float],
    radius: float,
    wobble: float,
    texture: float,
    brightness: float,
) -> None:
    """Add one nucleus to ``light`` and ``instances``, leaving earlier nuclei their pixels."""
    aspect = float(np.exp(abs(rng.normal(0.15, 0.25))))
    window = Window.around(*centre, radius * aspect * 1.6 + 2, light.shape)
    if window is None:
        return
    along, beside = window.turned(rng.uniform(0, np.pi))
    along, beside = along / np.sqrt(aspect), beside * np.sqrt(aspect)
    if rng.random() < 0.3:  # kidney shape
        beside = beside + rng.uniform(-0.25, 0.25) / radius * along**2
    rho = np.hypot(along, beside)
    contour = wobbly_radius(rng, np.arctan2(beside, along), strength=wobble, harmonics=4)
    depth = radius * contour - rho  # pixels inside the rim
    cover = np.clip(depth + 0.5, 0, 1)
    dome = 0.75 + 0.25 * np.clip(depth / (0.6 * radius), 0, 1)
    emitted = brightness * cover * dome
    if texture:
        chromatin = smooth_noise(rng, (rho.shape[0], rho.shape[1]), max(1.0, 0.13 * radius))
        emitted *= np.clip(1 + texture * chromatin, 0.3, 2)
        for _ in range(rng.integers(0, 4)):  # nucleoli take no stain
            ny, nx = rng.normal(0, 0.35 * radius, 2)
            hole = np.exp(-((along - nx) ** 2 + (beside - ny) ** 2) / (0.18 * radius) ** 2)
            emitted *= 1 - min(1.0, 1.5 * texture) * hole
    before = light[window.part]
    light[window.part] = np.maximum(before, emitted) + 0.25 * np.minimum(before, emitted)
    free = (depth >= 0) & (instances[window.part] == 0)
    instances[window.part][free] = number


def _debris(rng: np.random.Generator, light: Floats, base: float, *, count: int) -> None:
    """Faint specks and fragments that are not nuclei."""
    for _ in range(count):
        y, x = rng.uniform(0, 1, 2) * light.shape
        width = rng.uniform(0.6, max(0.8, 0.15 * base))
        window = Window.around(float(y), float(x), 4 * width, light.shape)
        if window is not None:
            spot = np.exp(-0.5 * (window.down**2 + window.across**2) / width**2)
            light[window.part] += rng.uniform(0.05, 0.45) * spot


def _renumber(instances: NDArray[np.int32]) -> NDArray[np.int32]:
    """Drop slivers and number the rest 1, 2, 3, … without gaps."""
    sizes = np.bincount(instances.ravel())
    kept = sizes >= SMALLEST_PX
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return np.asarray(numbers[instances])
