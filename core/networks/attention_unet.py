"""Attention U-Net: Learning Where to Look for the Pancreas (Oktay, 2018).

https://arxiv.org/abs/1804.03999. A gate on every skip but the finest weighs each place by what the
coarser features say of it: equations 1 and 2 of the paper, on the coarser grid, enlarged bilinearly
(its metric 2). Checked against the authors' grid attention layer and network,
https://github.com/ozan-oktay/Attention-Gated-Networks; ``CARD.differs`` says what is left out.
"""

from torch import Tensor, nn
from torch.nn import functional

from core.networks.blocks import (
    DoubleConvolution,
    PlainSkip,
    UShaped,
    check_sizes,
    enlarge,
    initialize,
)
from core.networks.card import ModelCard


class AttentionGate(nn.Module):
    """Additive attention: a skip times a weight from 0 to 1 for every place.

    Args:
        channels: Channels of the skip.
        gate_channels: Channels of the coarser features, at half the size.
    """

    def __init__(self, channels: int, gate_channels: int) -> None:
        super().__init__()
        self.from_skip = nn.Conv2d(channels, channels, 2, stride=2, bias=False)
        self.from_gate = nn.Conv2d(gate_channels, channels, 1)
        self.score = nn.Conv2d(channels, 1, 1)

    def weights(self, skip: Tensor, coarser: Tensor) -> Tensor:
        """From 0 to 1, shape (B, 1, H, W), for a skip (B, C, H, W) and (B, G, H/2, W/2)."""
        joint = self.from_skip(skip).add_(self.from_gate(coarser)).relu_()  # (B, C, H/2, W/2)
        weights = self.score(joint).sigmoid()  # (B, 1, H/2, W/2)
        return functional.interpolate(weights, scale_factor=2, mode="bilinear")

    def forward(self, skip: Tensor, coarser: Tensor) -> Tensor:
        """The weighted skip, shape (B, C, H, W)."""
        return skip * self.weights(skip, coarser)


def gated_skip(level: int, channels: int, gate_channels: int) -> nn.Module:
    """A gate, but not at full size, where the features say too little of what they belong to."""
    return AttentionGate(channels, gate_channels) if level > 0 else PlainSkip()


class AttentionUNet(UShaped):
    """U-Net with gated skips.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first block; each level down doubles them.
        depth: Number of pooling steps, at least 2 for there to be a gate.
        normalization: ``none``, ``batch``, ``group`` or ``instance``.
        activation: ``relu``, ``prelu``, ``leaky_relu`` or ``silu``.
        dropout: Rate of channel dropout.
        dropout_places: ``bottleneck``, ``deepest`` (that and the last encoder block), ``encoder``,
            ``decoder`` or ``all``.
        upsampling: ``transposed`` or ``bilinear``.
        deep_supervision: Whether the coarser decoder levels have a head of their own.
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
        upsampling: str = "transposed",
        deep_supervision: bool = False,
    ) -> None:
        check_sizes("attention_unet", base_filters=base_filters, depth=depth, dropout=dropout)
        widths = [base_filters * 2**level for level in range(depth + 1)]
        super().__init__(
            in_channels=in_channels,
            classes=classes,
            widths=widths,
            block=lambda inputs, outputs: DoubleConvolution(
                inputs, outputs, normalization=normalization, activation=activation, dropout=0.0
            ),
            upsampling=upsampling,
            dropout=dropout,
            dropout_places=dropout_places,
            skip=gated_skip,
        )
        coarser = widths[-2:0:-1] if deep_supervision else []
        self.auxiliary_heads = nn.ModuleList(nn.Conv2d(width, classes, 1) for width in coarser)
        initialize(self)

    def forward_all(self, image: Tensor) -> list[Tensor]:
        """Logits of every decoder level that has a head, (B, K, H, W) each, the finest last."""
        *coarser, finest = self.features(image)
        auxiliary = [
            enlarge(head(features), finest.shape[-1] // features.shape[-1], like=image)
            for head, features in zip(self.auxiliary_heads, coarser, strict=False)
        ]
        return [*auxiliary, enlarge(self.head(finest), 1, like=image)]


CARD = ModelCard(
    build=AttentionUNet,
    title="Attention U-Net: Learning Where to Look for the Pancreas",
    authors="Oktay",
    year=2018,
    arxiv="1804.03999",
    idea="Coarse features decide where the fine ones of a skip are let through.",
    use="Small structures in a large field of view; the gates can be examined as maps.",
    differs=(
        "In 2D, the paper's is 3D. Of the authors' code left out: a second gate in parallel, the "
        "1x1 convolution with batch norm after a gate and the one before the first gating "
        "signal, none of them in the paper's equations; deep supervision has separate heads, "
        "where theirs are mixed into one output. Up by transposed convolution, as in the U-Net."
    ),
    multiple=16,
    small={"base_filters": 4, "depth": 2},
)
