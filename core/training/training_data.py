"""The images to train and to validate on: pixels in memory, prepared or at native size."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from core.config import RunConfig
from core.data.base import Dataset
from core.data.masks.ignored import ignored_of, prepared_ignored
from core.data.preparation import Prepared, prepare_borders
from core.data.splits import Split
from core.data.stacks import Place, check_volumes, place_of, stacks
from core.errors import choose
from core.inference.heads import Head
from core.losses import LOSSES
from core.networks import card_of
from core.training.batches import Foreground, Images
from core.training.validation import ValidationSet


def training_images(  # noqa: PLR0917 - what they are made of, none of it optional
    dataset: Dataset,
    prepared: Prepared,
    split: Split,
    config: RunConfig,
    head: Head,
    device: torch.device,
) -> Images:
    """Training images and masks as uint8 on the device, where every epoch reads them."""
    rows = prepared.rows(split.train)
    borders = _borders(dataset, prepared, config)
    parts = (prepared.images, prepared.masks, *([] if borders is None else [borders]))
    images, masks, *maps = (torch.from_numpy(part[rows]).to(device) for part in parts)
    training_set = Images(images, masks, maps[0] if maps else None)
    left = prepared_ignored(dataset, prepared, rows, size=config.size, aspect=config.aspect)
    if left is not None:
        training_set = replace(training_set, ignored=torch.from_numpy(left).to(device))
    if card_of(config.model).dimensions == 3:
        check_volumes(dataset.info, dataset.samples, model=config.model)
        training_set = replace(training_set, stacks=_stacks(dataset, prepared, rows))
    if config.oversample:
        foreground = Foreground(prepared.masks[rows], head.values, seed=config.seed)
        training_set = replace(training_set, foreground=foreground)
    return training_set


def _borders(dataset: Dataset, prepared: Prepared, config: RunConfig) -> NDArray[np.uint8] | None:
    """Border maps of the prepared images; None where the loss has no use for them."""
    card = choose("loss", config.loss, LOSSES)
    if not card.border_map:
        return None
    options = {**card.options, **config.loss_options}
    if not options["w0"]:
        return None
    return prepare_borders(
        dataset,
        prepared,
        size=config.size,
        aspect=config.aspect,
        sigma_px=float(options["sigma_px"]),
    )


def validation_images(dataset: Dataset, ids: tuple[str, ...], *, whole: bool) -> ValidationSet:
    """Validation images and masks as the data set has them, decoded once.

    Args:
        dataset: Where they are from.
        ids: Of the validation split.
        whole: Whether the images of their volumes' other slices are wanted, too.
    """
    samples = {s.id: s for s in dataset.samples}
    chosen = [samples[identity] for identity in ids]
    cases, own = {s.facts.get("case") for s in chosen} if whole else set(), set(ids)
    beside = [s for s in dataset.samples if s.facts.get("case") in cases and s.id not in own]
    return ValidationSet(
        [(s, dataset.image(s), dataset.truth(s)) for s in chosen],
        [(s, dataset.image(s)) for s in beside],
        ignored={s.id: found for s in chosen if (found := ignored_of(dataset, s)) is not None},
    )


def _stacks(dataset: Dataset, prepared: Prepared, rows: list[int]) -> tuple[tuple[int, ...], ...]:
    """Which of the training images are neighbouring slices; patches only of one place."""
    samples = {sample.id: sample for sample in dataset.samples}
    places: list[Place | None] = []
    for row in rows:
        place = place_of(samples[prepared.ids[row]])
        corner = prepared.patches[row] if prepared.patches else None
        places.append(place and ((place[0], corner), place[1]))
    return tuple(stacks(places))
