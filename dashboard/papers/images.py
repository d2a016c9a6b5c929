"""Scores like the papers' own, drawn from our models: rows of images as arrays; no Streamlit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dashboard.common.thumbnails import TRUTH

Mask = NDArray[np.bool_]
Colour = NDArray[np.uint8]

PREDICTION = np.array([0xF0, 0xE4, 0x42], np.uint8)
RIGHT, WRONG, MISSED = (
    np.array(rgb, np.uint8) for rgb in ((0x00, 0x9E, 0x73), (0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2))
)
CLASSES = (
    ("pink", np.array([0xCC, 0x79, 0xA7], np.uint8)),
    ("orange", np.array([0xE6, 0x9F, 0x00], np.uint8)),
    ("grey-blue", np.array([0x8C, 0xA0, 0xB3], np.uint8)),
    ("teal", np.array([0x2B, 0xA8, 0x9B], np.uint8)),
)
"""Colours of classes, none of which means anything elsewhere."""


@dataclass(frozen=True)
class Panel:
    """One image with what it shows."""

    caption: str
    pixels: Colour
    """Shape (H, W, 3)."""


def binary_panels(
    image: NDArray[np.uint8], truth: Mask | None, prediction: Mask, *, boxes: bool
) -> list[Panel]:
    """Image, truth, prediction and what is right and wrong, or boxes around the regions.

    Args:
        image: Shape (H, W) or (H, W, C).
        truth: Shape (H, W), where it is known.
        prediction: Shape (H, W).
        boxes: Whether the last image has bounding boxes instead of errors.
    """
    grey = as_rgb(image)
    panels = [Panel("image", grey)]
    if truth is not None:
        panels.append(Panel("truth", filled(truth)))
    panels.append(Panel("prediction", filled(prediction)))
    if boxes:
        caption = "box of the prediction (yellow)" + (
            ", of the truth (blue)" if truth is not None else ""
        )
        panels.append(Panel(caption, boxed(grey, truth, prediction)))
    elif truth is not None:
        panels.append(
            Panel("right green, wrong vermilion, missed blue", errors(grey, truth, prediction))
        )
    return panels


def class_panels(
    image: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    prediction: NDArray[np.uint8],
    names: tuple[str, ...],
) -> list[Panel]:
    """First modality, composite of truth and prediction, and one mask for each class.

    Args:
        image: Shape (H, W, C).
        truth: Class of each pixel, shape (H, W), 0 for background.
        prediction: The same.
        names: Of the classes 1…K.
    """
    grey = as_rgb(image)
    panels = [
        Panel("image", grey),
        Panel("truth, composite", composite(grey, truth)),
        Panel("prediction, composite", composite(grey, prediction)),
    ]
    for number, name in enumerate(names, start=1):
        word, colour = CLASSES[(number - 1) % len(CLASSES)]
        mask = np.zeros_like(grey)
        mask[prediction == number] = colour
        mask[edge(truth == number)] = TRUTH
        panels.append(Panel(f"{name} ({word}), truth outlined", mask))
    return panels


def as_rgb(image: NDArray[np.uint8]) -> Colour:
    """Any number of channels as RGB: three as they are, otherwise the first as grey."""
    if image.ndim == 3 and image.shape[2] == 3:
        return image
    grey = image if image.ndim == 2 else image[..., 0]
    return np.repeat(grey[..., None], 3, axis=2)


def filled(mask: Mask) -> Colour:
    """White on black."""
    return np.repeat((mask * np.uint8(255))[..., None], 3, axis=2)


def composite(grey: Colour, classes: NDArray[np.uint8]) -> Colour:
    """Classes in their colours over the image."""
    result = grey.astype(np.float32)
    for number in range(1, int(classes.max(initial=0)) + 1):
        colour = CLASSES[(number - 1) % len(CLASSES)][1]
        result[classes == number] = 0.35 * result[classes == number] + 0.65 * colour
    return np.asarray(result.round(), np.uint8)


def errors(grey: Colour, truth: Mask, prediction: Mask) -> Colour:
    """What is right, wrong and missed over the image."""
    result = grey.astype(np.float32)
    for part, colour in (
        (truth & prediction, RIGHT),
        (prediction & ~truth, WRONG),
        (truth & ~prediction, MISSED),
    ):
        result[part] = 0.35 * result[part] + 0.65 * colour
    return np.asarray(result.round(), np.uint8)


def boxed(grey: Colour, truth: Mask | None, prediction: Mask) -> Colour:
    """Bounding boxes of the largest predicted and the largest true region."""
    result = grey.copy()
    line = max(1, max(grey.shape) // 200)
    for mask, colour in ((truth, TRUTH), (prediction, PREDICTION)):
        box = None if mask is None else bounding_box(mask)
        if box is not None:
            top, left, bottom, right = box
            inner = (slice(top + line, bottom - line), slice(left + line, right - line))
            frame = np.zeros(grey.shape[:2], bool)
            frame[top:bottom, left:right] = True
            frame[inner] = False
            result[frame] = colour
    return result


def bounding_box(mask: Mask) -> tuple[int, int, int, int] | None:
    """Top, left, bottom and right of the largest region, ends excluded; None without one."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    if not count:
        return None
    largest = int(np.bincount(labels.ravel())[1:].argmax()) + 1
    rows, columns = ndimage.find_objects(labels == largest, max_label=1)[0]
    return int(rows.start), int(columns.start), int(rows.stop), int(columns.stop)


def edge(mask: Mask) -> Mask:
    """Foreground pixels with background beside them."""
    inside: Mask = ndimage.binary_erosion(mask, border_value=1)
    return mask & ~inside


def successes_and_failures(scores: dict[str, float | None], *, each: int = 2) -> dict[str, str]:
    """Ids of the best and the worst images → which they are, the best first.

    Args:
        scores: Dice by image; None where it is undefined.
        each: How many of either.
    """
    ranked = sorted(
        (name for name, value in scores.items() if value is not None),
        key=lambda name: (-float(scores[name] or 0), name),
    )
    best = ranked[:each]
    worst = [name for name in ranked[::-1][:each] if name not in best]
    return dict.fromkeys(best, "success") | dict.fromkeys(reversed(worst), "failure")
