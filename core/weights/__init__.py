"""Shipped models: ``weights/<name>/`` holds all that someone needs to use and to judge one.

``model.safetensors`` (float16), ``config.json``, ``operating_point.json``, ``split.json``,
``evaluation/val.json`` and ``test.json``, ``card.md``, ``failures.jpg``, and ``manifest.json`` with
the SHA-256 of each. Every load checks the manifest: a flipped byte in tensor data would load
without a word.
"""

import math
import os
from pathlib import Path
from typing import Any

import torch

from core.checkpoint import load_checkpoint
from core.classical import classical_predictor
from core.config import RunConfig
from core.data.splits import Split
from core.device import pick_device
from core.errors import InputError
from core.files import read_json, sha256
from core.heads import FOREGROUND, Head, build_network
from core.home import ROOT
from core.models.folding import folded
from core.operating_point import OperatingPoint
from core.predict import Predictor
from core.prediction.class_view import SEPARATOR, split_name
from core.runs import Run, open_run
from core.weights.trained import TrainedModel
from core.weights.training_facts import kept_training_facts

__all__ = [
    "TrainedModel",
    "list_weights",
    "load_run",
    "load_run_named",
    "load_weights",
    "restored",
    "weights_document",
    "weights_folder",
]

NEEDED = ("model.safetensors", "config.json", "operating_point.json", "split.json")
"""Files that a manifest must name."""


def weights_folder() -> Path:
    """Where shipped models live; ``ISOLINE_WEIGHTS`` moves it."""
    return Path(os.environ.get("ISOLINE_WEIGHTS") or ROOT / "weights")


def list_weights() -> list[str]:
    """Names of the shipped models."""
    return sorted(file.parent.name for file in weights_folder().glob("*/manifest.json"))


def load_weights(name: str) -> TrainedModel:
    """A shipped model, or a method that needs no training: ``classical/otsu``.

    Args:
        name: Of the model; ``NAME:CLASS`` for one class of it.

    Raises:
        InputError: Unknown name, or a file that differs from the manifest.
    """
    if name.startswith("classical/"):
        return _classical(name)
    if SEPARATOR in name:
        model, one = split_name(name)
        return load_weights(model).of_class(one)
    if name not in list_weights():
        raise InputError(f"no shipped model '{name}'; choose one of {', '.join(list_weights())}")
    folder = weights_folder() / name
    digests = read_json(folder / "manifest.json")["files"]
    for file, digest in {**dict.fromkeys(NEEDED, ""), **digests}.items():
        if not (folder / file).is_file() or sha256(folder / file) != digest:
            raise InputError(
                f"{folder / file}: missing or changed since it was shipped (SHA-256 differs); "
                "restore it with: git checkout -- weights"
            )
    from safetensors.torch import load_file  # only where weights are read

    document = read_json(folder / "config.json")
    in_channels, head = document.pop("in_channels"), document.pop("head", None)
    config = RunConfig.of_document(document)
    state = {
        name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()
    }
    return TrainedModel(
        name,
        config,
        restored(config, in_channels, state, head),
        OperatingPoint(**read_json(folder / "operating_point.json")),
        Split.of_document(read_json(folder / "split.json")),
        facts=kept_training_facts(folder),
    )


def _classical(name: str) -> TrainedModel:
    """A classical method in the place of a trained network: no data set, no split, 0.5."""
    untrained = "nothing was trained"
    point = OperatingPoint(
        threshold=0.5,
        rule="fixed",
        name=f"fixed at 0.5, {untrained}",
        value=math.nan,
        dataset="",
        split="",
        split_hash="",
        n_images=0,
    )
    split = Split(train=(), val=(), test=(), method=untrained)
    config = RunConfig(dataset="", model=name)
    return TrainedModel(name, config, classical_predictor(name), point, split)


def load_run_named(name: str) -> TrainedModel:
    """As ``load_run``, by the run's name; ``NAME:CLASS`` for one class of it."""
    model, one = split_name(name)
    trained = load_run(open_run(model))
    return trained.of_class(one) if one else trained


def load_run(run: Run) -> TrainedModel:
    """The best checkpoint of a run.

    Raises:
        InputError: The run has none yet.
    """
    point = run.operating_point
    if point is None:
        raise InputError(
            f"run {run.name} has no operating point yet; let it finish: "
            f"python -m core resume {run.name}"
        )
    checkpoint = load_checkpoint(run.checkpoint("best"))
    predictor = restored(
        run.config, checkpoint["in_channels"], checkpoint["model"], checkpoint.get("head")
    )
    facts = kept_training_facts(run.path)
    return TrainedModel(run.name, run.config, predictor, point, run.split, facts=facts)


def weights_document(name: str, document: str) -> Any:  # noqa: ANN401 - JSON is any of six types
    """A JSON document of a shipped model, for example ``evaluation/test``."""
    return read_json(weights_folder() / name / f"{document}.json")


def restored(
    config: RunConfig,
    in_channels: int,
    state: dict[str, torch.Tensor],
    document: dict[str, Any] | None,
) -> Predictor:
    """The predictor of some weights; ``document`` is of their head, None for one map.

    Its batch normalizations are folded, see ``core.models.folding``.
    """
    classes = tuple(document["classes"]) if document else FOREGROUND
    softmax = bool(document and document["softmax"])
    outputs = Head(names=classes, softmax=softmax).outputs
    model = build_network(config, in_channels=in_channels, outputs=outputs, fresh=False)
    model.load_state_dict(state)
    return Predictor(
        folded(model.eval()),
        in_channels=in_channels,
        size=config.size,
        aspect=config.aspect,
        device=pick_device(),
        classes=classes,
        softmax=softmax,
    )
