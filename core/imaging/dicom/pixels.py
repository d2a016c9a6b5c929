"""DICOM frames: decoded one at a time, in the values of the modality, colours made RGB.

pylibjpeg and Pillow decode JPEG, JPEG-LS and JPEG 2000. They allocate what the compressed data
claim, so the claim is read first and must be the header's.
"""

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.dicom.header import DAMAGED, Header
from core.imaging.image import Pixels
from core.imaging.window import Window

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_EXPORT = "export it uncompressed"
_LARGER = 4  # times what they unpack to: no compressed frame is
_FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF0…SOF15, JPEG-LS


def decode(dataset: "Dataset", header: Header, index: int) -> Pixels:
    """One frame in the values of its modality.

    Args:
        dataset: With its pixels; see ``read_dataset``.
        header: Of the same file.
        index: Frame from 0.

    Returns:
        Shape (H, W), or (H, W, 3) of 8 bits for colour. MONOCHROME1 is turned so that more is
        brighter. A segmentation of one bit is boolean.

    Raises:
        InputError: The pixels are missing, cut short or encoded in a way that cannot be read.
    """
    from pydicom.pixels.utils import pixel_array  # heavy, as pydicom itself

    _check_frame(dataset, header, index)
    try:
        # pydicom would drop what lies above the bits as if there were none below them
        stored = np.asarray(
            pixel_array(dataset, index=index, correct_unused_bits=not _below(header))
        )
    except NotImplementedError:
        raise InputError(f"its encoding ({header.encoding}) cannot be read; {_EXPORT}") from None
    if stored.shape[:2] != (header.rows, header.columns):
        raise InputError(DAMAGED)
    if header.photometric == "PALETTE COLOR":
        return _palette(dataset, stored)
    if header.samples == 3:
        return _colour(stored)
    if header.bits_allocated == 1:
        return stored.astype(np.bool_)
    return _modality_values(dataset, header, _grey(header, stored))


def shown_window(header: Header) -> Window | None:
    """The file's window in the values of ``decode``, that is turned for MONOCHROME1."""
    window = header.window
    if window is None or header.samples != 1 or header.photometric == "PALETTE COLOR":
        return None
    if header.photometric == "MONOCHROME1":
        turned = header.slope * _top(header) + 2 * header.intercept
        window = Window(turned - window.high, turned - window.low)
    return window


def result_type(header: Header) -> np.dtype[Any]:
    """Type of ``decode``'s grey values: integers while slope and intercept are whole."""
    if header.bits_allocated == 1:
        return np.dtype(np.bool_)
    if header.real or header.table:
        return np.dtype(np.float32)
    if (header.slope, header.intercept) == (1, 0):
        return np.dtype(f"{'i' if header.signed else 'u'}{header.bits_allocated // 8}")
    return _scaled_type(header)


def _scaled_type(header: Header) -> np.dtype[Any]:
    bits = header.bits_stored
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if header.signed else (0, (1 << bits) - 1)
    ends = [header.slope * value + header.intercept for value in (low, high)]
    if header.slope.is_integer() and header.intercept.is_integer():
        for kind in (np.int16, np.int32):
            limits = np.iinfo(kind)
            if limits.min <= min(ends) <= max(ends) <= limits.max:
                return np.dtype(kind)
    return np.dtype(np.float32)


def _grey(header: Header, stored: Pixels) -> Pixels:
    """Stored samples without what lies above their bits, more being brighter."""
    if header.real:
        return -stored if header.photometric == "MONOCHROME1" else stored
    unused = header.bits_allocated - header.bits_stored
    if unused:  # old files keep overlays there; the shift back repeats the sign
        stored = (stored << (unused - _below(header))) >> unused
    return _top(header) - stored if header.photometric == "MONOCHROME1" else stored


def _below(header: Header) -> int:
    """Unused bits below the stored ones; codecs of compressed data deliver samples without any."""
    below = header.high_bit + 1 - header.bits_stored
    packed = not header.encoding.startswith(("Implicit", "Explicit", "Deflated", "RLE"))
    return 0 if packed or not 0 < below <= header.bits_allocated - header.bits_stored else below


def _top(header: Header) -> int:
    """Largest stored value, or -1 for signed samples: ``_top - value`` turns black to white."""
    return -1 if header.signed else (1 << header.bits_stored) - 1


def _modality_values(dataset: "Dataset", header: Header, stored: Pixels) -> Pixels:
    if header.table:
        from pydicom.pixels.processing import apply_modality_lut

        return np.asarray(apply_modality_lut(stored, dataset)).astype(np.float32)
    kind = result_type(header)
    if header.real or (header.slope, header.intercept) == (1, 0):
        with np.errstate(all="ignore"):  # beyond float32 is infinite
            return stored.astype(kind, copy=False)
    if kind.kind == "f":
        return (stored * header.slope + header.intercept).astype(kind)
    values = stored.astype(np.int32) * np.int32(header.slope) + np.int32(header.intercept)
    return values.astype(kind)


def _palette(dataset: "Dataset", stored: Pixels) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_color_lut

    return _colour(np.asarray(apply_color_lut(stored, dataset))[..., :3])


def _colour(pixels: Pixels) -> NDArray[np.uint8]:
    """Colours in 8 bits; of 16 the upper ones, as displays do."""
    if pixels.dtype.itemsize > 1:
        pixels = pixels >> 8 * (pixels.dtype.itemsize - 1)
    return np.ascontiguousarray(pixels.astype(np.uint8))


def _check_frame(dataset: "Dataset", header: Header, index: int) -> None:
    """Refuse missing or short pixels, and compressed data that claim another size."""
    from pydicom.encaps import get_frame

    if header.real:
        return
    data = dataset.get("PixelData")
    if not data:
        raise InputError("it has no pixel data; export the images with their pixels")
    bits = header.rows * header.columns * header.samples * header.bits_allocated
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        needed = (bits * header.frames + 7) // 8
        if header.photometric == "YBR_FULL_422":
            needed = needed // 3 * 2
        if len(data) < needed:
            raise InputError(
                f"its pixel data are cut short ({len(data):,} of {needed:,} bytes); "
                "export or download the file again"
            )
        return
    frame = get_frame(data, index, number_of_frames=header.frames)
    fits = _claimed(frame) in {None, (header.rows, header.columns, header.samples)}
    if not fits or len(frame) > _LARGER * bits // 8 + 65536:
        raise InputError(DAMAGED)


def _claimed(frame: bytes) -> tuple[int, int, int] | None:
    """Rows, columns and samples that JPEG, JPEG-LS or JPEG 2000 data claim; None for neither."""
    at = frame.find(b"\xff\x4f\xff\x51", 0, 4096)  # start of codestream and its size
    if at >= 0:
        right, low, left, top, *_tile, samples = struct.unpack_from(">4I4IH", frame, at + 8)
        return low - top, right - left, samples
    if not frame.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 10 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xFF:  # fill
            at += 1
        elif marker in _FRAME_MARKERS:
            rows, columns, samples = struct.unpack_from(">HHB", frame, at + 5)
            return rows, columns, samples
        else:
            at += 2 + struct.unpack_from(">H", frame, at + 2)[0]
    raise InputError(DAMAGED)
