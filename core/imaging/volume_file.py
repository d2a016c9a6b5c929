"""A volume file of a data set, whatever its format: its header alone, or all of it.

``read_any`` reads what a person uploads; here a file must be a volume, its name stays, and a header
can be read without the voxels.
"""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO

from core.errors import InputError
from core.imaging.formats.header_text import MAX_HEADER
from core.imaging.formats.metaimage import metaimage_geometry, read_metaimage, second_file
from core.imaging.formats.nifti import read_geometry, read_volume
from core.imaging.formats.nrrd import nrrd_geometry, read_nrrd
from core.imaging.opening import as_input_error, check_bytes, size_of, where_of
from core.imaging.volume import Geometry, Volume

NIFTI = (".nii.gz", ".nii")
VOLUMES = (*NIFTI, ".nrrd", ".mha", ".mhd")
"""Endings of the files that are volumes; the voxels of an .mhd are in a second file."""
SECOND = (".raw", ".zraw")
"""Endings of those."""
Second = Callable[[str], BinaryIO]
"""Opens the file beside an .mhd by its name; raises ``InputError`` where there is none."""

_NIFTI_HEAD = 1 << 14


def head_bytes(name: str) -> int:
    """How many bytes from the beginning of a file ``volume_geometry`` may need."""
    return _NIFTI_HEAD if _ending(name) in NIFTI else MAX_HEADER


def volume_geometry(
    head: bytes, *, name: str, file_bytes: int, second: Second, several: bool = False
) -> Geometry:
    """What the header says.

    Args:
        head: The first ``head_bytes`` of the file.
        name: File name; its ending says the format.
        file_bytes: Size of the whole file.
        second: For the other file of an .mhd.
        several: Accept several values per voxel, as NIfTI can hold.

    Raises:
        InputError: One sentence that starts with the name.
    """
    if _ending(name) in NIFTI:
        return read_geometry(head, name=name, several=several, file_bytes=file_bytes)
    where = where_of(head, name)
    with as_input_error(where, "volume"):
        check_bytes(file_bytes)
        stream = io.BytesIO(head)
        if _ending(name) == ".nrrd":
            return replace(nrrd_geometry(stream), name=where)
        found = metaimage_geometry(stream)
        _voxels(stream, second)
        return replace(found, name=where)


def volume_of(data: bytes, *, name: str, second: Second, several: bool = False) -> Volume:
    """The whole volume; arguments and errors as ``volume_geometry``."""
    if _ending(name) in NIFTI:
        return read_volume(data, name=name, several=several)
    where = where_of(data, name)
    with as_input_error(where, "volume"):
        check_bytes(len(data))
        stream = io.BytesIO(data)
        if _ending(name) == ".nrrd":
            return replace(read_nrrd(stream, 0), name=where)
        voxels = _voxels(stream, second)
        return replace(read_metaimage(stream, 0, second=voxels), name=where)


def _voxels(stream: BinaryIO, second: Second) -> BinaryIO | None:
    """The second file of a MetaImage, which must not be larger than any file may."""
    stream.seek(0)
    wanted = second_file(stream)
    stream.seek(0)
    if not wanted:
        return None
    voxels = second(wanted)
    check_bytes(size_of(voxels))
    return voxels


def _ending(name: str) -> str:
    low = PurePosixPath(name).name.lower()
    ending = next((known for known in VOLUMES if low.endswith(known)), "")
    if not ending:
        raise InputError(f"{name}: not a volume; give one of {', '.join(VOLUMES)}")
    return ending
