"""A trial: three steps of a training and one image of its validation, timed, and nothing kept.

The first step warms up and does not count. What a whole training would take follows from the number
of steps and images; loading the data, checkpoints and ``torch.compile`` are left out.

    python -m core.training.trial CONFIG.json
"""

import json
import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.config import RunConfig
from core.data import Dataset, Sample, open_dataset
from core.data.patches import cut_patch, patch_corners, patch_side
from core.data.preparation import as_channels
from core.data.splits import make_split
from core.data.stacks import check_volumes, place_of, stacks
from core.errors import InputError, choose
from core.imaging.resize import resize
from core.inference.heads import (
    Head,
    Outputs,
    build_criterion,
    build_network,
    head_of,
    output_weights,
)
from core.inference.predictor import Predictor
from core.inference.volumetric import build_predictor
from core.levels import level_map
from core.losses import LOSSES, Loss
from core.metrics.sweep import sweep_image
from core.networks import card_of
from core.system.device import channels_last, pick_device, precision_of, to_device
from core.training.batches import Epoch, Images, Step, read
from core.training.optimization import build_optimizer
from core.training.validation import ValidationSet

STEPS = 3
"""One to warm up, two that are timed."""
VALIDATED = 3
"""Validation images examined, at most."""
MOST_IMAGES = 16
"""Images read; a larger batch shows them again."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a step and an image took, and what follows from it."""

    step_seconds: float
    """Of one step, the mean of two."""
    validation_seconds: float
    """Of one validation image at native size, counted at every threshold."""
    steps: int
    """In one epoch."""
    validation_images: int
    """In one epoch; about as many, since near-duplicates were not looked for."""
    epochs: int
    """Planned."""
    device: str
    """Where it ran."""

    @property
    def epoch_seconds(self) -> float:
        """What one epoch would take."""
        return self.steps * self.step_seconds + self.validation_images * self.validation_seconds

    @property
    def seconds(self) -> float:
        """What all of it would take."""
        return self.epochs * self.epoch_seconds


def trial(config: RunConfig) -> Trial:
    """Take three steps with fresh weights and look at a few validation images.

    Raises:
        InputError: The config or the data cannot be used.
    """
    dataset = open_dataset(config.dataset, Path(config.data) if config.data else None)
    dataset = dataset.without(config.leave_out)
    head, criterion = head_of(config, dataset.info), build_criterion(config)
    # Near-duplicates are left out: finding them reads every image, and moves a few at most.
    split = make_split(
        dataset.samples,
        seed=config.split_seed,
        folds=config.folds,
        fold=config.fold,
        share_group=config.share_group,
    )
    samples = {sample.id: sample for sample in dataset.samples}
    training, validation = ([samples[i] for i in part] for part in (split.train, split.val))
    deep = card_of(config.model).dimensions == 3
    if deep:
        check_volumes(dataset.info, training, model=config.model)
    # Strata lie side by side; of volumes a few slices that do.
    spread = training[:: math.ceil(len(training) / MOST_IMAGES)]
    looked_at = _run(training, config.slices) if deep else spread
    training_set, each = _training_set(dataset, looked_at, config)
    if deep:
        one = tuple(range(len(looked_at)))
        training_set = replace(training_set, stacks=(one,) * (STEPS * config.batch_size))
    device = pick_device()
    training_set = replace(
        training_set, images=training_set.images.to(device), masks=training_set.masks.to(device)
    )
    channels = training_set.images.shape[1]
    model = to_device(build_network(config, in_channels=channels, outputs=head.outputs), device)
    step_seconds = _steps(model, criterion, training_set, head, config)
    predictor = build_predictor(config, model, in_channels=channels, head=head, device=device)
    shown = len(training)
    if deep:
        runs = stacks(map(place_of, training))
        shown = sum(math.ceil(len(run) / config.slices) for run in runs)
    images = shown * each * config.crops_per_image
    few = validation[:: math.ceil(len(validation) / VALIDATED)]
    return Trial(
        step_seconds=step_seconds,
        validation_seconds=_validation(predictor, dataset, _run(validation, config.slices), head)
        if deep
        else fmean(_validation(predictor, dataset, [sample], head) for sample in few),
        steps=math.ceil(images / config.batch_size),
        validation_images=len(split.val),
        epochs=config.epochs,
        device=device.type,
    )


