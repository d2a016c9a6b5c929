"""Named classes in mask files: a small table says what a value, a colour or a file stands for.

``classes.csv`` has the columns ``name`` and ``value``. A value is a number (``128``), a colour
(``#ff0000``) or a part of the mask file's path (``Hard Exudates``), where a structure has files of
its own; there anything marked counts. The name ``background`` says what is none of the classes;
without it that is 0 or black; what is named ``ignore`` enters no loss and
no metric. Two tables that come with published data are read as well:
``class_dict.csv`` (name, r, g, b) and the ``labelmap.txt`` of CVAT.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.archive import Archive
from core.data.base import DatasetInfo, Problem
from core.data.masks import binary_mask, check_size
from core.errors import InputError

Pixels = NDArray[Any]

OWN = "classes.csv"
TABLES = (OWN, "class_dict.csv", "labelmap.txt")
_BACKGROUND = {"background", "void", "unlabeled", "unlabelled", "ignore"}
_IGNORE = "ignore"
_SMALL, _UNNAMED = 64, 255
_COLOUR = re.compile(r"#([0-9a-f]{6})", re.IGNORECASE)
_MOST = 255
_SHOWN = 6
_LARGEST = 1 << 24
_GREY = 0x10101


@dataclass(frozen=True, kw_only=True)
class MaskClasses:
    """What the masks of a data set mean."""

    names: tuple[str, ...]
    """Of the classes 1…K."""
    values: Mapping[int, int]
    """Value of a grey mask → class 0…K."""
    colours: Mapping[int, int]
    """Colour 0xRRGGBB → class 0…K."""
    files: Mapping[str, int]
    """Part of a mask's path, in lower case → class."""
    source: str
    """The table, by name in the archive."""
    unannotated: tuple[int, ...] = ()
    """Values and colours named *ignore*: left out of every loss and metric."""

    @property
    def ignores(self) -> bool:
        """Whether some pixels may be left out of losses and metrics."""
        return bool(self.unannotated)

    def ignored(self, name: str, pixels: Pixels) -> NDArray[np.bool_]:
        """Where a mask file says *ignore*, shape (H, W)."""
        coded = _coded(pixels)
        if coded is None or self.of_name(name) or not self.unannotated:
            return np.zeros(pixels.shape[:2], np.bool_)
        codes = self.unannotated
        if pixels.ndim == 3:  # a grey that is stored in colour
            codes = tuple(c * _GREY if c < 256 else c for c in codes)
        return np.asarray(np.isin(coded, np.array(codes)))

    def info(self, info: DatasetInfo) -> DatasetInfo:
        """Facts about a data set whose masks these are."""
        names = self.names
        meant = names[0] if len(names) == 1 else "any of its classes"
        return replace(info, classes=names, foreground=meant)

    def unite(
        self, masks: Sequence[tuple[str, str, Pixels]], shape: tuple[int, int]
    ) -> NDArray[np.uint8]:
        """Class at each pixel, shape ``shape``; where masks overlap the later class counts.

        Args:
            masks: Name for messages, name in the archive and pixels of each, (H, W) or (H, W, 3).
            shape: Height and width of the image.

        Raises:
            InputError: A mask of another size, or with a value that the table does not know.
        """
        united = np.zeros(shape, np.uint8)
        for where, name, pixels in masks:
            check_size(where, pixels, shape)
            np.maximum(united, self.of_file(name, pixels, where=where), out=united)
        return united

    def of_file(self, name: str, pixels: Pixels, *, where: str) -> NDArray[np.uint8]:
        """Class at each pixel of one mask file; arguments and errors as ``unite``."""
        if own := self.of_name(name):
            return binary_mask(pixels) * np.uint8(own)
        colour = pixels.ndim == 3
        coded = _coded(pixels)
        if coded is None:
            raise InputError(
                f"{where}: a mask of real numbers; save it with the values of {self.source}"
            )
        known = self._of_colour if colour else self._of_value
        keys, numbers = np.array(list(known)), np.array(list(known.values()), np.uint8)
        at = np.searchsorted(keys, coded).clip(max=len(keys) - 1)
        fits = keys[at] == coded
        if fits.all():
            classes: NDArray[np.uint8] = numbers[at]
            return classes
        unexpected = np.unique(coded[~fits]).tolist()
        shown = ", ".join(f"#{code:06x}" if colour else f"{code}" for code in unexpected[:_SHOWN])
        more = f" and {len(unexpected) - _SHOWN} more" if len(unexpected) > _SHOWN else ""
        raise InputError(
            f"{where}: {'colour' if colour else 'value'} {shown}{more} not in {self.source}; add "
            "what it is, background too, or save the mask without compression or smoothing"
        )

    def of_name(self, name: str) -> int:
        """Class of a mask that holds one structure alone, by its path; 0 where the values tell."""
        low = name.lower()
        return next((number for part, number in self.files.items() if part in low), 0)

    @cached_property
    def _of_value(self) -> dict[int, int]:
        """Ascending; a colour that is a grey counts as that grey."""
        intensities = {
            code & 255: n for code, n in self.colours.items() if code == (code & 255) * _GREY
        }
        return dict(sorted({**intensities, **self.values}.items()))

    @cached_property
    def _of_colour(self) -> dict[int, int]:
        intensities = {value * _GREY: n for value, n in self.values.items() if value < 256}
        return dict(sorted({**intensities, **self.colours}.items()))


