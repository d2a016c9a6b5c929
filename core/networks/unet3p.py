"""UNet 3+: A Full-Scale Connected UNet for Medical Image Segmentation (Huang, 2020).

https://arxiv.org/abs/2004.08790. Every decoder level sees all scales: the finer encoder levels
pooled, its own, and the coarser decoder levels enlarged bilinearly, each through a 3x3 convolution
to as many channels as the first level has. Checked against the layers of the authors' code,
https://github.com/ZJUGiveLab/UNet-Version, and the 26.97 million parameters that the paper prints.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.networks.blocks import (
    ConvolutionUnit,
    DoubleConvolution,
    check_sizes,
    dropout_rates,
    enlarge,
    initialize,
    pad_to_multiple,
    with_dropout,
)
from core.networks.card import ModelCard


class FullScaleLevel(nn.Module):
    """A decoder level: every scale brought to its size, convolved, joined and convolved again.

    Args:
        level: Which one, 0 the finest.
        widths: Channels of what it sees, finest scale first.
        branch: Channels that each of them is brought to.
    """

    def __init__(
        self, level: int, widths: list[int], branch: int, *, normalization: str, activation: str
    ) -> None:
        super().__init__()

        def unit(inputs: int, outputs: int) -> ConvolutionUnit:
            return ConvolutionUnit(
                inputs, outputs, normalization=normalization, activation=activation
            )

        self.level = level
        self.branches = nn.ModuleList(unit(width, branch) for width in widths)
        joined = branch * len(widths)
        self.fuse = unit(joined, joined)

    def forward(self, scales: list[Tensor]) -> Tensor:
        """Shape (B, 5F, H, W), 5 being the number of scales."""
        seen = [
            branch(rescale(features, scale - self.level))
            for scale, (branch, features) in enumerate(zip(self.branches, scales, strict=True))
        ]
        fused: Tensor = self.fuse(torch.cat(seen, dim=1))
        return fused


class UNet3Plus(nn.Module):
    """Encoder of the U-Net, decoder with full-scale skips.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first block and of each branch of a skip.
        depth: Number of pooling steps.
        normalization: ``none``, ``batch``, ``group`` or ``instance``.
        activation: ``relu``, ``prelu``, ``leaky_relu`` or ``silu``.
        dropout: Rate of channel dropout.
        dropout_places: ``bottleneck``, ``deepest`` (that and the last encoder block), ``encoder``,
            ``decoder`` or ``all``.
        deep_supervision: Whether bottleneck and coarser decoder levels have a head of their own.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 1,
        base_filters: int = 64,
        depth: int = 4,
        normalization: str = "batch",
        activation: str = "relu",
        dropout: float = 0.0,
        dropout_places: str = "deepest",
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        check_sizes("unet3p", base_filters=base_filters, depth=depth, dropout=dropout)
        filters = [base_filters * 2**level for level in range(depth + 1)]
        joined = base_filters * (depth + 1)
        rates = dropout_rates(dropout_places, dropout, depth)
        self.multiple = 2**depth
        self.encoder = nn.ModuleList(
            DoubleConvolution(
                inputs,
                outputs,
                normalization=normalization,
                activation=activation,
                dropout=rate,
            )
            for inputs, outputs, rate in zip([in_channels, *filters], filters, rates, strict=False)
        )
        self.decoder = nn.ModuleList(
            with_dropout(
                FullScaleLevel(
                    level,
                    [*filters[: level + 1], *[joined] * (depth - 1 - level), filters[-1]],
                    base_filters,
                    normalization=normalization,
                    activation=activation,
                ),
                rates[2 * depth - level],
            )
            for level in reversed(range(depth))
        )
        self.head = nn.Conv2d(joined, classes, 3, padding=1)
        coarser = [filters[-1], *[joined] * (depth - 1)] if deep_supervision else []
        self.auxiliary_heads = nn.ModuleList(
            nn.Conv2d(width, classes, 3, padding=1) for width in coarser
        )
        initialize(self)

    def features(self, image: Tensor) -> list[Tensor]:
        """Bottleneck and decoder levels, coarsest first, the padded image's size last."""
        x = pad_to_multiple(image, self.multiple)
        scales: list[Tensor] = []
        for block in self.encoder:
            x = block(x if not scales else functional.max_pool2d(x, 2))  # (B, F, H/2, W/2)
            scales.append(x)
        decoded = [x]
        for level, block in zip(reversed(range(len(scales) - 1)), self.decoder, strict=True):
            x = block(scales)  # (B, 5F, H, W)
            scales[level] = x  # in place of the encoder's, which no finer level reads
            decoded.append(x)
        return decoded

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        return enlarge(self.head(self.features(image)[-1]), 1, like=image)

    def forward_all(self, image: Tensor) -> list[Tensor]:
        """Logits of every scale that has a head, (B, K, H, W) each, the finest last."""
        *coarser, finest = self.features(image)
        auxiliary = [
            enlarge(head(features), finest.shape[-1] // features.shape[-1], like=image)
            for head, features in zip(self.auxiliary_heads, coarser, strict=False)
        ]
        return [*auxiliary, enlarge(self.head(finest), 1, like=image)]


def rescale(features: Tensor, levels_up: int) -> Tensor:
    """Enlarged by 2**levels_up, or, where that is negative, pooled by 2**-levels_up."""
    if levels_up > 0:
        return functional.interpolate(features, scale_factor=2**levels_up, mode="bilinear")
    return functional.max_pool2d(features, 2**-levels_up) if levels_up < 0 else features


CARD = ModelCard(
    build=UNet3Plus,
    title="UNet 3+: A Full-Scale Connected UNet for Medical Image Segmentation",
    authors="Huang",
    year=2020,
    arxiv="2004.08790",
    idea="Every decoder level sees fine detail and coarse meaning from all scales at once.",
    use="Organs of varying size, where time is no matter: the most expensive network here.",
    differs=(
        "The paper prints 26.97 million, rounded; ours has 26,968,065 for one channel. The "
        "classification-guided module, which empties the masks of empty images, is left out. "
        "The decoder's convolutions have no bias, which a normalization would subtract again."
    ),
    printed_parameters=26_970_000,
    multiple=16,
    small={"base_filters": 4, "depth": 2},
)
