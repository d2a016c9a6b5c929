"""Every cache of the dashboard, all of them bounded; the rest wraps ``core``.

Networks: 3. Examples and uploads: 16 pictures. Data sets: 4. Thumbnails: 2,000 of about 10 KB.
Level maps and packed scenes: by bytes, see ``LEVEL_BYTES``. All users of one server share them,
keyed by content.
"""

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.classical import CLASSICAL
from core.data import Dataset, open_dataset
from core.data.duplicates import duplicate_groups
from core.data.quality import check_dataset
from core.errors import InputError
from core.export import ModelFacts
from core.export.model_facts import model_facts
from core.files import read_json, write_json
from core.home import home
from core.imaging import (
    WINDOWS_HU,
    Collection,
    Image,
    Item,
    SourceFile,
    Volume,
    page_count,
    read_image,
    survey,
)
from core.levels import STEPS, LevelMap
from core.prediction.background import Work
from core.prediction.batch import Wanted
from core.prediction.class_view import SEPARATOR, split_name
from core.prediction.remote import remote_model, remote_models, server_address
from core.prediction.uploads import BatchPrediction
from core.prediction.volume import VolumePrediction
from core.runs import list_runs, open_run
from core.weights import (
    TrainedModel,
    list_weights,
    load_run,
    load_weights,
    weights_document,
    weights_folder,
)
from dashboard.examples import Picture, open_example
from dashboard.sources import dataset_path
from dashboard.thumbnails import thumbnail_png
from dashboard.viewer import Scene, pack
from dashboard.volume_viewer import VolumeScene, pack_volume
from dashboard.windows import raw_values

LEVEL_BYTES = 512 * 2**20
OPENS_WITH = "isbi2012-unet"
"""Which shipped model is looked at first: its kind of picture can be drawn, too."""
LOCK = Lock()

W = TypeVar("W", bound=Work)
ItemKey = tuple[tuple[str, ...], int]
"""Ids of the uploaded files that an image or volume is in, and its number among those in them."""


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
    """Key → title of everything that can predict: shipped models, finished runs, classical ones.

    Of a network for several classes each is there alone, too: ``run/NAME:CLASS``.

    Where ``ISOLINE_SERVER`` names a server, what it offers, and nothing of this process.

    Raises:
        InputError: The server cannot be reached.
    """
    if address := server_address():
        return {f"server/{name}": f"{name} (on the server)" for name in _offered(address)}
    names = sorted(list_weights(), key=lambda name: name != OPENS_WITH)
    shipped, runs = {}, {}
    for name in names:
        classes = weights_document(name, "operating_point").get("classes", {})
        for key in (name, *(f"{name}{SEPARATOR}{one}" for one in classes)):
            shipped[f"weights/{key}"] = key
    for run in list_runs():
        if point := run.operating_point:
            for key in (run.name, *(f"{run.name}{SEPARATOR}{one}" for one in point.classes)):
                runs[f"run/{key}"] = f"{key} (run)"
    untrained = {f"weights/{name}": f"{name} (no training)" for name in CLASSICAL}
    return shipped | runs | untrained


def parts_of(key: str) -> tuple[str, str, str]:
    """``weights``, ``run`` or ``server``; the model's name; the class, where one is looked at."""
    source, _, rest = key.partition("/")
    return (source, *split_name(rest))


def trained_model(key: str) -> TrainedModel:
    """A network by its key; reloaded when its files change.

    Raises:
        InputError: It is gone or damaged.
    """
    source, name, one = parts_of(key)
    if source == "server":
        return remote_model(server_address(), _document(name))[0]
    trained = _trained_model(source, name, _stamp(key))
    return trained.of_class(one) if one else trained


def facts_of_model(key: str) -> ModelFacts:
    """What exports say of a model."""
    source, _, name = key.partition("/")
    if source == "server":
        return remote_model(server_address(), _document(name))[1]
    return model_facts(trained_model(key), origin="run" if source == "run" else "weights")


@st.cache_data(max_entries=4, ttl=30, show_spinner=False)
def _offered(address: str) -> dict[str, dict[str, Any]]:
    return remote_models(address)


