"""Pieces that several pages share: head, foot, pickers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import InputError
from core.levels import LevelMap
from core.models import TrainedModel
from core.threshold.operating_point import OperatingPoint
from core.training.progress import duration
from dashboard.common import cache, charts
from dashboard.common import session_uploads as kept_uploads
from dashboard.common.examples import Example, example_names
from dashboard.common.foreign_text import as_text
from dashboard.common.uploads import uploaded_image

LARGE_PX = 1024
RESEARCH_ONLY = "Research use only. Not a medical device."
# Where nothing hovers the buttons of charts and tables are always there, over what stands above:
# those that zoom go, and tables keep their distance.
_TOUCH = """<style>@media (hover: none) {
  .modebar-btn[data-attr] { display: none !important; }
  [data-testid="stDataFrame"] { margin-top: 2rem; }
}</style>"""


def head(title: str, sentence: str) -> None:
    """One line of title and one plain sentence."""
    st.html(_TOUCH)
    st.markdown(f"### {title}")
    st.caption(sentence)


def foot(*facts: str) -> None:
    """The line that every page ends with, and what is being shown."""
    st.divider()
    st.caption(" · ".join([f"**{RESEARCH_ONLY}**", *map(as_text, facts)]))


def chart(figure: go.Figure, *, key: str, zoom: bool = False) -> None:
    """A metric that can be read in the theme of the page, and saved as SVG.

    Args:
        figure: Without colours of its own for axes and ground.
        key: Its own on the page.
        zoom: Whether dragging zooms; otherwise a finger on it scrolls the page.
    """
    background = st.get_option(f"theme.{st.context.theme.type or 'dark'}.backgroundColor")
    charts.on(figure, background)
    if not zoom:
        figure.update_layout(dragmode=False)
    config = charts.EXPORT if zoom else {**charts.EXPORT, "modeBarButtons": [["toImage"]]}
    st.plotly_chart(figure, width="stretch", key=key, config=config)


def about_model(name: str, dataset: str, point: OperatingPoint) -> list[str]:
    """What a model was trained on and where its threshold comes from, for the foot of a page."""
    if not dataset:
        return [f"Model {name}", f"threshold {point.threshold:.3f}: {point.name}"]
    chosen = f"{point.name} ({point.dataset}, n = {point.n_images})"
    return [f"Model {name}, trained on {dataset}", f"threshold {point.threshold:.3f}: {chosen}"]


@contextmanager
def one_clear_error(
    stage: DeltaGenerator | None = None, below: DeltaGenerator | None = None
) -> Iterator[None]:
    """Show a person's mistake as a sentence and end the page with its foot.

    Args:
        stage: Where the sentence stands, here unless said; a narrow rail is no place for it.
        below: Where the foot stands, here unless said.
    """
    try:
        yield
    except InputError as wrong:
        with stage or nullcontext():
            st.error(as_text(wrong), icon=":material/error:")
        with below or nullcontext():
            foot()
        st.stop()


def model_picker() -> str:
    """Key of the chosen shipped model, finished run or classical method."""
    names = cache.model_names()
    asked = st.query_params.get("model", "")
    named = [key for key in names if key == asked or key.partition("/")[2] == asked]
    if named and asked not in names.values():  # by key or name; the address has the title then
        st.session_state["model"] = named[0]
        del st.query_params["model"]
    elif asked and asked not in names.values():
        st.warning(f"There is no model '{as_text(asked)}' here; choose one below.")
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


def image_picker(trained: TrainedModel, *, stage: DeltaGenerator, below: DeltaGenerator) -> Example:
    """An uploaded image, else the chosen example.

    Args:
        trained: The model. What it has not was trained on of its own data set comes first; one for
            volumes is offered nothing else.
        stage: As ``one_clear_error``.
        below: As ``one_clear_error``.
    """
    dataset, volumes = trained.config.dataset, trained.predictor.takes_volumes
    names = example_names(dataset, trained.split.test or trained.split.val, volumes=volumes)
    widget = f"example-{dataset}"
    if st.session_state.get(widget) not in names:  # another model's split holds out others
        st.session_state.pop(widget, None)
    key = st.selectbox(
        "Example",
        list(names),
        format_func=lambda key: names[key],
        key=widget,
        persist_state="session",
        on_change=kept_uploads.look_at_example,
    )
    files = kept_uploads.ask(
        "PNG, JPEG, TIFF (8, 16 or 32 bit, stacks too), BMP, WebP, GIF, PPM, DICOM, NIfTI, "
        "NRRD, MHA, .npy, or a zip of them; a DICOM series as a zip or as its files. It stays "
        "on this server and is forgotten when the page is closed.",
    )
    with one_clear_error(stage, below):
        if files:
            return uploaded_image(files, trained.intensities, whole=volumes)
        if not names:
            raise InputError(
                f"{trained.name} sees volumes, and none of its own is on this machine; bring one"
            )
        return cache.example(key or next(iter(names)))


def predicted_levels(model: str, example: Example) -> LevelMap:
    """Level map of an image; a large one shows how far it is and can be stopped."""
    if min(example.image.shape[:2]) <= LARGE_PX and max(example.image.shape[:2]) <= LARGE_PX:
        return cache.level_map(model, example)
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, text="Looking at the image")
        st.button("Stop", key="stop-prediction", on_click=_stop_prediction)
    if st.session_state.pop("prediction-stopped", False):
        place.info("Stopped. Choose a smaller image, or reload the page to try again.")
        st.stop()
    started = time.monotonic()

    def progress(done: int, total: int) -> None:
        left = (time.monotonic() - started) / done * (total - done)
        bar.progress(done / total, text=f"Tile {done} of {total}, {duration(left)} left")

    levels = cache.level_map(model, example, progress=progress)
    place.empty()
    return levels


def _stop_prediction() -> None:
    st.session_state["prediction-stopped"] = True
