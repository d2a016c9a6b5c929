"""The training loop, readable aloud: batches on the device, one fused augmentation, no waiting.

Every random number of a step follows from (seed, epoch, step), so a run that is resumed from a
checkpoint goes on exactly as if it had never stopped.

    python -m core train --dataset phantoms_membranes --model unet --set base_filters=16
"""

import hashlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.checkpoint import load_checkpoint, save_checkpoint
from core.config import RunConfig
from core.data import open_dataset
from core.data.augmentation import STILL, Draw, resample, sample, to
from core.data.base import Dataset, Sample
from core.data.duplicates import duplicate_groups
from core.data.preparation import Prepared, prepare, prepare_borders
from core.data.splits import Split, make_split
from core.device import pick_device, to_device, use_bf16
from core.errors import InputError, choose
from core.evaluate import summarize
from core.levels import STEPS, level_map
from core.losses import LOSSES, build_loss
from core.metrics.overlap import dice
from core.metrics.sweep import Sweep, concatenate, sweep_image
from core.models import build_model
from core.operating_point import choose_operating_point
from core.predict import Predictor
from core.runs import Run

Report = Callable[[dict[str, Any]], None]
Row = dict[str, Any]
HEARTBEAT_SECONDS = 1.0


class Stopped(Exception):  # noqa: N818 - an event, not an error
    """The person asked the training to stop; the last checkpoint is kept."""


@dataclass
class Training:
    """A training under way: what the loop reads and moves forward."""

    run: Run
    config: RunConfig
    split: Split
    device: torch.device
    images: Tensor
    """Training images on the device, uint8, shape (N, C, H, W)."""
    masks: Tensor
    """Training masks on the device, uint8 in {0, 1}, shape (N, 1, H, W)."""
    borders: Tensor | None
    """255 times the border map, where the loss wants it, uint8, shape (N, 1, H, W)."""
    validation: list[tuple[Sample, NDArray[np.uint8], NDArray[np.uint8]]]
    """Validation samples with image and mask at native size."""
    model: nn.Module
    optimizer: torch.optim.Optimizer
    report: Report
    stopping: threading.Event
    epoch: int = 0
    """Epochs done."""
    started_at: int = 0
    """Epochs that were done when this process began."""
    history: list[Row] = field(default_factory=list)
    """A row per epoch done."""

    @property
    def images_per_epoch(self) -> int:
        """Crops or images that one epoch shows."""
        return len(self.images) * self.config.crops_per_image

    @property
    def best(self) -> int:
        """Index of the best epoch so far; of equals the first."""
        key, sign = f"val_{self.config.monitor}", 1 if self.config.monitor == "loss" else -1
        return min(range(len(self.history)), key=lambda n: float(sign * self.history[n][key]))

    @property
    def done(self) -> bool:
        """All epochs shown, or patience at its end."""
        if self.epoch >= self.config.epochs:
            return True
        patience = self.config.patience
        return bool(patience and self.history and self.epoch - 1 - self.best >= patience)


def train(run: Run, *, report: Report = lambda _event: None) -> Row:
    """Train a run from its last checkpoint, or from the start, to its end.

    Args:
        run: A run folder with a config.
        report: Called about once a second with what is happening.

    Returns:
        The summary: run, epochs, best_epoch, best, seconds, images_per_second, checkpoint.

    Raises:
        InputError: The config, the data or a checkpoint cannot be used.
        Stopped: The process was asked to stop.
    """
    run.save_status("running", message="preparing the data")
    try:
        with _stop_on_signal() as stopping, _deterministic():
            training = _start(run, report, stopping)
            while not training.done:
                _one_epoch(training)
            summary = _finish(training)
    except Stopped:
        run.save_status("stopped", reason="stopped by request; its last checkpoint is kept")
        raise
    except BaseException as fault:
        reason = str(fault) if isinstance(fault, InputError) else f"{type(fault).__name__}: {fault}"
        run.save_status("failed", reason=reason)
        raise
    run.save_status("finished", **summary)
    return summary


