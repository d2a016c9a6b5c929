"""NumPy arrays in a .npy file: an image (H, W) or (H, W, 3), or a volume (D, H, W)."""

import math
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.decoded import Decoded
from core.imaging.facts import SourceFacts
from core.imaging.formats.voxels import not_numbers
from core.imaging.opening import (
    DAMAGED,
    MAX_BYTES,
    MIN_SIDE,
    check_page,
    check_size,
    megabytes,
    size_of,
)
from core.imaging.pixels import kind_in_words, on_black
from core.imaging.volume import Volume


def read_npy(stream: BinaryIO, page: int) -> Decoded | Volume:
    """See ``Reader.read``; nothing in the file is executed."""
    shape, fortran, dtype = _header(stream)
    data = stream.read(math.prod(shape) * dtype.itemsize)
    array: NDArray[Any] = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    array = array.astype(_in_memory(dtype), copy=False)
    if array.dtype.kind == "f" and not np.isfinite(array).any():
        raise InputError("no value is finite; save it again")
    facts = SourceFacts(format="NumPy", bits=dtype.itemsize * 8)
    if _is_picture(shape):
        check_page(page, 1)
        check_size(shape[1], shape[0])
        pixels = np.ascontiguousarray(array)
        if len(shape) == 3 and shape[2] == 1:
            pixels = np.ascontiguousarray(pixels[..., 0])
        elif len(shape) == 3 and shape[2] == 4:
            pixels = _without_alpha(pixels)
        return Decoded(pixels, kind_in_words(pixels), facts=facts, warnings=not_numbers(pixels))
    voxels = array.transpose(2, 1, 0)  # (X, Y, Z), shown as stored
    voxels.setflags(write=False)
    size = " x ".join(map(str, voxels.shape))
    return Volume(
        shape=voxels.shape,
        affine=np.diag([-1.0, -1.0, 1.0, 1.0]),
        spacing_mm=(1.0, 1.0, 1.0),
        orientation="LPS",
        name="",
        source=f"NumPy, {kind_in_words(voxels[0])}, {size} voxels, LPS (not stated, assumed)",
        orientation_known=False,
        array=voxels,
        spacing_known=False,
        facts=facts,
        warnings=not_numbers(voxels),
    )


def count_npy(stream: BinaryIO) -> int:
    """Slices of a volume, 1 for an image."""
    shape = _header(stream)[0]
    return 1 if _is_picture(shape) else shape[0]


def _is_picture(shape: tuple[int, ...]) -> bool:
    """Whether an array is (H, W) or (H, W, C), not (D, H, W)."""
    return len(shape) == 2 or shape[2] == 3 or (shape[2] in {1, 4} and min(shape[:2]) >= MIN_SIDE)


def _without_alpha(pixels: NDArray[Any]) -> NDArray[Any]:
    """Colours of (H, W, 4) on black.

    Raises:
        InputError: The fourth channel is no opacity, which only whole numbers without sign tell.
    """
    if pixels.dtype.kind != "u" or pixels.dtype.itemsize > 2:
        raise InputError(
            "its shape (H, W, 4) has a fourth channel that may be anything; save the three "
            "channels to use as (H, W, 3), or one as (H, W)"
        )
    return on_black(pixels[..., :3], pixels[..., 3])


def _check_ambiguous(shape: tuple[int, ...]) -> None:
    """Ask where channels and slices cannot be distinguished.

    Raises:
        InputError: They cannot.
    """
    if len(shape) != 3 or _is_picture(shape):
        return
    size = " x ".join(map(str, shape))
    first, *others = shape
    last_is_short = shape[2] < MIN_SIDE <= min(shape[:2])
    if last_is_short or (first == 3 and min(others) >= MIN_SIDE):
        raise InputError(
            f"are its {size} values channels or slices? save colour as (H, W, 3), one channel as "
            "(H, W), and slices as NIfTI or a TIFF stack"
        )


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(stream, max_header_size=10_000)
    if dtype.hasobject or dtype.kind not in "buif" or dtype.itemsize > 8:
        raise InputError("its values are no plain numbers; save it as integers or float")
    size = " x ".join(map(str, shape))
    if len(shape) not in {2, 3} or 0 in shape or min(shape, default=0) < 1:
        raise InputError(f"its shape is {size or 'empty'}; save (H, W), (H, W, 3) or (D, H, W)")
    _check_ambiguous(shape)
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > MAX_BYTES:
        raise InputError(f"{size} values are more than the {megabytes(MAX_BYTES)} allowed; crop it")
    if claimed > size_of(stream) - stream.tell():
        raise InputError(DAMAGED.format("NumPy"))
    return shape, fortran, dtype


def _in_memory(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float32) if dtype.kind == "f" else dtype.newbyteorder("=")
