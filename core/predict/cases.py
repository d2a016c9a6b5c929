"""Image or volume and a model → a ``Case``: page, command line and API make theirs here."""

from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.export.case import AS_IT_IS, Case, ModelFacts
from core.export.measure import Mask
from core.imaging import Image, SourceFile, Volume
from core.imaging.intensities import AS_TRAINED, shown_as
from core.inference.slice_by_slice import predict_volume
from core.levels import LevelMap
from core.models import TrainedModel
from core.models.fit import warnings_of
from core.threshold.operating_point import OperatingPoint
from core.threshold.postprocessing import PostProcessing

Progress = Callable[[int, int], None]


def predict_case(
    found: Image | Volume,
    trained: TrainedModel,
    facts: ModelFacts,
    *,
    name: str = "",
    k: int | None = None,
    post_processing: PostProcessing | None = None,
    intensities: str = AS_TRAINED,
    progress: Progress | None = None,
) -> Case:
    """Predict an image, or a volume in the plane of its acquisition.

    Args:
        found: What was read.
        trained: The model.
        facts: What exports say of it.
        name: Stem of the exports' names; empty takes that of the file.
        k: Index of the threshold; None takes the operating point.
        post_processing: None takes the operating point's, which is for images and is not applied to
            volumes.
        intensities: Of a file of more than 8 bits, key of ``core.imaging.intensities.CHOICES``.
        progress: Of a volume: slices done and slices in all.

    Raises:
        InputError: The image does not fit the model, or the intensities do not fit the image.
    """
    found = shown_as(found, intensities, trained.intensities)
    try:
        shown, levels = _levels(found, trained, progress)
    except InputError as wrong:  # the network knows no file
        raise InputError(f"{found.name}: {wrong}") from wrong
    return build_case(
        name=name or stem_of(found.name),
        image=shown,
        levels=levels,
        point=trained.operating_point,
        facts=facts,
        source=found,
        k=k,
        post_processing=post_processing,
        warnings=warnings_of(found, trained.facts),
    )


def build_case(
    *,
    name: str,
    image: NDArray[np.uint8],
    levels: LevelMap,
    point: OperatingPoint,
    facts: ModelFacts,
    source: Image | Volume | None = None,
    k: int | None = None,
    post_processing: PostProcessing | None = None,
    warnings: tuple[str, ...] = (),
    spacing_mm: tuple[float, float] | None = None,
    truth: Mask | None = None,
    corrected: Mask | None = None,
) -> Case:
    """A case from a level map that is there.

    Args:
        name: Stem of the exports' names.
        image: As the viewer shows it, shape (H, W), (H, W, 3) or (D, H, W).
        levels: Shape (H, W) or (D, H, W).
        point: The model's operating point.
        facts: What exports say of the model.
        source: The file that the image is from; it says where the pixels lie in the patient.
        k: Index of the threshold; None takes the operating point.
        post_processing: None takes the operating point's for an image, none for a volume.
        warnings: What to know before the mask is trusted.
        spacing_mm: Of an image without a source.
        truth: Reference mask, shape as ``levels``.
        corrected: A mask edited manually, in the place of the one that the threshold gives.
    """
    chosen = point.k if k is None else k
    default = point.post_processing if levels.ndim == 2 else AS_IT_IS
    return Case(
        name=name,
        source_name=source.name if source else "",
        image=image,
        levels=levels,
        k=chosen,
        threshold_source=threshold_source(point, chosen),
        model=facts,
        post_processing=default if post_processing is None else post_processing,
        warnings=warnings,
        truth=truth,
        corrected=corrected,
        sources=_sources(source),
        **_geometry(source, spacing_mm),
    )


def threshold_source(point: OperatingPoint, k: int) -> str:
    """Where the threshold of a case comes from, in words."""
    if k == point.k:
        return point.name
    return f"set manually; {point.name} would be {point.threshold:.3f}"


def stem_of(name: str) -> str:
    """The start of the exports' names: that of the file, without its ending."""
    return PurePath(name.removesuffix(".gz")).stem


def _levels(
    found: Image | Volume, trained: TrainedModel, progress: Progress | None
) -> tuple[NDArray[np.uint8], LevelMap]:
    """The image as the model sees it, and its level map."""
    if isinstance(found, Image):
        grey = trained.predictor.in_channels == 1
        pixels = found.grey8() if grey else found.rgb8()
        return pixels, trained.predictor.levels(pixels)
    slices = found.to_uint8()  # (D, H, W)
    levels = np.zeros(slices.shape, np.uint16)
    predict_volume(
        trained.predictor,
        slices,
        levels,
        after_each=lambda done: progress(done, len(slices)) if progress else None,
    )
    return slices, levels


def _sources(source: Image | Volume | None) -> tuple[SourceFile, ...]:
    """The DICOM files that a segmentation can refer to."""
    if source is None or source.facts.format != "DICOM":
        return ()
    return source.source_files


def _geometry(
    source: Image | Volume | None, spacing_mm: tuple[float, float] | None
) -> dict[str, Any]:
    """Where the pixels lie, as far as the file says."""
    if isinstance(source, Volume):
        known = source.spacing_known
        return {
            "spacing_mm": source.slice_spacing_mm() if known else None,
            "geometry": source,
            "plane": source.plane,
        }
    if source is None:
        return {"spacing_mm": spacing_mm}
    return {"spacing_mm": source.spacing_mm, "affine": source.affine, "sides": source.sides}
