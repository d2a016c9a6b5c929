"""Any folder or zip of images and masks, paired by their names."""

import re
from pathlib import Path
from typing import ClassVar, Self

from core.data.archive import Archive, suffix
from core.data.base import DatasetInfo, Problem, Sample
from core.data.file_dataset import (
    IMAGE_SUFFIXES,
    AnyImages,
    Files,
    entry_size,
    missing_mask,
    open_published,
    sample_ids,
)
from core.data.masks.classes import find_classes
from core.data.pages import Found, expand_stacks
from core.data.pairing.pairs import Pairing, pair_files
from core.data.pairing.places import groups_of, labels_of, splits_of
from core.errors import InputError

_LOOKED_AT = 16

_VIEW = re.compile(r"(?:visuali[sz]ation|overlay)s?$", re.IGNORECASE)
_VOC_CLASSES, _VOC_OBJECTS = "SegmentationClass", "SegmentationObject"


class Folder(AnyImages):
    """Images and masks in two folders, or side by side with a suffix like ``_mask``.

    Folders named ``train``, ``val`` and ``test`` fix the split where all three are there; ``test``
    alone is kept apart. A numbered folder with several images is a patient, whom no split tears
    apart; other folders above the files are the label where several images share one. A mask is
    foreground and background, unless a ``classes.csv`` says otherwise, see ``mask_classes``.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="folder",
        title="A folder of images and masks",
        modality="any kind of image",
        foreground="foreground",
        license="yours to know",
        citation="",
        homepage="",
        size=256,
        layout="images/ and masks/ with the same file names, or one folder with 'a.png' and "
        "'a_mask.png', as a folder or zip; a classes.csv (name, value) for several classes",
    )
    pairing: Pairing
    """Which mask went to which image, and how."""
    confidence: float
    """Share of images with a mask times share of looked-at pairs of one size, 0…1."""

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """See ``Dataset.open``; also refused where not one image finds a mask."""
        archive = open_published(path, cls.info)
        listed = [name for name in archive.names if suffix(name) in IMAGE_SUFFIXES]
        pairing = pair_files(without_views(listed))
        if pairing.pairs and not pairing.share:
            _refuse_other_layouts(archive)
            raise InputError(
                f"{path}: {len(pairing.pairs)} images and {len(pairing.orphans)} masks, and not "
                f"one pair; expected {cls.info.layout}"
            )
        checked = _check_sizes(archive, pairing)
        agreeing = 1 - len(checked[1]) / max(checked[0], 1)
        confidence = pairing.share * agreeing
        places = [pair.place for pair in pairing.pairs]
        names = [pair.image.rpartition("/")[2] for pair in pairing.pairs]
        splits, groups = splits_of(places, names), groups_of(places, names)
        labels = labels_of(places, groups)
        ids = sample_ids([pair.shown for pair in pairing.pairs])
        found: list[Found] = []
        for n, pair in enumerate(pairing.pairs):
            facts = {"file": pair.image, "pairing": pair.method or "none"}
            facts["pairing_confidence"] = f"{confidence:.2f}"
            sample = Sample(
                id=ids[n],
                group=groups[n] or ids[n],
                label=labels[n],
                split=splits[n],
                has_truth=bool(pair.masks),
                masks=len(pair.masks),
                facts=facts,
            )
            found.append((sample, pair.image, pair.masks))
        pages, odd_pages = expand_stacks(archive, found)
        files = [(sample, Files(image, masks)) for sample, image, masks in pages]
        problems = [
            missing_mask(pair.image)
            for pair in pairing.pairs
            if not (pair.masks or pairing.unlabelled(pair))
        ]
        classes, unexpected = find_classes(archive)
        problems += [*pairing.problems(), *checked[1], *unexpected, *odd_pages]
        dataset = cls(path, archive, files, problems, classes=classes)
        dataset.pairing, dataset.confidence = pairing, confidence
        return dataset


def _refuse_other_layouts(archive: Archive) -> None:
    """Name what is there instead of image and mask files.

    Raises:
        InputError: Annotations are JSON, or the images are DICOM.
    """
    ends = [suffix(name) for name in archive.names]
    if count := ends.count(".json"):
        raise InputError(
            f"{archive.path}: {count} JSON files and no masks: the annotations are JSON (labelme, "
            "COCO or VIA); export them as mask images, with labelme for example by labelme2voc"
        )
    dicom = next((n for n in archive.names if archive.head(n, 132)[128:] == b"DICM"), "")
    if dicom:
        raise InputError(
            f"{archive.path}: the images are DICOM ({dicom}), and a folder pairs image files; "
            "export them as PNG or TIFF beside their masks, or as volumes for the data set volumes"
        )


def without_views(names: list[str]) -> list[str]:
    """The files without images of masks laid on images, as labelme and VOC put beside them.

    Of ``SegmentationClass`` and ``SegmentationObject`` the classes count.
    """
    kept = [name for name in names if not _VIEW.search(name.rpartition("/")[0])]
    classes = any(_VOC_CLASSES in name.split("/")[:-1] for name in kept)
    return [name for name in kept if not (classes and _VOC_OBJECTS in name.split("/")[:-1])]


def _check_sizes(archive: Archive, pairing: Pairing) -> tuple[int, list[Problem]]:
    """How many pairs, evenly spread, were shown, and those whose sizes differ."""
    paired = [pair for pair in pairing.pairs if pair.masks]
    looked_at, problems = 0, []
    for pair in paired[:: max(len(paired) // _LOOKED_AT, 1)]:
        mask = pair.masks[0]
        size, own = entry_size(archive, pair.image), entry_size(archive, mask)
        if size is None or own is None:
            continue
        looked_at += 1
        if size != own:
            detail = f"{own[1]}x{own[0]} pixels, its image {pair.image} {size[1]}x{size[0]}"
            problems.append(Problem(kind="mask_size", where=mask, detail=detail))
    return looked_at, problems
