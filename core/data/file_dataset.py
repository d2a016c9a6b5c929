"""Data sets made of image files and mask files: what their readers share.

A reader lists ``Files`` beside its samples; reading, uniting masks and naming the culprit in a
message happen here.
"""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.data.archive import Archive, open_archive, stem, suffix
from core.data.base import Dataset, DatasetInfo, Problem, Sample
from core.data.masks import check_size, unite
from core.data.masks.choice import CHOICE, check_kind, chosen_kind
from core.data.masks.classes import MaskClasses
from core.data.masks.values import MaskValues, decide
from core.data.pages import file_and_page
from core.data.png_top import png_size
from core.errors import InputError
from core.imaging import Image, read_image, to_8bit
from core.imaging.names import clean_name
from core.imaging.stored_values import read_stored

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".pbm"}
)

_AT_ONCE = 64
"""Decoded masks in memory while their meaning is decided."""


@dataclass(frozen=True)
class Files:
    """What belongs to one sample, by name in the archive."""

    image: str
    masks: tuple[str, ...] = ()


class FileDataset(Dataset):
    """Samples whose image is one file and whose truth is any number of mask files, united."""

    def __init__(
        self,
        path: Path | None,
        archive: Archive,
        files: Sequence[tuple[Sample, Files]],
        problems: Sequence[Problem] = (),
        *,
        root: str = "",
        tables: Iterable[str] = (),
        classes: MaskClasses | None = None,
    ) -> None:
        if not files:
            raise InputError(
                f"{path}: no images found; expected {self.info.layout}{archive.hint()}"
            )
        super().__init__(path, [sample for sample, _ in files], problems)
        self.archive = archive
        self.files: Mapping[str, Files] = {sample.id: found for sample, found in files}
        assert len(self.files) == len(files), "sample ids must be unique"
        self._root, self._tables = root, (*tables, *([classes.source] if classes else []))
        if CHOICE in archive.names:
            self._tables = (*self._tables, CHOICE)
        self._classes = classes
        if classes:
            self.info = classes.info(self.info)  # type: ignore[misc]

    def fingerprint(self) -> str:
        """SHA-256 over the files in use, by their names below the data set's own top folder.

        Of a zip it is that of the zip file.
        """
        names = set(self._tables)
        for found in self.files.values():
            names.update(file_and_page(name)[0] for name in (found.image, *found.masks))
        content = self.archive.fingerprint(names, self._root)
        return sha256(f"{self.info.name} {content}".encode()).hexdigest()

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """Grey values, shape (H, W); colour becomes its luma, 16-bit values are stretched."""
        return self._read(self._files(sample).image).grey8()

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """Foreground of any mask of the image, shape (H, W), see ``binary_mask``.

        1, or 1…K where a table names classes, see ``MaskClasses``.

        Raises:
            InputError: A mask cannot be read, has another size than the image or than the others,
                or a value that the table does not name.
            ValueError: ``sample.has_truth`` is False.
        """
        if not sample.has_truth:
            raise ValueError(f"{sample.id} has no published mask")
        masks = self._read_masks(sample)
        shape = self._shape(sample, masks)
        if self._classes is None:
            return unite(masks, shape)
        named = zip(self._files(sample).masks, masks, strict=True)
        return self._classes.unite(
            [(where, name, pixels) for name, (where, pixels) in named], shape
        )

    def stored_image(self, sample: Sample) -> NDArray[Any]:
        """Values of the file, shape (H, W) or (H, W, 3)."""
        return self._read(self._files(sample).image).pixels

    def stored_masks(self, sample: Sample) -> list[tuple[str, NDArray[Any]]]:
        """Name below the data set's top folder and values of each mask file.

        Where a table names classes, their numbers: what those values mean.
        """
        found = []
        for name in self._files(sample).masks:
            pixels = self._read_mask(name)
            if self._classes:
                pixels = self._classes.of_file(name, pixels, where=self.archive.where(name))
            found.append((name.removeprefix(self._root), pixels))
        return found

    def _files(self, sample: Sample) -> Files:
        return self.files[sample.id]

    def _read(self, name: str) -> Image:
        return read_entry(self.archive, name)

    def _read_mask(self, name: str) -> NDArray[Any]:
        return self._read(name).pixels

    def _read_masks(self, sample: Sample) -> list[tuple[str, NDArray[Any]]]:
        return [(self.archive.where(n), self._read_mask(n)) for n in self._files(sample).masks]

    def _shape(self, sample: Sample, masks: Sequence[tuple[str, NDArray[Any]]]) -> tuple[int, int]:
        """Height and width of the image, without decoding it where its header says so."""
        head = png_size(self.archive.head(file_and_page(self._files(sample).image)[0], 26))
        if masks and head == masks[0][1].shape[:2]:
            return head
        # another format, turned by EXIF, or a mask of the wrong size: only the image itself tells
        height, width = self.stored_image(sample).shape[:2]
        return height, width


