"""One read-only view of a folder or a zip, files read where they lie, never unpacked.

A data set arrives as a folder, a zip, or a folder with one zip in it. Names are relative, with
``/``, and sorted; hidden files and what desktop systems leave behind are not listed. What a an
untrusted zip can do wrong (names that climb out, links, bombs, encryption) is refused by its table
of contents, before a byte is unpacked.
"""

import hashlib
import io
import os
import stat
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from core.errors import InputError
from core.system.zip_entries import (
    MAX_ENTRIES,
    inflate,
    is_link,
    is_litter,
    list_entries,
    member_name,
)

MAX_ENTRY_BYTES = 2 << 30
"""Read into memory at once; larger than any image that can be read."""
MAX_TOTAL_BYTES = 500 << 30
"""What a zip may claim to hold: ten times the largest public set of this field."""

_TEXTS = {".txt", ".md", ".pdf", ".html", ".rtf", ".docx", ""}


class Archive(ABC):
    """Files of a folder or zip by relative name."""

    def __init__(self, path: Path, sizes: dict[str, int]) -> None:
        self.path = path
        self.sizes = dict(sorted(sizes.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """Relative names with ``/``, sorted."""
        return tuple(self.sizes)

    def read(self, name: str) -> bytes:
        """Content of one file; safe from several threads at once.

        Raises:
            InputError: No such name, damaged, or above 2 GiB.
        """
        return self._content(name, None)

    def head(self, name: str, count: int) -> bytes:
        """The first ``count`` bytes of a file, or all of a shorter one; unchecked against its CRC.

        Raises:
            InputError: As ``read``.
        """
        return self._content(name, count)

    def open(self, name: str) -> BinaryIO:
        """A file's content as a stream.

        Raises:
            InputError: As ``read``.
        """
        return io.BytesIO(self.read(name))

    def where(self, name: str) -> str:
        """A file's place for a message: ``data.zip: masks/a.png`` or ``data/masks/a.png``."""
        shown = "".join(c if c.isprintable() else "?" for c in name)
        return f"{self.path}{self._joint}{shown}"

    def under(self, prefix: str) -> list[str]:
        """Names in a folder and below; the prefix ends with ``/`` or is empty for all."""
        return [name for name in self.sizes if name.startswith(prefix)]

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file, at any depth, without the last ``/``."""
        found: set[str] = set()
        for name in self.sizes:
            parent = name.rpartition("/")[0]
            while parent and parent not in found:
                found.add(parent)
                parent = parent.rpartition("/")[0]
        return frozenset(found)

    def find_root(self, *markers: str) -> str:
        """The folder that holds the most of ``markers``, ``""`` or ending with ``/``.

        Of several the one nearest to the top. A marker is the name of a file or folder, in upper or
        lower case.

        Raises:
            InputError: No marker anywhere, or two folders at one depth hold as many.
        """
        wanted = {marker.lower() for marker in markers}
        held: dict[str, int] = {}
        for place in {*self.folders, *self.sizes}:
            parent, _, last = place.rpartition("/")
            if last.lower() in wanted:
                root = f"{parent}/" if parent else ""
                held[root] = held.get(root, 0) + 1
        if not held:
            raise InputError(f"{self.path}: there is no {' or '.join(markers)} in it{self.hint()}")
        ranked = sorted(held, key=lambda root: (-held[root], root.count("/"), root))
        best = [r for r in ranked if (held[r], r.count("/")) == _rank(held, ranked[0])]
        if len(best) > 1:
            raise InputError(
                f"{self.path}: the data set is in it {len(best)} times "
                f"({', '.join(root or '.' for root in best[:3])}); give one of these folders"
            )
        return best[0]

    def hint(self) -> str:
        """What to do where nothing was found, for the end of a message; often empty."""
        zips = [name for name in self.sizes if suffix(name) == ".zip"]
        if not zips:
            return ""
        more = ", …" if len(zips) > 4 else ""
        return (
            f"; it holds zips ({', '.join(sorted(zips)[:4])}{more}): give the one with the data "
            "set, or unpack them into one folder and give that"
        )

    @abstractmethod
    def fingerprint(self, names: Iterable[str], root: str = "") -> str:
        """SHA-256 of these files, wherever the archive lies; of a whole zip where it is one."""

    _joint: str

    @abstractmethod
    def _content(self, name: str, count: int | None) -> bytes: ...

    def _check_name(self, name: str) -> int:
        if name not in self.sizes:
            raise InputError(f"{self.where(name)}: no such file; check the name")
        size = self.sizes[name]
        if size > MAX_ENTRY_BYTES:
            raise InputError(f"{self.where(name)}: {size >> 20} MiB are too large to read")
        return size


def open_archive(path: Path, *, only: Iterable[str] | None = None) -> Archive:
    """Open a folder, a zip, or a folder that holds one zip and otherwise only texts.

    Args:
        path: The folder or zip.
        only: Names to list instead of everything in a folder, for one of which a few files count.

    Raises:
        InputError: Missing, not a zip, damaged, or one of the things refused above.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file or folder; check the path") from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL in the path
        reason = getattr(fault, "strerror", None) or fault
        raise InputError(f"{path}: cannot be opened ({reason}); check path and access") from fault
    if stat.S_ISREG(found.st_mode):
        return ZipArchive(path)
    if not stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path}: neither a folder nor a zip; give one of these")
    folder = FolderArchive(path, only=only)
    if only is None:
        rest = [name for name in folder.sizes if suffix(name) not in _TEXTS]
        if len(rest) == 1 and suffix(rest[0]) == ".zip":
            return ZipArchive(path / rest[0])
    return folder


class FolderArchive(Archive):
    """The files of a folder."""

    _joint = "/"

    def __init__(self, path: Path, *, only: Iterable[str] | None = None) -> None:
        self.path, self._real = path, path.resolve()
        sizes: dict[str, int] = {}
        try:
            if only is None:
                self._list(path, "", sizes)
            else:
                self._list_only(only, sizes)
        except OSError as fault:
            raise InputError(
                f"{fault.filename or path}: cannot be listed ({fault.strerror}); check access"
            ) from fault
        super().__init__(path, sizes)

    def fingerprint(self, names: Iterable[str], root: str = "") -> str:
        """See ``Archive.fingerprint``; names count without ``root``."""
        digest = hashlib.sha256()
        for name in sorted(names):
            digest.update(name.removeprefix(root).encode("utf-8", "surrogateescape") + b"\0")
            digest.update(hashlib.sha256(self.read(name)).digest())
        return digest.hexdigest()

    def _content(self, name: str, count: int | None) -> bytes:
        self._check_name(name)
        try:
            with (self.path / name).open("rb") as stream:
                return stream.read(MAX_ENTRY_BYTES if count is None else count)
        except OSError as fault:
            raise InputError(
                f"{self.where(name)}: cannot be read ({fault.strerror}); check access"
            ) from fault

    def _list(self, folder: Path, prefix: str, sizes: dict[str, int]) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = prefix + entry.name
                if is_litter(entry.name):
                    continue
                if entry.is_symlink():
                    self._check_link(Path(entry.path))
                    if entry.is_dir():  # what it points to is listed under its own name
                        continue
                if entry.is_dir():
                    self._list(Path(entry.path), f"{name}/", sizes)
                elif entry.is_file():
                    sizes[name] = entry.stat().st_size
                    _check_count(self.path, len(sizes))

    def _list_only(self, only: Iterable[str], sizes: dict[str, int]) -> None:
        for name in only:
            file = self.path / name
            if file.is_file():
                self._check_link(file)
                sizes[name] = file.stat().st_size

    def _check_link(self, link: Path) -> None:
        if not link.resolve().is_relative_to(self._real):
            raise InputError(f"{link}: leads outside {self._real}; put the file itself there")


class ZipArchive(Archive):
    """The files of a zip. Each read opens the zip anew, so threads and processes may share it."""

    _joint = ": "

    def __init__(self, path: Path) -> None:
        self._entries: dict[str, zipfile.ZipInfo] = {}
        links: dict[str, zipfile.ZipInfo] = {}
        try:
            with path.open("rb") as stream:
                listed = list_entries(stream, show_names=True)
            for entry in listed:
                (links if is_link(entry) else self._entries)[member_name(entry)] = entry
        except InputError as fault:
            raise InputError(f"{path}: {fault}") from fault
        except OSError as fault:
            raise InputError(f"{path}: cannot be read ({fault.strerror}); check access") from fault
        _check_count(path, len(listed))
        super().__init__(path, {name: entry.file_size for name, entry in self._entries.items()})
        total = sum(self.sizes.values())
        if total > MAX_TOTAL_BYTES:
            raise InputError(f"{path}: claims to hold {total >> 30} GiB, more than is believable")
        for name, entry in links.items():
            self._check_link(name, entry)

    def fingerprint(self, names: Iterable[str], root: str = "") -> str:  # noqa: ARG002 - one file
        """SHA-256 of the zip file."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def _content(self, name: str, count: int | None) -> bytes:
        self._check_name(name)
        return self._inflate(name, self._entries[name], count)

    def _inflate(self, name: str, entry: zipfile.ZipInfo, count: int | None) -> bytes:
        try:
            with self.path.open("rb") as stream:
                return inflate(stream, entry, count)
        except InputError as fault:
            raise InputError(f"{self.where(name)}: {fault}") from fault
        except OSError as fault:
            raise InputError(f"{self.path}: cannot be read ({fault.strerror})") from fault

    def _check_link(self, name: str, entry: zipfile.ZipInfo) -> None:
        """Links inside the zip are left out, as their targets are listed; others are refused."""
        target = self._inflate(name, entry, 4096).decode(errors="replace")
        place = os.path.normpath(f"{PurePosixPath(name).parent}/{target}")
        if target.startswith("/") or place.startswith(".."):
            raise InputError(f"{self.where(name)}: a link to outside the zip; put the file itself")


def suffix(name: str) -> str:
    """Extension in lower case with its dot: ``.png``; empty where there is none."""
    dot = name.rfind(".")  # pathlib would take a quarter of a second for 30,000 names
    return name[dot:].lower() if dot > name.rfind("/") + 1 else ""


def stem(name: str) -> str:
    """Last part of a name without its extension."""
    last = name.rpartition("/")[2]
    return last[: len(last) - len(suffix(last))]


def _rank(held: dict[str, int], root: str) -> tuple[int, int]:
    return held[root], root.count("/")


def _check_count(path: Path, count: int) -> None:
    if count > MAX_ENTRIES:
        raise InputError(f"{path}: more than {MAX_ENTRIES:,} files; give the data set's own folder")
