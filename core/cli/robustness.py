"""``python -m core robustness``: what is left of a metric when images differ."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.options import Data, RunName, WeightsName, chosen_model
from core.cli.output import AsJson, say, show


def robustness(
    *,
    split: Annotated[str, typer.Option(help="val, test or all.")],
    run: RunName = None,
    weights: WeightsName = None,
    metric: Annotated[str, typer.Option(help="dice, iou, recall, …")] = "dice",
    perturbation: Annotated[
        list[str] | None, typer.Option(help="noise, brighter, …; repeatable, all where none is.")
    ] = None,
    images: Annotated[
        int | None, typer.Option(help="At most so many images, evenly spread over the part.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="A data set other than its own.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Perturb the images in ways in which those from elsewhere differ, and evaluate again."""
    from core.evaluation.of_model import robustness_of_model

    trained = chosen_model(run, weights)
    own = Path(trained.config.data) if trained.config.data and not dataset else None
    document = robustness_of_model(
        trained,
        split,
        data=data or own,
        dataset=dataset,
        metric=metric,
        perturbations=perturbation,
        at_most=images,
        progress=lambda done, total: say(f"image {done} of {total}"),
    )
    show(document, _lines(document), as_json=as_json)


def _lines(document: dict[str, Any]) -> list[str]:
    first, metric = document["as_is"], document["metric"]
    head = f"{document['model']} on {document['dataset']} {document['split']}"
    taken = f"n = {document['n_images']} of {document['of_images']}"
    point = f"threshold {document['threshold']:.3f} ({document['threshold_source']})"
    drawn = f"95 %, bootstrap over {document['interval_over']}"
    lines = [
        f"{head}: {taken}, {point}, {document['resolution']} resolution",
        f"{metric}, pooled, and its difference to the images as they are ({drawn})",
        f"{'As it is':24} {_number(first['pooled'])}",
    ]
    for row in document["perturbations"]:
        change, band = row["pooled_difference"], row["pooled_difference_ci95"]
        words = "" if change is None else f"  {change:+.4f}"
        words += f" ({band[0]:+.4f} to {band[1]:+.4f})" if band else ""
        lines.append(f"{row['title']:24} {_number(row['pooled'])}{words}")
    return lines


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
