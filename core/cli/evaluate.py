"""``python -m core evaluate``, ``tune`` and ``promote``: numbers, thresholds, shipped models."""

from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.options import Data, RunName, WeightsName, chosen_model
from core.cli.output import AsJson, show


def evaluate(
    *,
    split: Annotated[str, typer.Option(help="val, test or all.")],
    run: RunName = None,
    weights: WeightsName = None,
    dataset: Annotated[str | None, typer.Option(help="A data set other than its own.")] = None,
    data: Data = None,
    empties: Annotated[
        str, typer.Option(help="What an undefined metric counts as: skip, 1 or 0.")
    ] = "skip",
    resized: Annotated[
        bool, typer.Option("--resized", help="At the size the network sees, as papers report.")
    ] = False,
    tta: Annotated[
        str, typer.Option(help="Mean over the image flipped (flips) or also turned (turns).")
    ] = "",
    post_processing: Annotated[
        str | None, typer.Option(help="Instead of the frozen one: minimum_area_px=50,fill_holes, …")
    ] = None,
    curves: Annotated[
        Path | None, typer.Option(help="Write all scores at all thresholds to this JSON file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Numbers of a trained network at its frozen threshold."""
    from core.evaluation.of_model import assess_model, evaluate_model
    from core.runs import open_run
    from core.system.files import write_json
    from core.threshold.postprocessing import parse_post_processing

    trained = chosen_model(run, weights)
    path = data or (Path(trained.config.data) if trained.config.data and not dataset else None)
    steps = None if post_processing is None else parse_post_processing(post_processing)
    asked = {"empties": empties, "resized": resized, "views": tta, "post_processing": steps}
    typical = asked == {"empties": "skip", "resized": False, "views": "", "post_processing": None}
    if typical and curves is None:
        document = evaluate_model(trained, split, data=path, dataset=dataset)
    else:
        assessment = assess_model(trained, split, data=path, dataset=dataset, **asked)
        document = assessment.document
        if curves is not None:
            write_json(curves, assessment.curves().document())
    if run and not trained.of and not dataset and split != "all" and typical:
        open_run(run).save_evaluation(document)
    show(document, _evaluation_lines(document), as_json=as_json)


def tune(
    run: str,
    *,
    rule: Annotated[
        str,
        typer.Option(
            help="dice, iou, f2, mcc, 'sensitivity>=0.95', 'precision>=0.9', 'fppi<=0.5', "
            "'fnr<=0.1' (guaranteed), …"
        ),
    ],
    post_processing: Annotated[
        str,
        typer.Option(help="minimum_area_px=50,fill_holes,largest_component, or search for one."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Choose the threshold anew by a rule, on the validation split, and keep it with the run."""
    from core.evaluation.tuning import tune as choose_anew

    point = choose_anew(run, rule, post_processing=post_processing)
    show(point, _point_lines(point), as_json=as_json)


def promote(
    run: str,
    *,
    name: Annotated[str, typer.Option("--as", help="Name of the shipped model.")],
    as_json: AsJson = False,
) -> None:
    """Make a shipped model of a finished run, evaluated on its test split."""
    from core.models import weights_document
    from core.promotion.promote import promote as ship
    from core.runs import open_run

    folder = ship(open_run(run), name)
    test = weights_document(name, "evaluation/test")
    show(
        {"weights": name, "folder": str(folder), "test": test["pooled"]},
        [str(folder), *_evaluation_lines(test)],
        as_json=as_json,
    )


def _evaluation_lines(document: dict[str, Any]) -> list[str]:
    pooled, mean = document["pooled"]["dice"], document["per_image"]["dice"]
    head = f"{document['model']} on {document['dataset']} {document['split']}"
    point = f"threshold {document['threshold']:.3f} ({document['threshold_source']})"
    lines = [f"{head}: n = {document['n_images']}, {point}, {document['resolution']} resolution"]
    if pooled is None or mean["mean"] is None:
        return [*lines, "Dice undefined: neither truth nor prediction has foreground"]
    low, high = mean["ci95"]
    spread = f"{mean['mean']:.4f} ({low:.4f}–{high:.4f}, 95 %)"
    return [*lines, f"Dice pooled {pooled:.4f}, mean over images {spread}"]


def _point_lines(point: dict[str, Any]) -> list[str]:
    lines = [f"{point['name']}: {point['threshold']:.3f}, Dice {point['value']:.4f}"]
    if point["threshold_ci95"]:
        low, high = point["threshold_ci95"]
        drawn = f"bootstrap over {point['interval_over']}"
        lines.append(f"interval of the threshold {low:.3f}–{high:.3f} (95 %, {drawn})")
    if point["flat"]:
        low, high = point["flat"]
        lines.append(f"as good within 0.005 from {low:.3f} to {high:.3f}")
    if point["area_change_percent"] is not None:
        lines.append(f"area {point['area_change_percent']:+.2f} % for a threshold 0.01 higher")
    steps = [name for name, value in point["post_processing"].items() if value]
    lines += [f"post-processing: {', '.join(steps)}"] if steps else []
    return lines + ([point["note"]] if point["note"] else [])
