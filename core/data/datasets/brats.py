"""BraTS: brain tumours in MRI of four modalities, multi-institutional (2018 to 2023 layouts).

Menze et al., The Multimodal Brain Tumor Image Segmentation Benchmark (BRATS), IEEE TMI 34:1993,
2015; Bakas et al., Scientific Data 4:170117, 2017; Bakas et al., arXiv:1811.02629, 2018.
"""

import os
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
from core.data.file_dataset import open_published
from core.data.slices import Case, SlicedDataset, check_slicing
from core.data.volumes import entry_volume, fitting_geometry, scaled_8bit
from core.errors import InputError, choose
from core.imaging.intensities import IntensityMapping
from core.imaging.names import clean_name
from core.imaging.planes import along, to_slices
from core.imaging.volume import Geometry

MODALITIES = {"flair": "FLAIR", "t1": "T1", "t1ce": "T1Gd", "t2": "T2"}
"""Name in the files and in options → name in the papers."""
PAPER_SLICES = (5, 150)
"""First and last slice of the 155 that the paper takes, counted from 0 at the feet."""
REGIONS = {"WT": (1, 2, 3), "TC": (1, 3), "ET": (3,)}
"""Whole tumour, tumour core and enhancing tumour: the classes each is made of."""

_ALIASES = {"t2f": "flair", "t1n": "t1", "t1c": "t1ce", "t1gd": "t1ce", "t2w": "t2"}
_FILE = re.compile(
    rf"(?P<case>.+?)[_-](?P<kind>seg|{'|'.join([*MODALITIES, *_ALIASES])})\.nii(\.gz)?",
    re.IGNORECASE,
)
_LATER_VISIT = re.compile(r"(BraTS-[A-Za-z]+-\d+)-\d+", re.IGNORECASE)
_CLASS_OF_LABEL = {0: 0, 1: 1, 2: 2, 3: 3, 4: 3}


