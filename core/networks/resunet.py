"""Road Extraction by Deep Residual U-Net (Zhang, 2018).

https://arxiv.org/abs/1711.10684. Residual units with full pre-activation (normalization,
activation, convolution, twice, plus a shortcut), a stride of 2 in place of pooling, three levels
and a bridge, and upsampling without weights. Checked against table 1 of the paper, layer by layer:
its fifteen convolutions have 7,780,096 weights for an image of three channels, the 7.8 million
printed.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from core.errors import choose
from core.networks.blocks import (
    NORMALIZATIONS,
    UPSAMPLINGS,
    Projection,
    activation_out_of_place,
    check_sizes,
    dropout_rates,
    initialize,
    pad_to_multiple,
    with_dropout,
)
from core.networks.card import ModelCard

RESUNET_UPSAMPLINGS = {
    "nearest": lambda _inputs, _outputs: nn.Upsample(scale_factor=2, mode="nearest"),
    **UPSAMPLINGS,
}


class PreActivationUnit(nn.Module):
    """Normalization, activation, 3x3 convolution, twice, plus the shortcut.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        stride: Stride of the first convolution and of the shortcut.
        first: Whether it sees the image, which is convolved before anything else.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        normalization: str,
        activation: str,
        stride: int = 1,
        first: bool = False,
    ) -> None:
        super().__init__()
        normalize = choose("normalization", normalization, NORMALIZATIONS)

        def prepare(channels: int) -> list[nn.Module]:
            # out of place: without a normalization the shortcut reads the same tensor
            return [normalize(channels), activation_out_of_place(activation, channels)]

        bias = normalization == "none"
        self.residual = nn.Sequential(
            *([] if first else prepare(in_channels)),
            nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=bias),
            *prepare(out_channels),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            self.shortcut = Projection(in_channels, out_channels, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, F, H/stride, W/stride)."""
        residual: Tensor = self.residual(x)
        return residual.add_(self.shortcut(x))


class ResUNet(nn.Module):
    """Encoder and decoder of residual units, concatenated skips.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first unit; each level down doubles them.
        depth: Number of halvings.
        normalization: ``none``, ``batch``, ``group`` or ``instance``.
        activation: ``relu``, ``prelu``, ``leaky_relu`` or ``silu``.
        dropout: Rate of channel dropout.
        dropout_places: ``bottleneck`` (the bridge), ``deepest`` (that and the last encoder unit),
            ``encoder``, ``decoder`` or ``all``.
        upsampling: ``nearest``, ``transposed`` or ``bilinear``.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 1,
        base_filters: int = 64,
        depth: int = 3,
        normalization: str = "batch",
        activation: str = "relu",
        dropout: float = 0.0,
        dropout_places: str = "deepest",
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        check_sizes("resunet", base_filters=base_filters, depth=depth, dropout=dropout)
        upsample = choose("upsampling", upsampling, RESUNET_UPSAMPLINGS)
        filters = [base_filters * 2**level for level in range(depth + 1)]
        pairs = list(pairwise(filters))
        rates = dropout_rates(dropout_places, dropout, depth)

        def unit(inputs: int, outputs: int, stride: int = 1) -> PreActivationUnit:
            return PreActivationUnit(
                inputs, outputs, normalization=normalization, activation=activation, stride=stride
            )

        self.multiple = 2**depth
        first = PreActivationUnit(
            in_channels, filters[0], normalization=normalization, activation=activation, first=True
        )
        units = [first, *(unit(*pair, stride=2) for pair in pairs)]
        self.encoder = nn.ModuleList(
            with_dropout(module, rate) for module, rate in zip(units, rates, strict=False)
        )  # the last one is the bridge
        self.up = nn.ModuleList(upsample(below, below) for _, below in reversed(pairs))
        self.decoder = nn.ModuleList(
            with_dropout(unit(below + width, width), rate)
            for (width, below), rate in zip(reversed(pairs), rates[depth + 1 :], strict=True)
        )
        self.head = nn.Conv2d(filters[0], classes, 1)
        initialize(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        x = pad_to_multiple(image, self.multiple)
        skips = []
        for unit in self.encoder:
            x = unit(x)  # (B, F, H/2, W/2), the first one (B, F, H, W)
            skips.append(x)
        for up, unit, skip in zip(self.up, self.decoder, skips[-2::-1], strict=True):
            x = unit(torch.cat([skip, up(x)], dim=1))  # (B, F, H, W)
        logits: Tensor = self.head(x)
        return logits[..., : image.shape[-2], : image.shape[-1]]


CARD = ModelCard(
    build=ResUNet,
    title="Road Extraction by Deep Residual U-Net",
    authors="Zhang",
    year=2018,
    arxiv="1711.10684",
    idea="Every block adds to its input instead of replacing it, so gradients reach all levels.",
    use="When the plain U-Net is slow to start learning, or a quarter of its weights must do.",
    differs=(
        "The paper prints 7.8 million parameters, the 7,780,096 weights of the convolutions in its "
        "table 1 (three input channels). The table leaves out the 1x1 shortcuts that the change "
        "of width demands (430,272 weights), the biases and the normalization, which ours has too."
    ),
    printed_parameters=7_800_000,
    multiple=8,
    small={"base_filters": 4, "depth": 2},
)
