"""The contestants of ``benchmarks.accuracy``: ours, and networks of two libraries by their recipes.

Each function here trains one network in this process for so many seconds of fitting and evaluates
it.
"""

import copy
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks._training import LEARNING_RATE, MOVES, Job, Pair, read
from benchmarks._training_peers import _Files, _loading, _step, monai_loader
from core.config import RunConfig
from core.data.base import Sample
from core.evaluation import summarize
from core.inference.predictor import Predictor
from core.metrics.overlap import dice
from core.metrics.sweep import Sweep, concatenate, sweep_image
from core.models import load_run
from core.networks import parameter_count
from core.networks.folding import folded
from core.papers.ablation import best_preset
from core.runs import create_run
from core.system.device import pick_device
from core.system.torchvision_ops import ensure_importable
from core.threshold.operating_point import choose_operating_point
from core.training.loop import train

WARM_UP = 3
"""Images that are predicted before the clock runs."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The job with what only this benchmark needs."""

    name: str
    """Of the contestant."""
    job: Job
    """Files, size, batch and workers; its epochs count for ours alone."""
    test: list[str]
    """File names of the test images."""
    groups: dict[str, str]
    """File name → patient."""
    dataset: str
    """Key of ``DATASETS``."""
    data: str | None
    """Where it lies."""
    split_hash: str
    """Of the split that everybody has."""
    seconds: float
    """Of fitting."""
    seed: int = 0
    """Initial weights and order."""

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "Contest":
        """From the JSON of ``dataclasses.asdict``."""
        return cls(**{**document, "job": Job(**document["job"])})


def recipe(contest: Contest) -> RunConfig:
    """Ours: network, loss, optimizer, schedule of the preset; size and movements as all have."""
    return replace(
        best_preset(contest.dataset).config,
        dataset=contest.dataset,
        data=contest.data,
        size=contest.job.size,
        aspect="stretch",
        tile=None,
        augmentation=MOVES,
        epochs=contest.job.epochs,
        patience=0,
        samples_every=0,
        extensions=[],
        split_seed=0,
        folds=0,
        fold=0,
        seed=contest.seed,
    )


def ours(contest: Contest) -> dict[str, Any]:
    """``core.training.loop`` for the epochs of the job; its best checkpoint, evaluated."""
    run = create_run(recipe(contest))
    train(run)
    assert run.split.hash == contest.split_hash  # the very same images
    trained, seen = load_run(run), len(run.split.train)
    fits = [seen / row["images_per_second"] for row in run.history]
    parameters = parameter_count_of(run.checkpoint("best"))
    return evaluated(contest, trained.predictor, parameters=parameters) | {
        "epochs": len(fits),
        "images_seen": seen * len(fits),
        "fit_seconds": sum(fits),
        "last_fit_seconds": fits[-1],
    }


def parameter_count_of(checkpoint: Path) -> int:
    """Trainable parameters: as in a checkpoint, without the running statistics."""
    from core.runs.checkpoint import load_checkpoint

    state = load_checkpoint(checkpoint)["model"]
    return sum(
        tensor.numel()
        for name, tensor in state.items()
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    )


def peer(contest: Contest) -> dict[str, Any]:
    """A network of another library by that library's recipe, until the time is over."""
    library, build = PEERS[contest.name]
    torch.manual_seed(contest.seed)
    device, model = pick_device(), build()
    model = model.to(device)
    batches, loss = LIBRARIES[library](contest.job, device)
    job, optimizer = contest.job, torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    checked = [read(Path(job.folder), name) for name in job.val]
    spent, seen, epochs, best = 0.0, 0, 0, (-1.0, copy.deepcopy(model.state_dict()))
    while spent < contest.seconds:
        model.train()
        started = time.perf_counter()
        for image, truth in batches():
            _step(optimizer, loss(model(image.to(device)), truth.to(device)))
            seen += len(image)
            if spent + time.perf_counter() - started >= contest.seconds:
                break
        if device.type == "cuda":
            torch.cuda.synchronize()
        spent += time.perf_counter() - started
        epochs += 1
        value = _best_dice(_predictor(model, job), checked)
        if value > best[0]:
            best = (value, copy.deepcopy(model.state_dict()))
    model.load_state_dict(best[1])
    return evaluated(contest, _predictor(model, job), parameters=parameter_count(model)) | {
        "epochs": epochs,
        "images_seen": seen,
        "fit_seconds": spent,
    }


