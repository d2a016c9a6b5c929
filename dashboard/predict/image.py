"""What the page Predict shows around its viewer: further inputs, warnings, downloads, learning."""

import re
from dataclasses import replace
from functools import partial
from pathlib import PurePath

import numpy as np
import streamlit as st

from core.data import info_of
from core.errors import InputError
from core.export import EXPORTS, Case
from core.imaging import read_image
from core.imaging.names import clean_name
from core.levels import LevelMap
from core.models import TrainedModel
from core.models.fit import warnings_of
from core.predict.cases import build_case
from dashboard.common import cache, widgets
from dashboard.common.examples import Example, kind_of
from dashboard.common.foreign_text import as_text
from dashboard.components.viewer import Decision, threshold_viewer
from dashboard.predict.corrections import corrections_folder, save_correction, saved_count

FIRST = ("report", "report-pdf", "mask", "overlay", "csv")
"""Exports offered first; the rest follow in the order of their table."""
MOST_BESIDE = 2
"""Models beside the chosen one; more would be too narrow to see."""


def further_inputs(model: str, example: Example) -> tuple[Example, bool, list[str]]:
    """A truth mask to compare with, whether uncertainty is asked for, and further models.

    Returns:
        The image, with the uploaded truth where there is one; the switch; keys of the models to
        show beside the chosen one.

    Raises:
        InputError: The mask cannot be read or does not fit the image.
    """
    with st.expander("More"):
        beside = _models_beside(model)
        unsure = st.toggle(
            "Show uncertainty",
            key="uncertainty",
            help="Predicts eight times, flipped and turned, and shows where the answers disagree. "
            "The prediction itself stays as it is.",
        )
        given = st.file_uploader(
            "Truth mask to compare with",
            type=["png", "tif", "tiff", "bmp", "npy"],
            help="Of the same size as the image; every pixel that is not 0 is foreground.",
        )
    if given is None:
        return example, unsure, beside
    mask = read_image(given.getvalue(), name=given.name).pixels
    if mask.ndim == 3:
        mask = mask.max(axis=2)
    if mask.shape != example.image.shape[:2]:
        height, width = example.image.shape[:2]
        raise InputError(
            f"{clean_name(given.name)}: {mask.shape[1]}x{mask.shape[0]} pixels, the image has "
            f"{width}x{height}; give a mask of the same size"
        )
    return replace(example, truth=np.asarray(mask != 0)), unsure, beside


def with_its_truth(trained: TrainedModel, example: Example) -> Example:
    """An example with the truth of what the model segments, where it reads one class alone."""
    if not trained.of or example.labels is None:
        return example
    truth = trained.truth(example.labels, info_of(example.dataset))
    return replace(example, truth=truth)


def _models_beside(model: str) -> list[str]:
    names = {key: name for key, name in cache.model_names().items() if key != model}
    return st.multiselect(
        "Models beside it",
        list(names),
        format_func=lambda key: names[key],
        max_selections=MOST_BESIDE,
        placeholder="None",
        help="The same image, each with its own threshold; zoom and position go together.",
    )


def decide(
    model: str, example: Example, *, unsure: bool, beside: list[str]
) -> tuple[LevelMap, Decision]:
    """The viewer, or several side by side, and what was decided in the first.

    Raises:
        InputError: A model is gone, or the image does not fit it.
    """
    link = "beside" if beside else ""
    places = st.columns(1 + len(beside)) if beside else [st.container()]
    found = []
    for n, (name, place) in enumerate(zip([model, *beside], places, strict=True)):
        with place:
            if beside:
                st.caption(f"**{as_text(cache.model_names()[name])}**")
            levels = widgets.predicted_levels(name, example)
            uncertainty = uncertainty_of(name, example, wanted=unsure)
            point = cache.trained_model(name).operating_point
            packed = cache.packed_scene(name, example, levels, uncertainty)
            key = f"viewer-{n}" if n else "viewer"
            decision = threshold_viewer(packed, key=key, threshold=point.k, link=link)
            if point.post_processing.largest_component:
                st.caption("Its operating point also keeps only the largest component; not here.")
            if beside:
                st.caption(f"Mask at {decision.words}")
        found.append((levels, decision))
    return found[0]


