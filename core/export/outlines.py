"""Outlines as COCO JSON for other programs, and as contours with holes for everything else.

Polygons run along pixel edges, see ``core.export.contours``: filled even-odd, or by pycocotools,
they give back the mask exactly. COCO's polygons know no holes and do not touch themselves; a
component that has a hole, or touches itself across a corner, is stored as COCO's run lengths
instead.
"""

import json
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.export.case import DISCLAIMER, Case
from core.export.contours import Outline, outlines


def coco(case: Case) -> bytes:
    """COCO's detection format with one image; boxes are (x, y, width, height) in pixels.

    Raises:
        InputError: The case is a volume.
    """
    height, width = _shape(case)
    annotations = []
    for outline, component in zip(outlines(case.labels), case.components, strict=True):
        top, left, bottom, right = component.bounding_box
        annotations.append(
            {
                "id": component.number,
                "image_id": 1,
                "category_id": 1,
                "iscrowd": 0,
                "area": component.size,
                "bbox": [left, top, right - left, bottom - top],
                "segmentation": (
                    [outline.outer.ravel().tolist()]
                    if _is_simple(outline)
                    else _runs(case.labels == outline.label)
                ),
                "attributes": {"made_by": case.made_by},
                "score": component.mean_probability,
            }
        )
    return _json(
        {
            "info": {"description": f"Isoline, {case.model.name}. {DISCLAIMER}"},
            "images": [{"id": 1, "file_name": case.file_name, "width": width, "height": height}],
            "categories": [{"id": 1, "name": case.model.marks or "foreground"}],
            "annotations": annotations,
        }
    )


def contours(case: Case) -> bytes:
    """Outline and holes of every component: closed polygons of pixel corners (x, y).

    Raises:
        InputError: The case is a volume.
    """
    height, width = _shape(case)
    return _json(
        {
            "picture": case.name,
            "width": width,
            "height": height,
            "spacing_mm": case.spacing_mm,
            "threshold": case.threshold,
            "model": case.model.name,
            "note": DISCLAIMER,
            "conventions": "corners of pixels, (0, 0) upper left; even-unusual fill gives the mask",
            "components": [
                {
                    "number": outline.label,
                    "outer": outline.outer.tolist(),
                    "holes": [hole.tolist() for hole in outline.holes],
                }
                for outline in outlines(case.labels)
            ],
        }
    )


def _is_simple(outline: Outline) -> bool:
    corners = {tuple(corner) for corner in outline.outer.tolist()}
    return not outline.holes and len(corners) == len(outline.outer)


def _runs(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's uncompressed run lengths: down the columns, background first."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    ends = list(chain([0], changes.tolist(), [flat.size]))
    counts = np.diff(ends).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}


def _shape(case: Case) -> tuple[int, int]:
    if case.is_volume:
        raise InputError(f"{case.name}: outlines are of an image; export a volume as NIfTI")
    height, width = case.labels.shape
    return height, width


def _json(document: object) -> bytes:
    return (json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n").encode()
