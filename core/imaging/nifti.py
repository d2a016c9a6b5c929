"""Read a NIfTI volume that a stranger uploads; ``planes`` turns it into upright slices.

The header is judged before anything is allocated: what it claims must fit the file and
``MAX_BYTES``. Compressed data are decoded in pieces up to the claimed size and never beyond.
Whatever the libraries raise ends here as one ``InputError``.
"""

import gzip
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.image import clean_name

MAX_BYTES = 2 << 30
"""Largest volume in memory, and largest file: 512 x 512 x 2000 voxels of a scaled CT."""

_PIECE = 1 << 20  # voxels converted at a time, so that no second copy of a volume exists
_MAX_OFFSET = 1 << 28  # extensions before the voxels are a few MB at most
_DEFLATE_RATIO = 1032  # no deflate stream expands further
_DAMAGED = "the NIfTI data are damaged or cut short; export or download the file again"
_UNIT_MM = {1: 1000.0, 3: 0.001}  # metres, microns; everything else is taken as millimetres


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume(Geometry):
    """A volume in the axes of its file."""

    array: NDArray[Any]
    """Shape as ``shape``, read-only. Integers as stored, float32 where the file holds or scales to
    real numbers; NaN and infinities are kept."""


@dataclass(frozen=True)
class _Layout:
    """How the voxels lie in the file."""

    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float

    @property
    def scaled(self) -> bool:
        return (self.slope, self.intercept) != (1, 0)

    @property
    def result(self) -> np.dtype[Any]:
        """Type in memory."""
        real = self.scaled or self.dtype.kind == "f"
        return np.dtype(np.float32) if real else self.dtype.newbyteorder("=")


def read_geometry(
    source: Path | bytes,
    *,
    name: str = "",
    several: bool = False,
    max_bytes: int = MAX_BYTES,
    file_bytes: int | None = None,
) -> Geometry:
    """Read the header only; the same errors as ``read_volume`` but for damaged voxels.

    Args:
        source: A file, its bytes, or its first 16 KiB.
        name: As ``read_volume``.
        several: As ``read_volume``.
        max_bytes: As ``read_volume``.
        file_bytes: Size of the whole file, where ``source`` is its beginning.

    Raises:
        InputError: As ``read_volume``.
    """
    with _open(source, name, max_bytes, file_bytes) as (stream, room, shown):
        return _header(stream, room, shown, several=several, max_bytes=max_bytes)[0]


def read_volume(
    source: Path | bytes, *, name: str = "", several: bool = False, max_bytes: int = MAX_BYTES
) -> Volume:
    """Read a ``.nii`` or ``.nii.gz`` file; the content decides which it is.

    Peak memory is the volume as returned and a few MB.

    Args:
        source: A file or its bytes.
        name: File name to show, for bytes; a path brings its own.
        several: Accept several values per voxel (4D); else such a file is refused.
        max_bytes: Limit on the volume in memory and on the file.

    Raises:
        InputError: One sentence: what is wrong, in which file, what to do.
    """
    with _open(source, name, max_bytes) as (stream, room, shown):
        geometry, layout = _header(stream, room, shown, several=several, max_bytes=max_bytes)
        array = _voxels(stream, layout, geometry.shape)
    return Volume(**vars(geometry), array=array)


@contextmanager
def _open(
    source: Path | bytes, name: str, max_bytes: int, file_bytes: int | None = None
) -> Iterator[tuple[BinaryIO, int, str]]:
    """The unpacked stream, the most bytes it can hold, and the name to show.

    Whatever goes wrong inside the block becomes one ``InputError``.
    """
    where = clean_name(name) if name or isinstance(source, bytes) else str(source)
    where = "".join(c if c.isprintable() else "?" for c in where)
    shown = clean_name(name or (source.name if isinstance(source, Path) else ""))
    try:
        with _stream(source) as (stream, here):
            size = here if file_bytes is None else file_bytes
            _check_file(size, max_bytes)
            packed = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=stream) as unpacked:
                    yield cast("BinaryIO", unpacked), size * _DEFLATE_RATIO, shown
            else:
                yield stream, size, shown
    except InputError as fault:
        raise InputError(f"{where}: {fault}") from fault.__cause__
    except MemoryError as fault:
        raise InputError(f"{where}: too large for this machine's memory; crop it") from fault
    except Exception as fault:  # gzip, zlib and nibabel raise a dozen kinds on damaged files
        raise InputError(f"{where}: {_DAMAGED}") from fault