def file_stem(title: str) -> str:
    """Start of the names of exported files: ``scan.tif, page 2 of 9`` is ``scan-page-2-of-9``."""
    name, comma, page = clean_name(title).partition(", page ")
    stem = PurePath(name).stem if "." in name else name
    return re.sub(r"[^\w.-]+", "-", f"{stem}-page-{page}" if comma else stem).strip("-")


def case_of(
    model: str, trained: TrainedModel, example: Example, levels: LevelMap, decision: Decision
) -> Case:
    """What the exports draw from: the image, its map and what was decided in the viewer."""
    corrected = any(decision.corrected_px)
    return build_case(
        name=file_stem(example.title),
        image=example.image,
        levels=levels,
        point=trained.operating_point,
        facts=cache.facts_of_model(model),
        source=example.source,
        k=decision.k,
        post_processing=decision.post_processing,
        spacing_mm=example.spacing_mm,
        truth=example.truth,
        corrected=decision.mask(levels) if corrected else None,
    )


def downloads(case: Case) -> None:
    """Every export of the case, each made when it is asked for."""
    dicom = bool(case.sources) and (case.affine is not None or case.is_volume)
    names = [*FIRST, *(name for name in EXPORTS if name not in FIRST)]
    if case.is_volume:
        names = ["nifti", *(n for n in names if EXPORTS[n].volumes and n != "nifti")]
    with st.popover("Download", icon=":material/download:"):
        columns = st.columns(2)
        offered = [name for name in names if dicom or name != "dicom-seg"]
        for n, name in enumerate(offered):
            chosen = EXPORTS[name]
            columns[n % 2].download_button(
                chosen.title,
                partial(chosen.make, case),
                file_name=f"{case.name}{chosen.suffix}",
                mime=chosen.media_type,
                key=f"export-{name}",
                on_click="ignore",
                width="stretch",
            )


def add_to_corrections(case: Case, decision: Decision) -> None:
    """Add the mask as it is now to a data set of corrections."""
    added, removed = decision.corrected_px
    with st.popover("Learn from this", icon=":material/school:"):
        st.caption(
            f"Adds this image and its mask ({decision.words}) to a data set that a network can "
            "be trained on."
        )
        name = st.text_input("Data set", "mine", key="corrections-name", persist_state="session")
        if not st.button("Add image and mask", type="primary", icon=":material/add:"):
            return
        try:
            save_correction(
                name,
                title=case.name,
                image=case.image,
                mask=case.mask,
                facts={
                    "model": case.model.name,
                    "model_sha256": case.model.sha256,
                    "threshold": case.threshold,
                    "threshold_source": case.threshold_source,
                    "post_processing": case.post_processing.words,
                    "added_px": added,
                    "removed_px": removed,
                    "spacing_mm": case.spacing_mm,
                },
            )
        except InputError as wrong:
            st.error(as_text(wrong), icon=":material/error:")
            return
        count = saved_count(name)
        noun = "sample" if count == 1 else "samples"
        st.success(
            f"Kept. corrections-{as_text(name)} holds {count} {noun}.", icon=":material/check:"
        )
        st.code(
            f"python -m core train --dataset folder --data {corrections_folder(name)}",
            language="shell",
            wrap_lines=True,
        )


def warnings(model: str, example: Example) -> tuple[str, ...]:
    """What to know before the prediction is trusted: of the file, and of how it suits the model."""
    if example.source is None:
        dataset = cache.trained_model(model).config.dataset
        if example.kind and kind_of(dataset) not in {"", example.kind}:
            st.warning(
                f"This is no image for {as_text(cache.model_names()[model])}, which was trained on "
                f"{info_of(dataset).modality}: its answer means nothing here. Choose another "
                "example or another model.",
                icon=":material/warning:",
            )
        return ()
    found = warnings_of(example.source, cache.trained_model(model).facts)
    said = [as_text(f"{sentence[:1].upper()}{sentence[1:]}") for sentence in found]
    if said:  # in one box: with several the image would begin below the screen
        listed = said[0] if len(said) == 1 else "\n".join(f"- {sentence}" for sentence in said)
        st.warning(listed, icon=":material/warning:")
    return found


def uncertainty_of(model: str, example: Example, *, wanted: bool) -> LevelMap | None:
    """The map of disagreement where it is wanted."""
    if not wanted:
        return None
    with st.spinner("Looking from eight sides"):
        return cache.uncertainty_map(model, example)
