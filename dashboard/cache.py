"""Every cache of the dashboard, all of them bounded; the rest wraps ``core``.

Networks: 3. Examples and uploads: 16 pictures. Data sets: 4. Thumbnails: 2,000 of about 10 KB.
Level maps and packed scenes: by bytes, see ``LEVEL_BYTES``. All users of one server share them,
keyed by content.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.classical import CLASSICAL
from core.data import Dataset, open_dataset
from core.data.duplicates import duplicate_groups
from core.data.quality import check_dataset
from core.files import read_json, write_json
from core.home import home
from core.imaging import page_count, read_image, to_8bit
from core.levels import LevelMap
from core.runs import list_runs, open_run
from core.weights import TrainedModel, list_weights, load_run, load_weights, weights_folder
from dashboard.examples import Picture, open_example
from dashboard.sources import dataset_path
from dashboard.thumbnails import thumbnail_png
from dashboard.viewer import Scene, pack

LEVEL_BYTES = 512 * 2**20
LOCK = Lock()


class Recent:
    """Values used last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()
        self.lock = Lock()

    def get(self, key: tuple[Any, ...], make: Callable[[], Any], size: Callable[[Any], int]) -> Any:  # noqa: ANN401 - holds anything
        """The value of a key, made if it is not held."""
        with self.lock:
            if key in self.held:
                self.held.move_to_end(key)
                return self.held[key][0]
        value = make()
        with self.lock:
            self.held[key] = (value, size(value))
            while (
                sum(bytes_ for _, bytes_ in self.held.values()) > self.limit and len(self.held) > 1
            ):
                self.held.popitem(last=False)
        return value


@st.cache_resource(max_entries=1, show_spinner=False)
def _recent() -> Recent:
    return Recent(LEVEL_BYTES)


def model_names() -> dict[str, str]:
    """Key → title of everything that can predict: shipped models, finished runs, classical ones."""
    shipped = {f"weights/{name}": name for name in list_weights()}
    untrained = {f"weights/{name}": f"{name} (no training)" for name in CLASSICAL}
    runs = {f"run/{run.name}": f"{run.name} (run)" for run in list_runs() if run.operating_point}
    return shipped | runs | untrained


def trained_model(key: str) -> TrainedModel:
    """A network by its key; reloaded when its files change.

    Raises:
        InputError: It is gone or damaged.
    """
    source, _, name = key.partition("/")
    return _trained_model(source, name, _stamp(key))


def _stamp(key: str) -> float:
    """When a model last changed; what is made with it is kept under this too."""
    source, _, name = key.partition("/")
    if name in CLASSICAL:
        return 0.0  # code, no files
    if source == "weights":
        return (weights_folder() / name / "manifest.json").stat().st_mtime
    return (open_run(name).path / "operating_point.json").stat().st_mtime


@st.cache_resource(max_entries=3, show_spinner=False)
def _trained_model(source: str, name: str, stamp: float) -> TrainedModel:
    del stamp  # part of the key only
    return load_weights(name) if source == "weights" else load_run(open_run(name))


@st.cache_data(max_entries=16, show_spinner=False)
def example(key: str) -> Picture:
    """An example picture."""
    return open_example(key)


@st.cache_data(max_entries=16, show_spinner=False)
def upload(content: bytes, name: str, page: int) -> Picture:
    """A page of an uploaded file."""
    image = read_image(content, name=name, page=page)
    pages = f", page {page + 1} of {image.page_count}" if image.page_count > 1 else ""
    return Picture(image.name + pages, to_8bit(image.pixels), None, image.spacing_mm)


@st.cache_data(max_entries=16, show_spinner=False)
def upload_pages(content: bytes, name: str) -> int:
    """How many pages an uploaded file has."""
    return page_count(content, name=name)