def _document(name: str) -> dict[str, Any]:
    offered = _offered(server_address())
    if name not in offered:
        raise InputError(f"the server has no model '{name}'; choose one of {', '.join(offered)}")
    return offered[name]


def _stamp(key: str) -> float | str:
    """When a model last changed; what is made with it is kept under this too."""
    source, name, _ = parts_of(key)
    if source == "server":
        return str(_document(name).get("sha256"))
    if name in CLASSICAL:
        return 0.0  # code, no files
    if source == "weights":
        return (weights_folder() / name / "manifest.json").stat().st_mtime
    return (open_run(name).path / "operating_point.json").stat().st_mtime


@st.cache_resource(max_entries=3, show_spinner=False)
def _trained_model(source: str, name: str, stamp: float | str) -> TrainedModel:
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
    return Picture(image.name + pages, image.picture8(), None, image.spacing_mm, image)


@st.cache_data(max_entries=16, show_spinner=False)
def upload_pages(content: bytes, name: str) -> int:
    """How many pages an uploaded file has."""
    return page_count(content, name=name)


def upload_collection(files: Sequence[UploadedFile]) -> tuple[Collection, tuple[ItemKey, ...]]:
    """What several uploaded files and zips hold, and a key for each; only headers are read.

    Raises:
        InputError: Nothing can be read.
    """
    names = tuple(file.file_id for file in files)

    def look() -> tuple[Collection, tuple[ItemKey, ...]]:
        sources = [SourceFile(name=file.name, data=file.getvalue()) for file in files]
        collection = survey(sources)
        held = {id(source.data): name for source, name in zip(sources, names, strict=True)}
        counts: Counter[tuple[str, ...]] = Counter()
        keys = []
        for item in collection.items:
            of = tuple(sorted({held[id(file.data)] for file in item.files}))
            keys.append((of, counts[of]))
            counts[of] += 1
        return collection, tuple(keys)

    whole = sum(file.size for file in files)
    found: tuple[Collection, tuple[ItemKey, ...]] = _recent().get(
        ("files", *names), look, lambda _: whole
    )
    return found


def upload_item(item: Item, key: ItemKey) -> Image | Volume:
    """One image or volume of ``upload_collection``; read once, whatever else is uploaded.

    Raises:
        InputError: It cannot be read.
    """

    def size(found: Image | Volume) -> int:
        return (found.array if isinstance(found, Volume) else found.pixels).nbytes

    read: Image | Volume = _recent().get(("item", key), item.read, size)
    return read


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


def volume_slices(key: tuple[Any, ...], volume: Volume) -> tuple[NDArray[np.uint8], str]:
    """The slices of a volume as the network sees them, (D, H, W), and a name for their content.

    Args:
        key: Names the upload and its grey window.
        volume: In its grey window.
    """

    def make() -> tuple[NDArray[np.uint8], str]:
        slices = volume.to_uint8()
        return slices, id_of(slices)

    found: tuple[NDArray[np.uint8], str] = _recent().get(
        ("slices", *key), make, lambda made: made[0].nbytes
    )
    return found


def volume_prediction(model_key: str, slices: NDArray[np.uint8], content: str) -> VolumePrediction:
    """A volume on its way through a network, or done; one for all who look at the same volume."""

    def make() -> VolumePrediction:
        return VolumePrediction(trained_model(model_key).predictor, slices, turn=LOCK)

    key = ("volume", model_key, _stamp(model_key), content)
    return _work(key, make, lambda job: 2 * job.slices.nbytes)


def batch_prediction(
    model_key: str, files: Sequence[UploadedFile], wanted: Wanted
) -> BatchPrediction:
    """Uploaded files on their way to masks and one zip."""

    def make() -> BatchPrediction:
        return BatchPrediction(
            trained_model(model_key),
            facts_of_model(model_key),
            [SourceFile(name=file.name, data=file.getvalue()) for file in files],
            items=len(upload_collection(files)[0].items),
            wanted=wanted,
            turn=LOCK,
        )

    names = tuple(file.file_id for file in files)
    key = ("batch", model_key, _stamp(model_key), repr(wanted), *names)
    return _work(key, make, lambda _: sum(file.size for file in files))


