"""What the page Compare is about: models, images, their evaluations, all of it made once.

The scores are those of ``python -m core compare``; here is only what is kept and what is refused
before a network runs.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.data import Dataset, Sample
from core.evaluation.comparison import compare, same_split
from core.evaluation.of_model import assess_model
from core.inference.classical import CLASSICAL
from core.metrics.overlap import METRICS
from dashboard.common import cache
from dashboard.common.colours import Style, styles
from dashboard.common.sources import dataset_path
from dashboard.common.validation_maps import data_folder, network_digests
from dashboard.compare.choices import owner_of

Document = dict[str, Any]
Evaluation = tuple[Document, tuple[Sample, ...]]
Progress = Callable[[int, int], None]
COMPARISON_BYTES = 200_000
TIMED_IMAGES = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """Several models on the same images."""

    keys: tuple[str, ...]
    """Of ``cache.model_names``, runs first, as on the command line."""
    documents: tuple[Document, ...]
    """The evaluation of each."""
    comparison: Document
    """As the command line prints it."""
    dataset: Dataset
    """Opened."""
    content: str
    """SHA-256 of its content."""
    samples: dict[str, Sample]
    """The compared images by their id."""
    styles: dict[str, Style]
    """Of each model by its name."""

    @property
    def names(self) -> list[str]:
        """Of the models."""
        return [row["model"] for row in self.comparison["models"]]

    @property
    def metric(self) -> str:
        """Title of the metric."""
        return METRICS[self.comparison["metric"]].title

    def scores(self) -> dict[str, list[float | None]]:
        """Metric of every image, by model; None where it is undefined."""
        metric = self.comparison["metric"]
        return {one["model"]: [row[metric] for row in one["images"]] for one in self.documents}

    def by_difference(self) -> list[str]:
        """Ids of the images, those on which the models differ most first; undefined ones last."""
        scores = np.array(
            list(self.scores().values()), dtype=np.float64
        )  # (models, N), None as NaN
        gaps = np.ptp(scores, axis=0)
        ids = list(self.samples)
        return [ids[n] for n in np.argsort(-gaps, kind="stable")]  # NaN is sorted last


def evaluated(
    keys: Sequence[str],
    images: str,
    *,
    metric: str,
    progress: Callable[[int, str], Progress],
) -> Compared:
    """Compare models; a network runs only where its evaluation is not at hand.

    Args:
        keys: From ``in_order``.
        images: Key of ``image_choices``.
        metric: Key of ``FIGURES``.
        progress: Of a model's place and name: what is called with images done and in all.

    Raises:
        InputError: The images differ, or the data is not on this machine.
    """
    dataset, _, part = images.rpartition("/")
    owner = owner_of(keys, dataset, part)
    path = data_folder(cache.trained_model(owner)) if owner else dataset_path(dataset)
    opened, content = cache.dataset_at(dataset, path)
    where = (dataset, part, owner and cache.trained_model(owner).split.hash, content)
    made: list[Evaluation] = []
    for n, key in enumerate(keys):
        name = cache.trained_model(key).name
        assess = partial(_evaluate, key, owner, path, images, progress=progress(n, name))
        made.append(cache.cached(("evaluation", stamp_of(key), *where), assess, _bytes))
    documents = tuple(document for document, _ in made)
    stamps = tuple(stamp_of(key) for key in keys)
    comparison = cache.cached(
        ("comparison", stamps, metric, *where),
        partial(compare, documents, metric=metric),
        lambda _: COMPARISON_BYTES,
    )
    return Compared(
        keys=tuple(keys),
        documents=documents,
        comparison=comparison,
        dataset=opened,
        content=content,
        samples={sample.id: sample for sample in made[0][1]},
        styles=styles([document["model"] for document in documents]),
    )


def stamp_of(key: str) -> tuple[str, ...]:
    """What decides a model's masks."""
    name = key.partition("/")[2]
    digests = () if name in CLASSICAL else network_digests(key)
    return (key, *digests, repr(cache.trained_model(key).operating_point))


def _evaluate(
    key: str, owner: str, path: Path | None, images: str, *, progress: Progress
) -> Evaluation:
    dataset, _, part = images.rpartition("/")
    model = cache.trained_model(key)
    if owner:
        model = same_split([cache.trained_model(owner), model])[1]
    named = dataset if part == "all" else None
    with cache.LOCK:  # one network at a time, as everywhere
        found = assess_model(model, part, data=path, dataset=named, progress=progress)
    return found.document, found.samples


def _bytes(evaluation: Evaluation) -> int:
    """About what the document of an evaluation holds in memory."""
    return 4000 * len(evaluation[1])


def seconds_per_image(key: str, compared: Compared) -> float:
    """Median over a few of the compared images after one to warm up: network and level map.

    Of a 3-D network a slice's share of one volume.
    """
    from core.data.stacks import stack_of
    from core.inference.volumetric import VolumePredictor  # torch, here as elsewhere

    def measure() -> float:
        predictor = cache.trained_model(key).predictor
        chosen = list(compared.samples.values())[: TIMED_IMAGES + 1]
        if isinstance(predictor, VolumePredictor):
            run = stack_of(chosen[0], compared.dataset.samples)
            slices = np.stack([compared.dataset.image(sample) for sample in run])
            with cache.LOCK:
                started = time.perf_counter()
                predictor.volume_levels(slices)
            return (time.perf_counter() - started) / len(run)
        images = [compared.dataset.image(sample) for sample in chosen]
        seconds = []
        with cache.LOCK:
            for image in images:
                started = time.perf_counter()
                predictor.levels(image)
                seconds.append(time.perf_counter() - started)
        return float(np.median(seconds[1:] or seconds))

    found: float = cache.cached(
        ("seconds", stamp_of(key), compared.content, *compared.samples), measure, lambda _: 8
    )
    return found


def command(compared: Compared) -> str:
    """The command line that prints the same scores."""
    return f"{_command('compare', compared, compared.keys)} --json"


def robustness_commands(compared: Compared, *, images: int) -> list[str]:
    """Command lines for what is left when images differ, one for each model with a split here."""
    alone = [
        key
        for key in compared.keys
        if compared.comparison["split"] == "all" or cache.trained_model(key).config.dataset
    ]
    return [f"{_command('robustness', compared, [key])} --images {images}" for key in alone]


def _command(name: str, compared: Compared, keys: Sequence[str]) -> str:
    first = compared.comparison
    words = [f"python -m core {name}"]
    for key in keys:
        source, _, model = key.partition("/")
        words.append(f"--{source} {model}")
    words.append(f"--split {first['split']} --metric {first['metric']}")
    if first["split"] == "all":
        words.append(f"--dataset {first['dataset']}")
    if compared.dataset.path:
        words.append(f"--data '{compared.dataset.path}'")
    return " ".join(words)
