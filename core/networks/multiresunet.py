"""MultiResUNet: Rethinking the U-Net Architecture for Multimodal Biomedical Image Segmentation.

Ibtehaz, 2020, https://arxiv.org/abs/1902.04049. Each block chains three 3x3 convolutions and joins
their results, the views of a 3x3, a 5x5 and a 7x7 convolution; each skip is a path of residual
convolutions, the longer the finer its level. Checked against the authors' Keras code,
https://github.com/nibtehaz/MultiResUNet, to its last parameter (``CARD.differs``).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import InputError, choose
from core.networks.blocks import (
    ACTIVATIONS,
    NORMALIZATIONS,
    UPSAMPLINGS,
    ConvolutionUnit,
    check_sizes,
    dropout_rates,
    initialize,
    pad_to_multiple,
    with_dropout,
)
from core.networks.card import ModelCard

FRACTIONS = (0.167, 0.333, 0.5)  # of W = alpha * U, for the three convolutions of a block


def block_widths(filters: int, alpha: float) -> list[int]:
    """Channels of a block's three convolutions where a U-Net would have ``filters``."""
    return [int(alpha * filters * fraction) for fraction in FRACTIONS]


class MultiResBlock(nn.Module):
    """Three chained convolutions, their results joined and added to a 1x1 shortcut."""

    def __init__(
        self, in_channels: int, widths: list[int], *, normalization: str, activation: str
    ) -> None:
        super().__init__()
        normalize = choose("normalization", normalization, NORMALIZATIONS)
        total = sum(widths)
        self.chain = nn.ModuleList(
            ConvolutionUnit(inputs, outputs, normalization=normalization, activation=activation)
            for inputs, outputs in zip([in_channels, *widths], widths, strict=False)
        )
        self.shortcut = ConvolutionUnit(
            in_channels, total, normalization=normalization, activation=None, kernel=1
        )
        self.normalize_joined = normalize(total)
        self.activation = choose("activation", activation, ACTIVATIONS)(total)
        self.normalize_sum = normalize(total)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, F, H, W)."""
        views = []
        last = x
        for unit in self.chain:
            last = unit(last)
            views.append(last)
        joined = self.normalize_joined(torch.cat(views, dim=1))
        total: Tensor = self.normalize_sum(self.activation(joined.add_(self.shortcut(x))))
        return total


class ResidualStep(nn.Module):
    """One step of a residual path: a 3x3 convolution plus a 1x1 shortcut."""

    def __init__(
        self, in_channels: int, out_channels: int, *, normalization: str, activation: str
    ) -> None:
        super().__init__()
        self.unit = ConvolutionUnit(
            in_channels, out_channels, normalization=normalization, activation=activation
        )
        self.shortcut = ConvolutionUnit(
            in_channels, out_channels, normalization=normalization, activation=None, kernel=1
        )
        self.activation = choose("activation", activation, ACTIVATIONS)(out_channels)
        self.normalize = choose("normalization", normalization, NORMALIZATIONS)(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, F, H, W)."""
        total: Tensor = self.normalize(self.activation(self.shortcut(x).add_(self.unit(x))))
        return total


class MultiResUNet(nn.Module):
    """U-Net of multi-resolution blocks, with residual paths for skips.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: The paper's U at the first level; each level down doubles it.
        depth: Number of pooling steps.
        alpha: What U is multiplied by for the width of a block.
        normalization: ``none``, ``batch``, ``group`` or ``instance``.
        activation: ``relu``, ``prelu``, ``leaky_relu`` or ``silu``.
        dropout: Rate of channel dropout.
        dropout_places: ``bottleneck``, ``deepest`` (that and the last encoder block), ``encoder``,
            ``decoder`` or ``all``.
        upsampling: ``transposed`` or ``bilinear``.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 1,
        base_filters: int = 32,
        depth: int = 4,
        alpha: float = 1.67,
        normalization: str = "batch",
        activation: str = "relu",
        dropout: float = 0.0,
        dropout_places: str = "deepest",
        upsampling: str = "transposed",
    ) -> None:
        super().__init__()
        check_sizes("multiresunet", base_filters=base_filters, depth=depth, dropout=dropout)
        filters = [base_filters * 2**level for level in range(depth + 1)]
        widths = [block_widths(width, alpha) for width in filters]
        if 0 in widths[0]:
            raise InputError(
                f"multiresunet needs alpha times base_filters of at least 6, "
                f"found {alpha} times {base_filters}"
            )
        upsample = choose("upsampling", upsampling, UPSAMPLINGS)
        total = [sum(width) for width in widths]
        rates = dropout_rates(dropout_places, dropout, depth)

        def block(inputs: int, level: int) -> MultiResBlock:
            return MultiResBlock(
                inputs, widths[level], normalization=normalization, activation=activation
            )

        def path(level: int) -> nn.Sequential:
            return nn.Sequential(
                *(
                    ResidualStep(
                        total[level] if step == 0 else filters[level],
                        filters[level],
                        normalization=normalization,
                        activation=activation,
                    )
                    for step in range(depth - level)
                )
            )

        upwards = list(reversed(range(depth)))
        self.multiple = 2**depth
        self.encoder = nn.ModuleList(
            with_dropout(block(inputs, level), rates[level])
            for level, inputs in enumerate([in_channels, *total[:-1]])
        )  # the last one is the bottleneck
        self.paths = nn.ModuleList(path(level) for level in upwards)
        self.up = nn.ModuleList(upsample(total[level + 1], filters[level]) for level in upwards)
        self.decoder = nn.ModuleList(
            with_dropout(block(2 * filters[level], level), rates[2 * depth - level])
            for level in upwards
        )
        self.head = nn.Conv2d(total[0], classes, 1)
        initialize(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        x = pad_to_multiple(image, self.multiple)
        skips: list[Tensor] = []
        for block in self.encoder:
            x = block(x if not skips else functional.max_pool2d(x, 2))  # (B, F, H/2, W/2)
            skips.append(x)
        for up, path, block, skip in zip(
            self.up, self.paths, self.decoder, skips[-2::-1], strict=True
        ):
            x = block(torch.cat([up(x), path(skip)], dim=1))  # (B, F, H, W)
        logits: Tensor = self.head(x)
        return logits[..., : image.shape[-2], : image.shape[-1]]


CARD = ModelCard(
    build=MultiResUNet,
    title=(
        "MultiResUNet: Rethinking the U-Net Architecture for Multimodal Biomedical Image "
        "Segmentation"
    ),
    authors="Ibtehaz",
    year=2020,
    arxiv="1902.04049",
    idea="Blocks see several scales at once, and skips are convolved before they are joined.",
    use="Textured or faint outlines, with a quarter of the U-Net's weights.",
    differs=(
        "The authors' Keras code has 7,262,750 parameters for three input channels, running "
        "statistics counted. Ours, counted so, has 7,269,294: 6,546 scales of the normalizations "
        "after convolutions, which theirs leave out, and 2 fewer at the head, a bias in place of "
        "a batch norm whose output would not be plain logits."
    ),
    printed_parameters=7_262_750,
    multiple=16,
    small={"base_filters": 4, "depth": 2},
)