def _start(run: Run, report: Report, stopping: threading.Event) -> Training:
    """Data, network and optimizer, as the last checkpoint left them or fresh."""
    config, device = run.config, pick_device()
    dataset = open_dataset(config.dataset, Path(config.data) if config.data else None)
    prepared = prepare(
        dataset, size=config.size, aspect=config.aspect, progress=_preparing(run, stopping)
    )
    split = make_split(
        dataset.samples,
        seed=config.split_seed,
        clusters=duplicate_groups(dataset),
        folds=config.folds,
        fold=config.fold,
    )
    if run.checkpoint("last").exists() and run.split.hash != split.hash:
        raise InputError(
            f"{config.data or config.dataset}: its images are not those that run {run.name} was "
            "started with, so its split would change; restore the data or train anew"
        )
    run.save_split(split)
    images, masks = _on_device(prepared, split.train, device)
    torch.manual_seed(config.seed)
    model = build_model(
        config.model, in_channels=images.shape[1], classes=1, **config.model_options
    )
    model = to_device(model, device)
    training = Training(
        run=run,
        config=config,
        split=split,
        device=device,
        images=images,
        masks=masks,
        borders=_borders(dataset, prepared, split.train, config, device),
        validation=_native(dataset, split.val),
        model=model,
        optimizer=_optimizer(model, config),
        report=report,
        stopping=stopping,
    )
    if run.checkpoint("last").exists():
        document = load_checkpoint(run.checkpoint("last"), device=device)
        model.load_state_dict(document["model"])
        training.optimizer.load_state_dict(document["optimizer"])
        training.epoch, training.history = document["epoch"], document["history"]
        training.started_at = training.epoch
        run.save_history(training.history)
    return training


