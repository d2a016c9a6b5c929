"""Volumes as data sets of slices: what ``brats``, ``nnunet`` and ``volumes`` share.

A case is decoded once and kept while its slices are read, for they are read one after another. In
memory are at most two cases, each with one byte per voxel and channel and its labels, and while a
case is decoded one volume as stored: for BraTS with two modalities 2 x 27 MB and 18 MB.
"""

import hashlib
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.data.archive import Archive
from core.data.base import Dataset, Problem, Sample
from core.data.volumes import Labels, as_labels, with_second_files
from core.errors import InputError
from core.imaging.planes import PLANES

Decoded = TypeVar("Decoded")

CASES_HELD = 2
_AXIS = {"axial": "z", "coronal": "y", "sagittal": "x"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One volume with its channels and labels, not yet decoded."""

    id: str
    """Unique within the data set; safe as a file name."""
    group: str
    """The patient."""
    images: tuple[str, ...]
    """Files of the channels, in their order, or the one file that has them all."""
    labels: str | None = None
    """File of the reference labels."""
    depth: int
    """Number of slices in the plane read."""
    sliced: bool = True
    """False for a 2D image, which is one sample under the name of the case."""
    split: str = ""
    """As in ``Sample``."""
    spacing_mm: tuple[float, float] | None = None
    """Row and column distance of a slice."""
    facts: dict[str, str] = field(default_factory=dict)
    """Shown with every slice."""


class SlicedDataset(Dataset):
    """A data set of volumes, one sample per slice."""

    def __init__(
        self,
        archive: Archive,
        cases: Sequence[Case],
        problems: Sequence[Problem],
        *,
        root: str,
        plane: str,
        slices: tuple[int, int] | None,
    ) -> None:
        path = archive.path
        if not cases and problems:
            found = problems[0]
            raise InputError(
                f"{path}: none of the cases can be used; the first: {found.where}: {found.detail}"
            )
        samples = []
        first, last = slices or (0, max((case.depth for case in cases), default=0))
        for case in cases:
            for n in range(first, min(last + 1, case.depth)) if case.sliced else (0,):
                facts = {"case": case.id, "slice": str(n), **case.facts}
                sample = Sample(
                    id=f"{case.id}-{_AXIS[plane]}{n:03d}" if case.sliced else case.id,
                    group=case.group,
                    split=case.split,
                    has_truth=case.labels is not None,
                    masks=int(case.labels is not None),
                    spacing_mm=case.spacing_mm,
                    facts=facts,
                )
                samples.append(sample)
        if cases and not samples:
            raise InputError(
                f"{path}: no case has a slice {first}; the largest has "
                f"{max(case.depth for case in cases)}, counted from 0; choose other slices"
            )
        super().__init__(path, samples, problems)
        self.archive, self.plane, self.slices = archive, plane, slices
        self._root = root
        self._cases = {case.id: case for case in cases}
        if len(self._cases) < len(cases):
            raise InputError(f"{path}: two cases have one name; rename or remove one of them")
        self._images = Recent(self._load_images, CASES_HELD)
        self._labels = Recent(self._load_labels, CASES_HELD)

    @abstractmethod
    def _decode_images(self, case: Case) -> list[NDArray[np.uint8]]:
        """One (D, H, W) per channel."""

    @abstractmethod
    def _decode_labels(self, case: Case) -> NDArray[Any]:
        """Labels as stored, shape (D, H, W)."""

    @abstractmethod
    def _classes(self, case: Case, values: Sequence[int]) -> dict[int, int]:
        """Label of the file → class 0…K for the values that occur.

        Raises:
            InputError: A value is none that the data set knows.
        """

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """One slice, shape (H, W, C); (H, W) where there is one channel."""
        n = int(sample.facts["slice"])
        planes = [channel[n] for channel in self._images.get(sample.facts["case"])]
        return np.array(planes[0]) if len(planes) == 1 else np.stack(planes, axis=-1)

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """See ``Dataset.truth``.

        Raises:
            ValueError: ``sample.has_truth`` is False.
            InputError: The case has labels that the data set does not know.
        """
        case, labels = self._labels_of(sample)
        classes = np.zeros(max(labels.values, default=0) + 1, np.uint8)
        for value, number in self._classes(case, labels.values).items():
            classes[value] = number
        truth: NDArray[np.uint8] = classes[labels.slices[int(sample.facts["slice"])]]
        return truth

    def stored_masks(self, sample: Sample) -> list[tuple[str, NDArray[Any]]]:
        """The slice of the label file, in its values."""
        if not sample.has_truth:
            return []
        case, labels = self._labels_of(sample)
        return [(case.labels or "", labels.slices[int(sample.facts["slice"])].copy())]

    def fingerprint(self) -> str:
        """SHA-256 over the files in use, of a zip over the zip; other slices are other data."""
        files = {name for case in self._cases.values() for name in self._files_of(case)}
        names = with_second_files(self.archive, sorted(files))
        content = self.archive.fingerprint(names, self._root)
        chosen = (self.info.name, self.plane, self.slices, self._options())
        return hashlib.sha256(f"{content} {chosen!r}".encode()).hexdigest()

    def _options(self) -> tuple[object, ...]:
        """Further choices that change samples or pixels."""
        return ()

    def _files_of(self, case: Case) -> tuple[str, ...]:
        """All files that a case is read from."""
        return (*case.images, *([case.labels] if case.labels else []))

    def _labels_of(self, sample: Sample) -> tuple[Case, Labels]:
        if not sample.has_truth:
            raise ValueError(f"{sample.id} has no published label")
        return self._cases[sample.facts["case"]], self._labels.get(sample.facts["case"])

    def _load_images(self, case_id: str) -> list[NDArray[np.uint8]]:
        return self._decode_images(self._cases[case_id])

    def _load_labels(self, case_id: str) -> Labels:
        case = self._cases[case_id]
        return as_labels(self._decode_labels(case), where=case.labels or case_id)


class Recent(Generic[Decoded]):
    """The last few results of an expensive function; two threads never compute the same one."""

    def __init__(self, load: Callable[[str], Decoded], size: int) -> None:
        self._load, self._size = load, size
        self._held: OrderedDict[str, Decoded] = OrderedDict()
        self._busy: dict[str, Lock] = {}
        self._lock = Lock()

    def get(self, key: str) -> Decoded:
        """The result for ``key``, computed at most once while it is held."""
        with self._lock:
            own = self._busy.setdefault(key, Lock())
        with own:
            with self._lock:
                if key in self._held:
                    self._held.move_to_end(key)
                    return self._held[key]
            value = self._load(key)
            with self._lock:
                self._held[key] = value
                while len(self._held) > self._size:
                    self._held.popitem(last=False)
            return value

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process starts with nothing held."""
        return type(self), (self._load, self._size)


def check_slicing(plane: str, slices: tuple[int, int] | None) -> None:
    """Refuse a plane or a range of slices that cannot be.

    Raises:
        InputError: Unknown plane, or a range that is negative or runs backwards.
    """
    if plane not in PLANES:
        raise InputError(f"unknown plane '{plane}'; choose one of {', '.join(PLANES)}")
    if slices is not None and not 0 <= slices[0] <= slices[1]:
        raise InputError(f"slices {slices[0]} to {slices[1]}; give first and last, from 0")
