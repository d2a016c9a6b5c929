"""``MODELS``: every network by name, and the one function that builds them.

To add a network, write one module (one paper per file; title and link on top; logits out) and add
one line to the table.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from core.errors import InputError, choose
from core.models.unet import UNet


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a network is and where it comes from."""

    build: Callable[..., nn.Module]
    """Takes ``in_channels``, ``classes`` and the network's own options by keyword."""
    title: str
    """Title of the paper."""
    authors: str
    """First author."""
    year: int
    """Year of the paper."""
    arxiv: str
    """arXiv identifier; empty where there is none."""

    @property
    def options(self) -> dict[str, object]:
        """Names and defaults of the network's own options."""
        parameters = inspect.signature(self.build).parameters.values()
        shared = {"in_channels", "classes", "self"}
        return {p.name: p.default for p in parameters if p.name not in shared}


MODELS: dict[str, ModelCard] = {
    "unet": ModelCard(
        build=UNet,
        title="U-Net: Convolutional Networks for Biomedical Image Segmentation",
        authors="Ronneberger",
        year=2015,
        arxiv="1505.04597",
    ),
}


def build_model(name: str, *, in_channels: int, classes: int, **options: object) -> nn.Module:
    """A network with fresh weights.

    Args:
        name: Key of ``MODELS``.
        in_channels: Channels of the image.
        classes: Channels of the logits.
        **options: The network's own, see ``ModelCard.options``.

    Raises:
        InputError: Unknown name, unknown option or a value that the network cannot take.
    """
    card = choose("model", name, MODELS)
    for option, value in options.items():
        default = choose(f"option of {name}", option, card.options)
        if type(value) is not type(default) and not (type(default) is float and type(value) is int):
            raise InputError(
                f"option {option} of {name} takes a {type(default).__name__}, found {value!r}"
            )
    return card.build(in_channels=in_channels, classes=classes, **options)


def check_options(name: str, options: Mapping[str, object]) -> None:
    """Build a network without allocating it, to refuse what ``build_model`` would.

    Raises:
        InputError: As ``build_model``.
    """
    with torch.device("meta"):
        build_model(name, in_channels=1, classes=1, **options)


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
