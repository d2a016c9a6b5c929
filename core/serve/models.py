"""The models a server offers: loaded when first asked for, then held; name fewer to hold less."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import InputError
from core.export.case import ModelFacts
from core.export.model_facts import model_facts
from core.inference.classical import CLASSICAL
from core.models import TrainedModel, list_weights, load_run_named, load_weights
from core.serve.batching import TileBatcher


@dataclass(frozen=True)
class Served:
    """A model and what is reported of it."""

    trained: TrainedModel
    facts: ModelFacts


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
        self._lock = threading.Lock()

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
        """What ``GET /models`` answers; every model is opened once."""
        return [document(name, _open(name)) for name in self.names]

    def _load(self, name: str) -> Served:
        served = _open(name)
        predictor = served.trained.predictor
        if hasattr(predictor, "model"):  # a classical method has none
            predictor.model = TileBatcher(predictor.model, largest=self.batch)
        return served


def document(name: str, served: Served) -> dict[str, Any]:
    """What a client has to know of a model to use it and to say where a mask comes from."""
    trained, point = served.trained, served.trained.operating_point
    chosen = point.document()
    chosen["value"] = None if point.value != point.value else point.value  # NaN is no JSON
    return {
        "name": name,
        **{key: value for key, value in served.facts.document().items() if key != "name"},
        "dataset": trained.config.dataset,
        "in_channels": trained.predictor.in_channels,
        "operating_point": chosen,
        "config": {**trained.config.document(), "data": None},
    }


def _open(name: str) -> Served:
    run = name.removeprefix("run/") if name.startswith("run/") else ""
    trained = load_run_named(run) if run else load_weights(name)
    return Served(trained, model_facts(trained, origin="run" if run else "weights"))
