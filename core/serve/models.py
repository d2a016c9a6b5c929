"""The models a server offers: loaded when first asked for, then held; name fewer to hold less."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.config import RunConfig
from core.data.splits import Split
from core.errors import InputError
from core.export.case import ModelFacts
from core.export.model_facts import model_facts
from core.inference.classes import split_name
from core.inference.classical import CLASSICAL
from core.models import (
    TrainedModel,
    list_weights,
    load_run_named,
    load_weights,
    shipped_config,
    weights_document,
)
from core.serve.batching import TileBatcher
from core.threshold.operating_point import OperatingPoint, class_point


@dataclass(frozen=True)
class Served:
    """A model and what is reported of it."""

    trained: TrainedModel
    facts: ModelFacts


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A shipped model as its documents describe it; no weights are read."""

    name: str
    config: RunConfig
    in_channels: int
    operating_point: OperatingPoint
    split: Split
    of: str


class Models:
    """Named models; ``run/<name>`` is a training on this machine, other names are shipped.

    Args:
        names: What is offered, the first is the one taken where none is named; empty offers all
            shipped models and the classical methods.
        batch: Tiles that go through a network together, at most.
    """

    def __init__(self, names: Sequence[str] = (), *, batch: int = 8) -> None:
        self.names = tuple(names) or (*list_weights(), *CLASSICAL)
        self.batch = batch
        self._held: dict[str, Served] = {}
        self._documents: dict[str, dict[str, Any]] = {}
        self._lock, self._describing = threading.Lock(), threading.Lock()

    def open(self, name: str = "") -> Served:
        """A model by its name; the first where the name is empty.

        Raises:
            InputError: It is not offered, or its files are gone or damaged.
        """
        name = name or self.names[0]
        if name not in self.names:
            raise InputError(f"no model '{name}' here; choose one of {', '.join(self.names)}")
        with self._lock:
            if name not in self._held:
                self._held[name] = self._load(name)
            return self._held[name]

    def documents(self) -> list[dict[str, Any]]:
        """What ``GET /models`` answers, read once; only a run has to be opened for it.

        Raises:
            InputError: A model is not there.
        """
        with self._describing:
            for name in self.names:
                if name not in self._documents:
                    self._documents[name] = self._document(name)
            return [self._documents[name] for name in self.names]

    def _document(self, name: str) -> dict[str, Any]:
        if name.startswith("run/"):  # its checkpoint alone knows the channels
            served = self.open(name)
            return document(name, served.trained, served.facts)
        if name.startswith("classical/"):
            trained = load_weights(name)
            return document(name, trained, model_facts(trained))
        shipped = _shipped(name)
        return document(name, shipped, model_facts(shipped))

    def _load(self, name: str) -> Served:
        run = name.removeprefix("run/") if name.startswith("run/") else ""
        trained = load_run_named(run) if run else load_weights(name)
        if hasattr(trained.predictor, "model"):  # a classical method has none
            trained.predictor.model = TileBatcher(trained.predictor.model, largest=self.batch)
        return Served(trained, model_facts(trained, origin="run" if run else "weights"))


def document(name: str, model: TrainedModel | Shipped, facts: ModelFacts) -> dict[str, Any]:
    """What a client has to know of a model to use it and to say where a mask comes from."""
    seen = model.predictor if isinstance(model, TrainedModel) else model
    point = model.operating_point
    chosen = point.document()
    chosen["value"] = None if point.value != point.value else point.value  # NaN is no JSON
    return {
        "name": name,
        **{key: value for key, value in facts.document().items() if key != "name"},
        "dataset": model.config.dataset,
        "in_channels": seen.in_channels,
        "operating_point": chosen,
        "config": {**model.config.document(), "data": None},
    }


def _shipped(name: str) -> Shipped:
    folder, one = split_name(name)
    if folder not in list_weights():
        raise InputError(f"no shipped model '{name}'; choose one of {', '.join(list_weights())}")
    config, in_channels, head = shipped_config(folder)
    classes = head["classes"] if head else []
    if one and one not in classes:
        raise InputError(f"{folder} has no class '{one}'; it has {', '.join(classes) or 'one map'}")
    point = OperatingPoint(**weights_document(folder, "operating_point"))
    return Shipped(
        name=name,
        config=config,
        in_channels=in_channels,
        operating_point=class_point(point, one) if one else point,
        split=Split.of_document(weights_document(folder, "split")),
        of=one,
    )
