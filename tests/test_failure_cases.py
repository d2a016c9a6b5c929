"""The image of a model's worst images: which ones, and what is outlined."""

import io

import numpy as np
from PIL import Image as Pillow

from core.promotion.failures import GAP_PX, SIDE_PX, failure_strip, worst_images


def row(name: str, dice: float | None, *counts: int) -> dict[str, object]:
    return {"id": name, "dice": dice, "counts": list(counts)}


def test_the_least_dice_comes_first_and_one_false_alarm_last() -> None:
    rows = [
        row("fair", 0.8, 4, 1, 1, 10),
        row("bad", 0.2, 1, 4, 4, 7),
        row("worst", 0.0, 0, 3, 5, 8),
        row("quiet", None, 0, 0, 0, 16),
        row("alarm", 0.0, 0, 2, 0, 14),
        row("loud alarm", 0.0, 0, 9, 0, 7),
        row("good", 0.9, 9, 1, 1, 5),
    ]
    assert worst_images(rows) == ["worst", "bad", "fair", "loud alarm"]
    assert worst_images(rows, count=1) == ["worst", "loud alarm"]
    assert worst_images(rows[3:4]) == []


def test_both_outlines_are_drawn_side_by_side() -> None:
    image = np.full((80, 120), 90, np.uint8)
    mask, truth = np.zeros((2, 80, 120), bool)
    mask[10:40, 10:40], truth[30:70, 60:110] = True, True
    data = failure_strip([(image, mask, truth), (np.dstack([image] * 3), mask, truth)])
    with Pillow.open(io.BytesIO(data)) as opened:
        assert opened.format == "JPEG"
        assert opened.size == (2 * 480 + GAP_PX, SIDE_PX)
        pixels = np.asarray(opened).astype(int)
    step = SIDE_PX // 80
    on_mask = pixels[10 * step : 40 * step, 10 * step]  # its left edge, four pixels wide
    assert (on_mask[:, 0] - on_mask[:, 2]).mean() > 60, "yellow"
    on_truth = pixels[31 * step : 69 * step, 60 * step]
    assert (on_truth[:, 2] - on_truth[:, 0]).mean() > 60, "blue"
    assert abs(pixels[60 * step, 20 * step] - 90).max() < 12, "the image stays beside them"
