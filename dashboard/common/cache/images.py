"""Images and uploads, their level maps, and what the viewer is sent of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.imaging import (
    BodyWindow,
    Collection,
    Image,
    Item,
    SourceFile,
    Volume,
    Window,
    page_count,
    read_image,
    survey,
)
from core.imaging.intensities import IntensityMapping, Shown, shown_as
from core.levels import STEPS, LevelMap
from core.predict.batch import PredictionOptions
from core.predict.uploads import BatchPrediction
from core.system.background import RUNNING
from dashboard.common.cache.datasets import opened_dataset
from dashboard.common.cache.models import facts_of_model, stamp_of, trained_model
from dashboard.common.cache.recent import LOCK, cached, id_of
from dashboard.common.examples import Example, open_example
from dashboard.common.windows import raw_values
from dashboard.components.viewer import Scene, pack

ItemKey = tuple[tuple[str, ...], int]
"""Ids of the uploaded files that an image or volume is in, and its number among those in them."""


@st.cache_data(max_entries=16, show_spinner=False)
def example(key: str) -> Example:
    """An example image."""
    return open_example(key)


def upload(file: UploadedFile, page: int) -> Example:
    """A page of an uploaded file; read once, and its bytes are looked at no more after that.

    Raises:
        InputError: It cannot be read.
    """

    def read() -> Example:
        image = read_image(file.getvalue(), name=file.name, page=page)
        pages = f", page {page + 1} of {image.page_count}" if image.page_count > 1 else ""
        return Example(image.name + pages, image.image8(), None, image.spacing_mm, image)

    def size(found: Example) -> int:
        pixels = found.source.pixels.nbytes if found.source else 0
        return found.image.nbytes + pixels + file.size  # exports refer to the file itself

    found: Example = cached(("upload", file.file_id, page), read, size)
    return found


def upload_pages(file: UploadedFile) -> int:
    """How many pages an uploaded file has.

    Raises:
        InputError: It cannot be read.
    """
    count: int = cached(
        ("pages", file.file_id), lambda: page_count(file.getvalue(), name=file.name), lambda _: 64
    )
    return count


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
    found: tuple[Collection, tuple[ItemKey, ...]] = cached(("files", *names), look, lambda _: whole)
    return found


def upload_item(item: Item, key: ItemKey) -> Image | Volume:
    """One image or volume of ``upload_collection``; read once, whatever else is uploaded.

    Raises:
        InputError: It cannot be read.
    """

    def size(found: Image | Volume) -> int:
        return (found.array if isinstance(found, Volume) else found.pixels).nbytes

    read: Image | Volume = cached(("item", key), item.read, size)
    return read


def with_intensities(
    key: tuple[object, ...], found: Shown, choice: str, mapping: IntensityMapping
) -> Shown:
    """An upload in the intensities that a model shall see; they are looked for once.

    Args:
        key: Names the upload.
        found: As read.
        choice: Key of ``CHOICES``.
        mapping: Of the model's training images.

    Raises:
        InputError: As ``shown_as``.
    """

    def look() -> Window | BodyWindow | tuple[float, float] | None:
        return shown_as(found, choice, mapping).window

    window = cached(("intensities", *key, choice, repr(mapping)), look, lambda _: 64)
    return replace(found, window=window)


def level_map(
    model_key: str, example: Example, *, progress: Callable[[int, int], None] | None = None
) -> LevelMap:
    """Level map of an image, shape (H, W); the network runs once for each pair.

    Raises:
        InputError: It does not fit the network, or is no slice of a volume and the network sees
            volumes.
    """
    predictor = trained_model(model_key).predictor
    pixels, place = example.image, (example.dataset, example.sample)
    within = predictor.takes_volumes and bool(example.sample)

    def predict() -> LevelMap:
        with LOCK:  # one network at a time: two would only slow each other and double the memory
            if not within:
                return predictor.levels(pixels, progress=progress)
            dataset = opened_dataset(example.dataset)
            sample = next(one for one in dataset.samples if one.id == example.sample)
            return predictor.sample_levels(dataset, sample)

    key = ("levels", model_key, stamp_of(model_key), id_of(pixels), place if within else ())
    levels: LevelMap = cached(key, predict, lambda levels: levels.nbytes)
    return levels


def uncertainty_map(model_key: str, example: Example) -> LevelMap:
    """Standard deviation over eight views of an image, in thousandths, shape (H, W).

    The network runs eight times, once for each pair.
    """
    from core.inference.uncertainty import (  # torch, and only where it is asked for
        augmented,
        gather,
    )

    predictor = trained_model(model_key).predictor

    def disagree() -> LevelMap:
        with LOCK:  # as above
            found = gather(augmented(predictor.probability, "turns"), example.image)
        return np.rint(found.deviation * STEPS).astype(np.uint16)

    key = ("uncertainty", model_key, stamp_of(model_key), id_of(example.image))
    deviation: LevelMap = cached(key, disagree, lambda levels: levels.nbytes)
    return deviation


def packed_scene(
    model_key: str, example: Example, levels: LevelMap, uncertainty: LevelMap | None = None
) -> bytes:
    """The viewer's message for an image and its level map."""
    point = trained_model(model_key).operating_point
    source = example.source
    sides = source.sides if source else ""

    def make() -> bytes:
        return pack(
            Scene(
                image=example.image,
                levels=levels,
                truth=example.truth,
                operating_point=point.k,
                operating_point_name=point.name,
                spacing_mm=example.spacing_mm,
                post_processing=replace(point.post_processing, largest_component=False),
                uncertainty=uncertainty,
                uncertainty_name="Standard deviation over 8 views",
                sides=sides,
                raw=raw_values(source),
                title=example.title,
            )
        )

    # What a file states beside its pixels may be mended and the file brought again.
    intensities = (source.window, source.facts.unit) if source else ()
    stated = (example.title, example.spacing_mm, sides, intensities)
    layers = [None if a is None else id_of(a) for a in (levels, example.truth, uncertainty)]
    key = ("scene", model_key, *stated, id_of(example.image), repr(point), *layers)
    packed: bytes = cached(key, make, len)
    return packed


def batch_prediction(
    model_key: str, files: Sequence[UploadedFile], wanted: PredictionOptions
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
    key = ("batch", model_key, stamp_of(model_key), repr(wanted), *names)
    job: BatchPrediction = cached(
        key, make, lambda _: sum(file.size for file in files), lambda job: job.state == RUNNING
    )
    return job
