"""A table that names images and masks: CSV or TSV with the columns image, mask, and what is known.

Optional columns are group (or patient), label (or class) and split. Paths are relative to the table
or to the top of the zip that holds it. Rows with the same image unite their masks.
"""

import csv
import io
import posixpath
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from core.data.archive import Archive, open_archive, suffix
from core.data.base import DatasetInfo, Problem, Sample
from core.data.file_dataset import AnyImages, Files, missing_mask, open_published, sample_ids
from core.data.masks.classes import OWN, find_classes
from core.data.pages import Found, expand_stacks
from core.data.pairing.naming import SPLITS
from core.errors import InputError

COLUMNS: dict[str, tuple[str, ...]] = {
    "image": ("image", "image_path", "image_file", "img"),
    "mask": ("mask", "mask_path", "mask_file", "segmentation"),
    "group": ("group", "patient", "patient_id", "case"),
    "label": ("label", "class"),
    "split": ("split", "set", "part"),
}
"""Our column → the names it goes by, in upper or lower case."""
_TABLES = {".csv", ".tsv"}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    number: int
    """Line in the file; the header is line 1."""
    cells: dict[str, str]
    """By our column names; empty where the table says nothing."""


class Table(AnyImages):
    """Images, masks, groups, labels and split as a table says."""

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="table",
        title="A table of images and masks",
        modality="any kind of image",
        foreground="foreground",
        license="yours to know",
        citation="",
        homepage="",
        size=256,
        layout="a CSV with the columns image and mask (and group, label, split) and paths relative "
        "to it, or a folder or zip that holds one",
    )

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """See ``Dataset.open``; a file that is named and missing is refused with row and column."""
        if path is not None and path.is_file() and path.suffix.lower() in _TABLES:
            table = path.name
            here = open_archive(path.parent, only=[table])
            rows = _rows(here, table)
            named = [_join("", part) for row in rows for part in _paths(row)]
            archive = open_archive(path.parent, only=[table, OWN, *(n for n in named if n)])
        else:
            archive = open_published(path, cls.info)
            table = _find_table(archive, cls.info)
            rows = _rows(archive, table)
        images = _collect(archive, table, rows)
        ids = sample_ids(list(images))
        found: list[Found] = []
        for identity, (image, (row, masks)) in zip(ids, images.items(), strict=True):
            sample = Sample(
                id=identity,
                group=row.cells["group"] or identity,
                label=row.cells["label"],
                split=_split(archive.where(table), row),
                has_truth=bool(masks),
                masks=len(masks),
                facts={"file": image, "row": str(row.number)},
            )
            found.append((sample, image, tuple(masks)))
        pages, odd_pages = expand_stacks(archive, found)
        files = [(sample, Files(image, masks)) for sample, image, masks in pages]
        whole = {"train", "val", "test"} <= {sample.split for sample, _ in files}
        if not whole:  # a subset of the split fixes only what is held out
            files = [(replace(s, split=s.split if s.split == "test" else ""), f) for s, f in files]
        problems: list[Problem] = [missing_mask(f.image) for s, f in files if not s.has_truth]
        classes, unexpected = find_classes(archive)
        return cls(
            path,
            archive,
            files,
            [*problems, *unexpected, *odd_pages],
            tables=[table],
            classes=classes,
        )


def _find_table(archive: Archive, info: DatasetInfo) -> str:
    """The one table with the columns image and mask."""
    tables = [name for name in archive.names if suffix(name) in _TABLES]
    fitting = [name for name in tables if not _missing_columns(_header(archive, name))]
    if len(fitting) == 1:
        return fitting[0]
    if len(fitting) > 1:
        raise InputError(f"{archive.path}: several tables ({', '.join(fitting[:4])}); give one")
    if len(tables) == 1:
        return tables[0]  # its missing column is named when it is read
    raise InputError(f"{archive.path}: no such table found; expected {info.layout}")


def _header(archive: Archive, name: str) -> list[str]:
    text = archive.head(name, 4096).decode("utf-8-sig", "replace")
    return next(csv.reader([text.partition("\n")[0].strip("\r")], delimiter=_delimiter(text)), [])


