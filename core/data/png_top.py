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
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by PNG colour type; a palette (3) would have to come along


def png_size(head: bytes) -> tuple[int, int] | None:
    """Height and width from the first 24 bytes; None where it is no PNG."""
    if len(head) < 24 or not head.startswith(_MAGIC):
        return None
    width, height = struct.unpack_from(">II", head, 16)
    return height, width


def png_top(head: bytes, rows: int = MIN_SIDE) -> NDArray[Any] | None:
    """Topmost rows from the first kilobytes of a PNG, shape (n, W) or (n, W, 3), n <= ``rows``.

    None where these bytes hold not even one row, or no plain PNG.
    """
    size = png_size(head)
    if size is None or len(head) < 33:
        return None
    bits, kind, interlaced = head[24], head[25], head[28]
    if kind not in _CHANNELS or interlaced:
        return None
    line = 1 + (size[1] * _CHANNELS[kind] * bits + 7) // 8
    try:
        filtered = zlib.decompressobj().decompress(_pixel_data(head), rows * line)
        found = len(filtered) // line
        # A PNG of these rows alone, so that the library undoes the row filters. Filter 2 with
        # zeros repeats the row above, up to the least height that is read.
        filtered = filtered[: found * line] + (b"\2" + bytes(line - 1)) * (MIN_SIDE - found)
        header = struct.pack(">II", size[1], max(found, MIN_SIDE)) + head[24:29]
        parts = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(filtered, 0))
        png = _MAGIC + parts + _chunk(b"IEND", b"")
        return read_image(png, name="top.png").pixels[:found] if found else None
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
