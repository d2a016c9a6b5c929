"""The data-set contract: what a module in ``core/data`` offers to everything else.

A data set is opened where it lies, in its published layout; nothing is copied. Opening lists the
samples; pixels are read on demand.
"""

import hashlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError


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
    """Where it is published; empty for drawn data."""
    layout: str
    """One line: which files are expected under the path."""


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
    spacing_mm: tuple[float, float] | None = None
    """Pixel height and width in millimetres, where known."""
    facts: dict[str, str] = field(default_factory=dict)
    """Whatever else the data set says of this image."""


class Dataset(ABC):
    """An opened data set: samples listed, pixels read on demand."""

    info: ClassVar[DatasetInfo]

    def __init__(self, path: Path | None, samples: Sequence[Sample]) -> None:
        if not samples:
            raise InputError(f"{path}: no images found; expected {self.info.layout}")
        self.path = path
        self.samples = tuple(samples)

    @classmethod
    @abstractmethod
    def open(cls, path: Path | None) -> "Dataset":
        """List the samples under ``path``, a folder or file in the published layout.

        Raises:
            InputError: The path is missing or does not hold this data set.
        """

    def fingerprint(self) -> str:
        """SHA-256 of the content; the same files under another path give the same value."""
        digest = hashlib.sha256(self.info.name.encode())
        for file in self._content_files():
            digest.update(file.name.encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    def _content_files(self) -> list[Path]:
        """Files whose bytes decide the pixels; for drawn data that is the drawing code."""
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
        """Reference mask, shape (H, W), 1 where foreground.

        Raises:
            ValueError: ``sample.has_truth`` is False.
        """
