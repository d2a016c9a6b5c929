"""Volumes as data sets of slices: what ``brats`` and ``nnunet`` share.

A case is decoded once and kept while its slices are read, for they are read one after another. In
memory are at most two cases, each with one byte per voxel and channel and its labels, and while a
case is decoded one volume as stored: for BraTS with two modalities 2 x 27 MB and 18 MB.
"""

import hashlib
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.data.base import Dataset, Problem, Sample
from core.errors import InputError
from core.imaging.nifti import PLANES, Geometry, Volume

Decoded = TypeVar("Decoded")

CASES_HELD = 2
_AXIS = {"axial": "z", "coronal": "y", "sagittal": "x"}
_ENOUGH = 4_000_000  # voxels for a percentile; more change it by less than a grey level


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


@dataclass(frozen=True)
class Labels:
    """The labels of one case in the values of the file."""

    slices: NDArray[Any]
    """Integers, shape (D, H, W)."""
    values: tuple[int, ...]
    """Those that occur, ascending."""


class SlicedDataset(Dataset):
    """A data set of volumes, one sample per slice."""

    def __init__(
        self,
        path: Path,
        cases: Sequence[Case],
        problems: Sequence[Problem],
        *,
        plane: str,
        slices: tuple[int, int] | None,
    ) -> None:
        if not cases and problems:
            first = problems[0]
            raise InputError(
                f"{path}: none of the cases can be used; the first: {first.where}: {first.detail}"
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
        self.plane, self.slices = plane, slices
        self._cases = {case.id: case for case in cases}
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
        return planes[0].copy() if len(planes) == 1 else np.stack(planes, axis=-1)

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
        return classes[labels.slices[int(sample.facts["slice"])]]

    def stored_masks(self, sample: Sample) -> list[tuple[str, NDArray[Any]]]:
        """The slice of the label file, in its values."""
        if not sample.has_truth:
            return []
        case, labels = self._labels_of(sample)
        return [(case.labels or "", labels.slices[int(sample.facts["slice"])].copy())]

    def fingerprint(self) -> str:
        """As ``Dataset.fingerprint``; other slices or channels are other data."""
        digest = hashlib.sha256(super().fingerprint().encode())
        digest.update(repr((self.plane, self.slices, self._options())).encode())
        return digest.hexdigest()

    def _options(self) -> tuple[object, ...]:
        """Further choices that change samples or pixels."""
        return ()

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
    """The last few results of a dear function; two threads never compute the same one."""

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


def as_labels(slices: NDArray[Any], *, where: str) -> Labels:
    """Check that labels are whole numbers from 0 to 65535.

    Args:
        slices: Shape (D, H, W), integers, or real numbers that are whole.
        where: File, for the error.

    Raises:
        InputError: They are not.
    """
    low, high = slices.min(), slices.max()
    if not (low >= 0 and high < 1 << 16):  # also false for NaN
        raise InputError(f"{where}: labels go from {low} to {high}; expected whole numbers from 0")
    whole = slices.astype(np.uint8 if high < 256 else np.uint16)
    if slices.dtype.kind == "f" and not np.array_equal(whole, slices):
        raise InputError(f"{where}: labels are not whole numbers; export them without resampling")
    present = np.zeros(int(high) + 1, np.bool_)
    for plane in whole:  # at once, the index would take eight bytes per voxel
        present[plane] = True
    return Labels(whole, tuple(np.flatnonzero(present).tolist()))


def scaled_8bit(
    array: NDArray[Any], *, outside: float, window: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
    """Intensities of one volume as 0…255: 0 outside the body, 1…255 inside.

    Args:
        array: Shape (X, Y, Z).
        outside: Value of the voxels outside; they and those that are not finite become 0, exactly
            and alone.
        window: Values that become 1 and 255; by default the percentiles 0.5 and 99.5 of the voxels
            inside (of about four million evenly spaced ones where there are more).

    Returns:
        Same shape; what lies beyond the window is clipped, and a body of one value is all 255.
    """
    if window is None:
        some = array.ravel(order="K")[:: max(1, array.size // _ENOUGH)]
        inside = some[np.isfinite(some) & (some != outside)]
        if not inside.size:
            return np.zeros(array.shape, np.uint8, order="F")
        low, high = (float(value) for value in np.percentile(inside, (0.5, 99.5)))
    else:
        low, high = window
    result = np.empty(array.shape, np.uint8, order="F")
    for n in range(array.shape[2]):  # contiguous as the file has it, and small as float32
        plane = array[..., n]
        inside = np.isfinite(plane) & (plane != outside)
        grey = np.full(plane.shape, 255, np.float32)
        if high > low:
            with np.errstate(all="ignore"):  # what is not finite is outside
                np.subtract(plane, low, out=grey, casting="unsafe")
                grey *= 254 / (high - low)
            grey = np.rint(np.clip(grey, 0, 254)) + 1
        result[..., n] = np.where(inside, grey, 0)
    return result


def grid_problem(found: Geometry, expected: Geometry, *, where: str, other: str) -> Problem | None:
    """What keeps two volumes from being laid on each other voxel by voxel, if anything.

    Half a voxel between their corners is let pass: programs round affines differently.
    """
    ours, theirs = found.shape[:3], expected.shape[:3]
    if ours != theirs:
        ours_text, theirs_text = (" x ".join(map(str, shape)) for shape in (ours, theirs))
        detail = f"has {ours_text} voxels, {other} has {theirs_text}"
        return Problem(kind="wrong_size", where=where, detail=detail)
    corners = np.array(np.meshgrid(*((0, size - 1) for size in ours), [1])).reshape(4, -1)
    apart = float(np.abs((found.affine - expected.affine) @ corners).max())
    if apart > min(found.spacing_mm) / 2:
        detail = f"lies up to {apart:.1f} mm away from {other}; resample both to one grid"
        return Problem(kind="misaligned", where=where, detail=detail)
    return None


def check_slicing(plane: str, slices: tuple[int, int] | None) -> None:
    """Refuse a plane or a range of slices that cannot be.

    Raises:
        InputError: Unknown plane, or a range that is negative or runs backwards.
    """
    if plane not in PLANES:
        raise InputError(f"unknown plane '{plane}'; choose one of {', '.join(PLANES)}")
    if slices is not None and not 0 <= slices[0] <= slices[1]:
        raise InputError(f"slices {slices[0]} to {slices[1]}; give first and last, from 0")


__all__ = ["Case", "SlicedDataset", "Volume"]
