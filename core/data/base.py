"""The data-set contract: what a module in ``core/data`` offers to everything else.

A data set is opened where it lies, in its published layout; nothing is copied. Opening lists the
samples; pixels are read on demand.
"""

import hashlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.imaging.intensities import IntensityMapping


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """Facts about a data set, shown beside every number that comes from it."""

    name: str
    """Key in ``DATASETS``."""
    title: str
    """What people call it."""
    modality: str
    """How the images were made, e.g. ``electron microscopy``."""
    foreground: str
    """What mask value 1 means, e.g. ``cell interior``."""
    license: str
    """Terms as published."""
    citation: str
    """The reference its authors ask for."""
    homepage: str
    """Where it is published; empty for synthetic data."""
    layout: str
    """One line: which files are expected under the path."""
    download_url: str = ""
    """Address of the file to fetch; empty where a program cannot fetch it."""
    access: str = ""
    """For the others: where to get it, in words."""
    size: int | None = None
    """Square to which training resizes by default; None where all images are of one size."""
    augmentation: dict[str, Any] = field(default_factory=dict)
    """What suits these images, where it differs from ``AugmentationConfig``'s defaults."""
    classes: tuple[str, ...] = ("foreground",)
    """Names of the mask values 1…K; one name where there is only foreground and background."""
    regions: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Regions that are scored, which may overlap, with the mask values each is made of."""
    intensities: IntensityMapping = field(default_factory=IntensityMapping)
    """How stored values of more than 8 bits become the intensities that models see."""
    volumes: bool = False
    """Whether its samples are slices of volumes, which 3-D networks see together."""
    stored_labels: int = 0
    """Values above 0 that masks store, where several of them are one class; 0: one a class."""

    @property
    def file_name(self) -> str:
        """The name as a part of a file's: a colon is no letter of one everywhere."""
        return self.name.replace(":", "-")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One image of a data set."""

    id: str
    """Unique within the data set; safe as a file name."""
    group: str
    """What must stay on one side of a split: a patient, a block of sections."""
    label: str = ""
    """Class of the whole image where the data set has classes."""
    split: str = ""
    """``train``, ``val`` or ``test`` where the data set fixes it, empty where it does not."""
    has_truth: bool = True
    """False where the reference mask is not published."""
    masks: int = 1
    """How many mask files belong to the image."""
    spacing_mm: tuple[float, float] | None = None
    """Pixel height and width in millimetres, where known."""
    facts: dict[str, str] = field(default_factory=dict)
    """Whatever else the data set says of this image."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong with one file, noticed while the data set was opened."""

    kind: str
    """``missing_mask``, ``orphan_mask``, ``unreadable``, … as in the check's findings."""
    where: str
    """The file or sample, relative to the data set."""
    detail: str
    """What was found, in words."""


class Dataset(ABC):
    """An opened data set: samples listed, pixels read on demand."""

    info: ClassVar[DatasetInfo]

    def __init__(
        self, path: Path | None, samples: Sequence[Sample], problems: Sequence[Problem] = ()
    ) -> None:
        if not samples:
            raise InputError(f"{path}: no images found; expected {self.info.layout}")
        self.path = path
        self.samples = tuple(samples)
        self.problems = tuple(problems)
        self.left_out: tuple[str, ...] = ()

    @classmethod
    @abstractmethod
    def open(cls, path: Path | None) -> "Dataset":
        """List the samples under ``path``, a folder or file in the published layout.

        Raises:
            InputError: The path is missing or does not hold this data set.
        """

    def without(self, ids: Sequence[str]) -> Self:
        """The same data set without some of its samples.

        Args:
            ids: Of samples, or of groups, all of whose samples go.

        Raises:
            InputError: There is no such sample or group, or nothing is left.
        """
        if not ids:
            return self
        known = {name for sample in self.samples for name in (sample.id, sample.group)}
        if unknown := sorted(set(ids) - known):
            raise InputError(
                f"{self.info.name} has no image or patient '{unknown[0]}' to leave out; an id here "
                f"is, for example, '{self.samples[0].id}'"
            )
        gone = set(ids)
        kept = tuple(s for s in self.samples if not gone & {s.id, s.group})
        if not kept:
            raise InputError(f"{self.info.name}: every image is to be left out; keep some")
        fewer = copy(self)
        fewer.samples, fewer.left_out = kept, tuple(sorted(gone.union(self.left_out)))
        return fewer

    def content_key(self) -> str:
        """What decides the samples and their pixels: the fingerprint, and what was left out."""
        return " ".join([self.fingerprint(), *map(repr, self.left_out)])

    def fingerprint(self) -> str:
        """SHA-256 of the content; the same files under another path give the same value."""
        digest = hashlib.sha256(self.info.name.encode())
        for file in self._content_files():
            name = file.relative_to(self.path) if self.path and self.path.is_dir() else file.name
            digest.update(str(name).encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    def _content_files(self) -> list[Path]:
        """Files whose bytes decide the pixels; for synthetic data that is the drawing code."""
        if self.path is None:
            module = Path(inspect.getfile(type(self)))
            return sorted(module.parent.glob("*.py")) if module.stem == "__init__" else [module]
        if self.path.is_file():
            return [self.path]
        return sorted(file for file in self.path.rglob("*") if file.is_file())

    @abstractmethod
    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """Pixels as the models see them, shape (H, W) or (H, W, C), 0…255."""

    @abstractmethod
    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        """Reference mask, shape (H, W), 0 for background and 1…K for ``info.classes``.

        Raises:
            ValueError: ``sample.has_truth`` is False.
        """

    @property
    def ignores(self) -> bool:
        """Whether ``ignored`` may find any pixel."""
        return False

    def ignored(self, sample: Sample) -> NDArray[np.bool_] | None:  # noqa: ARG002 - for overriding
        """Pixels that are not annotated, shape (H, W); None where every pixel is.

        They are background in ``truth`` and enter no loss and no metric.
        """
        return None

    def instances(self, sample: Sample) -> NDArray[np.int32] | None:  # noqa: ARG002 - for overriding
        """Number of the object at each pixel, shape (H, W), 0 = none; None without objects."""
        return None

    def stored_image(self, sample: Sample) -> NDArray[Any]:
        """Pixels in the values of the file, for the check; the same as ``image`` where 8-bit."""
        return self.image(sample)

    def stored_masks(self, sample: Sample) -> list[tuple[str, NDArray[Any]]]:
        """Name and pixels of each mask file in the values of the file, for the check."""
        return [(sample.id, self.truth(sample))] if sample.has_truth else []
