"""BUSI: 780 breast ultrasound images with the outlines of benign and malignant lesions.

Al-Dhabyani et al., Dataset of breast ultrasound images, Data in Brief 28:104863, 2020.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import ClassVar, Self

from core.data.archive import stem, suffix
from core.data.base import DatasetInfo, Sample
from core.data.file_dataset import (
    IMAGE_SUFFIXES,
    FileDataset,
    Files,
    missing_mask,
    open_published,
    orphan_mask,
)

CLASSES = ("benign", "malignant", "normal")
_NAME = re.compile(r".+\((?P<number>\d+)\)(?P<mask>_mask(?:_\d+)?)?", re.IGNORECASE)


class Busi(FileDataset):
    """One folder per class; images and masks side by side, several masks per image united.

    Masks are 1-bit, but some RGBA with an opaque alpha and those of *normal* RGB and all zero;
    images are RGB with equal channels. All are read as one grey channel. Patients are not named,
    so each image is its own group; near-duplicates are for the split to find.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="busi",
        title="Breast Ultrasound Images (BUSI)",
        modality="ultrasound",
        foreground="lesion",
        license="CC0 1.0 as distributed on Kaggle; other mirrors differ",
        citation="Al-Dhabyani W, Gomaa M, Khaled H, Fahmy A: Dataset of breast ultrasound images. "
        "Data in Brief 28:104863 (2020)",
        homepage="https://www.kaggle.com/datasets/aryashah2k/breast-ultrasound-images-dataset",
        augmentation={"rotation_degrees": 15, "elastic_px": 4, "gamma": 0.2, "speckle": 0.15},
        access="Log in at Kaggle, fetch the archive and import the zip.",
        size=256,
        layout="Dataset_BUSI_with_GT/{benign,malignant,normal}/ with 'benign (1).png' and "
        "'benign (1)_mask.png', as a folder or zip",
    )

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """See ``Dataset.open``; a copy with only some of the classes is fine."""
        archive = open_published(path, cls.info)
        root = archive.find_root(*CLASSES)
        images: dict[tuple[str, int], str] = {}
        masks: dict[tuple[str, int], list[str]] = defaultdict(list)
        for name in archive.under(root):
            label, _, file = name.removeprefix(root).partition("/")
            found = _NAME.fullmatch(stem(file))
            if label.lower() not in CLASSES or not found or suffix(file) not in IMAGE_SUFFIXES:
                continue
            key = (label.lower(), int(found["number"]))
            if found["mask"]:
                masks[key].append(name)
            else:
                images[key] = name
        files = []
        for key, name in sorted(images.items()):
            own = tuple(sorted(masks.get(key, ())))
            title = f"{key[0]} ({key[1]})"
            sample = Sample(
                id=title,
                group=title,
                label=key[0],
                has_truth=bool(own),
                masks=len(own),
                facts={"file": name.removeprefix(root)},
            )
            files.append((sample, Files(name, own)))
        problems = [missing_mask(s.facts["file"]) for s, _ in files if not s.has_truth]
        problems += [
            orphan_mask(mask.removeprefix(root))
            for key in sorted(set(masks) - set(images))
            for mask in masks[key]
        ]
        return cls(path, archive, files, problems, root=root)
