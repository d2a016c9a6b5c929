"""Shipped models: ``weights/<name>/`` holds all that someone needs to use and to evaluate one.

``model.safetensors`` (float16), ``config.json``, ``operating_point.json``, ``split.json``,
``evaluation/val.json`` and ``test.json``, ``card.md``, ``failures.jpg``, and ``manifest.json`` with
the SHA-256 of each. Every load checks the manifest: a flipped byte in tensor data would load
without a word.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.config import RunConfig
from core.data.splits import Split
from core.errors import InputError
from core.inference.classes import SEPARATOR, split_name
from core.inference.classical import classical_predictor
from core.inference.heads import FOREGROUND, Head, build_network
from core.inference.predictor import Predictor
from core.inference.volumetric import build_predictor
from core.models.trained import TrainedModel
from core.models.training_facts import read_training_facts
from core.networks.folding import folded
from core.runs import Run, open_run
from core.runs.checkpoint import load_checkpoint
from core.system.device import pick_device
from core.system.files import read_json, sha256
from core.system.home import ROOT
from core.threshold.operating_point import OperatingPoint

__all__ = [
    "Stored",
    "TrainedModel",
    "list_weights",
    "load_run",
    "load_run_named",
    "load_weights",
    "restored",
    "shipped_config",
    "stored_run",
    "stored_weights",
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
    stored = stored_weights(name)
    return TrainedModel(
        name,
        stored.config,
        restored(stored.config, stored.in_channels, stored.state, stored.head),
        OperatingPoint.of_document(read_json(stored.folder / "operating_point.json")),
        stored.split,
        facts=read_training_facts(stored.folder),
    )


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Weights as they lie on disk, with what they were trained by."""

    name: str
    """Of the shipped model or the run."""
    folder: Path
    config: RunConfig
    in_channels: int
    head: dict[str, Any] | None
    """See ``Head.document``; None for one map."""
    state: dict[str, torch.Tensor]
    """In float32, on the CPU."""
    split: Split
    digest: str
    """SHA-256 of the file that holds the weights."""

    @property
    def outputs(self) -> int:
        """Channels of the logits."""
        if self.head is None:
            return 1
        return Head(names=tuple(self.head["classes"]), softmax=self.head["softmax"]).outputs


def shipped_config(name: str) -> tuple[RunConfig, int, dict[str, Any] | None]:
    """What a shipped model was trained by, the channels it sees and its head; no weights are read.

    Raises:
        InputError: The file is missing or damaged.
    """
    document = read_json(weights_folder() / name / "config.json")
    in_channels, head = document.pop("in_channels"), document.pop("head", None)
    return RunConfig.of_document(document), in_channels, head


def stored_weights(name: str) -> Stored:
    """The weights of a shipped model, checked against its manifest.

    Raises:
        InputError: A file is missing or differs.
    """
    folder = weights_folder() / name
    digests = read_json(folder / "manifest.json")["files"]
    for file, digest in {**dict.fromkeys(NEEDED, ""), **digests}.items():
        if not (folder / file).is_file() or sha256(folder / file) != digest:
            raise InputError(
                f"{folder / file}: missing or changed since it was shipped (SHA-256 differs); "
                "restore it with: git checkout -- weights"
            )
    from safetensors.torch import load_file  # only where weights are read

    config, in_channels, head = shipped_config(name)
    state = load_file(folder / "model.safetensors")
    return Stored(
        name=name,
        folder=folder,
        config=config,
        in_channels=in_channels,
        head=head,
        state={key: tensor.float() for key, tensor in state.items()},
        split=Split.of_document(read_json(folder / "split.json")),
        digest=digests["model.safetensors"],
    )


def stored_run(run: Run) -> Stored:
    """The best checkpoint of a run.

    Raises:
        InputError: It has none yet, or it is damaged.
    """
    file = run.checkpoint("best")
    checkpoint = load_checkpoint(file)
    return Stored(
        name=run.name,
        folder=run.path,
        config=run.config,
        in_channels=checkpoint["in_channels"],
        head=checkpoint.get("head"),
        state=checkpoint["model"],
        split=run.split,
        digest=sha256(file),
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
    stored = stored_run(run)
    predictor = restored(stored.config, stored.in_channels, stored.state, stored.head)
    facts = read_training_facts(run.path)
    return TrainedModel(run.name, stored.config, predictor, point, stored.split, facts=facts)


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

    Its batch normalizations are folded, see ``core.networks.folding``.
    """
    classes = tuple(document["classes"]) if document else FOREGROUND
    head = Head(names=classes, softmax=bool(document and document["softmax"]))
    model = build_network(config, in_channels=in_channels, outputs=head.outputs, fresh=False)
    model.load_state_dict(state)
    return build_predictor(
        config, folded(model.eval()), in_channels=in_channels, head=head, device=pick_device()
    )
