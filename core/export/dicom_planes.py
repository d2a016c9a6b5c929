"""Where each frame of DICOM images lies in the patient, and the slice of a mask that is its own.

A frame states its place at the top of its file or, in a multi-frame file, in its functional groups.
Frames may come in any order: a slice of the volume belongs to the frame of the same rank along the
normal, which holds over gaps and rounded positions too.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

_TO_RAS = np.array([-1.0, -1.0, 1.0])  # DICOM counts towards left and posterior
_OFF = 0.05  # of a pixel
_TURNED = 2e-3  # of a pixel for each step; slices of one series differ by half of it at most
_SHARED = ("PlaneOrientationSequence", "PixelMeasuresSequence")


@dataclass(frozen=True, kw_only=True)
class Plane:
    """Where the pixels of one frame lie, in millimetres (left, posterior, superior)."""

    first: NDArray[np.float64]
    """Position of the first pixel, shape (3,)."""
    across: NDArray[np.float64]
    """From one column to the next, shape (3,)."""
    down: NDArray[np.float64]
    """From one row to the next, shape (3,)."""
    rows: int
    columns: int

    @property
    def height(self) -> float:
        """Along the normal of the frame."""
        normal = np.cross(self.across, self.down)
        return float(self.first @ normal / np.linalg.norm(normal))


def source_planes(images: list[Any]) -> list[Plane] | None:
    """The plane of every frame of every image, in their order; None unless all state theirs."""
    planes = []
    for image in images:
        for frame in range(int(image.get("NumberOfFrames") or 1)):
            plane = _plane(image, frame)
            if plane is None:
                return None
            planes.append(plane)
    return planes


def in_source_order(
    voxels: NDArray[np.uint8], affine: NDArray[np.float64], planes: list[Plane], *, name: str
) -> NDArray[np.uint8]:
    """A mask as one frame of stored rows and columns for each source frame.

    Args:
        voxels: Shape (X, Y, Z): columns, rows, and as many slices as there are planes.
        affine: Of ``voxels``; see ``Geometry.affine``.
        planes: Of the source frames, in any order.
        name: Of the case, for the message.

    Returns:
        Shape (N, rows, columns), in the order of ``planes``.

    Raises:
        InputError: The mask has other pixels than the source frames.
    """
    order = np.argsort([plane.height for plane in planes], kind="stable")
    first = planes[order[0]]
    steps = np.stack([first.across, first.down], axis=1) * _TO_RAS[:, None]  # (3, 2)
    pixel = float(np.linalg.norm(steps, axis=0).min())
    turned = np.abs(affine[:3, :2] - steps)
    offset = np.abs(affine[:3, 3] - first.first * _TO_RAS)
    sizes = {(plane.columns, plane.rows) for plane in planes}
    placed = turned.max() <= _TURNED * pixel and offset.max() <= _OFF * pixel
    if not placed or sizes != {voxels.shape[:2]}:
        raise InputError(f"{name}: the mask does not lie on the pixels of its DICOM images")
    frames = np.empty((len(planes), first.rows, first.columns), np.uint8)
    for place, number in enumerate(order):
        frames[number] = voxels[:, :, place].T
    return frames


def shared_groups(image: Any) -> None:  # noqa: ANN401 - pydicom's Dataset
    """Move orientation and spacing to the shared groups, where a writer looks for them.

    Frames that repeat them one by one are as valid, and only where all are the same can they be
    slices of one segmentation.
    """
    items = image.get("PerFrameFunctionalGroupsSequence")
    if not items:
        return
    import pydicom

    if not image.get("SharedFunctionalGroupsSequence"):
        image.SharedFunctionalGroupsSequence = [pydicom.Dataset()]
    shared = image.SharedFunctionalGroupsSequence[0]
    for keyword in _SHARED:
        if keyword not in shared and keyword in items[0]:
            shared[keyword] = items[0][keyword]
            for item in items:
                if keyword in item:
                    del item[keyword]


def without_rounding(images: list[Any]) -> None:
    """Give files that differ by rounding alone the first one's directions and spacing.

    A segmentation states them once for all frames, and a writer refuses sources that differ in a
    last digit.
    """
    first = images[0]
    for keyword, tolerance in (("ImageOrientationPatient", _TURNED), ("PixelSpacing", _TURNED)):
        stated = [image.get(keyword) for image in images]
        if not all(stated):
            continue
        values = np.array(stated, float)
        if np.abs(values - values[0]).max() <= tolerance * values[0].max():
            for image in images[1:]:
                setattr(image, keyword, first.get(keyword))


def _plane(image: Any, frame: int) -> Plane | None:  # noqa: ANN401 - pydicom's Dataset
    position = _stated(image, frame, "PlanePositionSequence", "ImagePositionPatient")
    orientation = _stated(image, frame, "PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = _stated(image, frame, "PixelMeasuresSequence", "PixelSpacing")
    if position is None or orientation is None or spacing is None:
        return None
    across, down = orientation[:3], orientation[3:]
    return Plane(
        first=position,
        across=across * spacing[1],
        down=down * spacing[0],
        rows=int(image.Rows),
        columns=int(image.Columns),
    )


def _stated(image: Any, frame: int, sequence: str, keyword: str) -> NDArray[np.float64] | None:  # noqa: ANN401 - pydicom's Dataset
    per_frame = image.get("PerFrameFunctionalGroupsSequence") or []
    groups = [*per_frame[frame : frame + 1], *(image.get("SharedFunctionalGroupsSequence") or [])]
    for group in groups:
        if group.get(sequence) and group[sequence].value[0].get(keyword):
            return np.array(group[sequence].value[0].get(keyword), float)
    found = image.get(keyword)
    return np.array(found, float) if found else None
