"""A file that a person gave, wherever its bytes are: on disk, in memory, in a zip."""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from core.imaging.opening import check_bytes, size_of, stream_of
from core.system.zip_entries import inflate


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
                return inflate(stream, self.entry, count)
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
