"""A volume: voxels in the axes of their file, where they lie in the patient, and upright slices."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.facts import SourceFacts
from core.imaging.image import Image, to_8bit
from core.imaging.planes import along, sides_of_plane, to_slices
from core.imaging.source_file import SourceFile
from core.imaging.window import BodyWindow, Window

SINGULAR = "its affine is singular or not finite; export it again"
_ACQUIRED = dict(
    zip("SIPALR", ("axial", "axial", *["coronal"] * 2, *["sagittal"] * 2), strict=True)
)
_ENOUGH = 4_000_000  # voxels for a smallest and largest that a display goes by


def slice_axis(shape: Sequence[int]) -> int:
    """The axis along which slices lie: the last, or the only one that is one voxel wide."""
    thin = [axis for axis, size in enumerate(shape[:3]) if size == 1]
    return thin[0] if len(thin) == 1 else 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Geometry:
    """Where the voxels of a volume lie; what its header says, without the voxels."""

    shape: tuple[int, ...]
    """(X, Y, Z), or (X, Y, Z, C) where every voxel has several values."""
    affine: NDArray[np.float64]
    """Voxel index to patient position in millimetres (right, anterior, superior), (4, 4)."""
    spacing_mm: tuple[float, float, float]
    """Distance between voxels along X, Y and Z."""
    orientation: str
    """Towards which side X, Y and Z count: ``LPS`` is left, posterior, superior."""
    name: str
    """File name for display; see ``clean_name``."""
    source: str
    """Kind of file and voxels in plain words."""
    orientation_known: bool = True
    """False where the file states none: then ``orientation`` and ``affine`` are assumed."""

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel; less than the product of the spacings where the slices lean."""
        return abs(float(np.linalg.det(self.affine[:3, :3])))


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume(Geometry):
    """A volume in the axes of its file."""

    array: NDArray[Any]
    """Shape as ``shape``, read-only. Integers as stored, float32 where the file holds or scales to
    real numbers; NaN and infinities are kept."""
    spacing_known: bool = True
    """False where no spacing is stated: then ``spacing_mm`` counts voxels, not millimetres."""
    window: Window | BodyWindow | None = None
    """Grey window that the file proposes; None shows everything."""
    facts: SourceFacts = field(default_factory=SourceFacts)
    warnings: tuple[str, ...] = ()
    """What to know before trusting it, a sentence each: gantry tilt, missing slices, …"""
    source_files: tuple[SourceFile, ...] = ()
    """The files it was read from, in the order of the last axis; only where to find them."""

    @property
    def plane(self) -> str:
        """The plane in which it was acquired, a key of ``PLANES``; see ``slice_axis``."""
        return _ACQUIRED[self.orientation[slice_axis(self.shape)]]

    def slices(self, plane: str | None = None) -> NDArray[Any]:
        """Upright slices, shape (D, H, W), a view; see ``to_slices``."""
        return to_slices(self.array, self.orientation, plane=plane or self.plane)

    def slice_spacing_mm(self, plane: str | None = None) -> tuple[float, float, float]:
        """Spacing along D, H and W of ``slices``."""
        return along(self.spacing_mm, self.orientation, plane=plane or self.plane)

    def image(self, index: int, plane: str | None = None) -> Image:
        """One upright slice in the values of the volume.

        Args:
            index: From 0, along D of ``slices``.
            plane: Key of ``PLANES``; None takes the plane in which it was acquired.

        Raises:
            InputError: There is no such slice.
        """
        slices = self.slices(plane)
        if not 0 <= index < len(slices):
            raise InputError(f"there is no slice {index}; there are {len(slices)}, counted from 0")
        spacing = self.slice_spacing_mm(plane)[1:] if self.spacing_known else None
        one = f", {plane or self.plane} slice {index + 1} of {len(slices)}"
        return Image(
            pixels=slices[index],
            name=self.name,
            spacing_mm=spacing,
            sides=sides_of_plane(plane or self.plane) if self.orientation_known else "",
            source=self.source + (one if len(slices) > 1 else ""),
            page_count=len(slices),
            window=self.window or self.full_window(),
            facts=self.facts,
            warnings=self.warnings,
            source_files=self.source_files,
        )

    def full_window(self) -> Window | None:
        """From the smallest to the largest finite value, so that slices are shown alike.

        Of more than four million voxels evenly spread ones are sampled. None where there is
        nothing to see, and for 8-bit voxels, which are shown as they are.
        """
        if self.array.dtype in (np.uint8, np.bool_):
            return None
        some = self.array.ravel(order="K")[:: max(1, self.array.size // _ENOUGH)]
        if some.dtype.kind == "f":
            some = some[np.isfinite(some)]
        if not some.size or not some.min() < some.max():
            return None
        return Window(float(some.min()), float(some.max()))

    def to_uint8(
        self, window: tuple[float, float] | None = None, *, plane: str | None = None
    ) -> NDArray[np.uint8]:
        """All slices in 8 bits, shape (D, H, W).

        Args:
            window: Values shown as 0 and 255; None takes the file's own, else all values.
            plane: As ``image``.
        """
        shown = window or self.window or self.full_window()
        slices = self.slices(plane)
        result = np.empty(slices.shape, np.uint8)
        for target, pixels in zip(result, slices, strict=True):  # no second copy of the volume
            target[:] = to_8bit(pixels, shown)
        return result


def checked_affine(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The affine itself, if voxels lie in space.

    Raises:
        InputError: Not finite, or two axes in one direction.
    """
    with np.errstate(all="ignore"):
        columns = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
        # of unit columns: 1 where the axes are at right angles, 0 where they lie in one plane
        fine = np.isfinite(affine).all() and abs(np.linalg.det(columns)) > 1e-3
    if not fine:
        raise InputError(SINGULAR)
    return affine


def axes_of(affine: NDArray[np.float64]) -> tuple[tuple[float, float, float], str]:
    """Spacing in millimetres and orientation code of the axes X, Y and Z.

    Raises:
        InputError: Two axes count towards the same side, or a spacing rounds to 0.
    """
    from nibabel.orientations import aff2axcodes  # nibabel takes 0.2 s to import

    x, y, z = (round(float(length), 6) for length in np.linalg.norm(affine[:3, :3], axis=0))
    codes = aff2axcodes(affine)  # type: ignore[no-untyped-call]
    if None in codes or min(x, y, z) <= 0:
        raise InputError(SINGULAR)
    return (x, y, z), "".join(map(str, codes))