def level_map(
    model_key: str, picture: Picture, *, progress: Callable[[int, int], None] | None = None
) -> LevelMap:
    """Level map of a picture, shape (H, W); the network runs once for each pair."""
    trained = trained_model(model_key)
    pixels = picture.image

    def predict() -> LevelMap:
        with LOCK:  # one network at a time: two would only slow each other and double the memory
            return trained.predictor.levels(pixels, progress=progress)

    key = ("levels", model_key, _stamp(model_key), id_of(pixels))
    levels: LevelMap = _recent().get(key, predict, lambda levels: levels.nbytes)
    return levels


def packed_scene(model_key: str, picture: Picture, levels: LevelMap) -> bytes:
    """The viewer's message for a picture and its level map."""
    point = trained_model(model_key).operating_point

    def make() -> bytes:
        return pack(
            Scene(
                image=picture.image,
                levels=levels,
                truth=picture.truth,
                operating_point=point.k,
                operating_point_name=point.name,
                spacing_mm=picture.spacing_mm,
                title=picture.title,
            )
        )

    key = ("scene", model_key, picture.title, id_of(picture.image), point.k, id_of(levels))
    packed: bytes = _recent().get(key, make, len)
    return packed


def opened_dataset(name: str) -> Dataset:
    """A data set that is on this machine, listed once.

    Raises:
        InputError: It is not here, or not what it should be.
    """
    path = dataset_path(name)
    stamp = path.stat().st_mtime if path else 0.0
    return _opened_dataset(name, str(path) if path else "", stamp)


@st.cache_resource(max_entries=4, show_spinner=False)
def _opened_dataset(name: str, path: str, stamp: float) -> Dataset:
    del stamp  # part of the key only
    return open_dataset(name, Path(path) if path else None)


@st.cache_data(max_entries=16, show_spinner=False)
def fingerprint(name: str, path: str, stamp: float) -> str:
    """SHA-256 of a data set's content."""
    return _opened_dataset(name, path, stamp).fingerprint()


def check(name: str, *, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """What is in a data set and what is wrong with it; made once and kept on disk.

    Returns:
        The check's document with ``rows``, one per image, ``clusters``, and in each finding the
        first thousand ``places``.
    """
    file = _check_file(name)
    if not file.exists():
        found = check_dataset(opened_dataset(name), progress=progress)
        file.parent.mkdir(parents=True, exist_ok=True)
        findings = [{**f.document(), "places": list(f.places)[:1000]} for f in found.findings]
        write_json(
            file,
            {
                **found.document(),
                "findings": findings,
                "rows": found.rows(),
                "clusters": found.clusters,
            },
        )
    document: dict[str, Any] = _read_check(str(file), file.stat().st_mtime)
    return document


def clusters(name: str) -> dict[str, str]:
    """Near-duplicate cluster of each sample that has one."""
    return _clusters(name, str(_check_file(name)))


@st.cache_data(max_entries=8, show_spinner="Looking for near-duplicates")
def _clusters(name: str, content: str) -> dict[str, str]:
    del content
    return duplicate_groups(opened_dataset(name))


def is_checked(name: str) -> bool:
    """Whether ``check`` answers at once."""
    return _check_file(name).exists()


def _check_file(name: str) -> Path:
    path = dataset_path(name)
    stamp = path.stat().st_mtime if path else 0.0
    content = fingerprint(name, str(path) if path else "", stamp)
    return home() / "checks" / f"{name}-{content[:20]}.json"


@st.cache_data(max_entries=8, show_spinner=False)
def _read_check(file: str, stamp: float) -> Any:  # noqa: ANN401 - JSON is any of six types
    del stamp
    return read_json(Path(file))


@st.cache_data(max_entries=2000, show_spinner=False)
def thumbnail(name: str, sample_id: str, *, overlay: bool) -> bytes:
    """A small PNG of a sample, its truth drawn in."""
    dataset = opened_dataset(name)
    sample = next(s for s in dataset.samples if s.id == sample_id)
    return thumbnail_png(dataset, sample, overlay=overlay)


def id_of(array: NDArray[np.generic]) -> str:
    """A name for the content of an array."""
    digest = hashlib.blake2b(repr((array.shape, array.dtype)).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
