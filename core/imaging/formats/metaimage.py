"""MetaImage (ITK): .mha holds header and voxels, .mhd names a second file that holds the voxels."""

import math
import re
from typing import BinaryIO

import numpy as np

from core.errors import InputError
from core.imaging.formats.header_text import Stored, header_line, lps_affine, numbers, sizes, stored
from core.imaging.formats.voxels import DEFLATE_RATIO, Inflated, Layout
from core.imaging.opening import DAMAGED, size_of
from core.imaging.volume import Geometry, Volume, slice_axis

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_SAME = {
    "Orientation": "TransformMatrix",
    "Rotation": "TransformMatrix",
    "Position": "Offset",
    "Origin": "Offset",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}
_KNOWN = {
    "NDims", "DimSize", "ElementType", "ElementSpacing", "ElementNumberOfChannels", "HeaderSize",
    "BinaryData", "CompressedData", "ElementDataFile", *_SAME, *_SAME.values(),
}  # fmt: skip
_TWO_FILES = "its voxels are in a second file; give both together, in a folder or a zip"


def read_metaimage(stream: BinaryIO, _page: int, *, second: BinaryIO | None = None) -> Volume:
    """See ``Reader.read``.

    Args:
        stream: The .mha or .mhd file.
        second: The file that holds the voxels of an .mhd.
    """
    fields = _header(stream)
    found = _stored(fields)
    local = fields["ElementDataFile"].upper() == "LOCAL"
    if not local and second is None:
        raise InputError(_TWO_FILES)
    voxels = stream if local or second is None else second
    room = size_of(voxels) - voxels.tell()
    if not _is_true(fields.get("BinaryData", "True")):
        raise InputError("its voxels are written as text; save it as binary")
    skip = int(numbers(fields.get("HeaderSize", "0"), "bytes to skip", count=1)[0])
    packed = _is_true(fields.get("CompressedData", "False"))
    if skip == -1 and not packed:  # the voxels are the last bytes
        skip = room - math.prod(found.geometry.shape) * found.layout.dtype.itemsize
    if not 0 <= skip <= room:
        raise InputError(DAMAGED.format("MetaImage"))
    voxels.read(skip)
    return found.volume(
        Inflated(voxels) if packed else voxels,
        room=(room - skip) * (DEFLATE_RATIO if packed else 1),
    )


def metaimage_geometry(stream: BinaryIO) -> Geometry:
    """Where the voxels lie, by the header alone; errors as ``read_metaimage`` of a header."""
    return _stored(_header(stream)).geometry


def count_metaimage(stream: BinaryIO) -> int:
    """Slices along the third axis."""
    shape = (*_shape(_header(stream)), 1, 1)[:3]
    return shape[slice_axis(shape)]


def second_file(stream: BinaryIO) -> str:
    """Plain name of the file that holds the voxels; empty where this one does.

    Raises:
        InputError: It lies in another folder, or the voxels are spread over several files.
    """
    name = _header(stream)["ElementDataFile"]
    if name.upper() == "LOCAL":
        return ""
    if re.search(r"[/\\%\0]|^LIST", name) or name in {"", ".", ".."}:
        raise InputError("its voxels are in several files or another folder; save it as one .mha")
    return name


def _header(stream: BinaryIO) -> dict[str, str]:
    fields: dict[str, str] = {}
    while "ElementDataFile" not in fields:
        name, equals, value = header_line(stream).partition("=")
        if equals and name.strip() in _KNOWN:
            fields[_SAME.get(name.strip(), name.strip())] = value.strip()
    return fields


def _stored(fields: dict[str, str]) -> Stored:
    shape = _shape(fields)
    steps, origin, oriented = _steps(fields, len(shape))
    return stored(
        "MetaImage",
        _layout(fields),
        shape,
        lps_affine(steps, origin),
        spacing_known="ElementSpacing" in fields,
        oriented=oriented,
    )


def _is_true(text: str) -> bool:
    """As MetaIO reads it: ``True``, ``T``, ``true`` or ``1``."""
    return text[:1] in {"T", "t", "1"}


def _shape(fields: dict[str, str]) -> tuple[int, ...]:
    axes = int(numbers(fields.get("NDims", ""), "dimensions", count=1)[0])
    if not 2 <= axes <= 3:
        raise InputError(f"it has {axes} dimensions; export a 3D volume of one value per voxel")
    if fields.get("ElementNumberOfChannels", "1") != "1":
        raise InputError("it has several values per voxel; export a volume of one value per voxel")
    return sizes(fields.get("DimSize", ""), "sizes", count=axes)


def _layout(fields: dict[str, str]) -> Layout:
    stated = fields.get("ElementType", "")
    if stated not in _TYPES:
        raise InputError("its voxels are of an unknown kind; save them as integers or float")
    big = _is_true(fields.get("BinaryDataByteOrderMSB", "False"))
    return Layout(np.dtype(_TYPES[stated]).newbyteorder(">" if big else "<"))


def _steps(fields: dict[str, str], axes: int) -> tuple[list[list[float]], list[float], bool]:
    """Step of each axis, origin, and whether an orientation is stated."""
    spacing = numbers(
        fields.get("ElementSpacing", " ".join("1" * axes)), "element spacings", count=axes
    )
    if min(spacing) <= 0:
        found = " x ".join(f"{value:g}" for value in spacing)
        raise InputError(f"its voxel spacing {found} is not positive; export it again")
    stated = fields.get("TransformMatrix")
    flat = [1.0 if n % (axes + 1) == 0 else 0.0 for n in range(axes * axes)]
    if stated is not None:
        flat = numbers(stated, "directions", count=axes * axes)
    steps = [[part * spacing[n] for part in flat[axes * n : axes * (n + 1)]] for n in range(axes)]
    origin = numbers(fields.get("Offset", " ".join("0" * axes)), "origin", count=axes)
    return steps, origin, stated is not None