def _check_file(size: int, max_bytes: int) -> None:
    if size == 0:
        raise InputError("the file is empty (0 bytes); export or download it again")
    if size > max_bytes:
        raise InputError(f"{_mb(size)} are more than the {_mb(max_bytes)} allowed; crop it")


@contextmanager
def _stream(source: Path | bytes) -> Iterator[tuple[BinaryIO, int]]:
    """A stream over the file as it is, and its size."""
    if isinstance(source, bytes):
        yield io.BytesIO(source), len(source)
    else:
        try:
            if not source.exists():
                raise InputError("no such file; check the path")
            if not source.is_file():  # opening a pipe would wait for ever
                raise InputError("not a regular file; give a .nii or .nii.gz file")
            stream = source.open("rb")
        except (OSError, ValueError) as fault:
            if isinstance(fault, InputError):
                raise
            reason = getattr(fault, "strerror", None) or fault
            raise InputError(f"cannot be opened ({reason}); check the path and access") from fault
        with stream:
            yield stream, source.stat().st_size


def _header(
    stream: BinaryIO, room: int, shown: str, *, several: bool, max_bytes: int
) -> tuple[Geometry, _Layout]:
    """Read the header and refuse what cannot be true or be held."""
    # nibabel takes 0.2 s to import; only this function needs it
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    kinds: dict[int, Any] = {348: Nifti1Header, 540: Nifti2Header}
    block = stream.read(4)
    little, big = int.from_bytes(block, "little"), int.from_bytes(block, "big")
    if little not in kinds and big not in kinds:
        raise InputError("not a NIfTI file; give a .nii or .nii.gz file")
    length, endianness = (little, "<") if little in kinds else (big, ">")
    block += stream.read(length - 4)
    if len(block) < length:
        raise InputError(_DAMAGED)
    magic = block[344:348] if length == 348 else block[4:8]
    if magic[:3] in {b"ni1", b"ni2"}:
        raise InputError("the header of a .hdr/.img pair; convert it to a single .nii file")
    if magic[:3] not in {b"n+1", b"n+2"}:
        raise InputError("an Analyze file or a damaged NIfTI header; convert it to .nii")
    header = kinds[length](block, endianness, check=False)

    shape = _shape(header["dim"].tolist(), several=several)
    layout = _layout(header, length)
    voxels = math.prod(shape)
    claimed = voxels * max(layout.result.itemsize, layout.dtype.itemsize)
    size = " x ".join(map(str, shape))
    if claimed > max_bytes:
        raise InputError(f"{size} voxels are more than the {_mb(max_bytes)} allowed; crop it")
    if layout.offset + voxels * layout.dtype.itemsize > room:
        raise InputError(
            f"its header claims {size} voxels, more than the file can hold; "
            "export or download it again"
        )
    affine = _affine(header, len(shape))
    spacing_mm, orientation = _axes(affine)
    stated = bool(header["sform_code"] > 0 or header["qform_code"] > 0)
    kind = {"u": "unsigned", "i": "signed", "f": "float"}[layout.dtype.kind]
    words = (
        f"NIfTI-{1 if length == 348 else 2}, {layout.dtype.itemsize * 8}-bit {kind}"
        f"{', scaled' if layout.scaled else ''}, {size} voxels, "
        f"{orientation}{'' if stated else ' (not stated, assumed)'}"
    )
    geometry = Geometry(
        shape=shape,
        affine=affine,
        spacing_mm=spacing_mm,
        orientation=orientation,
        name=shown,
        source=words,
    )
    return geometry, layout


def _shape(dim: list[int], *, several: bool) -> tuple[int, ...]:
    """Sizes of the axes; those of length 1 beyond the third say nothing."""
    count, *sizes = dim
    if not 1 <= count <= 7 or min(sizes[:count]) < 1:
        raise InputError(f"its header gives the impossible size {dim}; export it again")
    spatial = [*sizes[:count], 1, 1][:3]
    further = [size for size in sizes[3:count] if size > 1]
    if len(further) > 1:
        raise InputError(f"it has {3 + len(further)} dimensions; export a 3D volume")
    if further and not several:
        raise InputError(f"it holds {further[0]} volumes (4D); export one 3D volume")
    return (*spatial, *further)


