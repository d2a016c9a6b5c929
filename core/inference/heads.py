"""What a network's channels mean: which classes or regions it segments, by sigmoid or by softmax.

One place decides it for training, prediction and the memory estimate: the config says what is
learned, the loss says whether its channels exclude one another, the data set names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.config import RunConfig
from core.data.base import DatasetInfo
from core.data.stacks import no_volumes
from core.errors import InputError
from core.losses import LOSSES, Loss, build_loss
from core.networks import build_model, build_untrained, card_of
from core.networks.ensemble import Ensemble
from core.system.device import pick_device, precision_of

FOREGROUND = ("foreground",)


@dataclass(frozen=True, kw_only=True)
class Head:
    """The maps of a network."""

    names: tuple[str, ...] = FOREGROUND
    """Of the K classes or regions."""
    values: tuple[tuple[int, ...], ...] = ((),)
    """Mask values that each is made of; none for every value above 0."""
    softmax: bool = False
    """Whether they exclude one another: then the first logit is the background's."""

    @property
    def outputs(self) -> int:
        """Channels of the logits."""
        return len(self.names) + self.softmax

    def truths(self, mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Shape (H, W), values 0…, to the truth of each map, shape (K, H, W)."""
        return np.stack([np.isin(mask, v) if v else mask > 0 for v in self.values])

    def one_hot(self, truths: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Truth of each map, shape (K, H, W), to one plane per logit."""
        planes = truths
        if self.softmax:
            planes = np.concatenate([~truths.any(axis=0, keepdims=True), truths])
        return planes.astype(np.float32)

    def targets(self, masks: Tensor) -> Tensor:
        """Masks (B, 1, H, W) to what the loss compares with, uint8 in {0, 1}, one per logit."""
        planes = [_any_of(masks, v) if v else masks > 0 for v in self.values]
        if self.softmax:
            background = ~torch.stack(planes).any(dim=0)
            planes.insert(0, background)
        return torch.cat(planes, dim=1).to(torch.uint8)

    def document(self) -> dict[str, Any]:
        """As it is kept in a checkpoint."""
        return {"classes": list(self.names), "softmax": self.softmax}


def head_of(config: RunConfig, info: DatasetInfo) -> Head:
    """The head that a config asks for on a data set.

    Raises:
        InputError: The data set declares no regions, or the loss is a softmax and regions overlap.
    """
    if config.target == "regions":
        if not info.regions:
            raise InputError(f"{info.name} declares no regions; choose --set target=classes")
        _loss_options(config)
        return Head(names=tuple(info.regions), values=tuple(map(tuple, info.regions.values())))
    if config.target == "classes" and len(info.classes) > 1:
        return Head(
            names=info.classes,
            values=tuple((n,) for n in range(1, len(info.classes) + 1)),
            softmax=_exclusive(config),
        )
    return Head()


def check_head(config: RunConfig, info: DatasetInfo) -> None:
    """Refuse what training would, before there is a run: network, options, head, loss.

    Raises:
        InputError: As ``head_of``, ``build_criterion``, ``build_network`` and ``precision_of``, or
            the network sees volumes and the data set has images.
    """
    if card_of(config.model).dimensions == 3 and not info.volumes:
        raise no_volumes(info, model=config.model)
    outputs = head_of(config, info).outputs
    build_criterion(config)
    with torch.device("meta"):  # nothing is allocated
        network = build_network(config, in_channels=1, outputs=outputs, fresh=False)
    precision_of(config.precision, pick_device(), network)


def build_criterion(config: RunConfig) -> Loss:
    """The loss of a config, a sigmoid for each region where there are regions.

    Raises:
        InputError: As ``build_loss``, or the loss cannot take regions.
    """
    return build_loss(config.loss, **_loss_options(config))


def build_network(
    config: RunConfig, *, in_channels: int, outputs: int, fresh: bool = True
) -> nn.Module:
    """The network of a config.

    Args:
        config: Names it.
        in_channels: Channels of the image.
        outputs: Channels of the logits.
        fresh: Whether it is to be trained; otherwise weights are loaded next.

    Raises:
        InputError: As ``build_model``, or it has one output and all were to learn.
    """
    options = dict(config.model_options)
    if config.deep_supervision and "deep_supervision" in card_of(config.model).options:
        options["deep_supervision"] = True
    build = build_model if fresh else build_untrained
    members = [
        build(config.model, in_channels=in_channels, classes=outputs, **options)
        for _ in range(config.members)
    ]
    if config.members > 1:
        return Ensemble(members)
    model = members[0]
    if config.deep_supervision and not hasattr(model, "forward_all"):
        raise InputError(
            f"{config.model} has one output, so there is nothing for deep_supervision; set it to "
            "false or choose attention_unet, unetpp, unet3p, doubleunet or dynunet"
        )
    return model


class Outputs(nn.Module):
    """A network as the loop calls it: all outputs that learn, the one that answers last.

    Args:
        model: The network, or a ensemble: then each member's output learns.
        deep: Whether its coarser outputs learn too.
    """

    def __init__(self, model: nn.Module, *, deep: bool) -> None:
        super().__init__()
        self.model = model
        self.all = deep or isinstance(model, Ensemble)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Logits (B, K, H, W) of each output for an image (B, C, H, W)."""
        if self.all:
            outputs: list[Tensor] = self.model.forward_all(image)  # type: ignore[operator]
            return outputs
        return [self.model(image)]


def output_weights(config: RunConfig, count: int) -> list[float]:
    """Weights of the losses of as many outputs.

    Of deep supervision their sum is 1: the last has most, each before it half of the next. A
    ensemble's are 1 each, so that every member takes the steps that it would take alone.
    """
    if config.members > 1:
        return [1.0] * count
    weights = [0.5 ** (count - 1 - n) for n in range(count)]
    return [weight / sum(weights) for weight in weights]


def _exclusive(config: RunConfig) -> bool:
    return LOSSES[config.loss].activation == "softmax" and not config.loss_options.get(
        "independent", False
    )


def _loss_options(config: RunConfig) -> dict[str, Any]:
    """The loss's options; where there are regions, ``independent`` is on."""
    if config.target != "regions" or config.loss not in LOSSES:
        return config.loss_options
    card = LOSSES[config.loss]
    if card.activation == "sigmoid":
        return config.loss_options
    if "independent" not in card.options:
        able = [n for n, c in LOSSES.items() if c.activation == "sigmoid" and not c.as_printed]
        raise InputError(
            f"regions overlap and {config.loss} lets classes exclude one another; choose one of "
            + ", ".join(able)
        )
    return {**config.loss_options, "independent": True}


def _any_of(masks: Tensor, values: Sequence[int]) -> Tensor:
    return torch.stack([masks == value for value in values]).any(dim=0)
