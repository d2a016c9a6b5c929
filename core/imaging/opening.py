"""Opening untrusted uploads: bounded, quiet, and every fault one ``InputError``.

Messages of the libraries may quote what a header says, a name among it. So their exceptions are not
chained to ours, and their loggers and warnings are silent.
"""

import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import InputError
from core.imaging.names import clean_name

MAX_PIXELS = 100_000_000
"""Of one image; the decoded image and one copy of it are in memory at a time."""
MAX_BYTES = 2 << 30
"""Largest volume in memory, and largest file: 512 x 512 x 2000 voxels of a scaled CT."""
MIN_SIDE = 16


@dataclass(frozen=True, kw_only=True)
class Caps:
    """What a file may decode to."""

    pixels: int = MAX_PIXELS
    """Of one image or slice."""
    volume_bytes: int = MAX_BYTES
    """Of one volume in memory."""


_CAPS: ContextVar[Caps | None] = ContextVar("caps", default=None)


def current_caps() -> Caps:
    """Those of the read under way in this thread."""
    return _CAPS.get() or Caps()


@contextmanager
def caps(*, pixels: int, volume_bytes: int) -> Iterator[None]:
    """Lower caps for what this thread reads inside the block."""
    lower = Caps(pixels=min(pixels, MAX_PIXELS), volume_bytes=min(volume_bytes, MAX_BYTES))
    token = _CAPS.set(lower)
    try:
        yield
    finally:
        _CAPS.reset(token)


EXPORT = "export it as PNG or TIFF"
DAMAGED = "the {} data are damaged or cut short; export or download the file again"

_LIBRARIES = (
    "PIL",
    "tifffile",
    "pydicom",
    "nibabel",
    "nibabel.global",
    "pylibjpeg",
    "libjpeg",
    "openjpeg",
)


def _no_record(_record: logging.LogRecord) -> bool:
    return False


# At level DEBUG Pillow logs every TIFF tag with its value; tifffile and pydicom log what they
# cannot parse. The filter holds where a library sets its own level, as pydicom does.
for _library in _LIBRARIES:
    logging.getLogger(_library).setLevel(logging.CRITICAL + 1)
    logging.getLogger(_library).addFilter(_no_record)


class _Bounded(io.BufferedReader):
    """A file whose ``read`` never asks for more bytes than there are.

    A header can claim a table of gigabytes; Python would allocate the claim before reading.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return super().read()
        here = self.tell()
        end = self.seek(0, io.SEEK_END)
        self.seek(here)
        return super().read(min(size, max(end - here, 0)))


class _Quiet:
    """Warnings are off while at least one read is under way; the last to end restores them.

    ``warnings.catch_warnings`` changes the whole process: of two reads at once the first to end
    would undo the other's.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reads = 0
        self.caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self.lock:
            if not self.reads:
                self.caught = warnings.catch_warnings()
                self.caught.__enter__()
                warnings.simplefilter("ignore")
            self.reads += 1

    def __exit__(self, *_fault: object) -> None:
        with self.lock:
            self.reads -= 1
            if not self.reads:
                self.caught.__exit__(None, None, None)


_QUIET = _Quiet()


@contextmanager
def as_input_error(where: str, title: str = "image") -> Iterator[None]:
    """Turn whatever goes wrong inside the block into one ``InputError`` that starts with ``where``.

    Args:
        where: The file, in words.
        title: Its format, for what has no better reason than being damaged.
    """
    reason: str
    try:
        with _QUIET:
            yield
            return
    except InputError as fault:
        reason = str(fault)
    except MemoryError:
        reason = "too large for this machine's memory; crop it"
    except Exception:  # noqa: BLE001 - the libraries raise a dozen kinds on damaged files
        reason = DAMAGED.format(title)
    raise InputError(f"{where}: {reason}" if where else reason) from None


@contextmanager
def opened(source: Path | bytes, name: str, title: str = "image") -> Iterator[BinaryIO]:
    """A stream over a file or its bytes; faults inside the block as by ``as_input_error``."""
    with as_input_error(where_of(source, name), title), stream_of(source) as stream:
        yield stream


def where_of(source: Path | bytes, name: str) -> str:
    """The file as a message names it: as the person did, on one line."""
    where = clean_name(name) if name or isinstance(source, bytes) else str(source)
    return "".join(c if c.isprintable() else "?" for c in where)


def shown_name(source: Path | bytes, name: str) -> str:
    """The file's name for display."""
    return clean_name(name or (source.name if isinstance(source, Path) else ""))


def stream_of(source: Path | bytes, *, wanted: str = "an image file") -> BinaryIO:
    """A stream over the file as it is.

    Raises:
        InputError: Not there, no regular file, or no access.
    """
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        folder, other = source.is_dir(), source.exists() and not source.is_file()
        if not folder and not other:  # opening a pipe would wait for ever
            return _Bounded(io.FileIO(source))
    except FileNotFoundError:
        raise InputError("no such file; check the path") from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL in the path
        reason = getattr(fault, "strerror", None) or fault
        raise InputError(f"cannot be opened ({reason}); check the path and access") from None
    if folder:
        raise InputError(f"this is a folder; give {wanted} in it")
    raise InputError(f"not a regular file; give {wanted}")


def size_of(stream: BinaryIO) -> int:
    """Bytes in a stream; its position stays."""
    here = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(here)
    return size


def check_size(width: int, height: int) -> None:
    """Refuse what a header claims, before anything is decoded.

    Raises:
        InputError: More pixels than the caps allow, or a side below ``MIN_SIDE``.
    """
    check_pixels(width, height)
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f"{width} x {height} pixels are too few; models need at least {MIN_SIDE} x {MIN_SIDE}"
        )


def check_pixels(width: int, height: int) -> None:
    """Refuse what is too large to be decoded.

    Raises:
        InputError: More pixels than the caps allow.
    """
    most = current_caps().pixels
    if width * height > most:
        raise InputError(
            f"{width} x {height} pixels are more than the {most / 10**6:g} million allowed; "
            "crop it or save it smaller"
        )


def check_page(page: int, count: int) -> None:
    """Refuse a page that is not there.

    Raises:
        InputError: It is not.
    """
    if page < 0:
        raise InputError(f"there is no page {page}; pages count from 0")
    if count < 1:
        raise InputError("there is no image in it; export or download the file again")
    if page >= count:
        has = "one page" if count == 1 else f"{count} pages"
        raise InputError(f"there is no page {page}; the file has {has}, counted from 0")


def check_bytes(size: int) -> None:
    """Refuse an empty file, and one that is larger than any volume.

    Raises:
        InputError: It is.
    """
    if size == 0:
        raise InputError("the file is empty (0 bytes); export or download it again")
    if size > MAX_BYTES:
        raise InputError(f"{megabytes(size)} are more than the {megabytes(MAX_BYTES)} allowed")


def megabytes(size: float) -> str:
    """A size in words."""
    return f"{size / (1 << 20):,.0f} MB"
