"""Several files, folders and zips at once: what is in them, series by series, and what is not read.

Zips are read where they lie and never unpacked to disk; a zip in a zip is not opened. Files of a
DICOM series are named by what they show, since exports are often called by patients' names.
"""

import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from core.errors import InputError
from core.imaging.dicom.header import Header
from core.imaging.dicom.series import Series, is_volume, read_header, read_series, sort_series
from core.imaging.dicom.tags import is_dicom
from core.imaging.formats.metaimage import second_file
from core.imaging.image import Image
from core.imaging.names import clean_name
from core.imaging.opening import MAX_BYTES, as_input_error, megabytes, stream_of, where_of
from core.imaging.read import format_of, read_any
from core.imaging.source_file import SourceFile
from core.imaging.volume import Volume
from core.system.zip_entries import is_link, is_litter, list_entries

MAX_FILES = 5_000
"""In one go; a chest CT has up to 2,000 slices."""
MAX_UNPACKED = 8 << 30
"""What a zip may claim to hold; one volume at a time is unpacked."""

_VOLUMES = {"NIfTI", "NRRD", "MetaImage"}


@dataclass(frozen=True, kw_only=True)
class Item:
    """One image or volume that can be read."""

    name: str
    """For display and for naming exports."""
    words: str
    """What it is: ``CT, 12 slices of 512 x 512``."""
    is_volume: bool
    """Surely one; False also where only reading tells."""
    files: tuple[SourceFile, ...] = field(repr=False)
    series: Series | None = field(default=None, repr=False)

    def read(self) -> Image | Volume:
        """Read it now.

        Raises:
            InputError: As ``read_image``.
        """
        if self.series is not None and len(self.files) > 1:
            return read_series(self.series, name=self.name)
        first, *others = self.files
        with as_input_error("" if first.path and not first.entry else self.name):
            source = first.direct
        if not others:
            found = read_any(source, name=self.name)
        else:
            with as_input_error(self.name), stream_of(others[0].direct) as second:
                found = read_any(source, name=self.name, second=second)
        return replace(found, source_files=self.files)


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What was found in the files that a person gave."""

    items: tuple[Item, ...]
    problems: tuple[str, ...]
    """A sentence for each file that cannot be read."""

    def only(self) -> Item:
        """The one item, where one is wanted.

        Raises:
            InputError: There are several; the message lists them.
        """
        if len(self.items) > 1:
            shown = "; ".join(f"{item.name} ({item.words})" for item in self.items[:5])
            more = f"; and {len(self.items) - 5} more" if len(self.items) > 5 else ""
            raise InputError(f"there are {len(self.items)} images or series: {shown}{more}; choose")
        return self.items[0]


def survey(sources: Sequence[Path | SourceFile]) -> Collection:
    """List what can be read; only headers are read.

    Args:
        sources: Files, folders and zips.

    Raises:
        InputError: Nothing can be read, or there is too much of it.
    """
    files = _listed(sources)
    items: list[Item] = []
    slices: list[tuple[SourceFile, Header]] = []
    problems: list[str] = []
    seconds: set[str] = set()
    for number, source in enumerate(files, start=1):
        where = clean_name(source.name)
        try:
            with as_input_error(""):
                head = source.head(512)
                alone = len(files) == 1 and source.entry is None
                if not alone and is_dicom(head):
                    where = f"file {number} of {len(files)}"
                title = format_of(head)
                if title == "DICOM":
                    slices.append((source, read_header(source)))
                    continue
                own = (source, *_second(source, files)) if title == "MetaImage" else (source,)
            seconds |= {clean_name(other.name) for other in own[1:]}
            items.append(Item(name=where, words=title, is_volume=title in _VOLUMES, files=own))
        except InputError as fault:
            problems.append(f"{where}: {fault}")
    problems = [line for line in problems if line.partition(": ")[0] not in seconds]
    keep_name = len(files) == 1 and files[0].entry is None
    items = [*_series_items(slices, keep_name=keep_name), *items]
    if not items:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        where = ", ".join(str(given) for given in sources if isinstance(given, Path))
        empty = f"{where}: no files in it; give images".removeprefix(": ")
        raise InputError(problems[0] + more if problems else empty)
    return Collection(items=tuple(items), problems=tuple(problems))


def read_all(sources: Sequence[Path | SourceFile]) -> list[Image | Volume]:
    """Everything that can be read, at once in memory.

    Args:
        sources: Files, folders and zips.

    Raises:
        InputError: As ``survey`` and ``Item.read``, or all together are above ``MAX_BYTES``.
    """
    found: list[Image | Volume] = []
    size = 0
    for item in survey(sources).items:
        found.append(item.read())
        last = found[-1]
        size += (last.array if isinstance(last, Volume) else last.pixels).nbytes
        if size > MAX_BYTES:
            raise InputError(f"together more than {megabytes(MAX_BYTES)}; give fewer at once")
    return found


def _series_items(slices: Sequence[tuple[SourceFile, Header]], *, keep_name: bool) -> list[Item]:
    counts: Counter[str] = Counter()
    items = []
    for series in sort_series(slices):
        kind = "series" if len(series.files) > 1 else "image"
        title = f"{series.headers[0].modality or 'DICOM'} {kind}"
        counts[title] += 1
        items.append(
            Item(
                name=clean_name(series.files[0].name) if keep_name else f"{title} {counts[title]}",
                words=series.words,
                is_volume=len(series.files) > 1 or is_volume(series.headers[0]),
                files=series.files,
                series=series,
            )
        )
    return items


def _second(source: SourceFile, files: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
    """The file with the voxels of an .mhd, from the same folder or zip; empty for an .mha."""
    wanted = second_file(io.BytesIO(source.head(1 << 16)))
    if not wanted:
        return ()
    for other in files:
        if PurePosixPath(other.name).name == wanted and _folder(other) == _folder(source):
            return (other,)
    raise InputError("its voxels are in a second file that is not there; give both together")


def _folder(source: SourceFile) -> tuple[object, ...]:
    if source.entry is not None:
        return (id(source.data), source.path, str(PurePosixPath(source.entry.filename).parent))
    return (source.path.parent,) if source.path else ()


def _listed(sources: Sequence[Path | SourceFile]) -> list[SourceFile]:
    """Every single file, sorted within its folder or zip.

    Raises:
        InputError: More than ``MAX_FILES``, or a zip that is not to be trusted.
    """
    found: list[SourceFile] = []
    for given in sources:
        if isinstance(given, Path) and given.is_dir():
            expanded: Iterator[SourceFile] = _in_folder(given)
        else:
            one = given if isinstance(given, SourceFile) else _on_disk(given)
            expanded = _in_zip(one) if _is_zip(one) else iter([one])
        for file in expanded:
            found.append(file)
            if len(found) > MAX_FILES:
                raise InputError(
                    f"more than {MAX_FILES:,} files at once; give the folder or zip of one study"
                )
    return found


def _on_disk(path: Path) -> SourceFile:
    return SourceFile(name=path.name, path=path)


def _is_zip(source: SourceFile) -> bool:
    try:
        with as_input_error(where_of(source.path, "") if source.path else clean_name(source.name)):
            return source.entry is None and source.head(4) in {b"PK\3\4", b"PK\5\6"}
    except InputError:
        if source.path is not None and not source.path.is_file():
            raise  # not there: said once, at once
        return False  # said when it is read


def _in_folder(folder: Path) -> Iterator[SourceFile]:
    """Files below a folder; links are not followed, as they may lead anywhere."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_litter(name))
        for name in sorted(names):
            path = Path(place) / name
            if not is_litter(name) and not path.is_symlink() and path.is_file():
                yield _on_disk(path)


def _in_zip(source: SourceFile) -> Iterator[SourceFile]:
    """Files in a zip, evaluated by its table of contents.

    Raises:
        InputError: Damaged, encrypted, or a bomb.
    """
    where = str(source.path) if source.path else clean_name(source.name)
    with as_input_error(where, "zip"), stream_of(source.whole) as stream:
        entries = [e for e in list_entries(stream, show_names=False) if not is_link(e)]
        if len(entries) > MAX_FILES:
            raise InputError(
                f"it holds {len(entries):,} files, more than {MAX_FILES:,}; give the zip of one "
                "study"
            )
        if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
            raise InputError(
                f"it claims to hold more than {MAX_UNPACKED >> 30} GiB; give fewer files at once"
            )
    for entry in sorted(entries, key=lambda entry: entry.filename):
        name = PurePosixPath(entry.filename.replace("\\", "/")).name
        yield SourceFile(name=clean_name(name), path=source.path, data=source.data, entry=entry)