def find_classes(archive: Archive) -> tuple[MaskClasses | None, list[Problem]]:
    """The table nearest to the top; None and perhaps a problem where there is none to be used.

    Raises:
        InputError: ``classes.csv`` has the right columns and says something that cannot be.
    """
    found = [name for name in archive.names if name.rpartition("/")[2].lower() in TABLES]
    problems = []
    for name in sorted(found, key=lambda name: (name.count("/"), TABLES.index(_last(name)), name)):
        rows = _rows(archive, name)
        if rows:
            return _of_rows(rows, archive.where(name), name), []
        detail = "not read as the classes of the masks: it has no columns name and value"
        problems.append(Problem(kind="class_table", where=name, detail=detail))
    return None, problems


def table_text(classes: Sequence[tuple[str, str]]) -> str:
    """A ``classes.csv`` of names and values.

    Raises:
        InputError: They cannot be.
    """
    _of_rows([(name, value) for name, value in classes], "the classes", OWN)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([("name", "value"), *classes])
    return stream.getvalue()


def parse_classes(lines: Sequence[str]) -> list[tuple[str, str]]:
    """``name=value`` each.

    Raises:
        InputError: There is no ``=``.
    """
    pairs = []
    for line in filter(str.strip, lines):
        name, equals, value = line.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise InputError(f"a class is given as name=value, for example cup=255; found '{line}'")
        pairs.append((name.strip(), value.strip()))
    return pairs


def _rows(archive: Archive, name: str) -> list[tuple[str, str]]:
    """Names and values as ``classes.csv`` has them; empty where it is no such table."""
    text = archive.read(name).decode("utf-8-sig", "replace")
    if _last(name) == "labelmap.txt":
        lines = [line.split(":") for line in text.splitlines() if line and line[0] != "#"]
        colours = [_of_rgb(parts[1].split(",")) for parts in lines if len(parts) > 1]
        whole = len(colours) == len(lines) and all(colours)
        return [(parts[0], c) for parts, c in zip(lines, colours, strict=True)] if whole else []
    try:
        table = [row for row in csv.reader(io.StringIO(text, newline="")) if any(row)]
    except csv.Error:
        return []
    head = [cell.strip().lower() for cell in table[0]] if table else []
    if "name" not in head:
        return []
    at = head.index("name")
    found = []
    for row in table[1:]:
        cells = [cell.strip() for cell in row] + [""] * (len(head) - len(row))
        if "value" in head:
            found.append((cells[at], cells[head.index("value")]))
        elif {"r", "g", "b"} <= set(head):
            colour = _of_rgb([cells[head.index(part)] for part in "rgb"])
            if not colour:
                return []
            found.append((cells[at], colour))
    return found


def _of_rgb(parts: Sequence[str]) -> str:
    """``#rrggbb`` of three numbers 0…255; empty where they are none."""
    numbers = [int(part) for part in parts if part.strip().isdecimal()]
    whole = len(parts) == len(numbers) == 3 and max(numbers) < 256
    return "#{:02x}{:02x}{:02x}".format(*numbers) if whole else ""


def _of_rows(rows: Sequence[tuple[str, str]], where: str, source: str) -> MaskClasses:
    named = [name for name, _ in rows if name.lower() not in _BACKGROUND]
    names = tuple(dict.fromkeys(named))
    if not names or len(names) > _MOST or not all(names):
        raise InputError(f"{where}: {len(names)} classes; give 1 to {_MOST}, each with a name")
    values: dict[int, int] = {}
    colours: dict[int, int] = {}
    files: dict[str, int] = {}
    for name, value in rows:
        number = names.index(name) + 1 if name in names else 0
        if not value:
            raise InputError(f"{where}: {name} has no value; give a number, a colour or a file")
        place: dict[Any, int] = files
        key: int | str = value.lower()
        if value.isdecimal():
            place, key = values, int(value)
        elif match := _COLOUR.fullmatch(value):
            place, key = colours, int(match[1], 16)
        if key in place and place[key] != number:
            raise InputError(f"{where}: {value} stands for two classes; give each its own")
        if isinstance(key, int) and key >= _LARGEST:
            raise InputError(f"{where}: {value} is no value of a mask; give 0 to 65535")
        place[key] = number
    keys = [_key(value) for name, value in rows if name.lower() == _IGNORE]
    unannotated = tuple(key for key in keys if key in values or key in colours)
    numbered = values and not (colours or files)
    if numbered and max(values) <= _SMALL:  # common beside small values: not annotated
        values[_UNNAMED], unannotated = 0, (*unannotated, _UNNAMED)
    meant = {n for k, n in (*values.items(), *colours.items()) if k not in unannotated}
    if 0 not in meant:  # no background: then it is 0, and black
        values.setdefault(0, 0)
        colours.setdefault(0, 0)
    return MaskClasses(
        names=names,
        values=values,
        colours=colours,
        files=files,
        source=source,
        unannotated=unannotated,
    )


def _key(value: str) -> int:
    """A value or colour as a number; -1 where it is the part of a path."""
    match = _COLOUR.fullmatch(value)
    return int(value) if value.isdecimal() else int(match[1], 16) if match else -1


def _coded(pixels: Pixels) -> NDArray[np.int64] | None:
    """Whole numbers at the pixels, 0xRRGGBB for colours, shape (H, W); None where they are none."""
    if pixels.ndim == 3:
        coded: NDArray[np.int64] = pixels[..., :3].astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        return coded
    with np.errstate(invalid="ignore"):  # NaN is no whole number
        whole = pixels.astype(np.int64)
    return whole if pixels.dtype.kind != "f" or np.array_equal(whole, pixels) else None


def _last(name: str) -> str:
    return name.rpartition("/")[2].lower()
