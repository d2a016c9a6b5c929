"""Volumes in an archive: read, compared, scaled to 8 bits, their labels checked."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.archive import Archive
from core.data.base import Problem
from core.errors import InputError
from core.imaging.formats.metaimage import second_file
from core.imaging.image import to_8bit
from core.imaging.names import clean_name
from core.imaging.volume import Geometry, Volume
from core.imaging.volume_file import head_bytes, volume_geometry, volume_of
from core.imaging.window import body_window


@dataclass(frozen=True)
class Labels:
    """The labels of one case in the values of the file."""

    slices: NDArray[Any]
    """Integers, shape (D, H, W)."""
    values: tuple[int, ...]
    """Those that occur, ascending."""


def as_labels(slices: NDArray[Any], *, where: str) -> Labels:
    """Check that labels are whole numbers from 0 to 65535.

    Args:
        slices: Shape (D, H, W), integers, or real numbers that are whole.
        where: File, for the error.

    Raises:
        InputError: They are not.
    """
    low, high = slices.min(), slices.max()
    if not (low >= 0 and high < 1 << 16):  # also false for NaN
        raise InputError(f"{where}: labels go from {low} to {high}; expected whole numbers from 0")
    whole = slices.astype(np.uint8 if high < 256 else np.uint16)
    if slices.dtype.kind == "f" and not np.array_equal(whole, slices):
        raise InputError(f"{where}: labels are not whole numbers; export them without resampling")
    present = np.zeros(int(high) + 1, np.bool_)
    for plane in whole:  # at once, the index would take eight bytes per voxel
        present[plane] = True
    return Labels(whole, tuple(np.flatnonzero(present).tolist()))


def scaled_8bit(
    array: NDArray[Any],
    *,
    outside: float | None = None,
    window: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Intensities of one volume as 0…255: 0 outside the body, 1…255 inside.

    Args:
        array: Shape (X, Y, Z).
        outside: Value of the voxels outside; they and those that are not finite become 0, exactly
            and alone. None takes the smallest, where a file has no convention.
        window: As ``body_window``.

    Returns:
        Same shape; what lies beyond the window is clipped, and a body of one value is all 255.
    """
    shown = body_window(array, outside=outside, window=window)
    result = np.zeros(array.shape, np.uint8, order="F")
    if shown is not None:
        for n in range(array.shape[2]):  # contiguous as the file has it, and small as float32
            result[..., n] = to_8bit(array[..., n], shown)
    return result


def check_window(window: tuple[float, float] | None) -> None:
    """Refuse a window that runs backwards.

    Raises:
        InputError: Its first value is not the lower one.
    """
    if window is not None and not window[0] < window[1]:
        raise InputError(f"window {window[0]} to {window[1]}; give the lower value first")


def grid_problem(found: Geometry, expected: Geometry, *, where: str, other: str) -> Problem | None:
    """What keeps two volumes from being laid on each other voxel by voxel, if anything.

    Half a voxel between their corners is let pass: programs round affines differently.
    """
    ours, theirs = found.shape[:3], expected.shape[:3]
    if ours != theirs:
        ours_text, theirs_text = (" x ".join(map(str, shape)) for shape in (ours, theirs))
        detail = f"has {ours_text} voxels, {other} has {theirs_text}"
        return Problem(kind="wrong_size", where=where, detail=detail)
    corners = np.array(np.meshgrid(*((0, size - 1) for size in ours), [1])).reshape(4, -1)
    apart = float(np.abs((found.affine - expected.affine) @ corners).max())
    if apart > min(found.spacing_mm) / 2:
        detail = f"lies up to {apart:.1f} mm away from {other}; resample both to one grid"
        return Problem(kind="misaligned", where=where, detail=detail)
    return None


def fitting_geometry(
    archive: Archive,
    name: str,
    *,
    expected: Geometry | None,
    other: str,
    problems: list[Problem],
    several: bool = False,
) -> Geometry | None:
    """The header of a file that can be read and lies on the expected grid; else a problem more.

    Args:
        archive: Where it is.
        name: The file.
        expected: The grid of ``other``; None accepts any.
        other: File to name in a problem.
        problems: Appended to.
        several: Accept several values per voxel.
    """
    try:
        geometry = entry_geometry(archive, name, several=several)
    except InputError as fault:
        detail = str(fault).removeprefix(f"{archive.where(name)}: ")
        problems.append(Problem(kind="unreadable", where=name, detail=detail))
        return None
    apart = expected and grid_problem(geometry, expected, where=name, other=other)
    if apart:
        problems.append(apart)
        return None
    return geometry


def entry_geometry(archive: Archive, name: str, *, several: bool = False) -> Geometry:
    """The header of a volume in an archive; only its first bytes are read.

    Raises:
        InputError: As ``volume_geometry``; the message names the archive and the file in it.
    """
    head = archive.head(name, head_bytes(name))
    with _naming(archive, name):
        return volume_geometry(
            head,
            name=name.rpartition("/")[2],
            file_bytes=archive.sizes[name],
            # its size alone counts
            second=lambda other: io.BytesIO(archive.head(_beside(archive, name, other), 1)),
            several=several,
        )


def entry_volume(archive: Archive, name: str, *, several: bool = False) -> Volume:
    """A volume in an archive.

    Raises:
        InputError: As ``volume_of``; the message names the archive and the file in it.
    """
    data = archive.read(name)
    with _naming(archive, name):
        return volume_of(
            data,
            name=name.rpartition("/")[2],
            second=lambda other: archive.open(_beside(archive, name, other)),
            several=several,
        )


def with_second_files(archive: Archive, names: Iterable[str]) -> list[str]:
    """The names, and after each .mhd the file that holds its voxels, where it is there."""
    found = []
    for name in names:
        found.append(name)
        if name.lower().endswith(".mhd"):
            other = second_file(io.BytesIO(archive.head(name, head_bytes(name))))
            found += [_beside(archive, name, other)] if other else []
    return found


def _beside(archive: Archive, name: str, other: str) -> str:
    """The entry of another file in the same folder, in upper or lower case.

    Raises:
        InputError: It is not there.
    """
    beside = name[: name.rfind("/") + 1] + other
    alike = (found for found in archive.sizes if found.lower() == beside.lower())
    found = beside if beside in archive.sizes else next(alike, "")
    if not found:
        raise InputError(f"its second file {other} is not beside it; put both into one folder")
    return found


@contextmanager
def _naming(archive: Archive, name: str) -> Iterator[None]:
    try:
        yield
    except InputError as fault:
        reason = str(fault).removeprefix(f"{clean_name(name)}: ")
        raise InputError(f"{archive.where(name)}: {reason}") from fault
