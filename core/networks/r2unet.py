"""Recurrent Residual Convolutional Neural Network based on U-Net (Alom, 2018).

https://arxiv.org/abs/1802.06955. Each block is a pair of recurrent convolutions with a shortcut
around both. A recurrent convolution is the paper's equation 1, after Liang and Hu (2015): what
comes in is convolved once, then, ``steps`` times, a convolution of the layer's own last state is
added and the sum activated. ``attention_r2unet`` has the gates of Attention U-Net on its skips
besides. Checked against that equation and the way public versions join block and shortcut; the
authors' own code was not to be had.
"""

from dataclasses import replace

from torch import Tensor, nn

from core.errors import InputError, choose
from core.networks.attention_unet import gated_skip
from core.networks.blocks import (
    NORMALIZATIONS,
    UShaped,
    activation_out_of_place,
    check_sizes,
    initialize,
)
from core.networks.card import ModelCard


class RecurrentConvolution(nn.Module):
    """A 3x3 convolution of the input, and ``steps`` times one of its own last state added.

    Args:
        channels: Channels in and out.
        steps: How often the state is fed back; 0 makes it a plain convolution.
        normalization: Key of ``NORMALIZATIONS``.
        activation: Key of ``ACTIVATIONS``.
    """

    def __init__(self, channels: int, *, steps: int, normalization: str, activation: str) -> None:
        super().__init__()
        normalize = choose("normalization", normalization, NORMALIZATIONS)
        self.feed = nn.Conv2d(channels, channels, 3, padding=1)
        self.recur: nn.Module = nn.Identity()
        if steps > 0:
            self.recur = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        # One for each step: the states differ in scale, and running statistics shared by all of
        # them would fit none when predicting.
        self.normalizations = nn.ModuleList(normalize(channels) for _ in range(steps + 1))
        # Out of place: without a normalization it would overwrite what every step still adds.
        self.activation = activation_out_of_place(activation, channels)

    def share_variance(self) -> None:
        """Halve the variance of fresh weights: two convolutions are summed, not one."""
        for parameter in (self.feed.weight, *self.recur.parameters()):
            parameter.data.mul_(0.5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, F, H, W)."""
        first, *later = self.normalizations
        fed = self.feed(x)
        state: Tensor = self.activation(first(fed))
        for normalize in later:
            state = self.activation(normalize(self.recur(state).add_(fed)))
        return state


class RecurrentResidualBlock(nn.Module):
    """A 1x1 projection to the block's width, plus two recurrent convolutions of it."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        steps: int,
        normalization: str,
        activation: str,
    ) -> None:
        super().__init__()
        self.project = nn.Conv2d(in_channels, out_channels, 1)
        self.recurrent = nn.Sequential(
            *(
                RecurrentConvolution(
                    out_channels, steps=steps, normalization=normalization, activation=activation
                )
                for _ in range(2)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, F, H, W)."""
        projected: Tensor = self.project(x)
        recurrent: Tensor = self.recurrent(projected)
        return projected + recurrent


class R2UNet(UShaped):
    """U-Net of recurrent residual blocks.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first block; each level down doubles them.
        depth: Number of pooling steps.
        steps: How often a convolution's state is fed back, the paper's t.
        normalization: ``none``, ``batch``, ``group`` or ``instance``.
        activation: ``relu``, ``prelu``, ``leaky_relu`` or ``silu``.
        dropout: Rate of channel dropout.
        dropout_places: ``bottleneck``, ``deepest`` (that and the last encoder block), ``encoder``,
            ``decoder`` or ``all``.
        upsampling: ``transposed`` or ``bilinear``.
    """

    gated = False

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 1,
        base_filters: int = 64,
        depth: int = 4,
        steps: int = 2,
        normalization: str = "batch",
        activation: str = "relu",
        dropout: float = 0.0,
        dropout_places: str = "deepest",
        upsampling: str = "transposed",
    ) -> None:
        name = "attention_r2unet" if self.gated else "r2unet"
        check_sizes(name, base_filters=base_filters, depth=depth, dropout=dropout)
        if not 0 <= steps <= 10:
            raise InputError(f"{name} needs from 0 to 10 recurrent steps, found {steps}")
        super().__init__(
            in_channels=in_channels,
            classes=classes,
            widths=[base_filters * 2**level for level in range(depth + 1)],
            block=lambda inputs, outputs: RecurrentResidualBlock(
                inputs, outputs, steps=steps, normalization=normalization, activation=activation
            ),
            upsampling=upsampling,
            dropout=dropout,
            dropout_places=dropout_places,
            skip=gated_skip if self.gated else None,
        )
        initialize(self)
        for module in self.modules():
            if isinstance(module, RecurrentConvolution) and steps > 0:
                module.share_variance()


class AttentionR2UNet(R2UNet):
    """R2U-Net with the gates of Attention U-Net on its skips."""

    gated = True


CARD = ModelCard(
    build=R2UNet,
    title=(
        "Recurrent Residual Convolutional Neural Network based on U-Net (R2U-Net) "
        "for Medical Image Segmentation"
    ),
    authors="Alom",
    year=2018,
    arxiv="1802.06955",
    idea="Convolutions look again at their own result, a larger field of view for the same depth.",
    use="Vessels and other thin structures; a step costs about three times the U-Net's.",
    differs=(
        "Input and state have weights of their own, as in the paper's equation 1; versions in "
        "wide use share one kernel between them. Each step has its own normalization (the paper "
        "does not speak of it), so that running statistics fit when predicting. A 1x1 projection "
        "makes the shortcut's width fit. Widths are the U-Net's."
    ),
    multiple=16,
    small={"base_filters": 4, "depth": 2},
)

ATTENTION_CARD = replace(
    CARD,
    build=AttentionR2UNet,
    idea="Recurrent residual blocks, and skips weighed by the gates of Attention U-Net.",
    use="As r2unet, where small structures drown in a large field of view.",
    differs=(
        f"{CARD.differs} The gates are Oktay's (2018, arXiv 1804.03999); no paper of its own "
        "describes the combination."
    ),
)
