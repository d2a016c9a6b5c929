"""The settings of a training in plain words, as fields that a person fills in.

To put another setting on the page, add one entry to ``SETTINGS``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.config import (
    MONITORS,
    OPTIMIZERS,
    PRECISIONS,
    SCHEDULES,
    TARGETS,
    VOLUMES,
    RunConfig,
)
from core.errors import InputError
from core.losses import LOSSES
from core.networks import MODELS, card_of

if TYPE_CHECKING:
    from core.papers.presets import Preset

NETWORKS = {name: card.idea for name, card in MODELS.items() if card.dimensions == 2}
VOLUME_NETWORKS = {
    name: f"Sees slices together. {card.idea}"
    for name, card in MODELS.items()
    if card.dimensions == 3
}
SIZES = {
    0: "crops at their own scale",
    128: "resized to 128 x 128",
    256: "resized to 256 x 256",
    512: "resized to 512 x 512",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting as it is asked for."""

    words: str
    """Its label."""
    help: str = ""
    """What a student would ask."""
    choices: Mapping[Any, str] = field(default_factory=dict)
    """Value → what it means; empty for a number."""
    least: float = 0
    most: float | None = None
    step: float = 1
    """Of a number; a fraction makes it one with decimals."""
    stated_as: tuple[str, ...] = ()
    """Words by which a preset says that it chose this itself."""


SETTINGS: dict[str, Setting] = {
    "model": Setting(words="Network", choices=NETWORKS, stated_as=("network",)),
    "loss": Setting(
        words="Loss",
        choices={name: card.use for name, card in LOSSES.items()},
        stated_as=("loss",),
    ),
    "base_filters": Setting(
        words="Base filters",
        help="Channels of the first block; twice as many cost three to four times the time.",
        least=2,
        most=256,
        stated_as=("width",),
    ),
    "epochs": Setting(
        words="Epochs",
        help="Passes over the training images.",
        least=1,
        most=10_000,
        stated_as=("epochs",),
    ),
    "batch_size": Setting(
        words="Batch",
        help="Images or crops in one step.",
        least=1,
        most=4096,
        stated_as=("batch",),
    ),
    "learning_rate": Setting(
        words="Learning rate",
        help="Learning rate, at its largest.",
        least=1e-7,
        most=10,
        step=1e-4,
        stated_as=("learning rate",),
    ),
    "size": Setting(
        words="The network sees images",
        help="Crops keep the images' own scale; the papers resize.",
        choices=SIZES,
        stated_as=("size",),
    ),
    "tile": Setting(
        words="Side of a crop, px",
        help="0 trains on whole images.",
        most=4096,
        step=16,
    ),
    "slices": Setting(
        words="Slices of a crop",
        help="How many neighbouring slices of a volume are seen together.",
        least=8,
        most=512,
        step=8,
    ),
    "crops_per_image": Setting(words="Crops per image", help="In one epoch.", least=1, most=1000),
    "oversample": Setting(
        words="Share with foreground",
        help="Share of the crops or images that is drawn so that it holds foreground.",
        most=1,
        step=0.1,
    ),
    "augment": Setting(words="Augment", help="Shift, rotate, mirror and bend the images."),
    "target": Setting(words="What is learned", choices=TARGETS),
    "optimizer": Setting(words="Optimizer", choices=OPTIMIZERS, stated_as=("optimizer",)),
    "schedule": Setting(words="Learning rate over time", choices=SCHEDULES),
    "warmup_epochs": Setting(words="Warm-up, epochs", most=1000, step=0.5),
    "weight_decay": Setting(words="Weight decay", most=1, step=0.001),
    "momentum": Setting(words="Momentum (SGD)", most=0.9999, step=0.01),
    "clip_norm": Setting(
        words="Clip gradient at", help="Largest norm of the gradient; 0 leaves it.", step=0.5
    ),
    "ema": Setting(
        words="Average of weights",
        help="Decay of the average that is validated and kept, e.g. 0.999; 0 for none.",
        most=0.99999,
        step=0.001,
    ),
    "deep_supervision": Setting(
        words="Deep supervision", help="The network's coarser outputs learn too."
    ),
    "members": Setting(
        words="Networks together",
        help="They learn side by side from the same batches and answer with their mean; training "
        "and prediction take as many times as long.",
        least=1,
        most=16,
    ),
    "monitor": Setting(words="Best epoch by", choices=MONITORS),
    "patience": Setting(
        words="Stop early after",
        help="Epochs without a better value; 0 never stops early.",
        most=10_000,
        stated_as=("early stopping",),
    ),
    "samples_every": Setting(
        words="Images every", help="Epochs between the images of watch it learn.", most=1000
    ),
    "precision": Setting(words="Number format", choices=PRECISIONS),
    "accumulate": Setting(
        words="Parts of a batch", help="Saves memory; the step stays one.", least=1, most=4096
    ),
    "allow_accumulation": Setting(
        words="Cut batches that do not fit",
        help="Into parts, rather than refuse the training.",
    ),
    "seed": Setting(words="Seed", help="Initial weights, order of images, augmentation."),
    "split_seed": Setting(
        words="Seed of the split", help="The training, validation and test images."
    ),
    "share_group": Setting(
        words="Only two patients",
        help="One trains; of the other, a first part validates and a last part tests.",
    ),
}
FIRST = ("model", "loss", "epochs", "batch_size", "learning_rate", "base_filters")
"""What is asked for every time."""
GROUPS = {
    "Images": ("size", "tile", "slices", "crops_per_image", "oversample", "target", "augment"),
    "Steps": (
        *("optimizer", "schedule", "warmup_epochs", "weight_decay", "momentum", "clip_norm"),
        *("ema", "deep_supervision", "members"),
    ),
    "Stopping and images": ("monitor", "patience", "samples_every"),
    "Memory and speed": ("precision", "accumulate", "allow_accumulation"),
    "Chance": ("seed", "split_seed", "share_group"),
}
"""The rest, under *More settings*."""


