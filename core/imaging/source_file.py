"""A file that a person gave, wherever its bytes are: on disk, in memory, in a zip."""

import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from core.errors import InputError
from core.imaging.opening import check_bytes, size_of, stream_of

_DAMAGED = "damaged in the zip, or not what it claims; zip or download it again"


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """Where to find a file; it is not opened before it is read."""

    name: str = field(repr=False)
    """Last part of the path, for display; in no ``repr``, as files are often called by people."""
    path: Path | None = field(default=None, repr=False)
    """On disk: the file, or the zip that holds it."""
    data: bytes | None = field(default=None, repr=False)
    """In memory: the file, or the zip that holds it."""
    entry: zipfile.ZipInfo | None = field(default=None, repr=False)
    """Where it lies in the zip; None where the file is in no zip."""

    def read(self) -> bytes:
        """All of the file.

        Raises:
            InputError: Gone, damaged, empty or above ``MAX_BYTES``.
        """
        return self.head(None)

    def head(self, count: int | None) -> bytes:
        """The first ``count`` bytes, or all.

        Raises:
            InputError: As ``read``.
        """
        with stream_of(self.whole) as stream:
            if self.entry is not None:
                check_bytes(self.entry.file_size)
                return _inflated(stream, self.entry, count)
            check_bytes(size_of(stream))
            return stream.read(-1 if count is None else count)

    @property
    def whole(self) -> Path | bytes:
        """The file, or the zip around it."""
        if self.path is not None:
            return self.path
        assert self.data is not None
        return self.data

    @property
    def direct(self) -> Path | bytes:
        """What ``read_image`` takes: a path as it is, so that large files are not held twice."""
        return self.whole if self.entry is None else self.read()


def _inflated(stream: BinaryIO, entry: zipfile.ZipInfo, count: int | None) -> bytes:
    """An entry's bytes, never more than it claims; ``zipfile`` would list the zip anew each time.

    Raises:
        InputError: It is cut short, damaged, or of another size than it claims.
    """
    stream.seek(entry.header_offset)
    header = stream.read(30)
    if len(header) < 30 or not header.startswith(b"PK\3\4"):
        raise InputError(_DAMAGED)
    stream.seek(sum(struct.unpack("<HH", header[26:])), 1)
    wanted = entry.file_size if count is None else min(count, entry.file_size)
    data = stream.read(entry.compress_size)
    if entry.compress_type == zipfile.ZIP_DEFLATED:
        try:
            # one byte more than claimed shows that there is more
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, wanted + 1)
        except zlib.error:
            raise InputError(_DAMAGED) from None
    if count is not None:
        return data[:wanted]
    if len(data) != wanted or zlib.crc32(data) != entry.CRC:
        raise InputError(_DAMAGED)
    return data