def evaluated(contest: Contest, predictor: Predictor, *, parameters: int) -> dict[str, Any]:
    """Threshold from validation, scores from test, time of a prediction: the same for all."""
    folder = Path(contest.job.folder)
    part: dict[str, Any] = {"dataset": contest.dataset, "split_hash": contest.split_hash}
    checked = [read(folder, name) for name in contest.job.val]
    point = choose_operating_point(
        _swept(predictor, checked), rule="dice", split="val", resamples=0, **part
    )
    tested = [read(folder, name) for name in contest.test]
    for image, _ in tested[:WARM_UP]:
        predictor.levels(image)
    seconds, sweeps = [], []
    for image, truth in tested:
        started = time.perf_counter()
        levels = predictor.levels(image)
        seconds.append(time.perf_counter() - started)
        sweeps.append(sweep_image(levels, truth))
    samples = [Sample(id=name, group=contest.groups[name]) for name in contest.test]
    document = summarize(
        concatenate(sweeps),
        samples,
        k=point.k,
        model=contest.name,
        split="test",
        threshold_source=point.name,
        **part,
    )
    kept = ("model", "dataset", "split", "split_hash", "resolution", "empties", "threshold")
    return {
        "evaluation": {key: document[key] for key in (*kept, "images")},
        "val_dice": point.value,
        "parameters": parameters,
        "predict_ms": 1000 * statistics.median(seconds),
    }


def _predictor(model: nn.Module, job: Job) -> Predictor:
    """Of a copy, which a predictor may fold and turn to channels last."""
    return Predictor(folded(copy.deepcopy(model).eval()), size=job.size, device=pick_device())


def _swept(predictor: Predictor, pairs: Iterable[Pair]) -> Sweep:
    return concatenate([sweep_image(predictor.levels(image), truth) for image, truth in pairs])


def _best_dice(predictor: Predictor, pairs: Iterable[Pair]) -> float:
    """Largest pooled Dice over the thresholds, as ours monitors it."""
    pooled = _swept(predictor, pairs).pooled()
    return float(np.nan_to_num(dice(pooled.tp, pooled.fp, pooled.fn, pooled.tn)[0]).max())


Batches = Callable[[], Iterator[tuple[Tensor, Tensor]]]
Criterion = Callable[[Tensor, Tensor], Tensor]


def _smp(job: Job, device: torch.device) -> tuple[Batches, Criterion]:
    """segmentation-models-pytorch: files one by one, Dice and cross-entropy, as its examples."""
    ensure_importable()
    from segmentation_models_pytorch import losses

    overlap = losses.DiceLoss("binary", from_logits=True)
    entropy = losses.SoftBCEWithLogitsLoss()
    loader = DataLoader(_Files(job), shuffle=True, **_loading(job, device))

    def loss(logits: Tensor, truth: Tensor) -> Tensor:
        both: Tensor = overlap(logits, truth) + entropy(logits, truth)
        return both

    return lambda: iter(loader), loss


def _monai(job: Job, device: torch.device) -> tuple[Batches, Criterion]:
    """MONAI: cached up to the random part, Dice and cross-entropy, the loop of its tutorials."""
    import warnings

    warnings.simplefilter("ignore")  # of its own libraries
    from monai.losses.dice import DiceCELoss

    loader = monai_loader(job, device)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for batch in loader:
            yield batch["image"], batch["label"]

    return batches, DiceCELoss(sigmoid=True)


LIBRARIES: dict[str, Callable[[Job, torch.device], tuple[Batches, Criterion]]] = {
    "smp": _smp,
    "monai": _monai,
}


def _of_smp(architecture: str) -> nn.Module:
    ensure_importable()
    import segmentation_models_pytorch

    network: nn.Module = segmentation_models_pytorch.create_model(
        architecture, encoder_name="resnet18", encoder_weights=None, in_channels=1, classes=1
    )
    return network


def _attention_unet() -> nn.Module:
    from monai.networks.nets.attentionunet import AttentionUnet

    return AttentionUnet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        channels=(16, 32, 64, 128, 256),
        strides=(2, 2, 2, 2),
    )


def _segresnet() -> nn.Module:
    from monai.networks.nets.segresnet import SegResNet

    return SegResNet(spatial_dims=2, in_channels=1, out_channels=1, init_filters=16)


PEERS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "smp Unet, ResNet-18": ("smp", lambda: _of_smp("unet")),
    "smp UnetPlusPlus, ResNet-18": ("smp", lambda: _of_smp("unetplusplus")),
    "MONAI AttentionUnet": ("monai", _attention_unet),
    "MONAI SegResNet": ("monai", _segresnet),
}
"""Name → library whose recipe trains it, and the network with fresh weights."""
