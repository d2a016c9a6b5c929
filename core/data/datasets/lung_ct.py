"""Finding and Measuring Lungs in CT Data: single slices through the chest and their lungs.

K. Scott Mader, Kaggle, 2017: 267 slices in Hounsfield units, of which Isoline uses the 2-D part.
"""

import re
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from core.data.archive import Archive, stem, suffix
from core.data.base import DatasetInfo, Sample
from core.data.file_dataset import (
    FileDataset,
    Files,
    missing_mask,
    open_published,
    orphan_mask,
    read_rows,
)
from core.data.windowing import LUNG_WINDOW_HU, to_window
from core.errors import InputError
from core.imaging.intensities import IntensityMapping

IMAGES, MASKS, TABLE = "2d_images", "2d_masks", "lung_stats.csv"
_SUFFIXES = {".tif", ".tiff"}
_NAME = re.compile(r"(?P<patient>ID_\d+)_Z_(?P<slice>\d+)", re.IGNORECASE)


class LungCt(FileDataset):
    """``ID_xxxx_Z_xxxx.tif`` in two folders; the patient is the ID.

    ``image`` shows the lung window (level -600 HU, width 1500 HU), ``stored_image`` keeps the
    signed Hounsfield units with their padding below -1100. The areas in mm² of ``lung_stats.csv``
    are those in pixels times 0.703125 throughout, so they do not tell the pixel's size and no
    spacing is given.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="lung_ct",
        title="Finding and Measuring Lungs in CT Data, 2-D part",
        modality="CT, lung window -600 / 1500 HU",
        intensities=IntensityMapping(window_hu=LUNG_WINDOW_HU),
        foreground="lung",
        license="as stated on its Kaggle page",
        citation="Mader KS: Finding and Measuring Lungs in CT Data. Kaggle (2017)",
        homepage="https://www.kaggle.com/datasets/kmader/finding-lungs-in-ct-data",
        augmentation={"rotation_degrees": 15, "elastic_px": 4, "brightness": 0.05, "noise": 0.03},
        access="Log in at Kaggle, fetch the archive and import the zip.",
        size=256,
        layout=f"{IMAGES}/ID_xxxx_Z_xxxx.tif and {MASKS}/ with the same names (and {TABLE}), as a "
        "folder or zip",
    )

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """See ``Dataset.open``; the 3-D part beside it is left alone."""
        archive = open_published(path, cls.info)
        root = archive.find_root(IMAGES, MASKS)
        slices: dict[str, dict[str, str]] = {IMAGES: {}, MASKS: {}}
        tables = []
        for name in archive.under(root):
            folder, _, file = name.removeprefix(root).lower().partition("/")
            if folder in slices and suffix(file) in _SUFFIXES:
                slices[folder][stem(file)] = name
            elif folder == TABLE:
                tables.append(name)
        facts = _read_facts(archive, tables[0]) if tables else {}
        files, problems = [], []
        for key, name in slices[IMAGES].items():
            mask, found = slices[MASKS].get(key), _NAME.fullmatch(key)
            if mask is None:
                problems.append(missing_mask(name.removeprefix(root)))
            sample = Sample(
                id=stem(name),
                group=found["patient"].upper() if found else stem(name),
                has_truth=mask is not None,
                masks=int(mask is not None),
                facts=({"slice": found["slice"]} if found else {}) | facts.get(key, {}),
            )
            files.append((sample, Files(name, (mask,) if mask else ())))
        problems += [
            orphan_mask(name.removeprefix(root))
            for key, name in slices[MASKS].items()
            if key not in slices[IMAGES]
        ]
        return cls(path, archive, files, problems, root=root, tables=tables)

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """The lung window, shape (H, W): -1350 HU and below is 0, 150 HU and above 255.

        Raises:
            InputError: The file cannot be read, or holds an image and not Hounsfield units.
        """
        hu = self.stored_image(sample)
        if hu.ndim != 2 or hu.dtype == np.uint8:
            raise InputError(
                f"{self.archive.where(self._files(sample).image)}: 8-bit or colour, not Hounsfield "
                "units; use the data set as published, or read it as 'folder'"
            )
        return to_window(hu, LUNG_WINDOW_HU)


def _read_facts(archive: Archive, name: str) -> dict[str, dict[str, str]]:
    """Columns of the table by image, in lower case without extension."""
    return {
        stem(row["img_id"]).lower(): {key: row[key] for key in row if key != "img_id"}
        for row in read_rows(archive, name)
        if row.get("img_id")
    }