def _work(key: tuple[Any, ...], make: Callable[[], W], size: Callable[[W], int]) -> W:
    found: W = _recent().get(key, make, size)
    return found


def packed_volume(model_key: str, content: str, volume: Volume, levels: LevelMap) -> bytes:
    """The volume viewer's message.

    Args:
        model_key: Whose levels they are.
        content: Names the slices that it saw.
        volume: In its grey window.
        levels: Shape (D, H, W).
    """
    point = trained_model(model_key).operating_point
    window = volume.window or volume.full_window()

    def make() -> bytes:
        hounsfield = volume.facts.unit == "HU"
        return pack_volume(
            VolumeScene(
                values=volume.slices(),
                levels=levels,
                plane=volume.plane,
                spacing_mm=volume.slice_spacing_mm(),
                voxel_mm3=volume.voxel_mm3 if volume.spacing_known else None,
                sides_known=volume.orientation_known,
                window=window,
                unit=volume.facts.unit,
                presets={n.capitalize(): w for n, w in WINDOWS_HU.items()} if hounsfield else {},
                operating_point=point.k,
                operating_point_name=point.name,
                title=volume.name,
            )
        )

    key = ("packed volume", model_key, _stamp(model_key), repr(point), content, volume.name)
    packed: bytes = _recent().get((*key, repr(window)), make, len)
    return packed


def uncertainty_map(model_key: str, picture: Picture) -> LevelMap:
    """Standard deviation over eight views of a picture, in thousandths, shape (H, W).

    The network runs eight times, once for each pair.
    """
    from core.prediction.uncertainty import (  # torch, and only where it is asked for
        augmented,
        gather,
    )

    predictor = trained_model(model_key).predictor

    def disagree() -> LevelMap:
        with LOCK:  # as above
            found = gather(augmented(predictor.probability, "turns"), picture.image)
        return np.rint(found.deviation * STEPS).astype(np.uint16)

    key = ("uncertainty", model_key, _stamp(model_key), id_of(picture.image))
    deviation: LevelMap = _recent().get(key, disagree, lambda levels: levels.nbytes)
    return deviation


def packed_scene(
    model_key: str, picture: Picture, levels: LevelMap, uncertainty: LevelMap | None = None
) -> bytes:
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
                clean_up=replace(point.clean_up, largest_component=False),
                uncertainty=uncertainty,
                uncertainty_name="Standard deviation over 8 views",
                sides=picture.source.sides if picture.source else "",
                raw=raw_values(picture.source),
                title=picture.title,
            )
        )

    layers = [None if a is None else id_of(a) for a in (levels, picture.truth, uncertainty)]
    key = ("scene", model_key, picture.title, id_of(picture.image), repr(point), *layers)
    packed: bytes = _recent().get(key, make, len)
    return packed


def opened_dataset(name: str) -> Dataset:
    """A data set that is on this machine, listed once.

    Raises:
        InputError: It is not here, or not what it should be.
    """
    return dataset_listed(name, dataset_path(name))


def dataset_listed(name: str, path: Path | None) -> Dataset:
    """A data set where it lies, listed once.

    Raises:
        InputError: It is not what it should be.
    """
    stamp = path.stat().st_mtime if path else 0.0
    return _opened_dataset(name, str(path) if path else "", stamp)


@st.cache_resource(max_entries=4, show_spinner=False)
def _opened_dataset(name: str, path: str, stamp: float) -> Dataset:
    del stamp  # part of the key only
    return open_dataset(name, Path(path) if path else None)


def dataset_at(name: str, path: Path | None) -> tuple[Dataset, str]:
    """A data set where it lies, listed once, and the SHA-256 of its content.

    Raises:
        InputError: It is not what it should be.
    """
    place = (name, str(path) if path else "", path.stat().st_mtime if path else 0.0)
    return _opened_dataset(*place), fingerprint(*place)


def kept(key: tuple[Any, ...], make: Callable[[], Any], size: Callable[[Any], int]) -> Any:  # noqa: ANN401 - holds anything
    """What else is dear: made once for a key and held among the level maps by its bytes."""
    return _recent().get(key, make, size)


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
