"""An image or volume and a model → a ``Case``; command line and server make theirs here."""

from collections.abc import Callable
from pathlib import PurePath

import numpy as np

from core.errors import InputError
from core.export.case import AS_IT_IS, Case, ModelFacts
from core.imaging import Image, SourceFile, Volume
from core.imaging.intensities import AS_TRAINED, shown_as
from core.inference.slice_by_slice import predict_volume
from core.models import TrainedModel
from core.models.fit import warnings_of
from core.threshold.postprocessing import PostProcessing

Progress = Callable[[int, int], None]


def case_of(
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
    """Predict an image, or a volume, in the plane of its acquisition.

    Args:
        found: What was read.
        trained: The model.
        facts: What exports say of it.
        name: Stem of the exports' names; empty takes that of the file.
        k: Index of the threshold; None takes the operating point.
        post_processing: What happens to the mask after the threshold; None takes the operating
            point's, which is for images and is not applied to volumes.
        intensities: Of a file of more than 8 bits, key of ``core.imaging.intensities.CHOICES``.
        progress: Of a volume: slices done and slices in all.

    Raises:
        InputError: The image does not fit the model, or the intensities do not fit the image.
    """
    found = shown_as(found, intensities, trained.intensities)
    try:
        return _case(
            found,
            trained,
            facts,
            name=name,
            k=k,
            post_processing=post_processing,
            progress=progress,
        )
    except InputError as wrong:  # the network knows no file
        raise InputError(f"{found.name}: {wrong}") from wrong


def _case(
    found: Image | Volume,
    trained: TrainedModel,
    facts: ModelFacts,
    *,
    name: str,
    k: int | None,
    post_processing: PostProcessing | None,
    progress: Progress | None,
) -> Case:
    point = trained.operating_point
    manual = k is not None and k != point.k
    chosen = f"set manually; {point.name} would be {point.threshold:.3f}" if manual else point.name
    stem = name or PurePath(found.name.removesuffix(".gz")).stem
    sources: tuple[SourceFile, ...] = found.source_files if found.facts.format == "DICOM" else ()
    threshold = point.k if k is None else k
    if isinstance(found, Image):
        grey = trained.predictor.in_channels == 1
        pixels = found.grey8() if grey else found.rgb8()
        return Case(
            name=stem,
            image=pixels,
            levels=trained.predictor.levels(pixels),
            k=threshold,
            threshold_source=chosen,
            model=facts,
            post_processing=point.post_processing if post_processing is None else post_processing,
            spacing_mm=found.spacing_mm,
            affine=found.affine,
            sides=found.sides,
            sources=sources,
            warnings=warnings_of(found, trained.facts),
        )
    slices = found.to_uint8()  # (D, H, W)
    levels = np.zeros(slices.shape, np.uint16)
    predict_volume(
        trained.predictor,
        slices,
        levels,
        after_each=lambda done: progress(done, len(slices)) if progress else None,
    )
    return Case(
        name=stem,
        image=slices,
        levels=levels,
        k=threshold,
        threshold_source=chosen,
        model=facts,
        post_processing=post_processing or AS_IT_IS,
        spacing_mm=found.slice_spacing_mm() if found.spacing_known else None,
        geometry=found,
        plane=found.plane,
        sources=sources,
        warnings=warnings_of(found, trained.facts),
    )
