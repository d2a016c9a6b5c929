"""Masks corrected manually, kept as a data set to be trained on.

``ISOLINE_HOME/datasets/corrections-<name>/`` holds ``images/``, ``masks/`` and ``facts/`` with the
same file names, the layout that the reader ``folder`` understands:

    python -m core train --dataset folder --data $ISOLINE_HOME/datasets/corrections-<name>
"""

import hashlib
import re
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging import mask_png
from core.imaging.names import clean_name
from core.system.files import write_atomic, write_json
from core.system.home import home
from dashboard.components.viewer.scene import png

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def corrections_folder(name: str) -> Path:
    """Where a data set of corrections lies, whether or not there is one.

    Raises:
        InputError: The name is not made of small letters, digits and hyphens.
    """
    if not NAME.fullmatch(name):
        raise InputError(
            f"'{name}' cannot name a data set; use up to 40 small letters, digits and hyphens"
        )
    return home() / "datasets" / f"corrections-{name}"


def saved_count(name: str) -> int:
    """How many samples a data set of corrections holds."""
    return len(list((corrections_folder(name) / "masks").glob("*.png")))


def save_correction(
    name: str,
    *,
    title: str,
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    facts: dict[str, Any],
) -> Path:
    """Add an image and its mask; the same image again replaces its mask.

    Args:
        name: Of the data set, without ``corrections-``.
        title: What the image is called; its files are named after it and its content.
        image: As the model saw it, shape (H, W) or (H, W, 3).
        mask: Shape (H, W).
        facts: Where the mask comes from: model, threshold, what was corrected.

    Returns:
        The mask's file.

    Raises:
        InputError: The name is no name.
        OSError: The disk is full or read-only; nothing half is left.
    """
    if mask.shape != image.shape[:2]:
        raise ValueError(f"mask {mask.shape} does not fit image {image.shape}")
    folder = corrections_folder(name)
    content = hashlib.blake2b(repr(image.shape).encode(), digest_size=4)
    content.update(np.ascontiguousarray(image).data)
    words = re.sub(r"[^\w-]+", "-", PurePath(clean_name(title)).stem).strip("-_")[:60]
    stem = f"{words or 'image'}-{content.hexdigest()}"
    for part in ("images", "masks", "facts"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write_atomic(folder / "images" / f"{stem}.png", png(image))
    write_json(folder / "facts" / f"{stem}.json", facts)
    path = folder / "masks" / f"{stem}.png"
    write_atomic(path, mask_png(mask))
    return path
