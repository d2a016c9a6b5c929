"""U-Net: Convolutional Networks for Biomedical Image Segmentation (Ronneberger, 2015).

https://arxiv.org/abs/1505.04597. As the papers here use it: padded 3x3 convolutions with bias, so
that the output is as large as the input, an optional normalization after each, 2x2 max-pooling,
2x2 transposed convolutions and a 1x1 head. It returns logits.

With ``convolutions=unpadded`` it is the original: every convolution takes a pixel off each border,
skips are cut to fit, and the image is continued by mirroring first (the paper's section 2), so that
the logits have its size all the same: 572 pixels go in for 388 that come out.
"""

import torch
from torch import Tensor, nn

from core.errors import InputError, choose
from core.networks.blocks import (
    UPSAMPLINGS,
    DoubleConvolution,
    crop_to,
    dropout_rates,
    initialize,
    mirror,
    pad_to_multiple,
)
from core.networks.card import ModelCard

CONVOLUTIONS = {"padded": 1, "unpadded": 0}
"""Zeros that a 3x3 convolution sees beyond each border."""


class UNet(nn.Module):
    """Encoder, bottleneck, decoder with concatenated skips.

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
        convolutions: ``padded``, or ``unpadded`` as in the original.
        last_normalization: Whether the convolution before the head is normalized as the others.
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
        convolutions: str = "padded",
        last_normalization: bool = True,
    ) -> None:
        super().__init__()
        if base_filters < 1 or not 1 <= depth <= 8:
            raise InputError(
                f"unet needs base_filters of at least 1 and a depth from 1 to 8, "
                f"found {base_filters} and {depth}"
            )
        if not 0 <= dropout < 1:
            raise InputError(f"unet needs a dropout rate from 0 to below 1, found {dropout}")
        filters = [base_filters * 2**level for level in range(depth + 1)]
        upsample = choose("upsampling", upsampling, UPSAMPLINGS)
        padding = choose("convolutions", convolutions, CONVOLUTIONS)

        rates = dropout_rates(dropout_places, dropout, depth)

        def block(inputs: int, outputs: int, rate: float) -> DoubleConvolution:
            return DoubleConvolution(
                inputs,
                outputs,
                normalization=normalization,
                activation=activation,
                dropout=rate,
                padding=padding,
            )

        self.multiple = 2**depth
        self.padded = padding > 0
        self.encoder = nn.ModuleList(
            block(inputs, outputs, rate)
            for inputs, outputs, rate in zip(
                [in_channels, *filters], filters[:-1], rates, strict=False
            )
        )
        self.pool = nn.MaxPool2d(2)
        self.bottleneck = block(filters[-2], filters[-1], rates[depth])
        self.up = nn.ModuleList(upsample(2 * width, width) for width in reversed(filters[:-1]))
        self.decoder = nn.ModuleList(
            block(2 * width, width, rate)
            for width, rate in zip(reversed(filters[:-1]), rates[depth + 1 :], strict=True)
        )
        if not last_normalization:
            last = self.decoder[-1]
            assert isinstance(last, DoubleConvolution)
            last[4] = nn.Identity()
        self.head = nn.Conv2d(filters[0], classes, 1)
        initialize(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        x = pad_to_multiple(image, self.multiple) if self.padded else self._with_context(image)
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = self.pool(x)  # (B, F, H/2, W/2)
        x = self.bottleneck(x)
        for up, block, skip in zip(self.up, self.decoder, reversed(skips), strict=True):
            x = up(x)
            x = block(torch.cat([skip if self.padded else _middle(skip, x), x], dim=1))
        return crop_to(self.head(x), image)

    def _with_context(self, image: Tensor) -> Tensor:
        """The image and what unpadded convolutions take off it, so that all pooled sides fit."""
        step = self.multiple
        # divided are positive numbers alone: a graph rounds negative ones the other way
        deepest = [(side + 9 * step - 5) // step for side in image.shape[2:]]
        sides = [step * side + 4 * (step - 1) for side in deepest]
        return mirror(image, 6 * step - 4, (sides[0], sides[1]))


def _middle(skip: Tensor, like: Tensor) -> Tensor:
    for axis in (2, 3):
        side = like.shape[axis]
        skip = skip.narrow(axis, (skip.shape[axis] - side) // 2, side)
    return skip


CARD = ModelCard(
    build=UNet,
    title="U-Net: Convolutional Networks for Biomedical Image Segmentation",
    authors="Ronneberger",
    year=2015,
    arxiv="1505.04597",
    idea="Skips carry fine detail from the encoder to the decoder, level by level.",
    use="First; everything else has to beat it.",
    differs="Convolutions are padded, so that the mask is as large as the image; "
    "convolutions=unpadded is the original. Its dropout of the deepest levels is off by default.",
    printed_parameters=31_054_145,
    multiple=16,
    small={"base_filters": 4, "depth": 2},
)
