"""The training loop, readable aloud: batches on the device, one fused augmentation, no waiting.

Every random number of a step follows from (seed, epoch, step), so a run that is resumed from a
checkpoint continues exactly as if it had never stopped.

    python -m core train --dataset phantoms_membranes --model unet --set base_filters=16
    torchrun --nproc_per_node 2 -m core resume RUN
"""

import math
import time
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.config import RunConfig
from core.errors import InputError, NonFiniteError
from core.evaluation import summarize
from core.evaluation.classes import choose_points, summarize_classes
from core.inference.heads import output_weights
from core.inference.volumetric import build_predictor
from core.networks.ensemble import members_of
from core.runs import Run
from core.runs.checkpoint import load_checkpoint
from core.runs.step_log import StepLog
from core.runs.tracking import follow
from core.system.device import channels_last, precision_of
from core.training.batches import Epoch, Step, generator, read
from core.training.distributed import joined
from core.training.heartbeat import (
    ProgressReporter,
    Report,
    Stopped,
    claim_of,
    deterministic,
    stop_on_signal,
)
from core.training.ignored import apply_to_all
from core.training.memory import out_of_memory
from core.training.optimization import learning_rate
from core.training.state import Training, begin, in_micro_batches, save
from core.training.validation import Outcome, figures, save_images, validate

__all__ = ["Stopped", "train"]

Row = dict[str, Any]


def train(run: Run, *, report: Report = lambda _event: None) -> Row:
    """Train a run from its last checkpoint, or from the start, to its end.

    Args:
        run: A run folder with a config.
        report: Called about once a second with what is happening.

    Returns:
        The summary: run, epochs, best_epoch, best, seconds, images_per_second, checkpoint.

    Raises:
        InputError: Another trainer has the run, the config, the data or a checkpoint cannot be
            used, or memory is too small.
        Stopped: The process was asked to stop.
    """
    with (
        joined() as team,
        stop_on_signal() as stopping,
        claim_of(run, team=team, report=report, stopping=stopping) as claim,
        deterministic(),
    ):
        reporter = ProgressReporter(run, report, team, stopping, claim)
        try:
            reporter.status("running", message="preparing the data")
            if team.leads:
                follow(run)
            summary = _to_the_end(reporter)
        except Stopped:
            reporter.check_claim()
            reporter.status("stopped", reason=run.stopped_reason(stepping=reporter.stepping))
            if team.leads:
                run.withdraw_stop()  # it is met
            raise
        except BaseException as fault:
            given = isinstance(fault, InputError)
            reporter.status(
                "failed", reason=str(fault) if given else f"{type(fault).__name__}: {fault}"
            )
            raise
        reporter.status("finished", **summary)
    return summary


def _to_the_end(reporter: ProgressReporter) -> Row:
    """Train; where memory runs out, resume from the last checkpoint in smaller parts if allowed."""
    while True:
        training = None
        try:
            training = begin(reporter)
            while not training.done:
                _one_epoch(training)
            return _finish(training)
        except Exception as fault:
            if not out_of_memory(fault):
                raise
            reason = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        # After the except clause, which keeps the tensors of the step that failed alive.
        _smaller_micro_batches(
            reporter, training.config if training else reporter.run.config, reason
        )


def _one_epoch(training: Training) -> None:
    """Train, validate, keep: one row of history and the checkpoints that go with it."""
    started = time.perf_counter()
    losses, rates = _fit(training)
    fitted = time.perf_counter() - started
    mean_loss = _mean_loss(training, losses)
    training.team.share_statistics(training.shown)  # what is validated is what is saved
    outcome = _validate(training)
    training.epoch += 1
    training.history.append(
        {
            "epoch": training.epoch,
            "train_loss": mean_loss,
            **figures(outcome, training.head),
            "learning_rate": rates[-1],
            "images_per_second": training.images_per_epoch / fitted,
            "seconds": time.perf_counter() - started,
        }
    )
    if training.team.leads:
        training.reporter.check_claim()
        # Before the checkpoint: what is logged twice after a crash can be cut, a gap not be filled.
        StepLog(training.run.path).append(training.epoch, losses, rates)
        save(training)
        training.run.save_history(training.history)
        every, epoch = training.config.samples_every, training.epoch
        if every and (epoch == 1 or epoch % every == 0 or training.done):
            save_images(
                training.run.path / "samples", outcome, training.validation.checked, epoch=epoch
            )
    training.reporter.tell(
        {"event": "epoch", "epochs": training.config.epochs, **training.history[-1]}
    )


def _fit(training: Training) -> tuple[list[float], list[float]]:
    """One pass over the training split: loss and learning rate of every step.

    The device is waited for once, at the end.
    """
    config, device = training.config, training.device
    epoch = Epoch(config, training.training_set, training.epoch)
    beat = training.reporter.beat(
        epoch=training.epoch,
        epochs=config.epochs,
        steps=len(epoch),
        images=training.images_per_epoch,
        seconds=[row["seconds"] for row in training.history],
    )
    values = training.monitored
    losses, rates = [], []
    training.network.train()
    for step in range(len(epoch)):
        beat(step)
        now = training.epoch + step / len(epoch)
        rates.append(learning_rate(config, now, steps=len(epoch), values=values))
        for group in training.optimizer.param_groups:
            group["lr"] = rates[-1]
        dropout = generator(config.seed, training.epoch, step).initial_seed()
        torch.manual_seed(dropout + training.team.rank)
        losses.append(_step(training, epoch[step], torch.zeros((), device=device)))
    return torch.stack(losses).tolist(), rates  # waits for the device