class AnyImages(FileDataset):
    """Images of any kind: colour is kept where most of them are really coloured.

    Masks are read as stored values; what those mean is decided from all of them, see
    ``mask_values``, unless a table names classes.
    """

    _mask_kind = ""

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """See ``FileDataset.truth``; without a table what ``mask_values`` takes for foreground."""
        if self._classes is not None or not sample.has_truth:
            return super().truth(sample)
        masks = self._read_masks(sample)
        shape = self._shape(sample, masks)
        united = np.zeros(shape, np.uint8)
        for name, pixels in masks:
            check_size(name, pixels, shape)
            united |= self.mask_values.foreground(pixels)
        return united

    def ignored(self, sample: Sample) -> NDArray[np.bool_] | None:
        """See ``Dataset.ignored``: where any mask says *not annotated* and none marks."""
        if not sample.has_truth or not self.ignores:
            return None
        marked, left = self.truth(sample) > 0, np.zeros((), np.bool_)
        for name, (_, pixels) in zip(
            self._files(sample).masks, self._read_masks(sample), strict=True
        ):
            own = (
                self._classes.ignored(name, pixels)
                if self._classes
                else self.mask_values.ignored(pixels)
            )
            left = left | own
        return left & ~marked

    @property
    def named(self) -> MaskClasses | None:
        """The table that names the values of the masks, if there is one."""
        return self._classes

    @property
    def ignores(self) -> bool:
        """Whether some pixels may be left out of losses and metrics."""
        if self._classes is not None:
            return self._classes.ignores
        return self.mask_values.ignore is not None

    def instances(self, sample: Sample) -> NDArray[np.int32] | None:
        """Numbers of the objects where the masks hold such numbers."""
        if self._classes is not None or self.mask_values.kind != "instances":
            return None
        united: NDArray[np.int32] | None = None
        for _, pixels in self._read_masks(sample):
            found = self.mask_values.objects(pixels)
            if united is None:
                united = found
            else:
                new = (found > 0) & (united == 0)
                united[new] = found[new] + united.max()
        return united

    @cached_property
    def mask_values(self) -> MaskValues:
        """What the stored values mean; decodes every mask, once."""
        return decide(self._every_mask(), kind=self._mask_kind or chosen_kind(self.archive))

    def take_masks_for(self, kind: str) -> None:
        """Take the masks for one of ``core.data.masks.values.KINDS`` instead of deciding.

        Raises:
            InputError: There is no such kind, or a table says what the values mean.
        """
        check_kind(kind)
        if self._classes is not None:
            raise InputError(
                f"{self._classes.source} says what the masks' values mean; leave --masks out"
            )
        self._mask_kind = kind
        self.__dict__.pop("mask_values", None)

    def _every_mask(self) -> Iterator[NDArray[Any]]:
        names = [name for found in self.files.values() for name in found.masks]
        with ThreadPoolExecutor() as pool:  # decoding lets the others run
            for start in range(0, len(names), _AT_ONCE):
                for pixels in pool.map(self._stored_or_none, names[start : start + _AT_ONCE]):
                    if pixels is not None:
                        yield pixels

    def _stored_or_none(self, name: str) -> NDArray[Any] | None:
        with suppress(InputError):  # said when that mask is read
            return self._read_mask(name)
        return None

    def _read_mask(self, name: str) -> NDArray[Any]:
        colours = self._classes is not None and bool(self._classes.colours.keys() - {0})
        return read_stored_entry(self.archive, name, colours=colours)

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """Shape (H, W, 3) for every image or (H, W) for every image, by ``colour``."""
        image = self._read(self._files(sample).image)
        return image.rgb8() if self.colour else image.grey8()

    @cached_property
    def colour(self) -> bool:
        """Whether most of at most nine images, evenly spread, are coloured; decodes them."""
        picked = self.samples[:: math.ceil(len(self.samples) / 9)]
        votes = []
        for sample in picked:
            with suppress(InputError):  # said when that image is read
                votes.append(_is_coloured(self.stored_image(sample)))
        return 2 * sum(votes) > len(votes)