def _delimiter(text: str) -> str:
    """The most frequent of tab, semicolon and comma in the header."""
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _column(header: list[str], wanted: str) -> int | None:
    """Place of a column by any of its names, the first of ``COLUMNS`` before the others."""
    names = [cell.strip().lower().replace(" ", "_") for cell in header]
    return next((names.index(name) for name in COLUMNS[wanted] if name in names), None)


def _missing_columns(header: list[str]) -> list[str]:
    return [wanted for wanted in ("image", "mask") if _column(header, wanted) is None]


def _rows(archive: Archive, table: str) -> list[Row]:
    where = archive.where(table)
    try:
        text = archive.read(table).decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = fault.object[: fault.start].count(b"\n") + 1
        raise InputError(f"{where}, row {line}: not UTF-8 text; save it as CSV UTF-8") from fault
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    rows = []
    try:
        header = next(reader, [])
        if missing := _missing_columns(header):
            shown = ", ".join(cell.strip() for cell in header) or "nothing"
            raise InputError(
                f"{where}, row 1: no column {' and no column '.join(missing)}, found {shown}; name "
                "them in the first row"
            )
        at = {wanted: _column(header, wanted) for wanted in COLUMNS}
        for found in reader:
            cells = {
                wanted: found[n].strip() if n is not None and n < len(found) else ""
                for wanted, n in at.items()
            }
            if any(cells.values()):
                rows.append(Row(reader.line_num, cells))
    except csv.Error as fault:
        raise InputError(f"{where}, row {reader.line_num}: not a table ({fault})") from fault
    return rows


def _paths(row: Row) -> list[str]:
    return [row.cells[column] for column in ("image", "mask") if row.cells[column]]


def _join(folder: str, cell: str) -> str:
    """A cell's path below the archive, ``""`` where it leads outside."""
    turned = cell.replace("\\", "/")
    name = posixpath.normpath(posixpath.join(folder, turned))
    outside = turned.startswith("/") or turned[1:2] == ":" or name.split("/")[0] == ".."
    return "" if outside else name


def _collect(archive: Archive, table: str, rows: list[Row]) -> dict[str, tuple[Row, list[str]]]:
    """First row and masks of every image, in the table's order."""
    known = {_fold(name): name for name in archive.names}
    known.update((name, name) for name in archive.names)
    folder = table.rpartition("/")[0]
    images: dict[str, tuple[Row, list[str]]] = {}
    for row in rows:
        found = {}
        for column in ("image", "mask"):
            cell = row.cells[column]
            place = f"{archive.where(table)}, row {row.number}, column {column}"
            if not cell and column == "image":
                raise InputError(f"{place}: empty; name the image or remove the row")
            if not cell:
                continue
            tried = [_join(folder, cell), _join("", cell)]
            if not tried[0]:
                raise InputError(
                    f"{place}: {cell} leads outside {archive.path}; give the folder that holds "
                    "both, and paths relative to the table"
                )
            keys = (key for t in tried for key in (t, _fold(t)) if key in known)
            name = known.get(next(keys, ""))
            if name is None:
                raise InputError(f"{place}: there is no file {cell}; correct the path")
            found[column] = name
        first, masks = images.setdefault(found["image"], (row, []))
        for column in ("group", "label", "split"):
            if row.cells[column] != first.cells[column]:
                raise InputError(
                    f"{archive.where(table)}, row {row.number}, column {column}: "
                    f"'{row.cells[column]}' for an image that has '{first.cells[column]}' in row "
                    f"{first.number}; make them the same"
                )
        if "mask" in found and found["mask"] not in masks:
            masks.append(found["mask"])
    return images


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _split(where: str, row: Row) -> str:
    cell = row.cells["split"].lower()
    if cell and cell not in SPLITS:
        raise InputError(
            f"{where}, row {row.number}, column split: '{cell}'; write train, val or test"
        )
    return SPLITS.get(cell, "")
