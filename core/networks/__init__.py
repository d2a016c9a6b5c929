"""``MODELS``: every network by name, and the one function that builds them.

To add a network, write one module (one paper per file; title and link on top; logits out) that ends
with its ``CARD``, and add one line to the table.
"""

import json
from collections.abc import Mapping
from functools import cache

import torch
from torch import nn

from core.errors import InputError, choose, in_words
from core.networks import (
    attention_unet,
    bcdunet,
    custom_resunet,
    doubleunet,
    fcn8s,
    frcunet,
    multiresunet,
    r2unet,
    resunet,
    segnet,
    smp_adapter,
    unet,
    unet3d,
    unet3p,
    unetpp,
    unext,
)
from core.networks import monai3d as volumes3d
from core.networks.card import ModelCard
from core.networks.cost import COSTS
from core.networks.smp_adapter import smp_names

MODELS: dict[str, ModelCard] = {
    "unet": unet.CARD,
    "resunet": resunet.CARD,
    "custom_resunet": custom_resunet.CARD,
    "attention_unet": attention_unet.CARD,
    "r2unet": r2unet.CARD,
    "attention_r2unet": r2unet.ATTENTION_CARD,
    "unetpp": unetpp.CARD,
    "unet3p": unet3p.CARD,
    "multiresunet": multiresunet.CARD,
    "bcdunet": bcdunet.CARD,
    "frcunet": frcunet.CARD,
    "doubleunet": doubleunet.CARD,
    "unext": unext.CARD,
    "segnet": segnet.CARD,
    "fcn8s": fcn8s.CARD,
    "deeplabv3plus": smp_adapter.CARD,
    "unet3d": unet3d.CARD,
    "vnet": volumes3d.VNET,
    "segresnet": volumes3d.SEGRESNET,
    "dynunet": volumes3d.DYNUNET,
}

LARGEST_OPTION = {
    "base_filters": 1024,
    "dense_blocks": 32,
    "hidden": 65_536,
    "middle_blocks": 128,
}
"""Beyond these a network fits no device; refused before it is built. Others check their own."""


def card_of(name: str) -> ModelCard:
    """The card of a network: from the table, or of ``smp/<architecture>/<encoder>``.

    Raises:
        InputError: There is no such network; the message lists those there are.
    """
    if name.startswith(smp_adapter.PREFIX):
        return smp_adapter.smp_card(name)
    return choose("model", name, MODELS)


def build_model(name: str, *, in_channels: int, classes: int, **options: object) -> nn.Module:
    """A network with fresh weights.

    Args:
        name: Key of ``MODELS``, or ``smp/<architecture>/<encoder>``.
        in_channels: Channels of the image.
        classes: Channels of the logits.
        **options: The network's own, see ``ModelCard.options``.

    Raises:
        InputError: Unknown name, unknown option or a value that the network cannot take.
    """
    card = card_of(name)
    for option, value in options.items():
        default = choose(f"option of {name}", option, card.options)
        if type(value) is not type(default) and not (type(default) is float and type(value) is int):
            raise InputError(
                f"option {option} of {name} takes {in_words(type(default))}, found {value!r}"
            )
        if isinstance(value, int) and value > LARGEST_OPTION.get(option, value):
            raise InputError(
                f"option {option} of {name} can be at most {LARGEST_OPTION[option]:,}; "
                "choose a smaller one"
            )
    return card.build(in_channels=in_channels, classes=classes, **options)


def build_untrained(name: str, *, in_channels: int, classes: int, **options: object) -> nn.Module:
    """As ``build_model``, for weights that are loaded next: nothing is fetched from a hub."""
    if "encoder_weights" in options:
        options["encoder_weights"] = "none"
    return build_model(name, in_channels=in_channels, classes=classes, **options)


def check_options(name: str, options: Mapping[str, object]) -> None:
    """Build a network without allocating it, to refuse what ``build_model`` would.

    Raises:
        InputError: As ``build_model``.
    """
    with torch.device("meta"):
        build_model(name, in_channels=1, classes=1, **options)


@cache
def costs() -> dict[str, dict[str, int]]:
    """Parameters, multiply-adds, memory of a training step and receptive field of every network.

    For the default options, one channel in and out, float32; see ``core.networks.cost``.
    """
    document: dict[str, dict[str, int]] = json.loads(COSTS.read_text(encoding="utf-8"))
    return document


def parameter_count(model: nn.Module) -> int:
    """Trainable weights and biases."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def parameter_count_keras(model: nn.Module) -> int:
    """As Keras counts: trainable ones and the batch-norm running means and variances."""
    running = [
        buffer.numel()
        for module in model.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001 - no public base
        for name, buffer in module.named_buffers(recurse=False)
        if name in ("running_mean", "running_var")
    ]
    return parameter_count(model) + sum(running)


__all__ = [
    "MODELS",
    "ModelCard",
    "build_model",
    "build_untrained",
    "card_of",
    "check_options",
    "costs",
    "parameter_count",
    "parameter_count_keras",
    "smp_names",
]
