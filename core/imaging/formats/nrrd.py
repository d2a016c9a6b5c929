"""NRRD (teem, 3D Slicer): a header of lines, a blank line, voxels raw or gzipped."""

import gzip
import re
from dataclasses import dataclass, field
from typing import BinaryIO, cast

import numpy as np

from core.errors import InputError
from core.imaging.formats.header_text import Stored, header_line, lps_affine, numbers, sizes, stored
from core.imaging.formats.voxels import DEFLATE_RATIO, Layout
from core.imaging.opening import size_of
from core.imaging.volume import Geometry, Volume, slice_axis

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_SPACES = {
    "right-anterior-superior": "RAS",
    "ras": "RAS",
    "left-anterior-superior": "LAS",
    "las": "LAS",
    "left-posterior-superior": "LPS",
    "lps": "LPS",
}
_KNOWN = {
    "type", "dimension", "sizes", "encoding", "endian", "space", "spacedirections",
    "spaceorigin", "spacings", "kinds", "datafile", "spaceunits", "units", "lineskip", "byteskip",
}  # fmt: skip
_UNITS_MM = {
    **dict.fromkeys(("", "???", "mm", "millimeter", "millimeters", "millimetre"), 1.0),
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometers"), 1e-3),
    **dict.fromkeys(("Âµm", "âµm", "Î¼m", "î¼m"), 1e-3),  # UTF-8 read as Latin-1
    **dict.fromkeys(("nm", "nanometer", "nanometers"), 1e-6),
    **dict.fromkeys(("cm", "centimeter", "centimeters"), 10.0),
    **dict.fromkeys(("m", "meter", "meters"), 1000.0),
}
_SPATIAL = {"domain", "space", "???"}


@dataclass
class _Fields:
    """The fields of a header that matter, by their name without blanks."""

    found: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        return self.found.get(name, default).lower()


def read_nrrd(stream: BinaryIO, _page: int) -> Volume:
    """See ``Reader.read``."""
    fields = _header(stream)
    found = _stored(fields)
    room = size_of(stream) - stream.tell()
    encoding = fields.text("encoding")
    skip = int(numbers(fields.text("byteskip", "0"), "bytes to skip", count=1)[0])
    if fields.text("lineskip", "0") != "0" or not 0 <= skip <= room:
        raise InputError("its voxels do not follow its header; save it as one plain .nrrd file")
    voxels = stream
    if encoding in {"gzip", "gz"}:
        voxels, room = cast("BinaryIO", gzip.GzipFile(fileobj=stream)), room * DEFLATE_RATIO
    elif encoding != "raw":
        raise InputError("its voxels are encoded in an uncommon way; save it as raw or gzip")
    voxels.read(skip)
    return found.volume(voxels, room=room - skip)


def nrrd_geometry(stream: BinaryIO) -> Geometry:
    """Where the voxels lie, by the header alone; errors as ``read_nrrd``, but for the voxels."""
    return _stored(_header(stream)).geometry


def count_nrrd(stream: BinaryIO) -> int:
    """Slices along the third axis."""
    shape = (*_shape(_header(stream)), 1, 1)[:3]
    return shape[slice_axis(shape)]


def _header(stream: BinaryIO) -> _Fields:
    fields = _Fields()
    header_line(stream)
    while line := header_line(stream):
        name, colon, value = line.partition(":")
        plain = name.lower().replace(" ", "")
        if colon and not value.startswith("=") and plain in _KNOWN:
            fields.found[plain] = value.strip()
    if "datafile" in fields.found:
        raise InputError("its voxels are in a second file; save it as one .nrrd file")
    return fields


def _stored(fields: _Fields) -> Stored:
    shape, layout = _shape(fields), _layout(fields)
    steps, origin, space = _steps(fields, len(shape))
    affine = lps_affine(steps, origin, lps=space != "RAS")
    if space == "LAS":
        affine[1] *= -1  # from posterior to anterior
    return stored(
        "NRRD",
        layout,
        shape,
        affine,
        spacing_known="spacedirections" in fields.found or "spacings" in fields.found,
        oriented=bool(space),
    )


def _shape(fields: _Fields) -> tuple[int, ...]:
    axes = int(numbers(fields.text("dimension"), "dimensions", count=1)[0])
    if not 2 <= axes <= 3:
        raise InputError(f"it has {axes} dimensions; export a 3D volume of one value per voxel")
    kinds = fields.text("kinds").split()
    if any(kind not in _SPATIAL for kind in kinds) or "none" in fields.text("spacedirections"):
        raise InputError("it has several values per voxel; export a volume of one value per voxel")
    return sizes(fields.text("sizes"), "sizes", count=axes)


def _layout(fields: _Fields) -> Layout:
    stated = fields.text("type")
    code = next((code for code, names in _TYPES.items() if stated in names), "")
    if not code:
        raise InputError("its voxels are of an unknown kind; save them as integers or float")
    endian = fields.text("endian", "little")
    if endian not in {"little", "big"}:
        raise InputError("its byte order is neither little nor big; export it again")
    return Layout(np.dtype(code).newbyteorder("<" if endian == "little" else ">"))


def _steps(fields: _Fields, axes: int) -> tuple[list[list[float]], list[float], str]:
    """Step of each axis, origin, and the space they are in; '' where it is not stated."""
    space = _SPACES.get(fields.text("space"), "")
    if "spacedirections" in fields.found:
        flat = numbers(fields.text("spacedirections"), "space directions", count=axes * axes)
        steps = [flat[axes * n : axes * (n + 1)] for n in range(axes)]
    else:
        space = ""
        spacing = numbers(fields.text("spacings", " ".join("1" * axes)), "spacings", count=axes)
        steps = np.diag(spacing).tolist()
    if min(sum(abs(part) for part in step) for step in steps) == 0:
        raise InputError("its voxel spacing is 0; export it again")
    origin = numbers(fields.text("spaceorigin", " ".join("0" * axes)), "space origin", count=axes)
    if "spacedirections" in fields.found:  # in space, whose axes have a unit each
        units = _units_mm(fields, "spaceunits", axes)
        steps = [[part * mm for part, mm in zip(step, units, strict=True)] for step in steps]
    else:
        units = _units_mm(fields, "units", axes)
        steps = [[part * mm for part in step] for step, mm in zip(steps, units, strict=True)]
    origin = [part * mm for part, mm in zip(origin, units, strict=True)]
    return steps, origin, space


def _units_mm(fields: _Fields, name: str, axes: int) -> list[float]:
    """Millimetres of the unit of each axis; where none is stated it is millimetres.

    Raises:
        InputError: It is a unit that is no known length.
    """
    stated = re.findall(r'"([^"]*)"', fields.found.get(name, ""))
    if not stated:
        return [1.0] * axes
    if len(stated) != axes or any(unit.strip().lower() not in _UNITS_MM for unit in stated):
        raise InputError("its unit of length is unknown; export it in mm")
    return [_UNITS_MM[unit.strip().lower()] for unit in stated]
