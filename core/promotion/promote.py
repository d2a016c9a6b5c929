"""From a finished run to a shipped model: half the bytes, evaluated as shipped, with its card."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from core.data import open_dataset
from core.data.splits import SUBSETS
from core.evaluation.intensity_baseline import intensity_baseline
from core.evaluation.of_model import evaluate_model, robustness_of_model
from core.models import TrainedModel, load_run, restored, weights_folder
from core.models.provenance import FILE as STARTED_FROM
from core.models.training_facts import FILE, training_facts
from core.promotion.failures import failure_strip, worst_images
from core.promotion.stored_card import PATIENTS, write_card
from core.runs import Run, check_name
from core.runs.checkpoint import load_checkpoint
from core.system.files import read_json, write_atomic, write_json

MOST_PERTURBED = 100
"""Test images that the card's scores of perturbed images are from, at most."""


def promote(run: Run, name: str) -> Path:
    """Make a shipped model of a finished run: float16 weights, evaluated again as they are shipped.

    Args:
        run: A finished run.
        name: Of the folder in ``weights/``; an older one of that name is replaced.

    Returns:
        The folder.

    Raises:
        InputError: The name is no plain file name, the run is not finished or its data is gone.
    """
    from safetensors.torch import save  # only where weights are written

    check_name("model", name)
    trained = load_run(run)
    data = Path(run.config.data) if run.config.data else None
    checkpoint = load_checkpoint(run.checkpoint("best"))
    halves = {key: _half(value) for key, value in checkpoint["model"].items()}
    config = replace(run.config, data=None)  # a path of this machine means nothing elsewhere
    shipped = TrainedModel(
        name,
        config,
        restored(
            config,
            checkpoint["in_channels"],
            {k: v.float() for k, v in halves.items()},
            checkpoint.get("head"),
        ),
        trained.operating_point,
        trained.split,
    )
    weights_folder().mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".isoline-tmp-", dir=weights_folder()))
    try:
        partial.chmod(0o755)
        write_atomic(partial / "model.safetensors", save(halves))
        facts = {"in_channels": checkpoint["in_channels"]}
        if len(shipped.predictor.classes) > 1:
            facts["head"] = checkpoint["head"]
        write_json(partial / "config.json", {**config.document(), **facts})
        write_json(partial / "operating_point.json", trained.operating_point.document())
        write_json(partial / "split.json", trained.split.document())
        opened = open_dataset(config.dataset, data)
        seen = training_facts(opened, trained.samples(opened, "train"))
        write_json(partial / FILE, seen.document())
        origin = read_json(run.path / STARTED_FROM) if config.start_from else None
        if origin:
            write_json(partial / STARTED_FROM, origin)
        (partial / "evaluation").mkdir()
        evaluations = {part: evaluate_model(shipped, part, data=data) for part in ("val", "test")}
        for part, document in evaluations.items():
            write_json(partial / "evaluation" / f"{part}.json", document)
        perturbed = robustness_of_model(shipped, "test", data=data, at_most=MOST_PERTURBED)
        write_json(partial / "evaluation" / "robustness.json", perturbed)
        grey = intensity_baseline(
            opened, *(trained.samples(opened, part) for part in ("val", "test"))
        )
        write_json(partial / "evaluation" / "grey.json", grey)
        worst = worst_images(evaluations["test"]["images"])
        strip = failure_strip([shipped.outcome(opened, identity) for identity in worst])
        write_atomic(partial / "failures.jpg", strip)
        patients = {
            part: len({sample.group for sample in trained.samples(opened, part)})
            for part in SUBSETS
        }
        write_json(partial / PATIENTS, patients)
        write_card(partial, name=name, config=config)
        folder = weights_folder() / name
        older = partial.with_name(f"{partial.name}-older")
        if folder.exists():
            folder.rename(older)
        partial.rename(folder)
        shutil.rmtree(older, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _half(tensor: torch.Tensor) -> torch.Tensor:
    """Kernels as float16; vectors (biases, batch-norm statistics) are few and keep their range."""
    return tensor.half().contiguous() if tensor.ndim > 1 else tensor.contiguous()
