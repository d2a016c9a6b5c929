"""What the board of the page Threshold shows, and the message of bytes that brings it there.

Made as the viewer's messages: header, then blobs. ``curves`` (float64: metric, pooled or per image,
value and low and high, threshold), ``area`` (float64: mean area, its change), ``on`` and ``off``
(uint32: pixels of each image at each level), ``levels`` and ``truth`` (maps of the tiles one after
the other), all zlib-compressed, and ``pictures`` (JPEG).
"""

import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.evaluation import Truth
from core.evaluation.convention import Convention, labels
from core.evaluation.curves import ThresholdCurves, area_change, threshold_curves
from core.levels import LevelMap
from core.metrics.card import Scores
from core.metrics.overlap import METRICS
from core.metrics.ranking import auroc, average_precision
from core.metrics.statistics import resampling_units
from core.metrics.sweep import Sweep, concatenate, histograms, sweep_image
from core.threshold.postprocessing import PostProcessing
from core.threshold.postprocessing.levels import post_processed_levels
from dashboard.common import cache
from dashboard.common.validation_maps import SplitMaps
from dashboard.components.viewer.scene import join

FIGURES = tuple(name for name, metric in METRICS.items() if metric.high == 1)
"""What can be drawn on one axis from 0 to 1."""
MOST_PIXELS = 64 * 256**2
"""Of all tiles together: what a browser repaints at the rate of the hand."""
SIDES = (96, 512)
MOST_TILES = 400


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """An image as small as it is shown beside the curves."""

    example: bytes
    """JPEG."""
    levels: LevelMap
    """Nearest pixels of the map, shape (h, w)."""
    truth: NDArray[np.uint8]
    """Of the same pixels, 0 or 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A part with post-processing, ready for the browser."""

    packed: bytes
    """The message."""
    token: str
    """Its name."""
    curves: ThresholdCurves
    """What is drawn."""
    sweep: Sweep
    """Of the masks as they are shown, cleaned where there is post-processing."""


def shown(part: SplitMaps, post_processing: PostProcessing) -> Shown:
    """A part with post-processing; made once and held.

    Args:
        part: Of ``open_split_maps``.
        post_processing: Without ``largest_component``.
    """
    key = ("shown", part.key, post_processing.words)
    found: Shown = cache.cached(
        key, lambda: _make(part, post_processing), lambda made: len(made.packed)
    )
    return found


def _make(part: SplitMaps, post_processing: PostProcessing) -> Shown:
    tiles, sweeps = [], []
    pictured = set(_pictured(len(part.samples)))
    side = tile_side(len(pictured))
    for n, (levels, truth) in enumerate(_post_processed(part, post_processing)):
        if post_processing:
            sweeps.append(sweep_image(levels, truth))
        if n in pictured:
            tiles.append(tile(part.dataset.image(part.samples[n]), levels, truth, side))
    sweep = concatenate(sweeps) if post_processing else part.sweep
    convention = Convention(post_processing=post_processing)
    curves = threshold_curves(sweep, groups=part.groups, convention=convention)
    packed, token = pack(
        part, sweep, curves, convention=convention, tiles=tiles, pictured=sorted(pictured)
    )
    return Shown(packed=packed, token=token, curves=curves, sweep=sweep)


def _post_processed(
    part: SplitMaps, post_processing: PostProcessing
) -> Iterator[tuple[LevelMap, Truth]]:
    for levels, truth in part.maps():
        yield post_processed_levels(levels, post_processing) if post_processing else levels, truth


def _pictured(count: int) -> list[int]:
    """Which images are shown where they are too many: evenly through the list."""
    if count <= MOST_TILES:
        return list(range(count))
    return [int(n) for n in np.linspace(0, count - 1, MOST_TILES)]


def tile_side(count: int) -> int:
    """Longest side of a tile in pixels where so many are shown."""
    return int(np.clip((MOST_PIXELS / count) ** 0.5, *SIDES))