def _one_epoch(training: Training) -> None:
    """Train, validate, keep: one row of history and the checkpoints that go with it."""
    started = time.perf_counter()
    loss = _fit(training)
    fitted = time.perf_counter() - started
    sweep, val_loss = _sweep_validation(training)
    pooled = sweep.pooled()
    overlap = np.nan_to_num(dice(pooled.tp, pooled.fp, pooled.fn, pooled.tn)[0])
    k = int(overlap.argmax())
    training.history.append(
        {
            "epoch": training.epoch + 1,
            "train_loss": loss,
            "val_loss": val_loss,
            "val_dice": float(overlap[k]),
            "val_threshold": k / STEPS,
            "val_dice_at_half": float(overlap[STEPS // 2]),
            "learning_rate": training.optimizer.param_groups[0]["lr"],
            "images_per_second": training.images_per_epoch / fitted,
            "seconds": time.perf_counter() - started,
        }
    )
    training.epoch += 1
    document = {
        "model": training.model.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "epoch": training.epoch,
        "history": training.history,
        "config": training.config.document(),
        "in_channels": training.images.shape[1],
    }
    if training.best == training.epoch - 1:
        save_checkpoint(training.run.checkpoint("best"), document)
    save_checkpoint(training.run.checkpoint("last"), document)
    training.run.save_history(training.history)
    training.report({"event": "epoch", "epochs": training.config.epochs, **training.history[-1]})


def _fit(training: Training) -> float:
    """One pass over the training part; its mean loss. The device is waited for once, at the end."""
    config, device, images = training.config, training.device, training.images
    criterion = build_loss(config.loss, **config.loss_options)
    bf16 = use_bf16(config.precision, device)
    source = (images.shape[2], images.shape[3])
    output = (min(config.tile or source[0], source[0]), min(config.tile or source[1], source[1]))
    moves = config.augmentation if config.augment else STILL
    order = torch.arange(len(images)).repeat(config.crops_per_image)
    order = order[torch.randperm(len(order), generator=_generator(config.seed, training.epoch, -1))]
    batches = torch.split(order, config.batch_size)
    beat = _heartbeat(training, len(batches))
    total = torch.zeros((), device=device)
    training.model.train()
    for step, batch in enumerate(batches):
        beat(step)
        generator = _generator(config.seed, training.epoch, step)
        torch.manual_seed(generator.initial_seed())  # dropout
        index = batch.to(device)
        if config.augment or output != source:
            draw = sample(
                moves, batch=len(batch), source=source, output=output, generator=generator
            )
            draw = to(draw, device)
            image, target = resample(images[index], training.masks[index], draw, output)
            maps = (
                [] if training.borders is None else [_move(training.borders[index], draw, output)]
            )
        else:
            image, target = images[index].float() / 255, training.masks[index].float()
            maps = [] if training.borders is None else [training.borders[index].float() / 255]
        image = image.contiguous(memory_format=torch.channels_last)  # (B, C, H, W)
        _set_learning_rate(training.optimizer, config, training.epoch + step / len(batches))
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = training.model(image)  # (B, 1, H, W)
        loss = criterion(logits, target, *maps)
        training.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        training.optimizer.step()
        total += loss.detach() * len(batch)
    mean = float(total) / len(order)  # waits for the device
    if not math.isfinite(mean):
        raise InputError(
            f"the training loss is no longer a number in epoch {training.epoch + 1}; "
            f"lower the step size, for example --set learning_rate={config.learning_rate / 10:g}"
        )
    return mean


def _sweep_validation(training: Training) -> tuple[Sweep, float]:
    """Counts at every threshold and mean loss of the validation images, at native resolution."""
    training.model.eval()
    predictor = _predictor(training)
    # Without the border map: it belongs to the size that is trained on, truth here is native.
    criterion = build_loss(training.config.loss, **training.config.loss_options)
    sweeps, losses = [], []
    for _, image, truth in training.validation:
        probability = predictor.probability(image)
        sweeps.append(sweep_image(level_map(probability), truth))
        logits = torch.logit(torch.from_numpy(probability), eps=1e-6)[None, None]
        target = torch.from_numpy(truth > 0).float()[None, None]
        losses.append(float(criterion(logits, target)))
    return concatenate(sweeps), float(np.mean(losses))


def _finish(training: Training) -> Row:
    """Freeze the operating point of the best checkpoint and write the validation figures."""
    run, config = training.run, training.config
    best = training.history[training.best]
    checkpoint = load_checkpoint(run.checkpoint("best"), device=training.device)
    training.model.load_state_dict(checkpoint["model"])
    sweep, _ = _sweep_validation(training)
    part = {"dataset": config.dataset, "split": "val", "split_hash": training.split.hash}
    kept = run.operating_point if training.epoch == training.started_at else None
    point = kept or choose_operating_point(sweep, rule="dice", **part)  # no new epoch: stays tuned
    run.save_operating_point(point)
    samples = [sample for sample, _, _ in training.validation]
    run.save_evaluation(
        summarize(sweep, samples, k=point.k, model=run.name, threshold_source=point.name, **part)
    )
    return {
        "run": run.name,
        "epochs": training.epoch,
        "best_epoch": best["epoch"],
        "best": {**best, "threshold": point.threshold, "dice": point.value},
        "seconds": sum(row["seconds"] for row in training.history),
        "images_per_second": float(
            np.median([row["images_per_second"] for row in training.history])
        ),
        "checkpoint": str(run.checkpoint("best")),
    }


def _predictor(training: Training) -> Predictor:
    return Predictor(
        training.model,
        in_channels=training.images.shape[1],
        size=training.config.size,
        aspect=training.config.aspect,
        device=training.device,
    )


def _on_device(prepared: Prepared, ids: tuple[str, ...], device: torch.device) -> list[Tensor]:
    """Training images and masks as uint8 on the device, where every epoch reads them."""
    place = {identity: n for n, identity in enumerate(prepared.ids)}
    rows = [place[identity] for identity in ids]
    # One foreground for now: a pixel of any class counts.
    parts = (prepared.images[rows], (prepared.masks[rows] > 0).astype(np.uint8))
    return [torch.from_numpy(part).to(device) for part in parts]


def _borders(
    dataset: Dataset,
    prepared: Prepared,
    ids: tuple[str, ...],
    config: RunConfig,
    device: torch.device,
) -> Tensor | None:
    """Border maps of the training images on the device; None where the loss has no use for them."""
    card = choose("loss", config.loss, LOSSES)
    if not card.border_map:
        return None
    options = {**card.options, **config.loss_options}
    if not options["w0"]:
        return None
    maps = prepare_borders(
        dataset,
        prepared,
        size=config.size,
        aspect=config.aspect,
        sigma_px=float(options["sigma_px"]),
    )
    place = {identity: n for n, identity in enumerate(prepared.ids)}
    return torch.from_numpy(maps[[place[identity] for identity in ids]]).to(device)


def _move(maps: Tensor, draw: Draw, output: tuple[int, int]) -> Tensor:
    """Read maps in [0, 255] through the grid of image and mask, their values left as they are."""
    still = replace(
        draw,
        gain=torch.ones_like(draw.gain),
        offset=torch.zeros_like(draw.offset),
        gamma=None,
        blur_px=None,
        speckle=None,
        noise=None,
    )
    moved, _ = resample(maps, maps[:, :0], still, output)
    return moved  # (B, 1, h, w) in [0, 1]


def _native(
    dataset: Dataset, ids: tuple[str, ...]
) -> list[tuple[Sample, NDArray[np.uint8], NDArray[np.uint8]]]:
    """Validation images and masks as the data set has them, decoded once."""
    samples = {s.id: s for s in dataset.samples}
    chosen = [samples[identity] for identity in ids]
    return [(s, dataset.image(s), dataset.truth(s)) for s in chosen]


def _optimizer(model: nn.Module, config: RunConfig) -> torch.optim.Optimizer:
    shared: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    if config.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), momentum=config.momentum, **shared)
    return torch.optim.Adam(model.parameters(), **shared)


