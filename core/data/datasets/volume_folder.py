"""Any folder or zip of volumes and their masks, paired by their names."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.data.archive import Archive
from core.data.base import DatasetInfo, Problem
from core.data.file_dataset import missing_mask, open_published, sample_ids
from core.data.masks.classes import MaskClasses, find_classes
from core.data.pairing.pairs import Pair, Pairing, pair_files
from core.data.pairing.places import groups_of, splits_of
from core.data.slices import Case, SlicedDataset, check_slicing
from core.data.volumes import check_window, entry_volume, fitting_geometry, scaled_8bit
from core.errors import InputError
from core.imaging.intensities import IntensityMapping
from core.imaging.planes import along, to_slices
from core.imaging.volume_file import VOLUMES


class VolumeFolder(SlicedDataset):
    """Volumes beside their masks, or both in folders of their own; a sample per slice.

    What any of a volume's masks labels above 0 is foreground, unless a ``classes.csv`` names the
    labels, see ``mask_classes``. Series over time (4D) have no mask and are left out.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="volumes",
        intensities=IntensityMapping(body=True),
        volumes=True,
        title="A folder of volumes and masks",
        modality="any kind of volume",
        foreground="foreground",
        license="yours to know",
        citation="",
        homepage="",
        size=256,
        layout="volumes and masks as .nii, .nii.gz, .nrrd, .mha or .mhd, in two folders with the "
        "same file names or side by side as 'a.nii.gz' and 'a_gt.nii.gz'; a classes.csv (name, "
        "value) for several classes",
    )
    pairing: Pairing
    """Which mask went to which volume, and how."""

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        slices: tuple[int, int] | None = None,
        plane: str = "axial",
        window: tuple[float, float] | None = None,
    ) -> "VolumeFolder":
        """List the volumes under ``path``; of each only the header is read.

        Args:
            path: Folder or zip.
            slices: First and last slice, counted from 0; None for all.
            plane: ``axial`` (feet to head), ``coronal`` or ``sagittal``.
            window: Stored values that become 1 and 255; by default percentiles of each volume, see
                ``scaled_8bit``.

        Raises:
            InputError: See ``Dataset.open``; also where not one volume finds a mask.
        """
        archive = open_published(path, cls.info)
        check_slicing(plane, slices)
        check_window(window)
        # 'a_gt.nii.gz' would have the stem 'a_gt.nii'
        files = {_without_gz(n): n for n in archive.names if n.lower().endswith(VOLUMES)}
        pairing = pair_files(files)
        if not pairing.share:
            raise InputError(
                f"{path}: {len(pairing.pairs)} volumes and not one with a mask; expected "
                f"{cls.info.layout}{archive.hint()}"
            )
        places = [pair.place for pair in pairing.pairs]
        names = [pair.image.rpartition("/")[2] for pair in pairing.pairs]
        splits, groups = splits_of(places, names), groups_of(places, names)
        ids = sample_ids([pair.shown for pair in pairing.pairs])
        pairing = pairing.renamed(files)
        problems = pairing.problems()
        cases, masks = [], {}
        for n, pair in enumerate(pairing.pairs):
            case = _case(archive, pair, ids[n], plane=plane, problems=problems)
            if case:
                if not pair.masks and not pairing.unlabelled(pair):
                    problems.append(missing_mask(pair.image))
                cases.append(replace(case, split=splits[n], group=groups[n] or ids[n]))
                masks[case.id] = pair.masks
        classes, unexpected = find_classes(archive)
        dataset = cls(archive, cases, [*problems, *unexpected], root="", plane=plane, slices=slices)
        dataset.pairing, dataset._masks, dataset._window = pairing, masks, window
        dataset._named = classes
        if classes:
            dataset.info = classes.info(cls.info)  # type: ignore[misc]
        return dataset

    _masks: dict[str, tuple[str, ...]]
    _window: tuple[float, float] | None
    _named: MaskClasses | None

    def _options(self) -> tuple[object, ...]:
        return (self._window, sorted(self._masks.items()))

    def _files_of(self, case: Case) -> tuple[str, ...]:
        table = (self._named.source,) if self._named else ()
        return (*case.images, *self._masks[case.id], *table)

    def _decode_images(self, case: Case) -> list[NDArray[np.uint8]]:
        volume = entry_volume(self.archive, case.images[0])
        grey = scaled_8bit(volume.array, window=self._window)
        return [to_slices(grey, volume.orientation, plane=self.plane)]

    def _decode_labels(self, case: Case) -> NDArray[Any]:
        united: NDArray[np.uint8] | None = None
        for name in self._masks[case.id]:
            volume = entry_volume(self.archive, name)
            slices = to_slices(volume.array, volume.orientation, plane=self.plane)
            if self._named is None:
                labelled = (slices > 0).astype(np.uint8)
            else:
                labelled = self._numbers(self._named, name, slices)
            united = labelled if united is None else np.maximum(united, labelled)
        assert united is not None, "a case without masks has no labels"
        return united

    def _numbers(self, named: MaskClasses, name: str, slices: NDArray[Any]) -> NDArray[np.uint8]:
        """Class at each voxel of a mask; plane by plane, so that nothing large is made of it."""
        own, result = named.of_name(name), np.empty(slices.shape, np.uint8)
        for n, plane in enumerate(slices):
            result[n] = (
                (plane > 0) * np.uint8(own)
                if own
                else named.of_file(name, plane, where=self.archive.where(name))
            )
        return result

    def _classes(self, case: Case, values: Sequence[int]) -> dict[int, int]:  # noqa: ARG002 - any case's
        return {value: value for value in values}


def _case(
    archive: Archive, pair: Pair, name: str, *, plane: str, problems: list[Problem]
) -> Case | None:
    """A volume with its masks, if all can be read and lie on one grid; else a problem more."""
    image, masks = pair.image, pair.masks
    found = fitting_geometry(
        archive, image, expected=None, other="", problems=problems, several=not masks
    )
    if found is None or len(found.shape) == 4:
        return None
    for mask in masks:
        if not fitting_geometry(archive, mask, expected=found, other=image, problems=problems):
            return None
    depth = along(found.shape, found.orientation, plane=plane)[0]
    _, height_mm, width_mm = along(found.spacing_mm, found.orientation, plane=plane)
    return Case(
        id=name,
        group=name,
        images=(image,),
        labels=masks[0] if masks else None,
        depth=depth,
        spacing_mm=(height_mm, width_mm),
        facts={"file": image, "pairing": pair.method or "none"},
    )


def _without_gz(name: str) -> str:
    return name[:-3] if name.lower().endswith(".gz") else name
