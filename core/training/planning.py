"""From what a person asks for to a ``RunConfig``: one road for the command line and the page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.config import VOLUMES, AugmentationConfig, RunConfig
from core.data import info_of, open_dataset
from core.inference.heads import check_head
from core.losses import build_loss
from core.networks import card_of
from core.runs.variants import changed
from core.training.initial_weights import beginning_with, check_start


def default_config(dataset: str, *, data: Path | None, model: str = "unet") -> RunConfig:
    """What a data set is trained with where nobody says otherwise.

    Raises:
        InputError: There is no such data set or network.
    """
    info = info_of(dataset)
    config = RunConfig(
        dataset=dataset,
        data=str(data) if data else None,
        model=model,
        size=info.size,
        augmentation=AugmentationConfig(**info.augmentation),
    )
    return replace(config, **VOLUMES) if card_of(model).dimensions == 3 else config


def plan_config(
    base: RunConfig,
    *,
    initial_weights: str = "",
    settings: Mapping[str, Any] | None = None,
    leave_out: Sequence[str] = (),
) -> RunConfig:
    """A config with what was asked for; nothing of it is looked up in the data yet.

    Args:
        base: Defaults, a preset or another run.
        initial_weights: Shipped model or run to fine-tune, whose network and input size are taken.
        settings: ``key: value`` as ``--set`` takes them.
        leave_out: Ids of images or patients that are not used.

    Raises:
        InputError: A setting does not fit, or there are no such weights.
    """
    config = beginning_with(base, initial_weights) if initial_weights else base
    config = changed(config, settings or {})
    return replace(config, leave_out=[*config.leave_out, *leave_out]) if leave_out else config


def check_plan(config: RunConfig) -> None:
    """Refuse what cannot be trained, before a run folder exists.

    Raises:
        InputError: Settings contradict the data or one another.
    """
    build_loss(config.loss)
    path = Path(config.data) if config.data else None
    check_head(config, open_dataset(config.dataset, path).without(config.leave_out).info)
    check_start(config)
