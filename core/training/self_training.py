"""Masks for images that have none, drawn by models, so that a network can be trained on them too.

Lee, Pseudo-label, ICML workshop 2013; Xie et al., Self-training with Noisy Student, CVPR 2020,
arXiv:1911.04252. What has a mask keeps it and its part of the split, so nothing that was predicted
chooses or evaluates.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.data import Dataset, Sample
from core.data.importing import open_where_it_lies
from core.data.splits import SUBSETS
from core.errors import InputError
from core.evaluation import sweep_samples
from core.inference.uncertainty import AveragedPredictor, augmented, refuse_volumes
from core.levels import mask_at
from core.models import TrainedModel
from core.threshold.operating_point import OperatingPoint, choose_operating_point

Progress = Callable[[int, int], None]


def label_unlabelled(
    models: Sequence[TrainedModel],
    out: Path,
    *,
    data: Path | None = None,
    method: str = "",
    progress: Progress = lambda _done, _total: None,
) -> dict[str, Any]:
    """Write a data set for ``folder``: the models' own one, complete with masks they predict.

    Args:
        models: Of one data set and one split; their mean probability is what is thresholded, where
            its Dice on the validation split is best.
        out: The folder to make: ``train``, ``val`` and ``test``, each with ``images`` and
            ``masks``. What had no mask is in ``train``.
        data: The data set as published; None for drawn and imported ones.
        method: Key of ``VIEWS``: each model answers with the mean of such views.
        progress: Called with images done and all of them.

    Returns:
        ``path``, ``images`` (of each part), ``labelled``, ``threshold``, ``val_dice``, ``models``.

    Raises:
        InputError: The models differ in data or split or mark several classes, there is nothing to
            label, or ``out`` is there already.
    """
    if out.exists():
        raise InputError(f"{out}: is there already; name a folder to be made")
    first = models[0]
    for model in models:
        if (model.config.dataset, model.split.hash) != (first.config.dataset, first.split.hash):
            raise InputError(
                f"{model.name} and {first.name} were not trained on one split of one data set"
            )
        refuse_volumes(model.predictor, model.name)
        if len(model.predictor.classes) > 1:
            raise InputError(f"{model.name} segments several classes; only one can be labelled")
    opened = open_where_it_lies(first.config.dataset, data)
    subsets = {subset: first.samples(opened, subset) for subset in SUBSETS}
    bare = [sample for sample in opened.samples if not sample.has_truth]
    if not bare:
        raise InputError(f"{opened.info.name} has no image without a mask; there is nothing to do")
    teacher, point = _teacher(models, method, opened, subsets["val"])
    total, done = sum(map(len, subsets.values())) + len(bare), 0
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".isoline-tmp-", dir=out.parent))
    try:
        partial.chmod(0o755)
        for subset, samples in subsets.items():
            for sample in (*samples, *(bare if subset == "train" else ())):
                image = opened.image(sample)
                mask = (
                    opened.truth(sample) > 0
                    if sample.has_truth
                    else mask_at(teacher.levels(image), point.k)
                )
                _save(partial / subset, sample, image, mask)
                done += 1
                progress(done, total)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    counts = {subset: len(samples) for subset, samples in subsets.items()}
    return {
        "path": str(out),
        "images": counts | {"train": counts["train"] + len(bare)},
        "labelled": len(bare),
        "threshold": point.threshold,
        "val_dice": point.value,
        "models": [model.name for model in models],
    }


def _teacher(
    models: Sequence[TrainedModel], method: str, opened: Dataset, samples: Sequence[Sample]
) -> tuple[AveragedPredictor, OperatingPoint]:
    """The mean of the models, and the threshold that suits it on the validation split."""
    members = [
        member
        for model in models
        for member in (
            augmented(model.predictor.probability, method)
            if method
            else [model.predictor.probability]
        )
    ]
    teacher = AveragedPredictor(members, words=f"mean of {len(members)} answers")
    point = choose_operating_point(
        sweep_samples(teacher, opened, samples),
        rule="dice",
        groups=[sample.group for sample in samples],
        dataset=opened.info.name,
        split="val",
        split_hash=models[0].split.hash,
    )
    return teacher, point


def _save(folder: Path, sample: Sample, image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """As PNG, under the sample's name."""
    for name, pixels in (("images", image), ("masks", mask.astype(np.uint8) * 255)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name / f"{sample.id}.png")