def tile(image: NDArray[np.uint8], levels: LevelMap, truth: Truth, side: int) -> Tile:
    """An image and its maps, at most ``side`` pixels wide and high.

    The image is averaged; of the maps the nearest pixels are taken, so that every one of them
    changes at its own threshold.
    """
    shape = np.array(levels.shape)
    height, width = np.maximum(1, np.rint(shape * min(1.0, side / shape.max()))).astype(int)
    rows = ((np.arange(height) + 0.5) * shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * shape[1] / width).astype(int)
    if image.ndim == 3 and image.shape[2] != 3:
        image = image[..., 0]
    example = Image.fromarray(np.ascontiguousarray(image))
    example = example.resize((int(width), int(height)), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    example.save(buffer, "JPEG", quality=88)
    place = np.ix_(rows, columns)
    return Tile(
        example=buffer.getvalue(),
        levels=np.ascontiguousarray(levels[place]),
        truth=(np.asarray(truth)[place] != 0).astype(np.uint8),
    )


def pack(
    part: SplitMaps,
    sweep: Sweep,
    curves: ThresholdCurves,
    *,
    convention: Convention,
    tiles: Sequence[Tile],
    pictured: Sequence[int],
) -> tuple[bytes, str]:
    """The message and the token that names its content."""
    drawn = np.array(
        [
            [
                (values[name], *bands[name])
                for values, bands in (
                    (curves.pooled, curves.pooled_band),
                    (curves.per_image, curves.per_image_band),
                )
            ]
            for name in FIGURES
        ]
    )
    area, change, truth_area, unit = areas(part, sweep, curves)
    levels = histograms(sweep)[list(pictured)].astype("<u4")  # (N, 2, T)
    blobs = {
        "curves": zlib.compress(drawn.astype("<f8").tobytes(), level=1),
        "area": zlib.compress(np.stack([area, change]).astype("<f8").tobytes(), level=1),
        "on": zlib.compress(np.ascontiguousarray(levels[:, 1]).tobytes(), level=3),
        "off": zlib.compress(np.ascontiguousarray(levels[:, 0]).tobytes(), level=3),
        "levels": _joined([one.levels.astype("<u2") for one in tiles]),
        "truth": _joined([one.truth for one in tiles]),
        "pictures": b"".join(one.example for one in tiles),
    }
    starts = np.cumsum([0, *(one.levels.size for one in tiles)])
    images = np.cumsum([0, *(len(one.example) for one in tiles)])
    pooled = sweep.pooled()
    header: dict[str, Any] = {
        "n_images": len(part.samples),
        "figures": [
            {"name": name, "title": METRICS[name].title, "note": METRICS[name].note}
            for name in FIGURES
        ],
        "labels": {
            block: labels(
                block,
                n=len(part.samples),
                convention=convention,
                interval_over=resampling_units(part.groups),
            )
            for block in ("pooled", "per_image")
        },
        "images": [
            {
                "id": part.samples[n].id,
                "height": one.levels.shape[0],
                "width": one.levels.shape[1],
                "at": int(starts[place]),
                "picture": [int(images[place]), len(one.example)],
            }
            for place, (n, one) in enumerate(zip(pictured, tiles, strict=True))
        ],
        "best": [int(curves.best_index["dice"][n]) for n in pictured],
        "area": {"unit": unit, "truth": truth_area},
        "auroc": _number(auroc(pooled)[0]),
        "average_precision": _number(average_precision(pooled)[0]),
        "blobs": {},
    }
    offset = 0
    for name, blob in blobs.items():
        header["blobs"][name] = [offset, len(blob)]
        offset += len(blob)
    body = b"".join(blobs.values())
    digest = hashlib.blake2b(json.dumps(header).encode(), digest_size=16)
    digest.update(body)
    token = digest.hexdigest()
    return join(header | {"token": token}, body), token


def areas(
    part: SplitMaps, sweep: Sweep, curves: ThresholdCurves
) -> tuple[Scores, Scores, float, str]:
    """Mean area of an image over the threshold, its change in percent, that of the truth, unit.

    In mm² where the spacing of every image is known, else in pixels.
    """
    spacings = [sample.spacing_mm for sample in part.samples]
    if all(spacings):
        mm2 = np.array([rows * columns for rows, columns in filter(None, spacings)])
        area = ((sweep.tp + sweep.fp) * mm2[:, None]).mean(axis=0)
        return area, area_change(area), float((sweep.positives * mm2).mean()), "mm²"
    return curves.area_px, curves.area_change_percent, float(sweep.positives.mean()), "px"


def _joined(maps: Sequence[NDArray[np.generic]]) -> bytes:
    return zlib.compress(b"".join(one.tobytes() for one in maps), level=1)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
