"""A case: one image or volume with its level map, at one threshold, ready to be downloaded."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.export.measure import Component, Labels, Mask, components, measure
from core.imaging.planes import sides_of_plane
from core.imaging.volume import Geometry
from core.levels import STEPS, LevelMap, mask_at
from core.threshold.postprocessing import PostProcessing, clean


class Source(Protocol):
    """A file wherever it lies; see ``core.imaging.source_file``."""

    def read(self) -> bytes:
        """All of it."""


AUTOMATIC, SEMIAUTOMATIC, MANUAL = "AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"
"""How a mask came about, as DICOM names it."""
AS_IT_IS = PostProcessing()
DISCLAIMER = "Research use only. Not a medical device."


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What an export says of the model, and nothing that came with the image."""

    name: str
    """Of the shipped model or run."""
    sha256: str = ""
    """Of its weights, 64 hex digits; empty where there are none."""
    architecture: str = ""
    """The network and its paper."""
    trained_on: str = ""
    """Data set, number of images, licence."""
    marks: str = ""
    """What the foreground is."""
    sees: str = ""
    """At which scale it reads an image."""
    performance: str = ""
    """Scores on held-out images, with their conventions."""
    limits: tuple[str, ...] = ()
    """What it cannot be relied upon for, a sentence each."""

    def document(self) -> dict[str, Any]:
        """For a JSON file."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Everything an export may draw from."""

    name: str
    """Stem of the files that are written; see ``core.imaging.names.clean_name``."""
    image: NDArray[np.uint8]
    """As the viewer shows it: (H, W), (H, W, 3), or (D, H, W) where it is a volume."""
    levels: LevelMap
    """Shape (H, W) or (D, H, W)."""
    k: int
    """Threshold k/1000."""
    threshold_source: str
    """Where the threshold comes from: ``Best Dice on validation``, ``set manually``."""
    model: ModelFacts
    """Which model made the level map."""
    post_processing: PostProcessing = AS_IT_IS
    """What happened to the mask after the threshold."""
    spacing_mm: tuple[float, ...] | None = None
    """Along each axis of ``levels``; None where unknown."""
    geometry: Geometry | None = None
    """How the voxels of ``levels`` lie in the file they came from, turned by ``to_slices``."""
    affine: NDArray[np.float64] | None = None
    """Of an image: column, row and 0 to patient position in millimetres, (4, 4), where known."""
    sides: str = ""
    """Of an image: what of the patient lies at its left, right, top and bottom; see
    ``core.imaging.Image``."""
    plane: str = "axial"
    """The plane of the slices, a key of ``core.imaging.planes.PLANES``."""
    sources: tuple[Path | bytes | Source, ...] = ()
    """The DICOM files, one for each slice of ``levels`` and in its order."""
    warnings: tuple[str, ...] = ()
    """What to know before the mask is trusted, a sentence each."""
    truth: Mask | None = None
    """Reference mask, shape as ``levels``."""
    corrected: Mask | None = None
    """A mask edited manually, in the place of the one the threshold gives."""
    source_name: str = ""
    """File name of the image with its extension; see ``core.imaging.clean_name``."""

    @property
    def is_volume(self) -> bool:
        """Whether there are slices."""
        return self.levels.ndim == 3

    @property
    def file_name(self) -> str:
        """The file that the image was read from, as importers look for it; else ``name``."""
        return self.source_name or self.name

    @cached_property
    def made_by(self) -> str:
        """``AUTOMATIC``, or of a corrected mask ``SEMIAUTOMATIC`` or ``MANUAL``.

        It is manual where it shares no foreground with what the model found.
        """
        if self.corrected is None:
            return AUTOMATIC
        model = clean(mask_at(self.levels, self.k), self.post_processing)
        if np.array_equal(model, self.corrected):
            return AUTOMATIC
        return SEMIAUTOMATIC if (model & self.corrected).any() else MANUAL

    @property
    def shown_sides(self) -> str:
        """``sides``, or those of a volume's slices; empty where the file does not say."""
        if self.geometry is None:
            return self.sides
        return sides_of_plane(self.plane) if self.geometry.orientation_known else ""

    @property
    def threshold(self) -> float:
        """k/1000."""
        return self.k / STEPS

    @cached_property
    def mask(self) -> Mask:
        """Foreground at the threshold, post-processed, or as corrected; shape as ``levels``."""
        if self.corrected is not None:
            return self.corrected
        return clean(mask_at(self.levels, self.k), self.post_processing)

    @cached_property
    def labels(self) -> Labels:
        """Numbered components of the mask."""
        return components(self.mask)

    @cached_property
    def components(self) -> list[Component]:
        """Their measurements."""
        return measure(
            self.labels, levels=self.levels, spacing_mm=self.spacing_mm, unit_mm=self.unit_mm
        )

    @property
    def unit_mm(self) -> float | None:
        """Area of a pixel in mm², or volume of a voxel in mm³; None where the spacing is unknown.

        Of a volume it is the affine's determinant: a tilted gantry shears the slices against each
        other, and the product of the spacings would be too much.
        """
        if self.spacing_mm is None:
            return None
        if self.geometry is not None:
            return abs(float(np.linalg.det(self.geometry.affine[:3, :3])))
        return float(np.prod(self.spacing_mm))

    @cached_property
    def fullest_slice(self) -> int:
        """The slice with most foreground, the middle one if there is none; 0 of an image."""
        if not self.is_volume:
            return 0
        areas = np.count_nonzero(self.mask, axis=(1, 2))
        return int(areas.argmax()) if areas.any() else len(areas) // 2

    @property
    def row(self) -> dict[str, Any]:
        """Threshold, area or volume, and number of components, for a table of results."""
        foreground = int(np.count_nonzero(self.mask))
        size_mm = None if self.unit_mm is None else foreground * self.unit_mm
        size_ml = None if size_mm is None else size_mm / 1000
        return {
            "threshold": self.threshold,
            "foreground_px": foreground,
            "area_mm2": None if self.is_volume else size_mm,
            **({"volume_ml": size_ml} if self.is_volume else {}),
            "components": int(self.labels.max(initial=0)),
        }
