"""Everything that can predict, by its key: ``weights/NAME``, ``run/NAME``, ``server/NAME``."""

from typing import Any

import streamlit as st

from core.errors import InputError
from core.export import ModelFacts
from core.export.model_facts import model_facts
from core.inference.classes import SEPARATOR, split_name
from core.inference.classical import CLASSICAL
from core.models import (
    TrainedModel,
    list_weights,
    load_run,
    load_weights,
    weights_document,
    weights_folder,
)
from core.predict.remote import remote_model, remote_models, server_address
from core.runs import list_runs, open_run
from dashboard.common.cache.recent import ByteCache

OPENS_WITH = "isbi2012-unet"
"""Which shipped model is shown first: its kind of image can be drawn, too."""

NETWORK_BYTES = 2**30
"""Weights in memory; eight U-Nets of the original paper fit. All networks of a comparison must, or
each rerun of the page loads every one of them again."""


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


def split_key(key: str) -> tuple[str, str, str]:
    """``weights``, ``run`` or ``server``; the model's name; the class, where there is one."""
    source, _, rest = key.partition("/")
    return (source, *split_name(rest))


def trained_model(key: str) -> TrainedModel:
    """A network by its key; reloaded when its files change.

    Raises:
        InputError: It is gone or damaged.
    """
    source, name, one = split_key(key)
    if source == "server":
        return remote_model(server_address(), _document(name))[0]
    trained = _trained_model(source, name, stamp_of(key))
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


def stamp_of(key: str) -> float | str:
    """When a model last changed; what is made with it is kept under this too."""
    source, name, _ = split_key(key)
    if source == "server":
        return str(_document(name).get("sha256"))
    if name in CLASSICAL:
        return 0.0  # code, no files
    if source == "weights":
        return (weights_folder() / name / "manifest.json").stat().st_mtime
    return (open_run(name).path / "operating_point.json").stat().st_mtime


@st.cache_resource(max_entries=1, show_spinner=False)
def _networks() -> ByteCache:
    return ByteCache(NETWORK_BYTES)


def _trained_model(source: str, name: str, stamp: float | str) -> TrainedModel:
    def load() -> TrainedModel:
        return load_weights(name) if source == "weights" else load_run(open_run(name))

    trained: TrainedModel = _networks().get((source, name, stamp), load, lambda one: one.nbytes)
    return trained