def regions(truth: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
    """The three overlapping regions that BraTS scores, from a class map of any shape."""
    return {name: np.isin(truth, classes) for name, classes in REGIONS.items()}


class BraTS(SlicedDataset):
    """A folder per case with one NIfTI file per modality; a sample is one slice.

    Labels 1, 2, 4 (to 2022) and 1, 2, 3 (from 2023) both become the classes 1, 2, 3. Intensities
    have no unit in MRI: each volume is scaled for itself, see ``scaled_8bit``; the background,
    which BraTS sets to 0 when it removes the skull, stays exactly 0.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="brats2020",
        intensities=IntensityMapping(body=True, outside=0),
        volumes=True,
        title="BraTS 2020 (also 2018, 2019, 2021, 2023)",
        modality="brain MRI (FLAIR, T1, T1Gd, T2; 1 mm, skull removed)",
        foreground="tumour",
        license="free for research with citation; handed out on registration",
        citation=(
            "Menze et al., IEEE TMI 34:1993 (2015); Bakas et al., Sci Data 4:170117 (2017); "
            "Bakas et al., arXiv:1811.02629 (2018)"
        ),
        homepage="https://www.med.upenn.edu/cbica/brats2020/data.html",
        augmentation={"rotation_degrees": 15, "elastic_px": 4, "gamma": 0.2, "noise": 0.03},
        access="Register with the organisers (CBICA), who send the download link.",
        size=128,
        layout="a folder per case with <case>_flair.nii, _t1, _t1ce, _t2 and _seg (or .nii.gz)",
        classes=("NCR/NET", "ED", "ET"),
        regions=REGIONS,
    )

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        modalities: Sequence[str] = ("flair", "t1ce"),
        slices: tuple[int, int] | None = PAPER_SLICES,
        plane: str = "axial",
    ) -> "BraTS":
        """List the cases under ``path``; of every file only the header is read.

        Args:
            path: Folder or zip, at any depth above the cases.
            modalities: Channels in this order, of ``MODALITIES``.
            slices: First and last slice, counted from 0; None for all.
            plane: ``axial`` (feet to head), ``coronal`` or ``sagittal``.

        Raises:
            InputError: See ``Dataset.open``; or an option that cannot be.
        """
        archive = open_published(path, cls.info)
        check_slicing(plane, slices)
        lower = [name.lower() for name in modalities]
        chosen = tuple(_ALIASES.get(name, name) for name in lower)
        for name in chosen:
            choose("modality", name, MODALITIES)
        if not chosen or len(set(chosen)) < len(chosen):
            raise InputError("choose each modality once, at least one, of " + ", ".join(MODALITIES))
        problems: list[Problem] = []
        cases = []
        for name, files in _find(archive, problems).items():
            case = _case(archive, name, files, chosen=chosen, plane=plane, problems=problems)
            if case:
                cases.append(case)
        return cls(archive, cases, problems, modalities=chosen, plane=plane, slices=slices)

    def __init__(
        self,
        archive: Archive,
        cases: Sequence[Case],
        problems: Sequence[Problem],
        *,
        modalities: tuple[str, ...],
        plane: str,
        slices: tuple[int, int] | None,
    ) -> None:
        used = [name.rpartition("/")[0] for case in cases for name in case.images]
        root = os.path.commonpath(used) if used else ""
        super().__init__(
            archive,
            cases,
            problems,
            root=f"{root}/" if root else "",
            plane=plane,
            slices=slices,
        )
        self.modalities = modalities

    def _options(self) -> tuple[object, ...]:
        return self.modalities

    def _decode_images(self, case: Case) -> list[NDArray[np.uint8]]:
        channels = []
        for name in case.images:
            volume = entry_volume(self.archive, name)
            grey = scaled_8bit(volume.array, outside=0)
            channels.append(to_slices(grey, volume.orientation, plane=self.plane))
        return channels

    def _decode_labels(self, case: Case) -> NDArray[Any]:
        volume = entry_volume(self.archive, case.labels or "")
        return to_slices(volume.array, volume.orientation, plane=self.plane)

    def _classes(self, case: Case, values: Sequence[int]) -> dict[int, int]:
        unexpected = sorted(set(values) - set(_CLASS_OF_LABEL))
        from_2023 = _LATER_VISIT.fullmatch(case.id) is not None
        if unexpected or (4 in values and (3 in values or from_2023)):
            raise InputError(
                f"{self.archive.where(case.labels or '')}: labels {', '.join(map(str, values))}; "
                "expected 0, 1, 2, 4 (BraTS to 2022) or 0, 1, 2, 3 (from 2023)"
            )
        return {value: _CLASS_OF_LABEL[value] for value in values}


class BraTSFlair(BraTS):
    """The same files, FLAIR alone, and the whole tumour: what a single sequence can show.

    A model of it takes any FLAIR volume, where one of ``BraTS`` needs a second sequence on the same
    grid.
    """

    info: ClassVar[DatasetInfo] = replace(
        BraTS.info,
        name="brats_flair",
        title="BraTS, FLAIR alone",
        modality="brain MRI (FLAIR; 1 mm, skull removed)",
        foreground="whole tumour",
        layout="a folder per case with <case>_flair.nii and _seg (or .nii.gz)",
        classes=("whole tumour",),
        regions={},
        stored_labels=len(BraTS.info.classes),
    )

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        modalities: Sequence[str] = ("flair",),
        slices: tuple[int, int] | None = PAPER_SLICES,
        plane: str = "axial",
    ) -> "BraTSFlair":
        """As ``BraTS.open``, with one channel."""
        opened = super().open(path, modalities=modalities, slices=slices, plane=plane)
        assert isinstance(opened, cls)
        return opened

    def _classes(self, case: Case, values: Sequence[int]) -> dict[int, int]:
        return {value: min(kind, 1) for value, kind in super()._classes(case, values).items()}


def _find(archive: Archive, problems: list[Problem]) -> dict[str, dict[str, str]]:
    """Case → modality or ``seg`` → file."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    folders: dict[str, set[str]] = defaultdict(set)
    others: dict[str, list[str]] = defaultdict(list)
    for name in archive.names:
        folder, _, last = name.rpartition("/")
        match = _FILE.fullmatch(last)
        if match:
            case, kind = match["case"], match["kind"].lower()
            kind = _ALIASES.get(kind, kind)
            first = found[case].setdefault(kind, name)
            folders[folder].add(case)
            if first != name and first != name.removesuffix(".gz"):
                detail = f"a second {kind} of {case}; {first} is used"
                problems.append(Problem(kind="duplicate_case", where=name, detail=detail))
        elif re.search(r"seg.*\.nii(\.gz)?$", last, re.IGNORECASE):
            others[folder].append(name)
    for folder, names in others.items():
        # BraTS 2020 has one: the segmentation of case 355 is named W39_1998.09.19_Segm.nii
        (case, *more) = folders[folder] or {""}
        if case and not more and len(names) == 1 and "seg" not in found[case]:
            found[case]["seg"] = names[0]
            detail = f"not named as published; read as the segmentation of {case}"
            problems.append(Problem(kind="misnamed", where=names[0], detail=detail))
    return dict(sorted(found.items()))


def _case(
    archive: Archive,
    name: str,
    files: dict[str, str],
    *,
    chosen: tuple[str, ...],
    plane: str,
    problems: list[Problem],
) -> Case | None:
    """A case whose chosen modalities are there and lie on one grid, else None and a problem."""
    missing = [MODALITIES[kind] for kind in chosen if kind not in files]
    if missing:
        if set(files) == {"seg"}:
            detail = "no image belongs to this segmentation"
            problems.append(Problem(kind="orphan_mask", where=files["seg"], detail=detail))
        else:
            detail = f"{' and '.join(missing)} missing; the case is left out"
            problems.append(Problem(kind="missing_image", where=name, detail=detail))
        return None
    images = tuple(files[kind] for kind in chosen)
    first: Geometry | None = None
    for file in images:
        geometry = fitting_geometry(
            archive, file, expected=first, other=images[0], problems=problems
        )
        if geometry is None:
            return None
        first = first or geometry
    assert first is not None
    labels = files.get("seg")
    if labels is None:
        # the validation and test cases come without, on purpose
        if not re.search("valid|test", name, re.IGNORECASE):
            detail = "no segmentation; its slices can be predicted, not scored"
            problems.append(Problem(kind="missing_mask", where=name, detail=detail))
    elif not fitting_geometry(archive, labels, expected=first, other=images[0], problems=problems):
        labels = None
    _, height_mm, width_mm = along(first.spacing_mm, first.orientation, plane=plane)
    facts = {"modalities": ", ".join(MODALITIES[kind] for kind in chosen)}
    grade = {"HGG", "LGG"} & set(images[0].upper().split("/"))
    visit = _LATER_VISIT.fullmatch(name)
    return Case(
        id=clean_name(name),
        group=visit[1] if visit else name,
        images=images,
        labels=labels,
        depth=along(first.shape, first.orientation, plane=plane)[0],
        spacing_mm=(height_mm, width_mm),
        facts={**facts, "grade": grade.pop()} if grade else facts,
    )