def _is_coloured(pixels: NDArray[Any]) -> bool:
    """Whether 5 % of the pixels have hue; a caption or calliper in colour has less."""
    if pixels.ndim == 2:
        return False
    step = max(min(pixels.shape[:2]) // 128, 1)  # enough pixels for a share
    image = to_8bit(pixels)[::step, ::step]
    return bool((np.ptp(image, axis=2) > 16).mean() >= 0.05)


def open_published(path: Path | None, info: DatasetInfo) -> Archive:
    """The archive at ``path``, or a message that says what the data set looks like.

    Raises:
        InputError: No path given, or as ``open_archive``.
    """
    if path is None:
        raise InputError(f"{info.name} needs --data PATH: {info.layout}")
    return open_archive(path)


def read_entry(archive: Archive, name: str) -> Image:
    """Read an image in an archive.

    Raises:
        InputError: As ``read_image``; the message names the archive and the file in it.
    """
    name, page = file_and_page(name)
    data, title = archive.read(name), name.rpartition("/")[2]
    try:
        return read_image(data, name=title, page=page)
    except InputError as fault:
        reason = str(fault).removeprefix(f"{clean_name(title)}: ")
        raise InputError(f"{archive.where(name)}: {reason}") from fault


def read_stored_entry(archive: Archive, name: str, *, colours: bool) -> NDArray[Any]:
    """Stored values of a mask in an archive, see ``read_stored``; errors as ``read_entry``."""
    name, page = file_and_page(name)
    data, title = archive.read(name), name.rpartition("/")[2]
    try:
        return read_stored(data, name=title, page=page, colours=colours)
    except InputError as fault:
        reason = str(fault).removeprefix(f"{clean_name(title)}: ")
        raise InputError(f"{archive.where(name)}: {reason}") from fault


def entry_size(archive: Archive, name: str) -> tuple[int, int] | None:
    """Height and width of an image; only PNG is not decoded. None where it cannot be read."""
    try:
        size = png_size(archive.head(name, 26))
        if size is None:
            height, width = read_entry(archive, name).pixels.shape[:2]
            size = height, width
    except InputError:
        return None
    return size


def missing_mask(image: str) -> Problem:
    """An image whose mask is not there."""
    return Problem(kind="missing_mask", where=image, detail="no mask belongs to this image")


def orphan_mask(mask: str) -> Problem:
    """A mask whose image is not there."""
    return Problem(kind="orphan_mask", where=mask, detail="no image belongs to this mask")


def shared_folders(places: Sequence[tuple[str, ...]]) -> int:
    """How many folders from the top all places have in common."""
    first, last = min(places, default=()), max(places, default=())
    same = (a == b for a, b in zip(first, last, strict=False))
    return sum(takewhile(bool, same))


def read_rows(archive: Archive, name: str) -> list[dict[str, str]]:
    """Rows of a published CSV by the names of its columns; cells that are not there are empty.

    Raises:
        InputError: The file cannot be read or is no table.
    """
    text = archive.read(name).decode("utf-8-sig", "replace")
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), restval=""))
    except csv.Error as fault:
        raise InputError(f"{archive.where(name)}: not a table ({fault})") from fault
    return [{str(key): str(value) for key, value in row.items() if key} for row in rows]


def sample_ids(names: Sequence[str]) -> list[str]:
    """A unique id, safe as a file name, for each image: its path below their common folder."""
    common = shared_folders([tuple(name.split("/")[:-1]) for name in names])
    ids = []
    for name in names:
        parts = name.split("/")[common:]
        ids.append(clean_name("-".join([*parts[:-1], stem(parts[-1])])))
    counts = Counter(found.casefold() for found in ids)  # some file systems know one case only
    taken = {found.casefold() for found in ids if counts[found.casefold()] == 1}
    for n, name in enumerate(names):
        if counts[ids[n].casefold()] > 1:
            wanted = unique = f"{ids[n]}-{suffix(name)[1:]}"
            tries = 1
            while unique.casefold() in taken:
                unique, tries = f"{wanted}-{tries + 1}", tries + 1
            taken.add(unique.casefold())
            ids[n] = unique
    return ids
