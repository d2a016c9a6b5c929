"""An untrusted zip: its table of contents is checked before a byte is unpacked.

``zipfile`` lists; inflating is done here, because its ``read`` allocates whatever a lying entry
inflates to, and because a read here shares no state with any other.
"""

import re
import stat
import struct
import zipfile
import zlib
from typing import BinaryIO

from core.errors import InputError

BOMB_BYTES, BOMB_RATIO = 100_000_000, 200
MAX_ENTRIES = 1_000_000
MAX_TABLE_BYTES = 256 << 20
"""Of the table of contents; a million names of ordinary length take 150 MiB."""

_LITTER = {
    "__macosx", "thumbs.db", "desktop.ini", "dicomdir", "$recycle.bin", "system volume information",
}  # fmt: skip
_LOCAL = struct.Struct("<4s22xHH")
_ENCRYPTED = 0x1
_DAMAGED = "damaged, or not what its header claims; download the zip again"


def is_litter(part: str) -> bool:
    """Whether a file or folder of this name is hidden or left behind by a desktop system."""
    return (part.startswith(".") and part != "..") or part.lower() in _LITTER


def list_entries(stream: BinaryIO, *, show_names: bool) -> list[zipfile.ZipInfo]:
    """The files and links of a zip without litter, in its own order.

    Args:
        stream: Over the whole zip.
        show_names: Whether a message may name an entry; files of patients are called by them.

    Raises:
        InputError: Not a zip, damaged, too many entries, encrypted, or a bomb.
    """
    _check_end_record(stream)
    try:
        with zipfile.ZipFile(stream) as container:
            listed = container.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as fault:
        raise InputError(
            f"not a zip that can be read, damaged or cut short ({fault}); download it again"
        ) from fault
    entries = [
        entry
        for entry in listed
        if not entry.is_dir() and not any(map(is_litter, _parts(entry.filename)))
    ]
    for entry in entries:
        _check_claims(entry, f"{entry.filename}: " if show_names else "")
    return entries


def is_link(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry's content is the path of another file."""
    return stat.S_ISLNK(entry.external_attr >> 16)


def member_name(entry: zipfile.ZipInfo) -> str:
    """The entry's relative name with ``/``; a Windows zip's backslash is turned.

    Raises:
        InputError: An absolute name, a drive letter or a ``..``.
    """
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        shown = "".join(c if c.isprintable() else "?" for c in entry.filename)
        raise InputError(f"the entry {shown} would lie outside; the zip is not trusted")
    return "/".join(_parts(name))


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


def _check_end_record(stream: BinaryIO) -> None:
    """Refuse a zip by the number of entries its end record claims, before they are listed."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - (1 << 16) - 100))
    tail = stream.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise InputError("not a zip, damaged or cut short; give a folder or a whole zip")
    count, table = struct.unpack_from("<HL", tail, at + 10)
    large = tail.rfind(b"PK\6\6", 0, at)  # zip64 keeps the true numbers in a record before
    full = count == 0xFFFF or table == 0xFFFFFFFF
    if full and large >= 0 and len(tail) >= large + 48:
        count, table = struct.unpack_from("<QQ", tail, large + 32)
    if count > MAX_ENTRIES or table > MAX_TABLE_BYTES:
        raise InputError(f"more than {MAX_ENTRIES:,} files; give the data set's own zip")


def _check_claims(entry: zipfile.ZipInfo, where: str) -> None:
    """Refuse what cannot or should not be inflated, by the header alone."""
    if entry.flag_bits & _ENCRYPTED:
        raise InputError(f"{where}encrypted; save the zip without a password")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise InputError(f"{where}compressed in an uncommon way; zip it again with deflate")
    if entry.file_size > max(BOMB_BYTES, BOMB_RATIO * entry.compress_size):
        raise InputError(
            f"{where}{entry.compress_size:,} bytes claim to hold {entry.file_size:,}; a zip bomb, "
            "not opened"
        )


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