ZERO_IS_NONE = ("size", "tile")
"""Settings whose field has 0 where the config has nothing."""


def key_of(name: str) -> str:
    """Of a setting's widget."""
    return f"train-{name}"


def value_of(config: RunConfig, name: str) -> Any:  # noqa: ANN401 - a setting is any of five types
    """The value of a setting as its field shows it; None for an option the network has not."""
    if name == "base_filters":
        return config.model_options.get(name) or card_of(config.model).options.get(name)
    value = getattr(config, name)
    return value or 0 if name in ZERO_IS_NONE else value


def fill(config: RunConfig) -> None:
    """Put the values of a config into the fields."""
    for name in SETTINGS:
        value = value_of(config, name)
        st.session_state[key_of(name)] = 16 if value is None else value


def filled(config: RunConfig) -> dict[str, Any]:
    """What was changed in the fields against a config, as ``RunConfig.with_settings`` takes it."""
    model = st.session_state[key_of("model")]
    changes: dict[str, Any] = {}
    for name in SETTINGS:
        value = st.session_state[key_of(name)]
        if name == "base_filters" and name not in card_of(model).options:
            continue
        dropped = name == "base_filters" and model != config.model  # with the other's options
        if dropped or value != value_of(config, name):
            changes[name] = value or None if name in ZERO_IS_NONE else value
    return changes


def shown(name: str, model: str) -> bool:
    """Whether a setting is one that a network has."""
    card = card_of(model)
    if name == "slices":
        return card.dimensions == 3
    return name != "base_filters" or name in card.options


def _suit_network() -> None:
    """Put batch and crop where they suit a 3-D network, when one is chosen."""
    try:
        card = card_of(st.session_state[key_of("model")])
    except InputError:
        return  # the form says so
    if card.dimensions == 3:
        for name, value in VOLUMES.items():
            st.session_state[key_of(name)] = value


def ask(name: str, preset: "Preset | None", *, volumes: bool = False) -> None:
    """Draw the field of a setting; its label says what a preset has there.

    Args:
        name: Key of ``SETTINGS``.
        preset: Where the settings come from, if from one.
        volumes: Whether the data set has volumes, which further networks see.
    """
    setting, key = SETTINGS[name], key_of(name)
    value = st.session_state[key]
    label = setting.words + mark(name, value, preset)
    if isinstance(value, bool):
        st.toggle(label, key=key, help=setting.help, persist_state="session")
    elif setting.choices:
        choices = {**setting.choices, **(VOLUME_NETWORKS if name == "model" and volumes else {})}
        options = list(choices)
        if value not in options:  # smp/<architecture>/<encoder>, a side of one's own
            options.append(value)
        words = setting.choices if name == "size" else {}
        st.selectbox(
            label,
            options,
            key=key,
            format_func=lambda option: words.get(option, str(option)),
            help=choices.get(value, "") or setting.help or None,
            accept_new_options=name == "model",  # smp/<architecture>/<encoder>
            on_change=_suit_network if name == "model" else None,
            persist_state="session",
        )
    else:
        whole = isinstance(value, int)
        kind = int if whole else float
        st.number_input(
            label,
            kind(setting.least),
            None if setting.most is None else kind(setting.most),
            step=kind(setting.step),
            format="%d" if whole else "%g",
            key=key,
            help=setting.help or None,
            persist_state="session",
        )


def mark(name: str, value: object, preset: "Preset | None") -> str:
    """What a preset has for a setting, to stand beside its label; empty where it says nothing."""
    if preset is None:
        return ""
    own = value_of(preset.config, name)
    if own is None or (
        name not in FIRST and own == value_of(RunConfig(dataset=preset.config.dataset), name)
    ):
        return ""
    by_us = not preset.paper or any(
        word in said for word in SETTINGS[name].stated_as for said in preset.chosen
    )
    who = "our choice" if by_us else "paper"
    if value == own:
        return f" :gray[· {who}]"
    return f" :orange[· {who}: {own:g}]" if isinstance(own, float) else f" :orange[· {who}: {own}]"