def _set_learning_rate(optimizer: torch.optim.Optimizer, config: RunConfig, epoch: float) -> None:
    share = 1.0
    if config.schedule == "cosine":
        share = 0.5 * (1 + math.cos(math.pi * epoch / config.epochs))
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * share


def _generator(seed: int, epoch: int, step: int) -> torch.Generator:
    """The random numbers of one step, whatever happened before it."""
    digest = hashlib.sha256(f"{seed} {epoch} {step}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def _preparing(run: Run, stopping: threading.Event) -> Callable[[int, int], None]:
    """Tell about once a second how far the preparation is, and notice a wish to stop."""
    last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if stopping.is_set():
            raise Stopped
        if time.monotonic() - last >= HEARTBEAT_SECONDS:
            last = time.monotonic()
            run.save_status("running", message=f"preparing image {done:,} of {total:,}")

    return progress


def _heartbeat(training: Training, steps: int) -> Callable[[int], None]:
    """Tell about once a second how far the epoch is, and notice a wish to stop."""
    started = last = time.monotonic()

    def beat(step: int) -> None:
        nonlocal last
        if training.stopping.is_set():
            raise Stopped
        now = time.monotonic()
        if now - last < HEARTBEAT_SECONDS:
            return
        last = now
        done = step / steps
        past = [row["seconds"] for row in training.history]
        per_epoch = float(np.median(past)) if past else (now - started) / done
        facts: dict[str, Any] = {
            "epoch": training.epoch + 1,
            "epochs": training.config.epochs,
            "step": step,
            "steps": steps,
            "images_per_second": done * training.images_per_epoch / (now - started),
            "seconds_left": per_epoch * (training.config.epochs - training.epoch - done),
        }
        training.run.save_status("running", **facts)
        training.report({"event": "step", **facts})

    return beat


@contextmanager
def _deterministic() -> Iterator[None]:
    """Ask torch for algorithms that repeat bit by bit; a warning says where it has none."""
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=before, warn_only=warn_only)


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """Turn SIGTERM and SIGINT into a wish that the loop hears between two steps."""
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopping  # signals can only be caught in the main thread
        return
    before = {
        number: signal.signal(number, lambda *_: stopping.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
