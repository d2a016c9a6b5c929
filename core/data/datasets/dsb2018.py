"""Data Science Bowl 2018: nuclei under many microscopes, one mask per nucleus.

Caicedo et al., Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl, Nature
Methods 16:1247-1253, 2019 (BBBC038v1).
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from core.data.archive import Archive, suffix
from core.data.base import DatasetInfo, Problem, Sample
from core.data.file_dataset import (
    IMAGE_SUFFIXES,
    FileDataset,
    Files,
    missing_mask,
    open_published,
    orphan_mask,
    read_rows,
)
from core.data.masks import decode_runs, number
from core.data.png_top import png_size, png_top
from core.errors import InputError

DARK, BRIGHT, COLOUR = "dark background", "bright background", "colour"
_TEST = "stage1_test"
_PEEK_BYTES = 8192
_PLACE = re.compile(
    r"(?P<root>(?:.*/)?)(?P<id>[^/]+)/(?P<kind>images|masks)/(?P<file>[^/]+)", re.IGNORECASE
)
# a sample submission has the same columns but no truth
_TRUTH_TABLE = re.compile(r"(.*/)?[^/]*(labels|solution)[^/]*", re.IGNORECASE)


class Dsb2018(FileDataset):
    """A folder per image with ``images/`` and ``masks/``, or masks as run lengths in a CSV.

    Images are RGBA with an opaque alpha; all are given as one grey channel, stained tissue as its
    luma. The label says whether the background is dark, bright or the image coloured, by
    its topmost rows. Images of ``stage1_test`` carry the split ``test``, and truth where the
    solution's CSV is there.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="dsb2018",
        title="2018 Data Science Bowl, nuclei (BBBC038v1)",
        modality="fluorescence and bright-field microscopy",
        foreground="nucleus",
        license="CC0 1.0",
        citation="Caicedo JC et al.: Nucleus segmentation across imaging experiments: the 2018 "
        "Data Science Bowl. Nature Methods 16:1247-1253 (2019)",
        homepage="https://bbbc.broadinstitute.org/BBBC038",
        download_url="https://data.broadinstitute.org/bbbc/BBBC038/stage1_train.zip",
        augmentation={"zoom": 0.3, "elastic_px": 4, "gamma": 0.3, "blur_px": 1, "noise": 0.03},
        size=256,
        layout="stage1_train/<ImageId>/images/<ImageId>.png and <ImageId>/masks/*.png, as a folder "
        "or zip, with or without stage1_train_labels.csv or stage1_solution.csv",
    )
    _runs: dict[str, list[str]]

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """See ``Dataset.open``; the folder ``stage1_train`` itself will do as well."""
        archive = open_published(path, cls.info)
        images: dict[tuple[str, str], list[str]] = defaultdict(list)
        masks: dict[tuple[str, str], list[str]] = defaultdict(list)
        tables = []
        for name in archive.names:
            kind = suffix(name)
            if kind == ".csv" and _TRUTH_TABLE.fullmatch(name):
                tables.append(name)
            elif kind in IMAGE_SUFFIXES and (place := _PLACE.fullmatch(name)):
                found = images if place["kind"].lower() == "images" else masks
                found[place["root"], place["id"]].append(name)
        _refuse_twice(archive, images)
        runs: dict[str, list[str]] = {}
        for table in tables:
            runs.update(_read_runs(archive, table))
        files, problems = [], []
        for key, (name, *more) in images.items():
            own = masks.get(key, [])
            truth = own or runs.get(key[1], [])
            has_truth = bool(own) or key[1] in runs
            if not has_truth and _TEST not in key[0].lower():
                problems.append(missing_mask(name))
            problems += [
                Problem(kind="extra_image", where=extra, detail="its folder has one already")
                for extra in more
            ]
            facts = _facts(archive, name) | {"part": key[0].rstrip("/").rpartition("/")[2]}
            sample = Sample(
                id=key[1],
                group=key[1],
                label=facts.get("kind", ""),
                split="test" if _TEST in key[0].lower() else "",
                has_truth=has_truth,
                masks=len(truth),
                facts=facts,
            )
            files.append((sample, Files(name, tuple(own))))
        problems += [orphan_mask(m) for key in masks if key not in images for m in masks[key]]
        dataset = cls(path, archive, files, problems, tables=tables)
        dataset._runs = runs
        return dataset

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """1 on any nucleus, shape (H, W); see ``FileDataset.truth``."""
        if self._files(sample).masks or not sample.has_truth:
            return super().truth(sample)
        return (self.instances(sample) > 0).astype(np.uint8)

    def instances(self, sample: Sample) -> NDArray[np.int32]:
        """Number of the nucleus at each pixel, shape (H, W), 0 = none; the first of two that touch.

        Raises:
            InputError, ValueError: As ``truth``.
        """
        if not sample.has_truth:
            raise ValueError(f"{sample.id} has no published masks")
        masks = self._read_masks(sample)
        return number(masks, self._shape(sample, masks))

    def stored_masks(self, sample: Sample) -> list[tuple[str, NDArray[Any]]]:
        """Name and values of each nucleus's mask, also where they were run lengths."""
        if self._files(sample).masks:
            return super().stored_masks(sample)
        return self._read_masks(sample)

    def _read_masks(self, sample: Sample) -> list[tuple[str, NDArray[Any]]]:
        if self._files(sample).masks:
            return super()._read_masks(sample)
        shape = self._shape(sample, [])
        masks: list[tuple[str, NDArray[Any]]] = []
        for n, text in enumerate(self._runs.get(sample.id, ()), start=1):
            try:
                masks.append((f"{sample.id} nucleus {n}", decode_runs(text, shape)))
            except InputError as fault:
                raise InputError(f"{self.path}: {sample.id} nucleus {n}: {fault}") from fault
        return masks


def _facts(archive: Archive, name: str) -> dict[str, str]:
    """Size and kind of an image from its first bytes, where they tell."""
    try:
        head = archive.head(name, _PEEK_BYTES)
    except InputError:  # said when the image is read
        return {}
    facts, size, top = {}, png_size(head), png_top(head)
    if size is not None:
        facts["size"] = f"{size[1]}x{size[0]}"
    if top is not None:
        facts["kind"] = COLOUR if top.ndim == 3 else BRIGHT if np.median(top) > 127 else DARK
    return facts


def _refuse_twice(archive: Archive, images: dict[tuple[str, str], list[str]]) -> None:
    seen: dict[str, str] = {}
    for root, name in images:
        if name in seen:
            raise InputError(
                f"{archive.path}: image {name} is in {seen[name] or '.'} and in {root or '.'}; "
                "give one of these folders"
            )
        seen[name] = root


def _read_runs(archive: Archive, name: str) -> dict[str, list[str]]:
    """Run lengths by image from a table with ImageId and EncodedPixels; an empty one is no nucleus.

    Rows whose ``Usage`` is ``Ignored`` were not evaluated and count as without truth.
    """
    rows = read_rows(archive, name)
    if rows and not {"ImageId", "EncodedPixels"} <= set(rows[0]):
        raise InputError(f"{archive.where(name)}: needs the columns ImageId and EncodedPixels")
    runs: dict[str, list[str]] = {}
    for row in rows:
        if row.get("Usage", "").lower() == "ignored":
            continue
        found = runs.setdefault(row["ImageId"], [])
        if row["EncodedPixels"].strip():
            found.append(row["EncodedPixels"])
    return runs
