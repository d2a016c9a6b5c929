"""A breast ultrasound with or without a lesion, after the look of BUSI (Al-Dhabyani 2020).

Echo strength is composed in decibels: skin, fat with septa, gland, muscle and the chest wall, then
the lesion and what it does to the sound behind it; fully developed speckle is added and the sum is
compressed to grey as a scanner does. A larger image shows the same scene in finer pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.data.datasets.phantoms.drawing import (
    Floats,
    Phantom,
    smooth_noise,
    to_grey,
    wobbly_radius,
)

DEPTH_MM = 40.0
DYNAMIC_RANGE_DB = 58.0
FINDINGS = {"benign": 0.56, "malignant": 0.27, "normal": 0.17}  # shares as in BUSI


@dataclass(frozen=True, eq=False)
class Lesion:
    """A lesion on the beam grid."""

    inside: Floats
    """Depth inside the margin in pixels, negative outside, shape (H, W)."""
    echo_db: Floats
    """What it adds to the tissue's echo, shape (H, W)."""
    behind_db: Floats
    """What it adds to everything behind it: negative is a shadow, shape (H, W)."""


def choose_finding(rng: np.random.Generator) -> str:
    """A key of ``FINDINGS``: an image's first draw, so that a list costs no drawing."""
    return str(rng.choice(list(FINDINGS), p=list(FINDINGS.values())))


def draw_ultrasound(rng: np.random.Generator, size: int) -> Phantom:
    """Draw one scan; truth 1 = lesion, empty where the label is ``normal``.

    Args:
        rng: Source of randomness.
        size: Height and width in pixels.
    """
    finding = choose_finding(rng)
    shape = (size, size)
    echo = _tissue(rng, size)
    inside = np.full(shape, -1.0)
    if finding != "normal":
        lesion = _lesion(rng, size, malignant=finding == "malignant")
        inside = lesion.inside
        cover = np.clip(0.5 + inside / (0.008 * size), 0, 1)
        vague = rng.uniform(1.2, 3.2) if finding == "malignant" else rng.uniform(0.7, 1.8)
        cover = ndimage.gaussian_filter(cover, size / 256 * vague)
        echo += (lesion.echo_db - 0.75 * (echo - np.median(echo))) * cover + lesion.behind_db
    echo += _attenuation(rng, size)
    echo += _speckle_db(rng, size)
    if rng.random() < 0.25:
        echo, inside = _fan(rng, echo, inside)
    truth = (inside > 0).astype(np.uint8)
    return Phantom(
        image=to_grey(_compress(rng, echo)),
        truth=truth,
        label=finding,
        spacing_mm=(DEPTH_MM / size, DEPTH_MM / size),
    )


def _curve(rng: np.random.Generator, size: int, height: float) -> Floats:
    """A layer's border: a gentle wave around ``height`` (0 top, 1 bottom), shape (1, W)."""
    x = np.linspace(0, 1, size)
    wave = np.full(size, height)
    for k in (1, 2, 3, 5):
        wave += rng.normal(0, 0.018 / k) * np.cos(np.pi * k * x + rng.uniform(0, 2 * np.pi))
    return wave[None, :]


def _threads(
    rng: np.random.Generator, size: int, scale: tuple[float, float], *, width: float, share: float
) -> Floats:
    """Thin bright lines 0…1 that run mostly across; ``scale`` as a part of the image's side."""
    shape = (size, size)
    pixels = (max(0.7, scale[0] * size), max(0.7, scale[1] * size))
    line = np.exp(-((smooth_noise(rng, shape, pixels) / width) ** 2))
    present = smooth_noise(rng, shape, (2 * pixels[0], pixels[1]))
    return np.asarray(line * np.clip(present + 2 * share - 0.5, 0, 1))


