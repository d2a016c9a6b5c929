"""A picture or volume and a model → a ``Case``; command line and server make theirs here."""

from collections.abc import Callable
from pathlib import PurePath

import numpy as np

from core.errors import InputError
from core.export.case import AS_IT_IS, Case, ModelFacts
from core.imaging import Image, SourceFile, Volume
from core.imaging.intensities import LEARNT, shown_as
from core.inference.slice_by_slice import predict_volume
from core.models import TrainedModel
from core.models.fit import doubts
from core.threshold.postprocessing import CleanUp

Progress = Callable[[int, int], None]


def case_of(
    found: Image | Volume,
    trained: TrainedModel,
    facts: ModelFacts,
    *,
    name: str = "",
    k: int | None = None,
    clean_up: CleanUp | None = None,
    greys: str = LEARNT,
    progress: Progress | None = None,
) -> Case:
    """Predict a picture, or a volume, in the plane of its acquisition.

    Args:
        found: What was read.
        trained: The model.
        facts: What exports say of it.
        name: Stem of the exports' names; empty takes that of the file.
        k: Index of the threshold; None takes the operating point.
        clean_up: What happens to the mask after the threshold; None takes the operating point's,
            which is for pictures and is not applied to volumes.
        greys: Of a file of more than 8 bits, key of ``core.imaging.intensities.CHOICES``.
        progress: Of a volume: slices done and slices in all.

    Raises:
        InputError: The picture does not fit the model, or the greys do not fit the picture.
    """
    found = shown_as(found, greys, trained.greys)
    try:
        return _case(found, trained, facts, name=name, k=k, clean_up=clean_up, progress=progress)
    except InputError as wrong:  # the network knows no file
        raise InputError(f"{found.name}: {wrong}") from wrong


def _case(
    found: Image | Volume,
    trained: TrainedModel,
    facts: ModelFacts,
    *,
    name: str,
    k: int | None,
    clean_up: CleanUp | None,
    progress: Progress | None,
) -> Case:
    point = trained.operating_point
    by_hand = k is not None and k != point.k
    chosen = f"set by hand; {point.name} would be {point.threshold:.3f}" if by_hand else point.name
    stem = name or PurePath(found.name.removesuffix(".gz")).stem
    sources: tuple[SourceFile, ...] = found.source_files if found.facts.format == "DICOM" else ()
    threshold = point.k if k is None else k
    if isinstance(found, Image):
        grey = trained.predictor.in_channels == 1
        pixels = found.grey8() if grey else found.rgb8()
        return Case(
            name=stem,
            picture=pixels,
            levels=trained.predictor.levels(pixels),
            k=threshold,
            threshold_source=chosen,
            model=facts,
            clean_up=point.clean_up if clean_up is None else clean_up,
            spacing_mm=found.spacing_mm,
            affine=found.affine,
            sides=found.sides,
            sources=sources,
            doubts=doubts(found, trained.facts),
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
        picture=slices,
        levels=levels,
        k=threshold,
        threshold_source=chosen,
        model=facts,
        clean_up=clean_up or AS_IT_IS,
        spacing_mm=found.slice_spacing_mm() if found.spacing_known else None,
        geometry=found,
        plane=found.plane,
        sources=sources,
        doubts=doubts(found, trained.facts),
    )
