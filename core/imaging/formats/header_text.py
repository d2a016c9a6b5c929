"""Headers made of lines, as NRRD and MetaImage have them: only known keys, only their numbers."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.facts import SourceFacts
from core.imaging.formats.voxels import Layout, Stream, check_claim, not_numbers, read_voxels
from core.imaging.opening import DAMAGED
from core.imaging.volume import Geometry, Volume, axes_of, checked_affine

MAX_HEADER = 1 << 20
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
_LARGEST = 1 << 31
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")


def header_line(stream: BinaryIO) -> str:
    """The next line of a header without its end.

    Raises:
        InputError: The header continues for more than a MiB, or the file ends in it.
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


@dataclass(frozen=True)
class Stored:
    """What a header says of a volume: where its voxels lie in the patient and in the file."""

    geometry: Geometry
    layout: Layout
    spacing_known: bool
    """Whether the file states a spacing."""
    title: str
    """Name of the format."""

    def volume(self, stream: Stream, *, room: int) -> Volume:
        """Read the voxels.

        Args:
            stream: At the first voxel, unpacked.
            room: The most bytes of voxels there can be.

        Raises:
            InputError: The claim is too large, or the voxels are damaged.
        """
        shape, layout = self.geometry.shape, self.layout
        check_claim(layout, shape, room=room)
        array: NDArray[Any] = read_voxels(stream, layout, shape, damaged=DAMAGED.format(self.title))
        return Volume(
            **vars(self.geometry),
            array=array,
            spacing_known=self.spacing_known,
            facts=SourceFacts(
                format=self.title,
                bits=layout.dtype.itemsize * 8,
                orientation=self.geometry.orientation,
            ),
            warnings=not_numbers(array),
        )


def stored(
    title: str,
    layout: Layout,
    shape: tuple[int, ...],
    affine: NDArray[np.float64],
    *,
    spacing_known: bool,
    oriented: bool,
) -> Stored:
    """Put together what a header says.

    Args:
        title: Name of the format.
        layout: How voxels lie.
        shape: (X, Y, Z) or fewer; the others are 1.
        affine: See ``Geometry``.
        spacing_known: The file states a spacing.
        oriented: The file states an orientation.

    Raises:
        InputError: Two axes count towards the same side.
    """
    shape = (*shape, 1, 1)[:3]
    spacing_mm, orientation = axes_of(affine)
    size = " x ".join(map(str, shape))
    assumed = "" if oriented else " (not stated, assumed)"
    geometry = Geometry(
        shape=shape,
        affine=affine,
        spacing_mm=spacing_mm,
        orientation=orientation,
        name="",
        source=f"{title}, {layout.words}, {size} voxels, {orientation}{assumed}",
        orientation_known=oriented,
    )
    return Stored(geometry, layout, spacing_known, title)
