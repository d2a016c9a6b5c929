"""What an export says of a model: its name and SHA-256, its data, its scores and its limits."""

from typing import Protocol

from core.config import RunConfig
from core.data import info_of
from core.data.splits import Split
from core.errors import InputError
from core.export.case import ModelFacts
from core.inference.classes import split_name
from core.inference.volumetric import inference_mode
from core.models import weights_folder
from core.networks import MODELS
from core.runs import open_run
from core.system.files import read_json, sha256

_ANSWERS_ALL = "On images of another kind the network still answers; the answer means nothing."


class Described(Protocol):
    """What is known of a model without its weights; a ``TrainedModel`` is one."""

    @property
    def name(self) -> str:
        """Of the run or the shipped model; ``NAME:CLASS`` for one class."""

    @property
    def config(self) -> RunConfig:
        """How it was trained."""

    @property
    def split(self) -> Split:
        """The split it was trained on."""

    @property
    def of(self) -> str:
        """The class it segments alone; empty for all."""


def model_facts(trained: Described, *, origin: str = "weights") -> ModelFacts:
    """Facts of a model, as far as its documents hold them.

    Args:
        trained: The model.
        origin: ``weights`` for a shipped or classical one, ``run`` for a training on this machine.
    """
    config, split = trained.config, trained.split
    if not config.dataset:
        return ModelFacts(
            name=trained.name,
            architecture="a classical method",
            trained_on="nothing; it was not fitted to any data",
            marks="foreground",
            limits=(
                "It knows nothing of anatomy: it parts light from dark or texture from ground.",
            ),
        )
    info = info_of(config.dataset)
    card = MODELS.get(config.model)
    name = split_name(trained.name)[0]
    counts = f"{len(split.train)} training, {len(split.val)} validation, {len(split.test)} test"
    return ModelFacts(
        name=trained.name,
        sha256=_digest(name, origin),
        architecture=f"{config.model} ({card.authors} {card.year})" if card else config.model,
        trained_on=". ".join(
            part
            for part in (
                f"{info.title} ({counts} images)",
                info.citation,
                f"Licence: {info.license}",
            )
            if part
        ),
        marks=f"{trained.of or info.foreground} in {info.modality}",
        sees=inference_mode(config),
        performance=_performance(name, origin, trained.of),
        limits=(
            f"It has seen {info.modality} of one source; devices and sites differ.",
            _ANSWERS_ALL,
        ),
    )


def _digest(name: str, origin: str) -> str:
    """SHA-256 of the weights' file; empty where they have gone since they were loaded."""
    try:
        if origin == "run":
            return sha256(open_run(name).checkpoint("best"))
        digests = read_json(weights_folder() / name / "manifest.json")["files"]
        return str(digests["model.safetensors"])
    except (InputError, OSError):
        return ""


def _performance(name: str, origin: str, one: str) -> str:
    """One sentence on the test split; empty where the model was not evaluated there."""
    try:
        folder = open_run(name).path if origin == "run" else weights_folder() / name
        test = read_json(folder / "evaluation" / "test.json")
        test = test["classes"][one] if one else test
    except InputError:
        return ""
    dice = test.get("pooled", {}).get("dice")
    mean = test.get("per_image", {}).get("dice", {})
    if dice is None or mean.get("mean") is None:
        return ""
    low, high = mean.get("ci95") or (None, None)
    interval = f" ({low:.3f}–{high:.3f}, 95 %)" if low is not None else ""
    return (
        f"Dice on {test['n_images']} test images of {test['dataset']}: {dice:.3f} pooled, "
        f"{mean['mean']:.3f}{interval} mean over images, {test['resolution']} resolution"
    )
