"""A trained model on a split of a data set: the numbers of its mask, of its classes, under changes.

    python -m core evaluate --weights isbi2012-unet --split test --data PATH

The threshold is the model's frozen one; where it was chosen stands in the document.
"""

from pathlib import Path
from typing import Any

from core.data import Dataset, Sample
from core.data.importing import open_where_it_lies
from core.data.splits import SUBSETS
from core.errors import InputError
from core.evaluation import summarize, sweep_samples
from core.evaluation.assess import Assessment, assess
from core.evaluation.classes import summarize_classes, sweep_classes
from core.evaluation.robustness import robustness
from core.inference.classes import ClassTruths, class_predictor
from core.models.trained import TrainedModel
from core.threshold.operating_point import class_point


def evaluate_model(
    trained: TrainedModel, split: str, *, data: Path | None, dataset: str | None = None
) -> Any:  # noqa: ANN401 - a JSON document
    """Evaluation document for a split of a data set at the frozen threshold.

    Args:
        trained: The model.
        split: ``val`` or ``test`` of the data set it was trained on; ``all`` of any.
        data: Where the data set lies; None for synthetic and imported ones.
        dataset: Key of ``DATASETS``; None takes the one it was trained on.

    Raises:
        InputError: The data set does not hold the split's images.
    """
    point = trained.operating_point
    if (
        trained.of
        or point.post_processing
        or any(class_point(point, name).post_processing for name in point.classes)
    ):
        return assess_model(trained, split, data=data, dataset=dataset).document
    opened, chosen, facts = _images_of(trained, split, data, dataset)
    document = summarize(
        sweep_samples(trained.predictor, opened, chosen),
        chosen,
        k=point.k,
        threshold_source=point.name,
        temperature=point.temperature,
        **facts,
    )
    head = trained.head(opened)
    if head is None:
        return document
    sweeps = sweep_classes(trained.predictor, opened, chosen, head)
    return document | summarize_classes(sweeps, head.names, chosen, point, **facts)


def assess_model(
    trained: TrainedModel,
    split: str,
    *,
    data: Path | None,
    dataset: str | None = None,
    **conventions: Any,  # noqa: ANN401 - handed on
) -> Assessment:
    """Evaluate by another convention.

    Args:
        trained: As ``evaluate_model``.
        split: As ``evaluate_model``.
        data: As ``evaluate_model``.
        dataset: As ``evaluate_model``.
        **conventions: As ``core.evaluation.assess.assess``.

    Raises:
        InputError: As both.
    """
    opened, chosen, facts = _images_of(trained, split, data, dataset)
    whole = assess(
        trained.predictor,
        trained.truths(opened),
        chosen,
        point=trained.operating_point,
        **conventions,
        **facts,
    )
    if head := trained.head(opened):
        whole.document["classes"] = {
            name: assess(
                class_predictor(trained.predictor, place),
                ClassTruths(opened, head, place),
                chosen,
                point=class_point(trained.operating_point, name),
                **conventions,
                **facts,
            ).document
            for place, name in enumerate(head.names)
        }
    return whole


def robustness_of_model(
    trained: TrainedModel,
    split: str,
    *,
    data: Path | None,
    dataset: str | None = None,
    **asked: Any,  # noqa: ANN401 - handed on
) -> dict[str, Any]:
    """How a metric holds when images are perturbed.

    Args:
        trained: The model.
        split: ``val``, ``test`` or ``all``.
        data: The data set as published; None for where it was imported.
        dataset: Another one than it was trained on.
        **asked: As ``core.evaluation.robustness.robustness``.

    Raises:
        InputError: As ``evaluate_model`` and ``core.evaluation.robustness.robustness``.
    """
    opened, chosen, facts = _images_of(trained, split, data, dataset)
    return robustness(
        trained.predictor,
        trained.truths(opened),
        chosen,
        point=trained.operating_point,
        **asked,
        **facts,
    )


def _images_of(
    trained: TrainedModel, split: str, data: Path | None, dataset: str | None
) -> tuple[Dataset, list[Sample], dict[str, Any]]:
    """The opened data set, the images of a split, and what an evaluation says of them."""
    if split != "all" and not any(getattr(trained.split, part) for part in SUBSETS):
        raise InputError(
            f"{trained.name} was not trained and has no {split} split; use --split all"
        )
    name = dataset or trained.config.dataset
    if not name:
        raise InputError(f"{trained.name} belongs to no data set; name one with --dataset")
    opened = open_where_it_lies(name, data)
    if split == "all":
        chosen = [sample for sample in opened.samples if sample.has_truth]
    else:
        chosen = trained.samples(opened, split)
    facts: dict[str, Any] = {
        "model": trained.name,
        "dataset": name,
        "split": split,
        "split_hash": "" if split == "all" else trained.split.hash,
    }
    return opened, chosen, facts
