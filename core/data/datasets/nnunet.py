"""Data sets in the folders of nnU-Net and of the Medical Segmentation Decathlon.

Isensee et al., nnU-Net, Nature Methods 18:203, 2021, arXiv:1809.10486; Antonelli et al., The
Medical Segmentation Decathlon, Nature Communications 13:4128, 2022, arXiv:2106.05735.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.data.archive import Archive
from core.data.base import DatasetInfo, Problem
from core.data.datasets.nnunet_json import Description, describe
from core.data.file_dataset import missing_mask, open_published, orphan_mask, read_entry
from core.data.slices import Case, SlicedDataset, check_slicing
from core.data.volumes import check_window, entry_volume, fitting_geometry, scaled_8bit
from core.errors import InputError
from core.imaging.intensities import IntensityMapping
from core.imaging.names import clean_name
from core.imaging.planes import along, to_slices
from core.imaging.volume import Geometry
from core.imaging.volume_file import SECOND, VOLUMES

PICTURES = (".png", ".tif", ".tiff", ".bmp")


class NnUNet(SlicedDataset):
    """``dataset.json``, ``imagesTr``, ``labelsTr`` and perhaps ``imagesTs``, 3D or 2D.

    A volume is a sample per slice, an image one sample. Regions that overlap (nnU-Net's labels
    given as lists) become separate classes, each pixel in the smallest region that has it;
    ``regions`` puts the overlapping masks together again. Pixels with nnU-Net's ``ignore`` label
    count as background, and the problems say so.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="nnunet",
        intensities=IntensityMapping(body=True),
        volumes=True,
        title="nnU-Net or Decathlon folder",
        modality="as its dataset.json says",
        foreground="the labels of its dataset.json",
        license="see its dataset.json",
        citation="see its dataset.json",
        homepage="https://github.com/MIC-DKFZ/nnUNet",
        size=256,
        layout="a folder with dataset.json, imagesTr and labelsTr",
    )

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        slices: tuple[int, int] | None = None,
        plane: str = "axial",
        window: tuple[float, float] | None = None,
    ) -> "NnUNet":
        """List the cases under ``path``; of every volume only the header is read.

        Args:
            path: Folder or zip, at any depth above ``dataset.json``.
            slices: First and last slice of volumes, counted from 0; None for all.
            plane: ``axial`` (feet to head), ``coronal`` or ``sagittal``.
            window: Stored values that become 1 and 255, for volumes; by default percentiles of each
                volume, see ``scaled_8bit``.

        Raises:
            InputError: See ``Dataset.open``; or an option that cannot be.
        """
        archive = open_published(path, cls.info)
        check_slicing(plane, slices)
        check_window(window)
        root = archive.find_root("dataset.json")
        about, problems = describe(archive, f"{root}dataset.json")
        finder = _Finder(archive, root, about, plane, problems)
        cases = finder.cases("Tr", "")
        taken = {case.id for case in cases}
        for case in finder.cases("Ts", "test"):
            cases.append(replace(case, id=f"{case.id}-test") if case.id in taken else case)
        return cls(
            archive,
            cases,
            problems,
            root=root,
            about=about,
            plane=plane,
            slices=slices,
            window=window,
        )

    def __init__(
        self,
        archive: Archive,
        cases: Sequence[Case],
        problems: Sequence[Problem],
        *,
        root: str,
        about: Description,
        plane: str,
        slices: tuple[int, int] | None,
        window: tuple[float, float] | None,
    ) -> None:
        super().__init__(archive, cases, problems, root=root, plane=plane, slices=slices)
        # every folder has its own classes
        self.info = replace(  # type: ignore[misc]
            self.info,
            title=about.name,
            modality=", ".join(about.channels),
            foreground=about.classes[0] if len(about.classes) == 1 else "any of its classes",
            classes=about.classes,
            license=about.license,
            citation=about.reference,
        )
        self.about, self.window = about, window

    def regions(self, truth: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
        """The overlapping regions of a class map of any shape; empty where there are none."""
        return {name: np.isin(truth, parts) for name, parts in self.about.regions.items()}

    def _options(self) -> tuple[object, ...]:
        return (self.window, self.about.channels, sorted(self.about.class_of_label.items()))

    def _decode_images(self, case: Case) -> list[NDArray[np.uint8]]:
        if not case.sliced:
            return self._decode_picture(case)
        channels = []
        for name in case.images:
            volume = entry_volume(self.archive, name, several=True)
            array = volume.array if volume.array.ndim == 4 else volume.array[..., None]
            for n in range(array.shape[3]):
                grey = scaled_8bit(array[..., n], window=self.window)
                channels.append(to_slices(grey, volume.orientation, plane=self.plane))
        return channels

    def _decode_picture(self, case: Case) -> list[NDArray[np.uint8]]:
        """Channels of a 2D image, each of shape (1, H, W)."""
        images = []
        for name in case.images:
            image = read_entry(self.archive, name)
            if image.page_count > 1:
                raise InputError(
                    f"{self.archive.where(name)}: a stack of {image.page_count} pages; save "
                    "volumes as .nii.gz"
                )
            images.append(image)
        if len(self.about.channels) == 3 and len(images) == 1:
            return [channel[None] for channel in np.moveaxis(images[0].rgb8(), -1, 0)]
        channels = [image.grey8()[None] for image in images]
        if len({channel.shape for channel in channels}) > 1:
            raise InputError(
                f"{self.archive.where(case.images[0])}: its channels differ in size; export them "
                "in one size"
            )
        return channels

    def _decode_labels(self, case: Case) -> NDArray[Any]:
        name = case.labels or ""
        if case.sliced:
            volume = entry_volume(self.archive, name)
            return to_slices(volume.array, volume.orientation, plane=self.plane)
        labels = read_entry(self.archive, name).pixels
        image = read_entry(self.archive, case.images[0]).pixels
        if labels.shape != image.shape[:2]:
            raise InputError(
                f"{self.archive.where(name)}: labels of shape {labels.shape} do not fit the image "
                f"of {image.shape[:2]}; export them in the size of the image"
            )
        return labels.astype(np.uint8)[None] if labels.dtype == np.bool_ else labels[None]

    def _classes(self, case: Case, values: Sequence[int]) -> dict[int, int]:
        unexpected = sorted(set(values) - set(self.about.class_of_label))
        if unexpected:
            known = ", ".join(map(str, sorted(self.about.class_of_label)))
            raise InputError(
                f"{self.archive.where(case.labels or '')}: labels "
                f"{', '.join(map(str, unexpected))} are "
                f"not in dataset.json ({known}); add them there or correct the file"
            )
        return {value: self.about.class_of_label[value] for value in values}


class _Finder:
    """Cases of the image folders, and what is wrong with them."""

    def __init__(
        self,
        archive: Archive,
        root: str,
        about: Description,
        plane: str,
        problems: list[Problem],
    ) -> None:
        self._archive, self._root, self._about = archive, root, about
        self._plane, self._problems = plane, problems

    def cases(self, part: str, split: str) -> list[Case]:
        """Cases of ``imagesTr`` or ``imagesTs`` that can be used."""
        labels = dict(self._files(f"labels{part}"))
        images: dict[str, list[str]] = defaultdict(list)
        for stem, name in self._files(f"images{part}"):
            # a name that has labels is a case; else the last four digits number the channel
            channel = None if stem in labels else re.fullmatch(r"(.+)_\d{4}", stem)
            images[channel[1] if channel else stem].append(name)
        self._problems += [orphan_mask(labels[stem]) for stem in labels if stem not in images]
        found = []
        for case_id, files in images.items():
            case = self._case(case_id, files, labels.get(case_id), split)
            if case:
                found.append(case)
        return found

    def _files(self, folder: str) -> list[tuple[str, str]]:
        """Name without ending, and file, of the images directly in a folder."""
        found = []
        for name in self._archive.under(f"{self._root}{folder}/"):
            last = name.rpartition("/")[2]
            ending = next((e for e in (*VOLUMES, *PICTURES) if last.lower().endswith(e)), "")
            if ending and name == f"{self._root}{folder}/{last}":
                found.append((last[: -len(ending)], name))
            elif not last.lower().endswith((".json", *SECOND)):  # .json: spacing of a TIFF
                detail = f"not read; give {', '.join((*VOLUMES, *PICTURES))}"
                self._problems.append(Problem(kind="unreadable", where=name, detail=detail))
        return found

    def _case(self, case_id: str, files: list[str], labels: str | None, split: str) -> Case | None:
        channels = self._about.channels
        depth, spacing_mm, has = 1, None, len(files)
        sliced = files[0].lower().endswith(VOLUMES)
        if sliced:
            first = None
            for name in files:
                geometry = self._fitting(name, first, files[0], several=True)
                if geometry is None:
                    return None
                first = first or geometry
            assert first is not None
            if labels and self._fitting(labels, first, files[0]) is None:
                labels = None
            elif not labels and not split:
                self._problems.append(missing_mask(files[0]))
            has *= first.shape[3] if len(first.shape) == 4 else 1
            depth = along(first.shape, first.orientation, plane=self._plane)[0]
            _, height_mm, width_mm = along(first.spacing_mm, first.orientation, plane=self._plane)
            spacing_mm = (height_mm, width_mm)
        elif not labels and not split:
            self._problems.append(missing_mask(files[0]))
        if has != len(channels) and (sliced or (has, len(channels)) != (1, 3)):
            detail = f"{has} of the {len(channels)} channels of dataset.json; the case is left out"
            self._problems.append(Problem(kind="missing_image", where=files[0], detail=detail))
            return None
        return Case(
            id=clean_name(case_id),
            group=case_id,
            images=tuple(files),
            labels=labels,
            depth=depth,
            sliced=sliced,
            split=split,
            spacing_mm=spacing_mm,
            facts={"channels": ", ".join(channels)},
        )

    def _fitting(
        self, name: str, first: Geometry | None, other: str, *, several: bool = False
    ) -> Geometry | None:
        return fitting_geometry(
            self._archive,
            name,
            expected=first,
            other=other,
            problems=self._problems,
            several=several,
        )
