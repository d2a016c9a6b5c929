"""A training under way: its state, how it begins or continues, and what of it is kept.

The loop that moves it forward is ``core.training.loop``.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.config import RunConfig
from core.data import open_dataset
from core.data.base import Dataset
from core.data.file_dataset import AnyImages
from core.data.preparation import prepare
from core.data.quality.duplicates import duplicate_groups
from core.data.splits import Split, make_split, spread_foreground
from core.errors import InputError
from core.inference.heads import Head, Outputs, build_criterion, build_network, head_of
from core.losses import Loss
from core.models.provenance import FILE as STARTED_FROM
from core.models.provenance import provenance
from core.models.training_facts import FILE, training_facts
from core.runs import Run
from core.runs.checkpoint import load_first_whole, pack, save_checkpoint
from core.runs.facts import record_facts
from core.runs.step_log import StepLog
from core.system.device import pick_device, precision_of, to_device
from core.system.files import sweep_temporary, write_json
from core.training.batches import Images, crops_per_epoch, output_size
from core.training.distributed import Team
from core.training.foreground import check_foreground, classes_held
from core.training.heartbeat import ProgressReporter
from core.training.initial_weights import refuse_leak, source_of, start_from
from core.training.memory import estimate, micro_batches_that_fit
from core.training.optimization import Average, build_optimizer
from core.training.training_data import training_images, validation_images
from core.training.validation import ValidationSet

Row = dict[str, Any]


@dataclass
class Training:
    """A training under way: what the loop reads and moves forward."""

    run: Run
    config: RunConfig
    split: Split
    device: torch.device
    team: Team
    head: Head
    training_set: Images
    """Training images on the device."""
    validation: ValidationSet
    """Validation samples with image and mask at native size."""
    model: nn.Module
    """The network."""
    network: nn.Module
    """The network as a step calls it: all outputs that learn, compiled, wrapped for a team."""
    average: Average | None
    """The average of the weights, where it is what is validated and kept."""
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    """Scales the loss in float16 alone."""
    criterion: Loss
    reporter: ProgressReporter
    epoch: int = 0
    """Epochs done."""
    started_at: int = 0
    """Epochs that were done when this process began."""
    steps: int = 0
    """Steps done."""
    history: list[Row] = field(default_factory=list)
    """A row per epoch done."""

    @property
    def shown(self) -> nn.Module:
        """The network whose weights are validated and kept."""
        return self.average.model if self.average else self.model

    @property
    def images_per_epoch(self) -> int:
        """Crops or images that one epoch shows; a stack of slices is one crop."""
        return crops_per_epoch(self.config, self.training_set)

    @property
    def monitored(self) -> list[float]:
        """The monitored value of each epoch done; smaller is better."""
        key, sign = f"val_{self.config.monitor}", 1 if self.config.monitor == "loss" else -1
        return [float(sign * row[key]) for row in self.history]

    @property
    def ranking(self) -> list[int]:
        """Indices of the epochs done, the best first; of equals the earliest."""
        values = self.monitored
        return sorted(range(len(values)), key=values.__getitem__)

    @property
    def best(self) -> int:
        """Index of the best epoch so far; of equals the first."""
        return self.ranking[0]

    @property
    def done(self) -> bool:
        """All epochs shown, or patience at its end."""
        if self.epoch >= self.config.epochs:
            return True
        if not self.config.patience or not self.history:
            return False
        # Who trains longer is patient anew.
        since = max(self.best + 1, *(e["after"] for e in self.config.extensions), 0)
        return self.epoch - int(since) >= self.config.patience


def begin(reporter: ProgressReporter) -> Training:
    """Data, network and optimizer, as the last checkpoint left them or fresh."""
    run, team, config, device = reporter.run, reporter.team, reporter.run.config, pick_device()
    if team.leads:
        for folder in (run.path, run.path / "checkpoints"):
            sweep_temporary(folder)
    dataset = open_dataset(config.dataset, Path(config.data) if config.data else None)
    dataset = dataset.without(config.leave_out)
    head, criterion = head_of(config, dataset.info), build_criterion(config)
    prepared = prepare(
        dataset,
        size=config.size,
        aspect=config.aspect,
        tile=config.tile,
        progress=reporter.preparing(),
    )
    held = classes_held(prepared)
    split = _split(dataset, config, held, duplicate_groups(dataset))
    last = [run.checkpoint("last"), run.checkpoint("last-1")]
    begun = any(path.exists() for path in last)
    if begun and run.split.hash != split.hash:
        raise InputError(
            f"{config.data or config.dataset}: its images are not those that run {run.name} was "
            "started with, so its split would change; restore the data or train anew"
        )
    content = _unchanged_content(run, dataset, begun=begun)
    for sentence in (*check_foreground(held, split, head), *_meaning(dataset)):
        reporter.note(sentence)
    if team.leads:
        _write_down(run, dataset, split, content)
    training_set = training_images(dataset, prepared, split, config, head, device)
    config = _fitting(reporter, config, training_set, head, device)
    torch.manual_seed(config.seed)
    in_channels = training_set.images.shape[1]
    network: nn.Module = build_network(config, in_channels=in_channels, outputs=head.outputs)
    if config.start_from and not begun:
        _start(reporter, network, config, split)
    model = to_device(network, device)
    precision = precision_of(config.precision, device, model)
    fine_tuned = bool(config.start_from)
    average = Average(model, config.ema, fine_tuned=fine_tuned) if config.ema else None
    training = Training(
        run=run,
        config=config,
        split=split,
        device=device,
        team=team,
        head=head,
        training_set=training_set,
        validation=validation_images(dataset, split.val, whole=bool(training_set.stacks)),
        model=model,
        network=model,
        average=average,
        optimizer=build_optimizer(model, config),
        scaler=torch.amp.GradScaler(device.type, enabled=precision == torch.float16),
        criterion=criterion,
        reporter=reporter,
    )
    damaged = _go_on(training, last) if begun else False
    if team.leads:  # a run that was killed before its first checkpoint has steps to cut, too
        StepLog(run.path).cut(training.epoch)
    network = Outputs(model, deep=config.deep_supervision)
    if config.compile:
        torch.use_deterministic_algorithms(mode=True, warn_only=True)  # the compiler's part, too
        network.compile()
    training.network = team.wrap(
        network,
        sync_batch_norm=config.sync_batch_norm,
        unused=hasattr(model, "forward_all")
        and not (config.deep_supervision or config.members > 1),
    )
    if damaged and team.leads:  # all have read; it must not become the one before the next
        run.checkpoint("last").replace(run.checkpoint("damaged"))
    return training


def _unchanged_content(run: Run, dataset: Dataset, *, begun: bool) -> str:
    """The fingerprint of the data, which a run that has begun keeps."""
    content = dataset.fingerprint()
    # That of synthetic data is of the code that draws it, where a comment may change.
    known = run.facts.get("data_sha256") if dataset.path else None
    if begun and known not in {None, content}:
        raise InputError(
            f"{run.config.data or run.config.dataset}: an image or mask has changed since run "
            f"{run.name} was started; restore the data or train anew"
        )
    return content


def _meaning(dataset: Dataset) -> list[str]:
    """What the values of the masks were taken for, where that is not plain."""
    if not isinstance(dataset, AnyImages) or dataset.named is not None:
        return []
    meaning = dataset.mask_values
    plain = meaning.kind == "binary" and meaning.ignore is None
    return [] if plain else [f"masks: {meaning.sentence()}"]


def _split(
    dataset: Dataset, config: RunConfig, held: dict[str, set[int]], clusters: dict[str, str]
) -> Split:
    """The split of a config, with foreground in each part where that can be."""
    split = make_split(
        dataset.samples,
        seed=config.split_seed,
        clusters=clusters,
        folds=config.folds,
        fold=config.fold,
        share_group=config.share_group,
    )
    if config.folds or config.share_group:
        return split
    holders = {identity for identity, values in held.items() if values}
    return spread_foreground(split, dataset.samples, holders, clusters)


def _write_down(run: Run, dataset: Dataset, split: Split, content: str) -> None:
    """What the run is trained on, before its first step."""
    run.save_split(split)
    if not (run.path / FILE).exists():
        fine_tuned = set(split.train)
        samples = [sample for sample in dataset.samples if sample.id in fine_tuned]
        write_json(run.path / FILE, training_facts(dataset, samples).document())
    record_facts(run, data_sha256=content, split_hash=split.hash)


def _start(reporter: ProgressReporter, network: nn.Module, config: RunConfig, split: Split) -> None:
    """Begin with the weights that the config names; the run says which those were."""
    source = source_of(config.start_from)
    refuse_leak(source, config.dataset, split)
    for note in start_from(network, source):
        reporter.note(note)
    if reporter.team.leads:
        write_json(reporter.run.path / STARTED_FROM, provenance(source))


def _go_on(training: Training, last: list[Path]) -> bool:
    """Take all from the last checkpoint, or the one before it; whether the last was damaged."""
    document, file, fault = load_first_whole(last, device=training.device)
    if fault:
        training.reporter.note(f"{fault}; continuing from {file.name}, one epoch earlier")
    if training.average:
        training.model.load_state_dict(document["fitted"])
        training.average.model.load_state_dict(document["model"])
    else:
        training.model.load_state_dict(document["model"])
    training.optimizer.load_state_dict(document["optimizer"])
    training.scaler.load_state_dict(document.get("scaler", {}))
    training.epoch, training.history = document["epoch"], document["history"]
    training.steps = document.get("steps", 0)
    training.started_at = training.epoch
    if training.team.leads:
        training.run.save_history(training.history)
    return bool(fault)


def save(training: Training) -> None:
    """The checkpoints of an epoch: the last, the one before it, and the best."""
    run, keep = training.run, training.config.keep_best
    document = {
        "model": training.shown.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "scaler": training.scaler.state_dict(),
        "epoch": training.epoch,
        "steps": training.steps,
        "history": training.history,
        "config": training.config.document(),
        "in_channels": training.training_set.images.shape[1],
        "head": training.head.document(),
    }
    if training.average:
        document["fitted"] = training.model.state_dict()
    packed = pack(document)
    ranking = training.ranking
    if ranking[0] == training.epoch - 1:
        save_checkpoint(run.checkpoint("best"), packed)
    if keep > 1:
        kept = [run.checkpoint(f"best-{n + 1:04d}") for n in ranking[:keep]]
        if training.epoch - 1 in ranking[:keep]:
            save_checkpoint(run.checkpoint(f"best-{training.epoch:04d}"), packed)
        for file in run.checkpoint("best").parent.glob("best-*.pt"):
            if file not in kept:
                file.unlink()
    save_checkpoint(run.checkpoint("last"), packed, keep=run.checkpoint("last-1"))


def _fitting(
    reporter: ProgressReporter,
    config: RunConfig,
    images: Images,
    head: Head,
    device: torch.device,
) -> RunConfig:
    """The config, its batches cut into parts that fit into memory where that is allowed."""
    team = reporter.team
    found = estimate(
        config,
        images.images.shape[1],
        sides=output_size(config, images.source),
        outputs=head.outputs,
        processes=team.size,
        device=device,
    )
    found = replace(found, available_bytes=min(team.all(found.available_bytes)))
    reporter.tell({"event": "note", "text": found.sentence()})
    parts = micro_batches_that_fit(config, found)
    return config if parts == config.accumulate else in_micro_batches(reporter, config, parts)


def in_micro_batches(reporter: ProgressReporter, config: RunConfig, parts: int) -> RunConfig:
    """Record that batches go through the network in parts, and say so."""
    config = replace(config, accumulate=parts)
    if reporter.team.leads:
        reporter.run.save_config(config)
    reporter.note(f"memory: a batch of {config.batch_size} goes through in {parts} parts from here")
    return config
