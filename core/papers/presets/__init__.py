"""Presets: every experiment of the papers as one YAML file, and what we would use ourselves.

To add one, write ``<name>.yaml`` beside this file; the keys are the fields of ``Preset``, with
``config`` as the settings of a run. ``extends: <name>`` takes the rest from another preset.

    python -m core papers list
    python -m core train --preset isbi-3 --data PATH
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from core.config import RunConfig
from core.errors import InputError, choose

FOLDER = Path(__file__).parent
TAG = "preset:"
"""Starts the tag by which a run is known as one of a preset."""
FREE = (
    "data",
    "seed",
    "split_seed",
    "share_group",
    "folds",
    "fold",
    "accumulate",
    "allow_accumulation",
)
"""Settings that may differ between the runs of one preset."""


@dataclass(frozen=True, kw_only=True)
class Printed:
    """A metric as the paper prints it."""

    metric: str
    """Key of ``core.papers.conventions.PAPER_METRICS``."""
    value: float
    """As a share where the paper prints percent."""
    split: str
    """``train``, ``val`` or ``test``."""
    called: str = ""
    """The paper's own word for it."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """An experiment: its settings, where they come from, and what the paper found."""

    name: str
    """Name of its file."""
    title: str
    """In a few words."""
    config: RunConfig
    """All settings of a run."""
    paper: str = ""
    """Key of ``core.papers.PAPERS``; empty for ours."""
    setting: str = ""
    """What the paper says of it."""
    chosen: Mapping[str, str] = field(default_factory=dict)
    """What the paper does not state → what we chose, and why."""
    differs: tuple[str, ...] = ()
    """Where ours is knowingly not the paper's."""
    metrics: tuple[str, ...] = ()
    """Scores that the paper watches, keys of ``core.papers.conventions.PAPER_METRICS``."""
    printed: tuple[Printed, ...] = ()
    """Its results."""
    printed_parameters: int | None = None
    """Parameters as Keras counts them, where the paper prints them for this network."""
    search: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Setting → values that are tried first; the best on validation is what is repeated."""
    leave_out: tuple[str, ...] = ()
    """Labels of images that do not enter the paper's scores."""
    reason: str = ""
    """Why we would use it; for ours."""
    weights: str = ""
    """The shipped model that came of these settings; empty where none is shipped yet."""

    @property
    def tag(self) -> str:
        """The tag of its runs."""
        return TAG + self.name

    def differences(self, config: RunConfig) -> dict[str, tuple[Any, Any]]:
        """Settings in which a run differs from the preset, as (preset's, run's)."""
        own, other = self.config.document(), config.document()
        free = {*FREE, "extensions", *self.search}
        return {
            name: (own[name], other[name])
            for name in own
            if name not in free and own[name] != other[name]
        }


def preset_names() -> list[str]:
    """Names of all presets, those of a paper together, experiments in their order."""
    return sorted((file.stem for file in FOLDER.glob("*.yaml")), key=_in_order)


def load_presets() -> list[Preset]:
    """All presets, in the order of ``preset_names``."""
    return [load_preset(name) for name in preset_names()]


def load_preset(name: str) -> Preset:
    """A preset by name; what we would use takes its settings from the model that is shipped.

    Raises:
        InputError: There is no such preset, or its file cannot be used.
    """
    document = _document(name)
    shipped, settings = _shipped(document) if "weights_for" in document else ("", {})
    document.pop("weights_for", None)
    config = RunConfig.of_document(settings or document["config"])
    try:
        return Preset(
            **{
                **document,
                "name": name,
                "config": config,
                "weights": shipped,
                "printed": tuple(Printed(**row) for row in document.get("printed", ())),
                "differs": tuple(document.get("differs", ())),
                "metrics": tuple(document.get("metrics", ())),
                "leave_out": tuple(document.get("leave_out", ())),
                "search": {k: tuple(v) for k, v in document.get("search", {}).items()},
            }
        )
    except TypeError as fault:
        raise InputError(f"{FOLDER / name}.yaml: {fault}; correct the file") from fault


def _document(name: str) -> dict[str, Any]:
    """The content of a preset with what it extends, checked for its keys."""
    choose("preset", name, dict.fromkeys(preset_names()))
    own = dict(_read(FOLDER / f"{name}.yaml"))
    parent = own.pop("extends", None)
    document = merged(_document(parent), own) if parent else own
    known = {f.name for f in fields(Preset)} - {"name", "weights"} | {"weights_for"}
    for key in document:
        choose(f"key of {name}.yaml", key, dict.fromkeys(known))
    for key in ("title", "config"):
        if key not in document:
            raise InputError(f"{FOLDER / name}.yaml: has no {key}; add it")
    return document


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A document with changes; mappings are merged, everything else is replaced."""
    result = dict(base)
    for key, value in changes.items():
        before = result.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            result[key] = merged(before, value)
        else:
            result[key] = value
    return result


@cache
def _read(file: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as fault:
        raise InputError(f"{file}: not valid YAML ({fault}); correct the file") from fault
    if not isinstance(document, dict):
        raise InputError(f"{file}: holds no settings; write key: value lines")
    return document


def _shipped(document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The shipped model of a data set that is best on validation, and its settings.

    Of a model that was fine-tuned none: those are of its last step alone.
    """
    from core.models import list_weights, weights_folder  # imports torch
    from core.system.files import read_json

    found = []
    for name in list_weights():
        folder = weights_folder() / name
        try:
            settings = read_json(folder / "config.json")
            value = float(read_json(folder / "operating_point.json")["value"])
        except (InputError, KeyError, TypeError, ValueError):
            continue  # a damaged model is the business of who loads it
        if settings.get("dataset") == document["weights_for"]:
            found.append((value, name, settings))
    if not found:
        return "", {}
    _, name, settings = max(found, key=lambda row: row[:2])
    if settings.get("start_from"):
        return name, {}
    for extra in ("in_channels", "head"):
        settings.pop(extra, None)
    return name, settings


def _in_order(name: str) -> tuple[int, str, int, str]:
    """Ours last; ``isbi-10`` after ``isbi-9``."""
    head, _, number = name.rpartition("-")
    counted = number.isdigit()
    return (
        name.startswith("best-"),
        head if counted else name,
        int(number) if counted else 0,
        name,
    )


def names_of(presets: Sequence[Preset], paper: str) -> Iterator[str]:
    """Those of one paper."""
    return (preset.name for preset in presets if preset.paper == paper)
