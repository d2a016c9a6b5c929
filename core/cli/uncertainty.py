"""``python -m core uncertainty``: several answers to each image, and what they are worth."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import RunNames, WeightsNames, chosen_models
from core.cli.output import AsJson, say, show


def uncertainty(
    *,
    split: Annotated[str, typer.Option(help="val or test.")],
    runs: RunNames = None,
    weights: WeightsNames = None,
    method: Annotated[
        str, typer.Option(help="mirror, flips, turns, dropout, members, or ensemble of all named.")
    ] = "turns",
    samples: Annotated[int, typer.Option(min=2, help="With dropout: how often it is asked.")] = 16,
    data: Annotated[Path | None, typer.Option(help="The data set as published.")] = None,
    as_json: AsJson = False,
) -> None:
    """Is the mean of several answers better, and do they disagree where they err?"""
    from core.evaluation.disagreement import disagreement

    models = chosen_models(runs, weights)
    own = models[0].config.data
    found = disagreement(
        models,
        method,
        split=split,
        data=data or (Path(own) if own else None),
        samples=samples,
        progress=lambda done, total: say(f"image {done} of {total}"),
    )
    alone, mean, risk = found["alone"], found["mean"], found["risk_coverage"]
    said = found["conventions"]
    names, images = " and ".join(found["models"]), f"n = {found['n_images']}"
    lines = [
        f"{names} on {found['dataset']} {split}, {images}, {said['mean']}",
        f"Dice of the first alone {_figure(alone['dice'])}, of the mean {_figure(mean['dice'])}",
        f"({said['dice']})",
        f"Errors found by disagreement: gain {_figure(risk['gain'])}",
        f"({said['risk_coverage']})",
    ]
    show(found, lines, as_json=as_json)


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
