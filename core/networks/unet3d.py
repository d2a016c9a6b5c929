"""3D U-Net: Learning Dense Volumetric Segmentation from Sparse Annotation (Çiçek, 2016).

https://arxiv.org/abs/1606.06650. U-Net with 3x3x3 convolutions, batch normalization, and channels
doubled already before a pooling step, against bottlenecks. MONAI has no such network (its ``UNet``
is residual with strides), so this one is ours. For three channels and three classes it has exactly
the 19,069,955 weights that the paper prints and the 4,672 scales and shifts of the normalizations,
which that number leaves out; the tests count them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.networks.blocks import check_positive, crop_to, pad_to_multiple
from core.networks.card import ModelCard


class UNet3D(nn.Module):
    """Encoder, bottleneck, decoder with concatenated skips, in three dimensions.

    Args:
        in_channels: Channels of the volume.
        classes: Channels of the logits.
        base_filters: Channels of the very first convolution; a block ends with twice as many.
        depth: Number of pooling steps.
    """

    def __init__(
        self, *, in_channels: int = 1, classes: int = 1, base_filters: int = 32, depth: int = 3
    ) -> None:
        super().__init__()
        check_positive("unet3d", base_filters=base_filters, depth=depth)
        widths = [base_filters * 2**level for level in range(depth + 2)]
        self.multiple = 2**depth
        self.encoder = nn.ModuleList(
            _block(inputs, outputs // 2, outputs)
            for inputs, outputs in zip([in_channels, *widths[1:-1]], widths[1:], strict=True)
        )
        steps = list(zip(widths[:1:-1], widths[-2:0:-1], strict=True))
        self.up = nn.ModuleList(
            nn.ConvTranspose3d(below, below, 2, stride=2, bias=False) for below, _ in steps
        )
        self.decoder = nn.ModuleList(_block(below + width, width, width) for below, width in steps)
        self.head = nn.Conv3d(widths[1], classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, volume: Tensor) -> Tensor:
        """Logits of shape (B, K, D, H, W) for a volume of shape (B, C, D, H, W), any size."""
        x = pad_to_multiple(volume, self.multiple)
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool3d(x, 2) if level else x)  # (B, F, D/2, H/2, W/2)
            skips.append(x)
        skips.pop()  # the bottleneck itself
        for up, block in zip(self.up, self.decoder, strict=True):
            x = block(torch.cat([skips.pop(), up(x)], dim=1))  # (B, F, 2D, 2H, 2W)
        return crop_to(self.head(x), volume)


def _block(inputs: int, between: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in ((inputs, between), (between, outputs)):
        layers += [
            nn.Conv3d(before, after, 3, padding=1),
            nn.BatchNorm3d(after),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


CARD = ModelCard(
    build=UNet3D,
    title="3D U-Net: Learning Dense Volumetric Segmentation from Sparse Annotation",
    authors="Çiçek",
    year=2016,
    arxiv="1606.06650",
    idea="U-Net in three dimensions, trained on volumes of which few slices are annotated.",
    use="First, for volumes.",
    differs="Convolutions are padded, so that the mask is as large as the volume. The printed "
    "weights are for three channels and classes and leave out the normalizations' scales and "
    "shifts.",
    printed_parameters=19_069_955,
    dimensions=3,
    multiple=8,
    small={"base_filters": 4, "depth": 2},
)
