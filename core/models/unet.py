"""U-Net: Convolutional Networks for Biomedical Image Segmentation (Ronneberger, 2015).

https://arxiv.org/abs/1505.04597. As the papers here use it: padded 3x3 convolutions with bias, so
that the output is as large as the input, an optional normalization after each, 2x2 max-pooling,
2x2 transposed convolutions and a 1x1 head. It returns logits.
"""

import torch
from torch import Tensor, nn

from core.errors import InputError, choose
from core.models.blocks import UPSAMPLINGS, DoubleConvolution, initialize, pad_to_multiple
from core.models.card import ModelCard


class UNet(nn.Module):
    """Encoder, bottleneck, decoder with concatenated skips.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first block; each level down doubles them.
        depth: Number of pooling steps.
        normalization: ``none``, ``batch``, ``group`` or ``instance``.
        activation: ``relu``, ``prelu``, ``leaky_relu`` or ``silu``.
        dropout: Rate of channel dropout after the last encoder block and the bottleneck.
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
        upsampling: str = "transposed",
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

        def block(inputs: int, outputs: int, rate: float = 0.0) -> DoubleConvolution:
            return DoubleConvolution(
                inputs, outputs, normalization=normalization, activation=activation, dropout=rate
            )

        self.multiple = 2**depth
        self.encoder = nn.ModuleList(
            block(inputs, outputs, dropout if level == depth - 1 else 0.0)
            for level, (inputs, outputs) in enumerate(
                zip([in_channels, *filters], filters[:-1], strict=False)
            )
        )
        self.pool = nn.MaxPool2d(2)
        self.bottleneck = block(filters[-2], filters[-1], dropout)
        self.up = nn.ModuleList(upsample(2 * width, width) for width in reversed(filters[:-1]))
        self.decoder = nn.ModuleList(block(2 * width, width) for width in reversed(filters[:-1]))
        self.head = nn.Conv2d(filters[0], classes, 1)
        initialize(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        height, width = image.shape[-2:]
        x = pad_to_multiple(image, self.multiple)
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = self.pool(x)  # (B, F, H/2, W/2)
        x = self.bottleneck(x)
        for up, block, skip in zip(self.up, self.decoder, reversed(skips), strict=True):
            x = block(torch.cat([skip, up(x)], dim=1))  # (B, F, H, W)
        logits: Tensor = self.head(x)
        return logits[..., :height, :width]


CARD = ModelCard(
    build=UNet,
    title="U-Net: Convolutional Networks for Biomedical Image Segmentation",
    authors="Ronneberger",
    year=2015,
    arxiv="1505.04597",
    idea="Skips carry fine detail from the encoder to the decoder, level by level.",
    use="First; everything else has to beat it.",
    differs="Convolutions are padded, so that the mask is as large as the image.",
    printed_parameters=31_054_145,
    multiple=16,
    small={"base_filters": 4, "depth": 2},
)
