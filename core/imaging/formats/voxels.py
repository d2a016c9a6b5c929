"""The voxels of NIfTI, NRRD and MetaImage: read in pieces up to the size their header claims."""

import math
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.opening import MAX_BYTES, current_caps, megabytes

PIECE = 1 << 20  # voxels converted at a time, so that no second copy of a volume exists
DEFLATE_RATIO = 1032  # no deflate stream expands further


class Stream(Protocol):
    """Bytes one after another."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; fewer at the end."""


@dataclass(frozen=True)
class Layout:
    """How voxels lie in a file."""

    dtype: np.dtype[Any]
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def scaled(self) -> bool:
        """Whether values differ from what is stored."""
        return (self.slope, self.intercept) != (1, 0)

    @property
    def result(self) -> np.dtype[Any]:
        """Type in memory: integers as stored, everything else float32."""
        real = self.scaled or self.dtype.kind == "f"
        return np.dtype(np.float32) if real else self.dtype.newbyteorder("=")

    @property
    def words(self) -> str:
        """Bits and kind of number: ``16-bit signed``."""
        kind = {"u": "unsigned", "i": "signed", "f": "float"}[self.dtype.kind]
        return f"{self.dtype.itemsize * 8}-bit {kind}{', scaled' if self.scaled else ''}"


def check_claim(
    layout: Layout, shape: tuple[int, ...], *, room: int, max_bytes: int = MAX_BYTES
) -> None:
    """Refuse by the header alone what cannot be true or be held.

    Args:
        layout: How the voxels lie.
        shape: Sizes of the axes.
        room: The most bytes of voxels the file can hold.
        max_bytes: Limit in memory.

    Raises:
        InputError: The claim is too large.
    """
    voxels, size = math.prod(shape), " x ".join(map(str, shape))
    most = min(max_bytes, current_caps().volume_bytes)
    if voxels * max(layout.result.itemsize, layout.dtype.itemsize) > most:
        raise InputError(f"{size} voxels are more than the {megabytes(most)} allowed; crop it")
    if voxels * layout.dtype.itemsize > room:
        raise InputError(
            f"its header claims {size} voxels, more than the file can hold; "
            "export or download it again"
        )


def read_voxels(
    stream: Stream, layout: Layout, shape: tuple[int, ...], *, damaged: str
) -> NDArray[Any]:
    """The voxels in the values the header gives them, first axis fastest as in the file, read-only.

    Args:
        stream: At the first voxel, unpacked.
        layout: How they lie.
        shape: Sizes of the axes.
        damaged: What to say where there are fewer.

    Raises:
        InputError: Too few bytes, or no voxel has a finite value.
    """
    array = np.empty(math.prod(shape), layout.result)
    finite = layout.result.kind != "f"
    for start in range(0, len(array), PIECE):
        part = array[start : start + PIECE]
        nbytes = len(part) * layout.dtype.itemsize
        data = stream.read(nbytes)
        if len(data) < nbytes:
            raise InputError(damaged)
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


def not_numbers(array: NDArray[Any]) -> tuple[str, ...]:
    """A warning where voxels are NaN or infinite; none otherwise."""
    if array.dtype.kind != "f":
        return ()
    planes = array.T if array.ndim > 2 else array[None]  # no mask as large as a volume
    bad = sum(int(np.count_nonzero(~np.isfinite(plane))) for plane in planes)
    if not bad:
        return ()
    line = (
        f"{bad:,} of {array.size:,} values are no numbers (NaN or infinite): they are shown black "
    )
    return (line + "or white, and what a model says there means nothing",)


class Inflated:
    """A zlib stream unpacked as far as it is read, and no further."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed, self._inflate = packed, zlib.decompressobj(zlib.MAX_WBITS | 32)

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes."""
        pieces, missing = [], size
        while missing and not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._packed.read(1 << 16)
            if not data:
                break
            pieces.append(self._inflate.decompress(data, missing))
            missing -= len(pieces[-1])
        return b"".join(pieces)