def _layout(header: Any, length: int) -> _Layout:  # noqa: ANN401 - nibabel's two header classes
    from nibabel.nifti1 import data_type_codes

    code = int(header["datatype"])
    if code not in data_type_codes.code:
        raise InputError(f"its voxel type (code {code}) is unknown; export it again")
    stored: Any = data_type_codes.dtype[code]
    dtype: np.dtype[Any] = np.dtype(stored)
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        label = data_type_codes.label[code]
        raise InputError(f"its voxels are {label}; save them as integers or 32-bit float")
    offset = float(header["vox_offset"]) or length + 4.0
    if not (length <= offset <= _MAX_OFFSET and offset.is_integer()):  # also false for NaN
        raise InputError(f"its header puts the voxels at byte {offset:g}; export it again")
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not math.isfinite(slope) or slope == 0:  # as the format says: not scaled
        slope, intercept = 1.0, 0.0
    if not math.isfinite(intercept):
        raise InputError("its intensity scaling is not a number; export it again")
    return _Layout(dtype.newbyteorder(header.endianness), int(offset), slope, intercept)


def _affine(header: Any, axes: int) -> NDArray[np.float64]:  # noqa: ANN401 - as above
    from nibabel.spatialimages import HeaderDataError

    used = min(int(header["dim"][0]), axes, 3)
    pixdim = header["pixdim"]
    spacing = pixdim[1 : 1 + used]
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        found = " x ".join(f"{value:g}" for value in spacing)
        raise InputError(f"its voxel spacing {found} is not positive; export it again")
    pixdim[1 + used : 4] = 1
    if pixdim[0] != -1:  # the handedness; 0 and anything else mean 1
        pixdim[0] = 1
    try:
        affine = np.asarray(header.get_best_affine(), np.float64)
    except HeaderDataError as fault:
        raise InputError(f"its orientation is damaged ({fault}); export it again") from fault
    affine[:3] *= _UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    with np.errstate(all="ignore"):
        columns = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
        # of unit columns: 1 where the axes are at right angles, 0 where they lie in one plane
        fine = np.isfinite(affine).all() and abs(np.linalg.det(columns)) > 1e-3
    if not fine:
        raise InputError("its affine is singular or not finite; export it again")
    return affine


def _axes(affine: NDArray[np.float64]) -> tuple[tuple[float, float, float], str]:
    """Spacing and orientation code."""
    from nibabel.orientations import aff2axcodes

    x, y, z = (round(float(length), 6) for length in np.linalg.norm(affine[:3, :3], axis=0))
    codes = aff2axcodes(affine)  # type: ignore[no-untyped-call]
    if None in codes or min(x, y, z) <= 0:
        raise InputError("its affine is singular or not finite; export it again")
    return (x, y, z), "".join(map(str, codes))


def _voxels(stream: BinaryIO, layout: _Layout, shape: tuple[int, ...]) -> NDArray[Any]:
    """The voxels in the values the header gives them, first axis fastest as in the file."""
    stream.seek(layout.offset)  # a compressed stream decodes and drops what lies before
    array = np.empty(math.prod(shape), layout.result)
    finite = layout.result.kind != "f"
    for start in range(0, len(array), _PIECE):
        part = array[start : start + _PIECE]
        nbytes = len(part) * layout.dtype.itemsize
        data = stream.read(nbytes)
        if len(data) < nbytes:
            raise InputError(_DAMAGED)
        stored = np.frombuffer(data, layout.dtype)
        with np.errstate(all="ignore"):  # beyond float32 is infinite
            if layout.scaled:
                stored = stored.astype(np.float64) * layout.slope + layout.intercept
            part[:] = stored
        finite = finite or bool(np.isfinite(part).any())
    stream.read(1)  # at the end of a compressed file its checksum is compared
    if not finite:
        raise InputError("no voxel has a finite value; export it again")
    array = array.reshape(shape, order="F")
    array.setflags(write=False)
    return array


def _mb(size: float) -> str:
    return f"{size / (1 << 20):,.0f} MB"
