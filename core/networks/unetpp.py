"""UNet++: A Nested U-Net Architecture for Medical Image Segmentation (Zhou, 2018).

https://arxiv.org/abs/1807.10165. Between encoder and decoder lies a triangle of nodes: node (i, j)
sees all nodes (i, 0) … (i, j-1) of its level and the enlarged node (i+1, j-1) below. Checked
against the authors' Keras code, https://github.com/MrGiovanni/UNetPlusPlus: without normalization
ours has its 9,041,601 parameters, which the paper rounds to 9.04 million.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import choose
from core.networks.blocks import (
    UPSAMPLINGS,
    DoubleConvolution,
    check_sizes,
    enlarge,
    initialize,
    pad_to_multiple,
)
from core.networks.card import ModelCard


class UNetPlusPlus(nn.Module):
    """Encoder and nested, densely connected decoders.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first block; each level down doubles them.
        depth: Number of pooling steps.
        normalization: ``none``, ``batch``, ``group`` or ``instance``.
        activation: ``relu``, ``prelu``, ``leaky_relu`` or ``silu``.
        dropout: Rate of channel dropout after every node.
        upsampling: ``transposed`` or ``bilinear``.
        deep_supervision: Whether the nodes (0, 1) … (0, depth-1) have a head of their own.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 1,
        base_filters: int = 32,
        depth: int = 4,
        normalization: str = "batch",
        activation: str = "relu",
        dropout: float = 0.0,
        upsampling: str = "transposed",
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        check_sizes("unetpp", base_filters=base_filters, depth=depth, dropout=dropout)
        upsample = choose("upsampling", upsampling, UPSAMPLINGS)
        filters = [base_filters * 2**level for level in range(depth + 1)]

        def block(inputs: int, outputs: int) -> DoubleConvolution:
            return DoubleConvolution(
                inputs,
                outputs,
                normalization=normalization,
                activation=activation,
                dropout=dropout,
            )

        self.multiple = 2**depth
        self.encoder = nn.ModuleList(
            block(*pair) for pair in zip([in_channels, *filters], filters, strict=False)
        )
        # in the order of computing: (0, 1) (1, 1) … (0, 2) …; up enlarges what lies below
        self.places = [
            (level, column) for column in range(1, depth + 1) for level in range(depth + 1 - column)
        ]
        self.nodes = nn.ModuleList(
            block((column + 1) * filters[level], filters[level]) for level, column in self.places
        )
        self.up = nn.ModuleList(
            upsample(filters[level + 1], filters[level]) for level, _ in self.places
        )
        self.head = nn.Conv2d(filters[0], classes, 1)
        self.auxiliary_heads = nn.ModuleList(
            nn.Conv2d(filters[0], classes, 1) for _ in range(depth - 1 if deep_supervision else 0)
        )
        initialize(self)

    def features(self, image: Tensor) -> list[Tensor]:
        """The nodes (0, 0) … (0, depth) at the padded image's size, (B, F, H, W) each."""
        x = pad_to_multiple(image, self.multiple)
        levels: list[list[Tensor]] = []
        for block in self.encoder:
            x = block(x if not levels else functional.max_pool2d(x, 2))  # (B, F, H/2, W/2)
            levels.append([x])
        for (level, column), up, node in zip(self.places, self.up, self.nodes, strict=True):
            below = up(levels[level + 1][column - 1])  # (B, F, H, W)
            levels[level].append(node(torch.cat([*levels[level], below], dim=1)))
        return levels[0]

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        return enlarge(self.head(self.features(image)[-1]), 1, like=image)

    def forward_all(self, image: Tensor) -> list[Tensor]:
        """Logits of every node of the finest level that has a head, the deepest one's last."""
        _, *nodes, last = self.features(image)
        auxiliary = [
            enlarge(head(node), 1, like=image)
            for head, node in zip(self.auxiliary_heads, nodes, strict=False)
        ]
        return [*auxiliary, enlarge(self.head(last), 1, like=image)]


CARD = ModelCard(
    build=UNetPlusPlus,
    title="UNet++: A Nested U-Net Architecture for Medical Image Segmentation",
    authors="Zhou",
    year=2018,
    arxiv="1807.10165",
    idea="Skips pass through nested blocks, which bring encoder and decoder closer in meaning.",
    use="Objects of very different size; twice the memory of a U-Net of equal width.",
    differs=(
        "Batch norm after each convolution, where the authors' Keras code has dropout of 0.5; "
        "with normalization=none the count is theirs, 9,041,601. The answer is the deepest "
        "node's, not the mean of the four heads."
    ),
    printed_parameters=9_041_601,
    multiple=16,
    small={"base_filters": 4, "depth": 2},
)
