"""The threshold of a run, chosen anew on its validation split."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.data import Dataset, Sample, open_dataset
from core.evaluation import LevelPredictor, summarize
from core.evaluation.assess import assess, choose_on_validation
from core.evaluation.of_model import evaluate_model
from core.inference.classes import ClassTruths, class_predictor
from core.inference.heads import Head
from core.models import TrainedModel, load_run
from core.runs import open_run


def tune(
    name: str, rule: str, *, post_processing: str = "", maps: LevelPredictor | None = None
) -> dict[str, Any]:
    """Choose a run's threshold anew on its validation split; kept with the run.

    Args:
        name: Of the run.
        rule: One of ``RULES``; several classes choose by it each.
        post_processing: As ``parse_post_processing``, or ``search``.
        maps: Gives the level maps of the validation images where they are there already; None runs
            the network. Of a network for several classes they are not enough.

    Raises:
        InputError: The rule or the post-processing is unknown, no threshold keeps it or the data
            has changed.
    """
    run = open_run(name)
    trained = load_run(run)
    opened = open_dataset(run.config.dataset, Path(run.config.data) if run.config.data else None)
    samples = trained.samples(opened, "val")
    part = {"dataset": run.config.dataset, "split": "val", "split_hash": trained.split.hash}
    source = trained.predictor if maps is None else maps
    asked = {"rule": rule, "post_processing": post_processing, **part}
    point, sweep = choose_on_validation(source, opened, samples, **asked)
    facts: dict[str, Any] = {"model": name, **part}
    if head := trained.head(opened):
        point = replace(point, classes=_choose_classes(trained, opened, samples, head, asked))
    trained = replace(trained, operating_point=point)
    if head:
        document = evaluate_model(trained, "val", data=opened.path)
    elif point.post_processing:
        document = assess(
            trained.predictor, opened, samples, point=point, levels=maps, **facts
        ).document
    else:
        document = summarize(
            sweep,
            samples,
            k=point.k,
            threshold_source=point.name,
            temperature=point.temperature,
            **facts,
        )
    run.save_operating_point(point)
    run.save_evaluation(document)
    return point.document()


def _choose_classes(
    trained: TrainedModel,
    opened: Dataset,
    samples: list[Sample],
    head: Head,
    asked: dict[str, str],
) -> dict[str, Any]:
    """A point for each class by the same rule; one that validation does not hold keeps its own."""
    points = {}
    for place, name in enumerate(head.names):
        view, truths = class_predictor(trained.predictor, place), ClassTruths(opened, head, place)
        held = any(truths.truth(sample).any() for sample in samples)
        points[name] = (
            choose_on_validation(view, truths, samples, **asked)[0].document()
            if held
            else trained.operating_point.classes[name]
        )
    return points