def _tissue(rng: np.random.Generator, size: int) -> Floats:
    """Echo of the layered breast in dB, shape (H, W)."""
    shape = (size, size)
    y = (np.arange(size)[:, None] + 0.5) / size

    def below(border: Floats, softness: float) -> Floats:
        return np.asarray(1 / (1 + np.exp(np.clip((border - y) / softness, -40, 40))))

    fat_end = rng.uniform(0.12, 0.38)
    gland_end = fat_end + rng.uniform(0.12, 0.42)
    skin = _curve(rng, size, rng.uniform(0.02, 0.05))
    fat_edge = _curve(rng, size, fat_end) + 0.02 * smooth_noise(rng, shape, 0.05 * size)
    gland_edge = _curve(rng, size, gland_end) + 0.015 * smooth_noise(rng, shape, 0.06 * size)
    chest = _curve(rng, size, gland_end + rng.uniform(0.15, 0.4))

    mottle = smooth_noise(rng, shape, (0.012 * size, 0.035 * size))
    lumps = smooth_noise(rng, shape, (0.03 * size, 0.07 * size))
    fat = -34 + 1.5 * mottle + 2 * lumps
    fat += 15 * _threads(rng, size, (0.03, 0.14), width=0.12, share=0.35)
    gland = rng.uniform(-26, -20) + 3 * mottle + 3 * lumps
    gland += 8 * _threads(rng, size, (0.01, 0.05), width=0.35, share=0.5)
    gland += 9 * _threads(rng, size, (0.014, 0.09), width=0.2, share=0.35)
    gland -= 9 * np.clip(smooth_noise(rng, shape, (0.014 * size, 0.03 * size)) - 0.9, 0, 1.5)
    muscle = -35 + 1.5 * mottle
    muscle += rng.uniform(9, 20) * _threads(rng, size, (0.009, 0.11), width=0.4, share=0.45)
    muscle += 7 * _threads(rng, size, (0.006, 0.05), width=0.4, share=0.4)
    deep = -46 + 2 * mottle + 3 * lumps
    pleura = rng.uniform(0, 22) * np.exp(-(((y - chest) / 0.007) ** 2))

    at_fat, at_gland = below(skin, 0.006), below(fat_edge, 0.008)
    at_muscle, at_deep = below(gland_edge, 0.012), below(chest, 0.015)
    echo = -20 + 3 * mottle + 8 * np.exp(-(((y - skin) / 0.005) ** 2))
    for layer, reached in ((fat, at_fat), (gland, at_gland), (muscle, at_muscle), (deep, at_deep)):
        echo += (layer - echo) * reached
    return _bend(rng, echo + pleura)


def _bend(rng: np.random.Generator, echo: Floats) -> Floats:
    """Tilt and wave the flat layers, more so with depth."""
    size = len(echo)
    y, x = np.mgrid[:size, :size].astype(float)
    depth = y / size
    tilt = rng.normal(0, 0.1) * (x - size / 2) * depth
    wave = 0.012 * size * smooth_noise(rng, (size, size), 0.12 * size) * (0.3 + depth)
    return np.asarray(ndimage.map_coordinates(echo, [y + tilt + wave, x], order=1, mode="nearest"))


def _lesion(rng: np.random.Generator, size: int, *, malignant: bool) -> Lesion:
    """Benign: wider than tall and smooth. Malignant: irregular, spiculated, shadowing."""
    if malignant:
        share = np.clip(np.exp(rng.normal(np.log(0.10), 0.55)), 0.03, 0.3)
        aspect = rng.uniform(0.6, 1.25)
    else:
        share = np.clip(np.exp(rng.normal(np.log(0.045), 0.75)), 0.008, 0.22)
        aspect = rng.uniform(0.48, 0.85)
    half_width = float(np.sqrt(share / np.pi / aspect)) * size
    half_height = half_width * aspect
    margin_y = min(0.45, half_height / size + 0.08)
    centre_y = rng.uniform(margin_y, max(margin_y + 0.02, 0.62 - 0.4 * half_height / size)) * size
    centre_x = rng.uniform(0.32, 0.68) * size
    angle = rng.normal(0, 0.15)
    y, x = np.mgrid[:size, :size].astype(float)
    y, x = y + 0.5 - centre_y, x + 0.5 - centre_x
    if malignant:
        ragged = 0.018 * size
        y += ragged * 0.4 * smooth_noise(rng, (size, size), 0.02 * size)
        x += ragged * 0.4 * smooth_noise(rng, (size, size), 0.02 * size)
    along = (x * np.cos(angle) + y * np.sin(angle)) / half_width
    beside = (y * np.cos(angle) - x * np.sin(angle)) / half_height
    theta = np.arctan2(beside, along)
    contour = wobbly_radius(
        rng, theta, strength=0.22 if malignant else 0.09, harmonics=7 if malignant else 3
    )
    if malignant:
        for _ in range(rng.integers(0, 10)):  # spicules
            off = np.angle(np.exp(1j * (theta - rng.uniform(-np.pi, np.pi))))
            contour += rng.uniform(0.05, 0.25) * np.exp(-((off / rng.uniform(0.06, 0.16)) ** 2))
    inside = (contour - np.hypot(along, beside)) * min(half_width, half_height)
    return Lesion(
        inside,
        _lesion_echo(rng, size, inside, malignant=malignant),
        _behind(rng, inside, malignant=malignant),
    )


