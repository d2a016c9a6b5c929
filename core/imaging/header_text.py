"""Headers made of lines, as NRRD and MetaImage have them: only known keys, only their numbers."""

import math
import re
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.facts import SourceFacts
from core.imaging.volume import Volume, axes_of, checked_affine
from core.imaging.voxels import Layout, Stream, check_claim, not_numbers, read_voxels

MAX_HEADER = 1 << 20
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
_LARGEST = 1 << 31
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")


def header_line(stream: BinaryIO) -> str:
    """The next line of a header without its end.

    Raises:
        InputError: The header goes on for more than a MiB, or the file ends in it.
    """
    line = stream.readline(4096)
    if not line or stream.tell() > MAX_HEADER:
        raise InputError("its header does not end; export the file again")
    return line.decode("latin-1").strip()


def numbers(text: str, what: str, *, count: int | None = None) -> list[float]:
    """Finite numbers between blanks, commas or brackets.

    Raises:
        InputError: Something else, or another count; what was found is not repeated.
    """
    parts = [part for part in re.split(r"[\s,()]+", text) if part]
    found = [float(part) for part in parts if _NUMBER.match(part)]
    if len(found) != len(parts) or not all(map(math.isfinite, found)):
        raise InputError(f"its {what} are not numbers; export the file again")
    if count is not None and len(found) != count:
        raise InputError(f"it gives {len(found)} numbers as {what}, not {count}; export it again")
    return found


def sizes(text: str, what: str, *, count: int) -> tuple[int, ...]:
    """Whole numbers from 1.

    Raises:
        InputError: They are not.
    """
    found = numbers(text, what, count=count)
    if not all(number.is_integer() and 1 <= number < _LARGEST for number in found):
        shown = " x ".join(f"{number:g}" for number in found)
        raise InputError(f"its header gives the impossible size {shown}; export it again")
    return tuple(int(number) for number in found)


def lps_affine(
    directions: Sequence[Sequence[float]], origin: Sequence[float], *, lps: bool = True
) -> NDArray[np.float64]:
    """Affine to (right, anterior, superior) of voxel steps in patient space, shape (4, 4).

    Args:
        directions: Step of each axis in millimetres, up to three; further axes are made up.
        origin: Position of the first voxel.
        lps: Given as left, posterior, superior; otherwise as right, anterior, superior.

    Raises:
        InputError: Singular or not finite.
    """
    affine = np.eye(4)
    for axis, step in enumerate(directions):
        affine[: len(step), axis] = step
    affine[: len(origin), 3] = origin
    if lps:
        affine[:3] = _LPS_TO_RAS @ affine[:3]
    return checked_affine(affine)


def build_volume(
    stream: Stream,
    layout: Layout,
    shape: tuple[int, ...],
    affine: NDArray[np.float64],
    *,
    room: int,
    title: str,
    damaged: str,
    spacing_known: bool,
    stated: bool,
) -> Volume:
    """Read the voxels and say what they are.

    Args:
        stream: At the first voxel, unpacked.
        layout: How voxels lie.
        shape: (X, Y, Z).
        affine: See ``Geometry``.
        room: The most bytes of voxels there can be.
        title: Name of the format.
        damaged: As ``read_voxels``.
        spacing_known: The file states a spacing.
        stated: The file states an orientation.

    Raises:
        InputError: The claim is too large, or the voxels are damaged.
    """
    check_claim(layout, shape, room=room)
    spacing_mm, orientation = axes_of(affine)
    array: NDArray[Any] = read_voxels(stream, layout, shape, damaged=damaged)
    size = " x ".join(map(str, shape))
    assumed = "" if stated else " (not stated, assumed)"
    return Volume(
        shape=shape,
        affine=affine,
        spacing_mm=spacing_mm,
        orientation=orientation,
        name="",
        source=f"{title}, {layout.words}, {size} voxels, {orientation}{assumed}",
        orientation_known=stated,
        array=array,
        spacing_known=spacing_known,
        facts=SourceFacts(format=title, bits=layout.dtype.itemsize * 8, orientation=orientation),
        warnings=not_numbers(array),
    )
