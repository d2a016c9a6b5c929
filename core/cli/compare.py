"""``python -m core compare``: several models on the same images, with intervals and tests."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.options import RunNames, WeightsNames, chosen_models
from core.cli.output import AsJson, say, show
from core.errors import InputError


def compare(
    *,
    split: Annotated[str, typer.Option(help="val, test or all.")],
    runs: RunNames = None,
    weights: WeightsNames = None,
    metric: Annotated[str, typer.Option(help="dice, iou, recall, …")] = "dice",
    dataset: Annotated[str | None, typer.Option(help="A data set other than theirs.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data set as published.")] = None,
    empties: Annotated[str, typer.Option(help="skip, 1 or 0.")] = "skip",
    form: Annotated[
        str, typer.Option("--format", help="csv, markdown or latex, on stdout.")
    ] = "markdown",
    as_json: AsJson = False,
) -> None:
    """Compare models, each at its own frozen threshold, paired by image."""
    from core.errors import choose
    from core.evaluation.comparison import compare as compare_evaluations
    from core.evaluation.comparison import same_split
    from core.evaluation.comparison_table import FORMS, comparison_table
    from core.evaluation.of_model import assess_model
    from core.metrics.overlap import METRICS

    choose("metric", metric, METRICS)
    choose("table format", form, FORMS)
    models = _different(runs or [], weights or [])
    if split != "all":
        models = same_split(models)
    documents = []
    for trained in models:
        say(f"evaluating {trained.name}")
        own = Path(trained.config.data) if trained.config.data and not dataset else None
        documents.append(
            assess_model(
                trained, split, data=data or own, dataset=dataset, empties=empties
            ).document
        )
    comparison = compare_evaluations(documents, metric=metric)
    show(comparison, [comparison_table(comparison, form=form)], as_json=as_json)


def _different(runs: list[str], weights: list[str]) -> list[Any]:
    if len(runs) + len(weights) < 2:
        raise InputError("a comparison takes at least two models; repeat --run or --weights")
    models = chosen_models(runs, weights)
    if len({trained.name for trained in models}) < len(models):
        raise InputError("two of the models have the same name; name each once")
    return models