def _step(training: Training, chosen: Step, total: Tensor) -> Tensor:
    """One step on one batch, in as many parts as asked for; its loss, still on the device."""
    config, count = training.config, len(chosen.index)
    ends = sorted({(n + 1) * count // config.accumulate for n in range(config.accumulate)} - {0})
    training.optimizer.zero_grad(set_to_none=True)
    for first, last in zip([0, *ends], ends, strict=False):
        single = training.team.size == 1 or last == count
        with nullcontext() if single else training.network.no_sync():  # type: ignore[operator]
            loss = _loss(training, chosen.rows(first, last)) * ((last - first) / count)
            # A team averages its gradients, and each process has only its own part of them.
            torch.autograd.backward(training.scaler.scale(loss * training.team.size))
        total += loss.detach() / config.members  # their mean is comparable with the validation's
    if config.clip_norm:
        training.scaler.unscale_(training.optimizer)
        for member in members_of(training.model):
            nn.utils.clip_grad_norm_(member.parameters(), config.clip_norm)
    training.scaler.step(training.optimizer)
    training.scaler.update()
    if training.average:
        training.average.update(training.steps)
    training.steps += 1
    return total


def _loss(training: Training, chosen: Step) -> Tensor:
    """The loss of some images, shared by the processes; a gradient flows to the own ones."""
    team, config, count = training.team, training.config, len(chosen.index)
    first, last = team.part(count)
    if first == last:  # fewer images than processes: one to keep step with the others, uncounted
        first, last = count - 1, count
    image, target, maps = read(chosen.rows(first, last), training.training_set, training.head)
    image = channels_last(image)  # (B, C, H, W) or (B, C, D, H, W)
    dtype = precision_of(config.precision, training.device, training.model)
    with torch.autocast(training.device.type, dtype, enabled=dtype != torch.float32):
        outputs = training.network(image)  # (B, K, H, W) each
    target, *maps = (team.gather(tensor, count) for tensor in (target, *maps))
    ignored = maps.pop() if training.training_set.ignored is not None else None
    gathered = [team.gather(out, count) for out in outputs]
    pairs = apply_to_all(gathered, target, ignored, softmax=training.head.softmax)
    losses = [training.criterion(out, wanted, *maps) for out, wanted in pairs]
    if len(losses) == 1:
        return losses[0]
    weights = output_weights(config, len(losses))
    return torch.stack([w * part for w, part in zip(weights, losses, strict=True)]).sum()


def _mean_loss(training: Training, losses: list[float]) -> float:
    """Mean over the images of an epoch, of which the last batch may have fewer.

    Raises:
        InputError: A loss is no number.
    """
    config = training.config
    sizes = np.full(len(losses), config.batch_size)
    sizes[-1] = training.images_per_epoch - sizes[:-1].sum()
    mean = float(np.average(losses, weights=sizes))
    if not math.isfinite(mean):
        raise _diverged(training, "the training loss")
    return mean


def _diverged(training: Training, what: str) -> InputError:
    """What is reported where a training leaves the numbers, wherever that is noticed first."""
    rate = training.config.learning_rate / 10
    return InputError(
        f"{what} is no longer a number in epoch {training.epoch + 1}; "
        f"lower the learning rate, for example --set learning_rate={rate:g}"
    )


def _validate(training: Training) -> Outcome:
    """Counts at every threshold and mean loss of the validation images, at native resolution."""
    predictor = build_predictor(
        training.config,
        training.shown,
        in_channels=training.training_set.images.shape[1],
        head=training.head,
        device=training.device,
    )
    try:
        outcome = validate(
            predictor,
            training.validation,
            head=training.head,
            config=training.config,
            team=training.team,
        )
    except NonFiniteError:
        raise _diverged(training, "the network's output") from None
    if not math.isfinite(outcome.loss):
        raise _diverged(training, "the validation loss")
    return outcome


def _finish(training: Training) -> Row:
    """Freeze the operating point of the best checkpoint and write the validation scores."""
    run, config = training.run, training.config
    best = training.history[training.best]
    checkpoint = load_checkpoint(run.checkpoint("best"), device=training.device)
    training.shown.load_state_dict(checkpoint["model"])
    outcome = _validate(training)
    part: dict[str, Any] = {
        "dataset": config.dataset,
        "split": "val",
        "split_hash": training.split.hash,
    }
    kept = run.operating_point if training.epoch == training.started_at else None
    samples = [sample for sample, _, _ in training.validation.checked]
    # No new epoch: a point that was tuned stays.
    point = kept or choose_points(
        outcome.foreground,
        outcome.classes,
        training.head.names,
        groups=[sample.group for sample in samples],
        **part,
    )
    if training.team.leads:
        training.reporter.check_claim()
        run.save_operating_point(point)
        run.save_evaluation(
            summarize(
                outcome.foreground,
                samples,
                k=point.k,
                model=run.name,
                threshold_source=point.name,
                temperature=point.temperature,
                **part,
            )
            | summarize_classes(
                outcome.classes, training.head.names, samples, point, model=run.name, **part
            )
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


def _smaller_micro_batches(reporter: ProgressReporter, config: RunConfig, reason: str) -> None:
    """After memory ran out: note that batches go through in twice as many parts, or refuse."""
    if reporter.team.size > 1 or not config.allow_accumulation:
        raise InputError(
            f"memory ran out ({reason}); choose a smaller batch, or let it through in parts: "
            "--set allow_accumulation=true or accumulate=2"
        )
    if config.accumulate == config.batch_size:
        raise InputError(
            f"memory ran out ({reason}) with one image at a time; choose a smaller network or tile"
        )
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    in_micro_batches(reporter, config, min(config.batch_size, 2 * config.accumulate))
