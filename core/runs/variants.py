"""The same run with other settings: copies, grids of values, and the command that repeats it."""

import itertools
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.config import AugmentationConfig, RunConfig, parse_setting
from core.errors import InputError
from core.runs import Run, check_name, create_run, runs_folder

MOST_RUNS = 500


def duplicate(run: Run, changes: Mapping[str, Any], *, name: str | None = None) -> Run:
    """A new run with the settings of another and these changes.

    Args:
        run: The one to copy.
        changes: ``key: value`` as ``--set`` takes them.
        name: Name of the new run.

    Raises:
        InputError: A change does not fit, or the name is taken.
    """
    copy = create_run(changed(run.config, changes), name=name)
    copy.say_about(tags=run.about.tags, parent=run.name)
    return copy


def changed(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """A config with changes; another network starts from its own options.

    Raises:
        InputError: A key is unknown or a value does not fit.
    """
    from core.networks import card_of, check_options  # imports torch

    if changes.get("model", config.model) != config.model:
        config = replace(config, model=str(changes["model"]), model_options={})
    copy = config.with_settings(changes, card_of(config.model).options)
    check_options(copy.model, copy.model_options)
    return copy


def grid(
    config: RunConfig, values: Mapping[str, Sequence[Any]], *, group: str, parent: str | None = None
) -> list[Run]:
    """A run for every combination of values, all under one name; none is started.

    Args:
        config: What the runs share.
        values: Setting → the values it takes. The last setting changes fastest.
        group: Name of the grid; the runs are called ``<group>-<number>``.
        parent: The run whose settings they share.

    Raises:
        InputError: A value does not fit, there are too many, or a name is taken; then no run is
            made.
    """
    check_name("grid", group)
    empty = [key for key, several in values.items() if not several]
    if empty or not values:
        raise InputError(f"a grid needs values for {empty[0] if empty else 'a setting'}")
    combinations = [
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    ]
    if len(combinations) > MOST_RUNS:
        raise InputError(
            f"{len(combinations)} combinations are more than the {MOST_RUNS} a grid may hold; "
            "leave some values out"
        )
    configs = [changed(config, chosen) for chosen in combinations]  # all of them before the first
    digits = len(str(len(configs)))
    names = [f"{group}-{n:0{digits}d}" for n in range(1, len(configs) + 1)]
    taken = [name for name in names if (runs_folder() / name).exists()]
    if taken:
        raise InputError(f"there is a run named '{taken[0]}' already; name the grid otherwise")
    runs = []
    for name, one, chosen in zip(names, configs, combinations, strict=True):
        run = create_run(one, name=name)
        note = ", ".join(f"{key}={value}" for key, value in chosen.items())
        run.say_about(group=group, parent=parent, note=note)
        runs.append(run)
    return runs


def reproduction(config: RunConfig) -> str:
    """The command line whose run has this very config."""
    from core.data import info_of

    info = info_of(config.dataset)
    fresh = RunConfig(
        dataset=config.dataset,
        size=info.size,
        augmentation=AugmentationConfig(**info.augmentation),
    ).document()
    document = config.document()
    nested = {"model_options": "", "loss_options": "loss.", "augmentation": "augmentation."}
    words = ["python", "-m", "core", "train", "--dataset", config.dataset, "--model", config.model]
    if config.data:
        words += ["--data", config.data]
    settings = {
        key: value
        for key, value in document.items()
        if key not in {"dataset", "data", "model", *nested} and value != fresh[key]
    }
    for key, prefix in nested.items():
        settings |= {
            f"{prefix}{name}": value
            for name, value in document[key].items()
            if name not in fresh[key] or value != fresh[key][name]
        }
    for key, value in settings.items():
        words += ["--set", f"{key}={_text(value)}"]
    return shlex.join(words)


def parse_values(text: str) -> tuple[str, list[Any]]:
    """``key=value,value,…`` for a grid, each value as ``--set`` reads it.

    Raises:
        InputError: There is no ``=``.
    """
    key, listed = text.partition("=")[::2]
    if not key or not listed:
        raise InputError(f"--over takes key=value,value,… and found '{text}'")
    parts = re.split(r",(?![^\[{]*[\]}])", listed)  # not inside a list
    return key.strip(), [parse_setting(f"{key}={part}")[1] for part in parts]


def _text(value: object) -> str:
    """A value as ``parse_setting`` reads it back."""
    if isinstance(value, str) and parse_setting(f"key={value}")[1] == value:
        return value
    return json.dumps(value)
