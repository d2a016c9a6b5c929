"""The top of a PNG from its first bytes: size, and some rows without decoding the rest.

Listing hundreds of images must not decode them, yet their size and whether they are dark, bright or
coloured is worth knowing at once. PNG, W3C Recommendation, third edition (2025), sections 5 to 9.
"""

import struct
import zlib
from typing import Any

from numpy.typing import NDArray

from core.errors import InputError
from core.imaging import MIN_SIDE, read_image

_MAGIC = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by PNG colour type


def png_size(head: bytes) -> tuple[int, int] | None:
    """Height and width from the first 24 bytes; None where it is no PNG."""
    if len(head) < 24 or not head.startswith(_MAGIC):
        return None
    width, height = struct.unpack_from(">II", head, 16)
    return height, width


def png_top(head: bytes, rows: int = MIN_SIDE) -> NDArray[Any] | None:
    """Topmost rows from the first few kilobytes of a PNG, shape (``rows``, W) or (``rows``, W, 3).

    None where there are fewer rows in these bytes or no plain PNG.
    """
    size = png_size(head)
    if size is None or len(head) < 33:
        return None
    bits, kind, interlaced = head[24], head[25], head[28]
    if kind not in _CHANNELS or interlaced or size[0] < rows:
        return None
    line = 1 + (size[1] * _CHANNELS[kind] * bits + 7) // 8
    try:
        filtered = zlib.decompressobj().decompress(_pixel_data(head), rows * line)
        if len(filtered) < rows * line:
            return None
        # A PNG of these rows alone: the library undoes the row filters.
        header = struct.pack(">II", size[1], rows) + head[24:29]
        parts = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(filtered, 0))
        return read_image(_MAGIC + parts + _chunk(b"IEND", b""), name="top.png").pixels
    except (zlib.error, InputError):
        return None


def _pixel_data(head: bytes) -> bytes:
    """The compressed pixels that begin in ``head``, chunk frames removed."""
    data, at = b"", len(_MAGIC)
    while at + 8 <= len(head):
        length, kind = struct.unpack_from(">I4s", head, at)
        if kind == b"IDAT":
            data += head[at + 8 : at + 8 + length]
        at += 12 + length
    return data


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
