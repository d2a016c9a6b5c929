"""Pieces that several pages share: head, foot, pickers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.data import DATASETS
from core.errors import InputError
from core.levels import LevelMap
from core.losses import LOSSES
from core.models import MODELS, costs
from core.operating_point import OperatingPoint
from core.progress import duration
from dashboard import cache
from dashboard.examples import Picture, example_names
from dashboard.sources import available
from dashboard.uploads import SINGLE, VOLUMES, uploaded_picture

LARGE_PX = 1024
RESEARCH_ONLY = "Research use only. Not a medical device."


def head(title: str, sentence: str) -> None:
    """One line of title and one plain sentence."""
    st.markdown(f"### {title}")
    st.caption(sentence)


def foot(*facts: str) -> None:
    """The line that every page ends with, and what is being looked at."""
    st.divider()
    st.caption(" · ".join([f"**{RESEARCH_ONLY}**", *facts]))


def about_model(name: str, dataset: str, point: OperatingPoint) -> list[str]:
    """What a model was trained on and where its threshold comes from, for the foot of a page."""
    if not dataset:
        return [f"Model {name}", f"threshold {point.threshold:.3f}: {point.name}"]
    chosen = f"{point.name} ({point.dataset}, n = {point.n_images})"
    return [f"Model {name}, trained on {dataset}", f"threshold {point.threshold:.3f}: {chosen}"]


@contextmanager
def one_clear_error() -> Iterator[None]:
    """Show a person's mistake as a sentence and end the page with its foot."""
    try:
        yield
    except InputError as wrong:
        st.error(str(wrong), icon=":material/error:")
        foot()
        st.stop()


def model_picker() -> str:
    """Key of the chosen shipped model, finished run or classical method."""
    names = cache.model_names()
    chosen = st.selectbox(
        "Model",
        list(names),
        format_func=lambda key: names[key],
        key="model",
        bind="query-params",
        persist_state="session",
        help="Shipped models, your own finished runs, and methods from before networks.",
    )
    return chosen or next(iter(names))


def dataset_picker() -> str:
    """A data set that can be trained on here: drawn, or real and on this machine."""
    names = {name: DATASETS[name].info.title for name in available()}
    chosen = st.selectbox(
        "Data set",
        list(names),
        format_func=lambda name: names[name],
        persist_state="session",
        key="train-dataset",
    )
    name = chosen or next(iter(names))
    info = DATASETS[name].info
    st.caption(f"{info.modality}; foreground is {info.foreground}. Licence: {info.license}.")
    return name


def network_picker() -> tuple[str, dict[str, object]]:
    """A network for images, and its options as chosen here."""
    names = [name for name, card in MODELS.items() if card.dimensions == 2]
    name = st.selectbox("Network", names, key="train-network", persist_state="session") or names[0]
    card, numbers = MODELS[name], costs()[name]
    st.caption(f"{card.idea} [{card.authors} {card.year}]({card.link})")
    if "base_filters" not in card.options:
        return name, {}
    filters = st.select_slider(
        "Base filters",
        [8, 16, 32, 64],
        16,
        help="Channels of the first block; the papers use 16 and 64. Twice as many cost about "
        f"three times the time. By default {name} has {numbers['parameters']:,} weights.",
    )
    return name, {"base_filters": filters}


def loss_picker() -> str:
    """A loss for one foreground, as its card words it."""
    names = [name for name, card in LOSSES.items() if not card.as_printed and name != "ce_dice"]
    name = st.selectbox("Loss", names, key="train-loss", persist_state="session") or "bce"
    st.caption(LOSSES[name].use)
    return name


def size_picker(dataset: str) -> int | None:
    """The square that images are resized to; None for crops at their own scale."""
    names = {
        0: "256 px crops at their own scale",
        128: "resized to 128 x 128",
        256: "resized to 256 x 256",
        512: "resized to 512 x 512",
    }
    usual = DATASETS[dataset].info.size or 0
    chosen = st.selectbox(
        "The network sees images",
        list(names),
        index=list(names).index(usual),
        format_func=lambda size: names[size],
        key=f"size-{dataset}",
        help="Crops need images of one size. The papers resize to 128 (BUSI, DSB 2018, BraTS) or "
        "256 (lung CT).",
    )
    return chosen or None


def picture_picker(dataset: str) -> Picture:
    """An uploaded picture, else the chosen example.

    Args:
        dataset: What the model was trained on; its examples come first.
    """
    names = example_names(dataset)
    key = st.selectbox(
        "Example",
        list(names),
        format_func=lambda key: names[key],
        key=f"example-{dataset}",
        persist_state="session",
    )
    files = st.file_uploader(
        "or your own image",
        type=[*SINGLE, *VOLUMES],
        accept_multiple_files=True,
        help="PNG, JPEG, TIFF (8, 16 or 32 bit, stacks too), BMP, WebP, DICOM, NIfTI, NRRD, MHA, "
        ".npy, or a zip of them; a DICOM series as a zip or as its files. It stays on this server "
        "and is forgotten when the page is closed.",
    )
    with one_clear_error():
        return uploaded_picture(files) if files else cache.example(key or next(iter(names)))


def predicted_levels(model: str, picture: Picture) -> LevelMap:
    """Level map of a picture; a large one shows how far it is and can be stopped."""
    if min(picture.image.shape[:2]) <= LARGE_PX and max(picture.image.shape[:2]) <= LARGE_PX:
        return cache.level_map(model, picture)
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, text="Looking at the picture")
        st.button("Stop", key="stop-prediction", on_click=_stop_prediction)
    if st.session_state.pop("prediction-stopped", False):
        place.info("Stopped. Choose a smaller picture, or reload the page to try again.")
        st.stop()
    started = time.monotonic()

    def progress(done: int, total: int) -> None:
        left = (time.monotonic() - started) / done * (total - done)
        bar.progress(done / total, text=f"Tile {done} of {total}, {duration(left)} left")

    levels = cache.level_map(model, picture, progress=progress)
    place.empty()
    return levels


def _stop_prediction() -> None:
    st.session_state["prediction-stopped"] = True
