"""The test images with the lowest scores, side by side in one image for the model card."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from core.imaging.write import PREDICTION_COLOUR, TRUTH_COLOUR, overlay_png

SIDE_PX = 320
GAP_PX = 6
QUALITY = 82


def worst_images(images: Sequence[Mapping[str, Any]], *, count: int = 3) -> list[str]:
    """Ids of the images with the lowest Dice, and of the empty one with most false positives.

    Args:
        images: Rows of an evaluation, each with ``id``, ``dice`` and ``counts`` (TP, FP, FN, TN).
        count: How many of those that have foreground.
    """

    def truth_px(row: Mapping[str, Any]) -> int:
        return int(row["counts"][0] + row["counts"][2])

    evaluated = sorted((row for row in images if truth_px(row)), key=lambda row: float(row["dice"]))
    alarms = [row for row in images if not truth_px(row) and row["counts"][1]]
    alarms.sort(key=lambda row: -int(row["counts"][1]))
    return [str(row["id"]) for row in (*evaluated[:count], *alarms[:1])]


def failure_strip(
    cases: Sequence[tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]],
) -> bytes:
    """JPEG of images side by side, prediction outlined in yellow and reference in sky blue.

    Args:
        cases: Image (H, W) or (H, W, 3), predicted and reference mask (H, W) of each; at least one.
    """
    shown = [Pillow.fromarray(outlined(*case)) for case in cases]
    width = sum(one.width for one in shown) + GAP_PX * (len(shown) - 1)
    strip = Pillow.new("RGB", (width, SIDE_PX), "white")
    left = 0
    for one in shown:
        strip.paste(one, (left, 0))
        left += one.width + GAP_PX
    file = io.BytesIO()
    strip.save(file, "JPEG", quality=QUALITY, subsampling=0)  # thin lines keep their colour
    return file.getvalue()


def outlined(
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    *,
    height_px: int = SIDE_PX,
) -> NDArray[np.uint8]:
    """Outlines of prediction (yellow) and reference (sky blue) on an image, shape (h, w, 3).

    Args:
        image: Shape (H, W) or (H, W, 3).
        mask: Prediction, shape (H, W).
        truth: Reference foreground, shape (H, W).
        height_px: h.
    """
    height, width = mask.shape
    size = (max(1, round(width * height_px / height)), height_px)
    small = np.asarray(Pillow.fromarray(image).resize(size, Pillow.Resampling.BILINEAR))
    for area, colour in ((mask, PREDICTION_COLOUR), (truth, TRUTH_COLOUR)):
        shrunk = Pillow.fromarray(area.astype(np.uint8)).resize(size, Pillow.Resampling.NEAREST)
        drawn = overlay_png(small, np.asarray(shrunk).astype(bool), colour=colour, opacity=0)
        with Pillow.open(io.BytesIO(drawn)) as opened:
            small = np.asarray(opened.convert("RGB"))
    return small
