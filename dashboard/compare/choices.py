"""Which models on which images: what the page Compare offers, and what it refuses beforehand."""

from collections.abc import Sequence

from core.data import Sample, info_of
from core.errors import InputError
from core.metrics.overlap import METRICS
from core.models import list_weights, weights_document
from core.runs import list_runs
from dashboard.common import cache
from dashboard.common.sources import available

FIRST = ("weights/phantoms-unet", "weights/classical/otsu", "weights/classical/adaptive")
"""What the page opens with: seconds, and no data needed."""
PART_WORDS = {"test": "test split", "val": "validation split", "all": "all images"}
FIGURES = {name: metric.title for name, metric in METRICS.items() if metric.best == 1}
"""Scores of which more is better; others say nothing of who is ahead."""


def image_choices() -> dict[str, str]:
    """``data set/part`` → title, of all that could be compared on here."""
    trained = [run.config.dataset for run in list_runs() if run.operating_point]
    trained += [weights_document(name, "config")["dataset"] for name in list_weights()]
    names = list(dict.fromkeys([*available(), *trained]))
    return {
        f"{name}/{part}": f"{info_of(name).title}, {words}"
        for name in names
        for part, words in PART_WORDS.items()
        if (name in trained or part == "all") and (name in available() or part != "all")
    }


def default_images(keys: Sequence[str]) -> str:
    """The test split of the first trained model, else a few synthetic images."""
    for key in keys:
        if name := cache.trained_model(key).config.dataset:
            return f"{name}/test"
    return "phantoms_nuclei/all"


def in_order(keys: Sequence[str]) -> tuple[str, ...]:
    """Runs before shipped models, as the command line takes them.

    Raises:
        InputError: There are fewer than two, or two of one name.
    """
    if len(keys) < 2:
        raise InputError("A comparison takes at least two models; choose another one")
    ordered = sorted(keys, key=lambda key: not key.startswith("run/"))
    if len({key.partition("/")[2] for key in ordered}) < len(ordered):
        raise InputError("Two of the models have the same name; leave one of them out")
    return tuple(ordered)


def owner_of(keys: Sequence[str], dataset: str, part: str) -> str:
    """Key of the model whose split decides which images are compared; empty where all are taken.

    Raises:
        InputError: No split holds the same images for all.
    """
    if part == "all":
        return ""
    where, words = info_of(dataset).title, PART_WORDS[part]
    trained = [key for key in keys if cache.trained_model(key).config.dataset]
    owner = next(
        (key for key in trained if cache.trained_model(key).config.dataset == dataset), None
    )
    if owner is None:
        raise InputError(
            f"None of these models was trained on {where}, so it has no {words} for them; take "
            "all of its images, or choose other images"
        )
    first = cache.trained_model(owner)
    for key in trained:
        other = cache.trained_model(key)
        if other.config.dataset != dataset:
            raise InputError(
                f"{other.name} was trained on {info_of(other.config.dataset).title}, so "
                f"{where} has no {words} for it; take all images, or leave {other.name} out"
            )
        if getattr(other.split, part) != getattr(first.split, part):
            raise InputError(
                f"{first.name} and {other.name} were trained on different splits of {where}, so "
                f"their {words}s hold different images; take all images, or train both on one split"
            )
    return owner


def trained_on(keys: Sequence[str], samples: dict[str, Sample], dataset: str) -> list[str]:
    """A sentence for each model that has seen some of the images before."""
    sentences = []
    for key in keys:
        model = cache.trained_model(key)
        if model.config.dataset == dataset:
            seen = len({*model.split.train, *model.split.val} & samples.keys())
            if seen:
                sentences.append(
                    f"{model.name} was trained or tuned on {seen} of these {len(samples)} images; "
                    "its scores flatter."
                )
    return sentences
