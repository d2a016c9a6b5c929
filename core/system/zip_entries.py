"""Entries of an untrusted zip: what their headers claim is checked, and held to when inflating.

``zipfile`` lists; inflating is done here, because its ``read`` allocates whatever a lying entry
inflates to, and because a read here shares no state with any other.
"""

import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from core.errors import InputError

BOMB_BYTES, BOMB_RATIO = 100_000_000, 200
MAX_TABLE_BYTES = 256 << 20
"""Of the table of contents; a million names of ordinary length take 150 MiB."""

_LOCAL = struct.Struct("<4s22xHH")
_ENCRYPTED = 0x1
_DAMAGED = "damaged, or not what its header claims; download the zip again"


def count_claimed(path: Path, most: int) -> None:
    """Refuse a zip by the number of entries its end record claims, before they are listed.

    Raises:
        InputError: More than ``most``, or a table of contents above 256 MiB.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - (1 << 16) - 100))
            tail = stream.read()
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror}); check access") from fault
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise InputError(f"{path}: not a zip, or cut short; give a folder or a whole zip")
    count, table = struct.unpack_from("<HL", tail, at + 10)
    large = tail.rfind(b"PK\6\6", 0, at)  # zip64 keeps the true numbers in a record before
    full = count == 0xFFFF or table == 0xFFFFFFFF
    if full and large >= 0 and len(tail) >= large + 48:
        count, table = struct.unpack_from("<QQ", tail, large + 32)
    if count > most or table > MAX_TABLE_BYTES:
        raise InputError(f"{path}: more than {most:,} files; give the data set's own zip")


def member_name(path: Path, entry: zipfile.ZipInfo) -> str:
    """The entry's relative name with ``/``; a Windows zip's backslash is turned.

    Raises:
        InputError: An absolute name, a drive letter or a ``..``.
    """
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        shown = "".join(c if c.isprintable() else "?" for c in entry.filename)
        raise InputError(f"{path}: the entry {shown} would lie outside; the zip is not trusted")
    if "//" in name or "./" in name:
        name = "/".join(part for part in name.split("/") if part not in {"", "."})
    return name.rstrip("/")


def check_claims(path: Path, entry: zipfile.ZipInfo) -> None:
    """Refuse what cannot or should not be inflated, by the header alone.

    Raises:
        InputError: Encrypted, an uncommon compression, or a bomb.
    """
    where = f"{path}: {entry.filename}"
    if entry.flag_bits & _ENCRYPTED:
        raise InputError(f"{where}: encrypted; save the zip without a password")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise InputError(f"{where}: compressed in an uncommon way; zip it again as usual (deflate)")
    if entry.file_size > max(BOMB_BYTES, BOMB_RATIO * entry.compress_size):
        raise InputError(
            f"{where}: {entry.compress_size:,} bytes claim to hold {entry.file_size:,}; a zip "
            "bomb, not opened"
        )


def inflate(stream: BinaryIO, entry: zipfile.ZipInfo, count: int | None) -> bytes:
    """Content of an entry, or its first ``count`` bytes.

    Raises:
        InputError: Cut short, damaged, or larger or smaller than its header claims.
    """
    stream.seek(entry.header_offset)
    header = stream.read(_LOCAL.size)
    if len(header) < _LOCAL.size:
        raise InputError(_DAMAGED)
    magic, name_length, extra_length = _LOCAL.unpack(header)
    if magic != b"PK\3\4":
        raise InputError(_DAMAGED)
    stream.seek(name_length + extra_length, 1)
    wanted = entry.file_size if count is None else min(count, entry.file_size)
    # a deflated byte can need a little more than a byte; tables of codes come first
    packed = entry.compress_size if count is None else min(entry.compress_size, wanted + 4096)
    data = stream.read(packed)
    if len(data) < packed:
        raise InputError(_DAMAGED)
    if entry.compress_type == zipfile.ZIP_DEFLATED:
        try:  # one byte more than claimed shows that there is more
            data = zlib.decompressobj(-15).decompress(data, wanted + 1)
        except zlib.error as fault:
            raise InputError(_DAMAGED) from fault
    if count is not None:
        return data[:wanted]
    if len(data) != wanted or zlib.crc32(data) != entry.CRC:
        raise InputError(_DAMAGED)
    return data
