"""Read a NIfTI volume from an untrusted upload; ``planes`` turns it into upright slices.

The header is evaluated before anything is allocated: what it claims must fit the file and
``MAX_BYTES``. Compressed data are decoded in pieces up to the claimed size and never beyond.
Whatever the libraries raise ends here as one ``InputError``.
"""

import gzip
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.facts import SourceFacts
from core.imaging.formats.voxels import DEFLATE_RATIO, Layout, check_claim, not_numbers, read_voxels
from core.imaging.opening import (
    DAMAGED,
    MAX_BYTES,
    as_input_error,
    megabytes,
    shown_name,
    size_of,
    stream_of,
    where_of,
)
from core.imaging.volume import Geometry, Volume, axes_of, checked_affine, slice_axis

__all__ = ["MAX_BYTES", "Geometry", "Volume", "read_geometry", "read_volume"]

_MAX_OFFSET = 1 << 28  # extensions before the voxels are a few MB at most
_DAMAGED = DAMAGED.format("NIfTI")
_ASIDE = 0.1  # of a voxel; less is the rounding of a quaternion in float32
_UNIT_MM = {1: 1000.0, 3: 0.001}  # metres, microns; everything else is taken as millimetres


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
        return _volume(stream, room, shown, several=several, max_bytes=max_bytes)


def read_nifti(stream: BinaryIO, _page: int) -> Volume:
    """See ``Reader.read``."""
    with _unpacked(stream, size_of(stream)) as (unpacked, room):
        return _volume(unpacked, room, "", several=False, max_bytes=MAX_BYTES)


def count_nifti(stream: BinaryIO) -> int:
    """Slices in the plane in which it was acquired; see ``slice_axis``."""
    with _unpacked(stream, size_of(stream)) as (unpacked, room):
        shape = _header(unpacked, room, "", several=False, max_bytes=MAX_BYTES)[0].shape
        return shape[slice_axis(shape)]


def _volume(stream: BinaryIO, room: int, shown: str, *, several: bool, max_bytes: int) -> Volume:
    geometry, layout, offset, warnings = _header(
        stream, room, shown, several=several, max_bytes=max_bytes
    )
    stream.seek(offset)  # a compressed stream decodes and drops what lies before
    array = read_voxels(stream, layout, geometry.shape, damaged=_DAMAGED)
    facts = SourceFacts(
        format="NIfTI",
        bits=layout.dtype.itemsize * 8,
        rescale=(layout.slope, layout.intercept) if layout.scaled else None,
        orientation=geometry.orientation,
    )
    return Volume(
        **vars(geometry), array=array, facts=facts, warnings=(*warnings, *not_numbers(array))
    )


@contextmanager
def _open(
    source: Path | bytes, name: str, max_bytes: int, file_bytes: int | None = None
) -> Iterator[tuple[BinaryIO, int, str]]:
    """The unpacked stream, the most bytes it can hold, and the name to show.

    Whatever goes wrong inside the block becomes one ``InputError``.
    """
    where, shown = where_of(source, name), shown_name(source, name)
    with (
        as_input_error(where, "NIfTI"),
        stream_of(source, wanted="a .nii or .nii.gz file") as stream,
    ):
        size = size_of(stream) if file_bytes is None else file_bytes
        if size == 0:
            raise InputError("the file is empty (0 bytes); export or download it again")
        if size > max_bytes:
            limit = megabytes(max_bytes)
            raise InputError(f"{megabytes(size)} are more than the {limit} allowed; crop it")
        with _unpacked(stream, size) as (unpacked, room):
            yield unpacked, room, shown


@contextmanager
def _unpacked(stream: BinaryIO, size: int) -> Iterator[tuple[BinaryIO, int]]:
    """The stream itself or what it packs, and the most bytes that can be."""
    packed = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    if packed:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            yield cast("BinaryIO", unpacked), size * DEFLATE_RATIO
    else:
        yield stream, size


def _header(
    stream: BinaryIO, room: int, shown: str, *, several: bool, max_bytes: int
) -> tuple[Geometry, Layout, int, tuple[str, ...]]:
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
    layout, offset = _layout(header, length)
    size = " x ".join(map(str, shape))
    check_claim(layout, shape, room=room - offset, max_bytes=max_bytes)
    affine = _affine(header, len(shape))
    spacing_mm, orientation = axes_of(affine)
    stated = bool(header["sform_code"] > 0 or header["qform_code"] > 0)
    words = (
        f"NIfTI-{1 if length == 348 else 2}, {layout.words}, {size} voxels, "
        f"{orientation}{'' if stated else ' (not stated, assumed)'}"
    )
    geometry = Geometry(
        shape=shape,
        affine=affine,
        spacing_mm=spacing_mm,
        orientation=orientation,
        name=shown,
        source=words,
        orientation_known=stated,
    )
    return geometry, layout, offset, _two_places(header, affine, shape)


def _two_places(
    header: Any,  # noqa: ANN401 - nibabel's two header classes
    affine: NDArray[np.float64],
    shape: tuple[int, ...],
) -> tuple[str, ...]:
    """A warning where the file states two places for its voxels, by sform and by qform."""
    if not (header["sform_code"] > 0 and header["qform_code"] > 0):
        return ()
    other = np.asarray(header.get_qform(), np.float64)
    other[:3] *= _UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    corners = np.array(list(itertools.product(*((0, size - 1) for size in shape[:3]))))
    apart = corners @ (affine - other)[:3, :3].T + (affine - other)[:3, 3]
    far = float(np.linalg.norm(apart, axis=1).max())
    spacings = [np.linalg.norm(one[:3, :3], axis=0) for one in (affine, other)]
    if not math.isfinite(far) or far <= _ASIDE * float(spacings[0].min()):
        return ()
    used, left = (" x ".join(f"{value:.4g}" for value in one) for one in spacings)
    sizes = f"; voxels of {used} mm, not {left} mm" if used != left else ""
    line = f"its two statements of where it lies, sform and qform, are up to {far:.1f} mm apart: "
    return (f"{line}the sform is used{sizes}, and other programs may take the qform",)


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


def _layout(header: Any, length: int) -> tuple[Layout, int]:  # noqa: ANN401 - nibabel's two header classes
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
    return Layout(dtype.newbyteorder(header.endianness), slope, intercept), int(offset)


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
    except HeaderDataError:
        raise InputError("its orientation is damaged; export it again") from None
    affine[:3] *= _UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    return checked_affine(affine)