def _lesion_echo(rng: np.random.Generator, size: int, inside: Floats, *, malignant: bool) -> Floats:
    """Darker than its surroundings: a cyst nearly black, a solid mass mottled."""
    shape = (size, size)
    mottle = smooth_noise(rng, shape, (0.012 * size, 0.02 * size))
    lumps = smooth_noise(rng, shape, 0.05 * size)
    if malignant:
        echo = -rng.uniform(6, 17) + 2.5 * mottle + 3 * lumps
        specks = smooth_noise(rng, shape, max(0.6, 0.004 * size)) > 3.0
        echo += rng.uniform(0, 22) * ndimage.gaussian_filter(specks.astype(float), 0.6)
        return np.asarray(echo)
    if rng.random() < 0.35:
        echo = -rng.uniform(15, 25) + 1.0 * mottle
    else:
        echo = -rng.uniform(5, 14) + 1.5 * mottle + 1.5 * lumps
    wall = np.exp(-((inside / (0.008 * size)) ** 2))
    return np.asarray(echo + rng.uniform(0, 8) * wall)


def _behind(rng: np.random.Generator, inside: Floats, *, malignant: bool) -> Floats:
    """Sound lost or kept on the way through the lesion, per beam, in dB."""
    size = len(inside)
    path = np.cumsum(inside > 0, axis=0) / size
    full = path[-1].max() + 1e-9
    strength = -rng.uniform(4, 18) if malignant else rng.uniform(-2, 8)
    change = strength * np.clip(path / full, 0, 1) * (inside <= 0)
    sigma = (0.012 * size, 0.015 * size)
    return np.asarray(ndimage.gaussian_filter(change, sigma, truncate=3))


def _attenuation(rng: np.random.Generator, size: int) -> Floats:
    """Loss with depth, and beams dimmed by poor contact or by septa above, in dB."""
    depth = (np.arange(size)[:, None] + 0.5) / size
    loss = -rng.uniform(0, 9) * depth - rng.uniform(0, 14) * np.clip(depth - 0.6, 0, 1) / 0.4
    beams = smooth_noise(rng, (2, size), (0.5, 0.06 * size))[:1]
    start = rng.uniform(0, 0.5)
    shadow = np.clip(beams - rng.uniform(0.6, 1.8), 0, 1.2) * np.clip((depth - start) / 0.3, 0, 1)
    return np.asarray(loss - rng.uniform(4, 14) * shadow)


def _speckle_db(rng: np.random.Generator, size: int) -> Floats:
    """Fully developed speckle, mean about 0 dB: compounded reads one field of scatterers."""
    fine = (size / 256) ** 0.8
    sigma = (max(0.45, rng.uniform(0.6, 0.85) * fine), max(0.6, rng.uniform(1.2, 1.9) * fine))
    power = np.zeros((size, size))
    looks = int(rng.integers(3, 7))
    for _ in range(2 * looks):
        power += smooth_noise(rng, (size, size), sigma) ** 2
    return np.asarray(10 * np.log10(power / (2 * looks) + 1e-3))


def _fan(rng: np.random.Generator, echo: Floats, inside: Floats) -> tuple[Floats, Floats]:
    """Spread the beams as a curved or steered probe does; outside the sector nothing is shown."""
    size = len(echo)
    y, x = np.mgrid[:size, :size].astype(float)
    depth, side = y / (size - 1), x / (size - 1) - 0.5
    top = rng.uniform(0.5, 0.85)
    beam = side / (top + (1 - top) * np.clip(depth / rng.uniform(0.4, 1), 0, 1))
    sink = rng.uniform(0, 0.12) * beam**2 * 4
    places = [(depth + sink - sink.min()) * (size - 1), (beam + 0.5) * (size - 1)]
    seen = (np.abs(beam) <= 0.5) & (places[0] <= size - 1)
    shown = ndimage.map_coordinates(echo, places, order=1, mode="nearest")
    margin = ndimage.map_coordinates(inside, places, order=1, mode="nearest")
    return np.where(seen, shown, -np.inf), np.where(seen, margin, -1.0)


def _compress(rng: np.random.Generator, echo: Floats) -> Floats:
    """Map dB to grey with the gain set so that the image's mean lies where BUSI's do."""
    target = rng.uniform(58, 105)
    seen: NDArray[np.bool_] = np.isfinite(echo)
    values = echo[seen]
    gain = 0.0
    for _ in range(4):  # clipping makes the mean curved in gain, so a few steps
        grey = np.clip((values + gain) / DYNAMIC_RANGE_DB + 1, 0, 1) * 255
        gain += (target - float(grey.mean())) * DYNAMIC_RANGE_DB / 255
    grey = np.zeros(echo.shape)
    grey[seen] = np.clip((values + gain) / DYNAMIC_RANGE_DB + 1, 0, 1) * 255
    return grey