def _training_set(
    dataset: Dataset, samples: list[Sample], config: RunConfig
) -> tuple[Images, float]:
    """Enough images for all steps, a few over and over, and how many a sample has on average.

    That is one, or as many patches as ``prepare`` cuts where sizes differ and crops are taken.
    """
    images: list[NDArray[np.uint8]] = []
    masks: list[NDArray[np.uint8]] = []
    for sample in samples:
        image, mask = as_channels(dataset.image(sample)), dataset.truth(sample)[None]
        if config.size:
            image = resize(image, config.size, smooth=True, aspect=config.aspect)
            mask = resize(mask, config.size, smooth=False, aspect=config.aspect)
        images.append(image)
        masks.append(mask)
    each = 1.0
    if len({image.shape[1:] for image in images}) > 1:
        if not config.tile:
            raise InputError(
                f"{config.dataset}: images differ in size; give a common one with --set size=256, "
                "or take crops with --set tile=256"
            )
        corners = [patch_corners(*image.shape[1:], tile=config.tile) for image in images]
        side, each = patch_side(config.tile), sum(map(len, corners)) / len(corners)
        for planes in (images, masks):
            planes[:] = [
                cut_patch(plane, own[0], side=side)
                for plane, own in zip(planes, corners, strict=True)
            ]
    rows = [n % len(images) for n in range(max(len(images), STEPS * config.batch_size))]
    card = choose("loss", config.loss, LOSSES)
    borders = torch.zeros(len(rows), 1, *images[0].shape[1:], dtype=torch.uint8)
    training_set = Images(
        torch.from_numpy(np.stack([images[n] for n in rows])),
        torch.from_numpy(np.stack([masks[n] for n in rows])),
        borders.to(pick_device()) if card.border_map else None,
    )
    return training_set, each


def _steps(
    model: nn.Module, criterion: Loss, images: Images, head: Head, config: RunConfig
) -> float:
    """Seconds of a step: as the loop takes it, in as many parts."""
    once = replace(config, crops_per_image=1, oversample=0.0)
    epoch, optimizer = Epoch(once, images, 0), build_optimizer(model, config)
    network = Outputs(model, deep=config.deep_supervision).train()
    seconds = []
    for step in range(STEPS):
        started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        count = config.batch_size
        total = torch.zeros((), device=images.images.device)
        for part in range(config.accumulate):
            first, last = (count * n // config.accumulate for n in (part, part + 1))
            loss = _loss(network, criterion, epoch[step].rows(first, last), images, head, config)
            torch.autograd.backward(loss)
            total += loss.detach()
        optimizer.step()
        total.item()  # waits for the device
        seconds.append(time.perf_counter() - started)
    return sum(seconds[1:]) / (STEPS - 1)


def _loss(  # noqa: PLR0917 - the parts of a step, none of them optional
    network: nn.Module,
    criterion: Loss,
    chosen: Step,
    images: Images,
    head: Head,
    config: RunConfig,
) -> Tensor:
    device = images.images.device
    image, target, maps = read(chosen, images, head)
    image = channels_last(image)  # (B, C, H, W) or (B, C, D, H, W)
    dtype = precision_of(config.precision, device, network)
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        outputs = network(image)  # (B, K, H, W) each
    losses = [criterion(out, target, *maps) for out in outputs]
    weights = output_weights(config, len(losses))
    return torch.stack([w * part for w, part in zip(weights, losses, strict=True)]).sum()


def _run(samples: list[Sample], count: int) -> list[Sample]:
    """Slices that follow one another, from the middle of the first volume, so many at most."""
    run = stacks(map(place_of, samples))[0]
    first = max(0, (len(run) - count) // 2)
    return [samples[n] for n in run[first : first + count]]


def _validation(predictor: Predictor, dataset: Dataset, samples: list[Sample], head: Head) -> float:
    """Seconds for one of some images, or of slices that are seen together."""
    held = ValidationSet(
        [(sample, dataset.image(sample), dataset.truth(sample)) for sample in samples]
    )
    started = time.perf_counter()
    for sample, _, mask in held.checked:
        planes = predictor.sample_class_probability(held, sample)  # (K, H, W)
        for plane, truth in zip(planes, head.truths(mask), strict=True):
            sweep_image(level_map(plane), truth)
    return (time.perf_counter() - started) / len(samples)


def main(text: str) -> int:
    """Try a config, given as JSON, and print what was found as one JSON document."""
    try:
        found = trial(RunConfig.of_document(json.loads(text)))
    except InputError as wrong:
        print(f"error: {wrong}", file=sys.stderr)  # noqa: T201 - as every command
        return 2
    document: dict[str, Any] = asdict(found) | {
        "epoch_seconds": found.epoch_seconds,
        "seconds": found.seconds,
    }
    print(json.dumps(document))  # noqa: T201 - the answer
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
