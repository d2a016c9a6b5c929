"""Mask, label and overlay as PNG, probability as 16-bit TIFF: same case, same bytes."""

import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from core.errors import InputError
from core.export.case import DISCLAIMER, Case
from core.imaging import mask_png, overlay_png
from core.imaging.write import PREDICTION_COLOUR, TRUTH_COLOUR
from core.levels import STEPS


def mask(case: Case) -> bytes:
    """8-bit grey PNG: 255 is foreground.

    Raises:
        InputError: The case is a volume.
    """
    return mask_png(_plane(case, case.mask))


def label(case: Case) -> bytes:
    """Grey PNG whose values are the numbers of the components; 16-bit where there are above 255.

    Raises:
        InputError: The case is a volume, or has more than 65,535 components.
    """
    labels = _plane(case, case.labels)
    count = int(labels.max(initial=0))
    if count > 65_535:
        raise InputError(
            f"{case.name}: {count:,} components are more than a PNG can number; "
            "set a minimum area or take the mask"
        )
    return png(labels.astype(np.uint8) if count < 256 else labels.astype(np.uint16))


def overlay(case: Case) -> bytes:
    """RGB PNG: the image, the prediction outlined in yellow, the truth in sky blue.

    Of a volume the slice with the most foreground.
    """
    n = case.fullest_slice
    image = case.image[n] if case.is_volume else case.image
    predicted = case.mask[n] if case.is_volume else case.mask
    drawn = overlay_png(image, predicted, colour=PREDICTION_COLOUR, opacity=0.2)
    if case.truth is None:
        return drawn
    truth = case.truth[n] if case.is_volume else case.truth
    with Pillow.open(io.BytesIO(drawn)) as opened:
        return overlay_png(np.asarray(opened), truth, colour=TRUTH_COLOUR, opacity=0)


def probability(case: Case) -> bytes:
    """16-bit TIFF, a page for each slice: probability in thousandths, the grid of the thresholds.

    Its mask at k/1000 is ``value >= k``, exactly the one every other export shows.
    """
    import tifffile  # 0.1 s; only where a TIFF is written

    pages = case.levels if case.is_volume else case.levels[None]
    says = {"probability": f"value / {STEPS}", "note": DISCLAIMER}
    stream = io.BytesIO()
    per_mm = None if case.spacing_mm is None else tuple(1 / mm for mm in case.spacing_mm[-2:])
    tifffile.imwrite(
        stream,
        pages,
        photometric="minisblack",
        compression="zlib",
        predictor=True,
        description=json.dumps(says),
        metadata=None,
        # across, then down; pixels per centimetre as the format has no millimetre
        resolution=None if per_mm is None else (per_mm[1] * 10, per_mm[0] * 10),
        resolutionunit=None if per_mm is None else "CENTIMETER",
        software="Isoline",
    )
    return stream.getvalue()


def png(array: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """An array (H, W) as 8- or 16-bit grey PNG, (H, W, 3) as colour."""
    stream = io.BytesIO()
    Pillow.fromarray(array).save(stream, format="PNG", compress_level=1)
    return stream.getvalue()


def _plane(case: Case, array: NDArray[Any]) -> NDArray[Any]:
    if case.is_volume:
        raise InputError(f"{case.name}: a PNG holds one slice; export a volume as NIfTI")
    return array
