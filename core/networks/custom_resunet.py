"""Breast Cancer Segmentation in Medical Imaging: A Custom U-Net Approach (Rahman, 2024).

https://doi.org/10.13140/RG.2.2.11596.01922. A U-Net whose blocks are residual: two 3x3
convolutions, each with batch normalization, and a shortcut around both; an encoder of four levels,
skips, trained from scratch. The paper publishes no code and prints neither widths nor the order
inside a block: the order is that of He (2016), https://arxiv.org/abs/1512.03385, the widths are the
U-Net's.
"""

from torch import Tensor, nn

from core.errors import choose
from core.networks.blocks import ACTIVATIONS, ConvolutionUnit, UShaped, check_sizes, initialize
from core.networks.card import ModelCard


class ResidualBlock(nn.Module):
    """Two normalized 3x3 convolutions, added to the 1x1 projection of what came in."""

    def __init__(
        self, in_channels: int, out_channels: int, *, normalization: str, activation: str
    ) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            ConvolutionUnit(
                in_channels, out_channels, normalization=normalization, activation=activation
            ),
            ConvolutionUnit(
                out_channels, out_channels, normalization=normalization, activation=None
            ),
        )
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = ConvolutionUnit(
                in_channels, out_channels, normalization=normalization, activation=None, kernel=1
            )
        self.activation = choose("activation", activation, ACTIVATIONS)(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, F, H, W)."""
        total: Tensor = self.activation(self.residual(x).add_(self.shortcut(x)))
        return total


class CustomResUNet(UShaped):
    """U-Net of residual blocks.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first block; each level down doubles them.
        depth: Number of pooling steps.
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
        base_filters: int = 64,
        depth: int = 4,
        normalization: str = "batch",
        activation: str = "relu",
        dropout: float = 0.0,
        dropout_places: str = "deepest",
        upsampling: str = "transposed",
    ) -> None:
        check_sizes("custom_resunet", base_filters=base_filters, depth=depth, dropout=dropout)
        super().__init__(
            in_channels=in_channels,
            classes=classes,
            widths=[base_filters * 2**level for level in range(depth + 1)],
            block=lambda inputs, outputs: ResidualBlock(
                inputs, outputs, normalization=normalization, activation=activation
            ),
            upsampling=upsampling,
            dropout=dropout,
            dropout_places=dropout_places,
        )
        initialize(self)


CARD = ModelCard(
    build=CustomResUNet,
    title="Breast Cancer Segmentation in Medical Imaging: A Custom U-Net Approach",
    authors="Rahman",
    year=2024,
    doi="10.13140/RG.2.2.11596.01922",
    idea="The U-Net with a shortcut around every pair of convolutions and batch norm throughout.",
    use="In place of the U-Net on small sets of breast images, which it was made for.",
    differs=(
        "The paper prints neither widths, nor the order inside a block, nor a parameter count, "
        "and has no code: the order is that of He (2016), widths and upsampling are the U-Net's."
    ),
    multiple=16,
    small={"base_filters": 4, "depth": 2},
)
