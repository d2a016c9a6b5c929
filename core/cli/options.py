"""Options that several commands take, and the models that they name."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import InputError

Data = Annotated[Path | None, typer.Option(help="The data set in its published layout.")]
RunName = Annotated[
    str | None, typer.Option("--run", help="A run by name, NAME:CLASS for one class.")
]
WeightsName = Annotated[
    str | None, typer.Option("--weights", help="A shipped model by name, NAME:CLASS for one class.")
]
RunNames = Annotated[list[str] | None, typer.Option("--run", help="A run; repeatable.")]
WeightsNames = Annotated[
    list[str] | None, typer.Option("--weights", help="A shipped model; repeatable.")
]


def chosen_models(runs: list[str] | None, weights: list[str] | None) -> list[Any]:
    """The models that several ``--run`` and ``--weights`` name, runs first.

    Raises:
        InputError: None is given, or there is none of a name.
    """
    from core.models import load_run_named, load_weights

    models = [load_run_named(name) for name in runs or []]
    models += [load_weights(name) for name in weights or []]
    if not models:
        raise InputError("name a model with --run or --weights")
    return models


def chosen_model(run: str | None, weights: str | None) -> Any:  # noqa: ANN401 - named only in core.models
    """The model that ``--run`` or ``--weights`` names.

    Raises:
        InputError: Neither or both are given, or there is none of this name.
    """
    from core.models import load_run_named, load_weights

    if (run is None) == (weights is None):
        raise InputError("give either --run RUN or --weights NAME")
    return load_run_named(run) if run else load_weights(str(weights))
