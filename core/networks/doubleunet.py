"""DoubleU-Net: A Deep Convolutional Neural Network for Medical Image Segmentation (Jha, 2020).

https://arxiv.org/abs/2006.04868. A first U-Net on a VGG-19 encoder draws a mask; the image times
that mask goes through a second U-Net, whose decoder sees the skips of both encoders. Written after
the authors' ``doubleunet_pytorch.py`` (DebeshJha/2020-CBMS-DoubleU-Net); the tests check its count,
29,288,886 weights for three channels and one class without normalization in VGG-19.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import InputError
from core.networks.blocks import crop_to, initialize, pad_to_multiple
from core.networks.card import ModelCard
from core.networks.vgg import VGG19, WIDTHS, vgg_stages

RATES = (6, 12, 18)
"""Dilations of the atrous convolutions."""


def _unit(inputs: int, outputs: int, kernel: int, *, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            inputs,
            outputs,
            kernel,
            padding=kernel // 2 * dilation,
            dilation=dilation,
            bias=False,  # the normalization would subtract it again
        ),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class SqueezeExcite(nn.Module):
    """Weighs channels by what they are on average (Hu, 2017, https://arxiv.org/abs/1709.01507)."""

    def __init__(self, channels: int, ratio: int = 8) -> None:
        super().__init__()
        between = max(1, channels // ratio)
        self.squeeze = nn.Linear(channels, between)
        nn.init.ones_(self.squeeze.bias)  # else the few units are now and then all dead at birth
        self.excite = nn.Linear(between, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, C, H, W) in and out."""
        weight = torch.sigmoid(self.excite(functional.relu(self.squeeze(x.mean(dim=(2, 3))))))
        return x * weight[..., None, None]


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling (Chen, 2017): one map from five fields of view."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.pooled = _unit(inputs, outputs, 1)
        self.branches = nn.ModuleList(
            [_unit(inputs, outputs, 1), *(_unit(inputs, outputs, 3, dilation=r) for r in RATES)]
        )
        self.join = _unit((2 + len(RATES)) * outputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, C, H, W) to (B, outputs, H, W)."""
        whole = self.pooled(quarters(x))  # 2x2, as the authors' code
        whole = functional.interpolate(whole, x.shape[2:], mode="bilinear", align_corners=True)
        return self.join(  # type: ignore[no-any-return]
            torch.cat([whole, *(branch(x) for branch in self.branches)], dim=1)
        )


def quarters(x: Tensor) -> Tensor:
    """Means of the four quarters of (B, C, H, W), shape (B, C, 2, 2); odd sides share the middle.

    ``adaptive_avg_pool2d(x, 2)`` in words that an exported graph understands at any size.
    """
    height, width = x.shape[2:]
    rows = x[:, :, : (height + 1) // 2], x[:, :, height // 2 :]
    means = [
        part.mean(dim=(2, 3))
        for row in rows
        for part in (row[..., : (width + 1) // 2], row[..., width // 2 :])
    ]
    return torch.stack(means, dim=2).reshape(*x.shape[:2], 2, 2)


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        _unit(inputs, outputs, 3), _unit(outputs, outputs, 3), SqueezeExcite(outputs)
    )


class DoubleUNet(nn.Module):
    """Two U-Nets in a row.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first VGG-19 stage; the other parts start with half of them.
        normalization: In the VGG-19 part: ``none``, ``batch``, ``group`` or ``instance``.
    """

    multiple = 16

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 1,
        base_filters: int = 64,
        normalization: str = "batch",
    ) -> None:
        super().__init__()
        if base_filters < 2:  # half of them in the parts that are not VGG-19
            raise InputError(f"doubleunet needs base_filters of at least 2, found {base_filters}")
        first = [base_filters * width for width in WIDTHS]
        second = [base_filters // 2 * 2**level for level in range(4)]
        self.encoder1 = vgg_stages(
            VGG19,
            in_channels=in_channels,
            base_filters=base_filters,
            normalization=normalization,
            activation="relu",
        )
        self.pyramid1 = Pyramid(first[-1], base_filters)
        self.encoder2 = nn.ModuleList(map(_block, [in_channels, *second[:-1]], second))
        self.pyramid2 = Pyramid(second[-1], base_filters)
        below = [base_filters, *second[:0:-1]]
        self.decoder1 = nn.ModuleList(
            _block(x + skip, width)
            for x, skip, width in zip(below, first[3::-1], second[::-1], strict=True)
        )
        self.decoder2 = nn.ModuleList(
            _block(x + skip + width, width)
            for x, skip, width in zip(below, first[3::-1], second[::-1], strict=True)
        )
        self.head1 = nn.Conv2d(second[0], classes, 1)
        self.head2 = nn.Conv2d(second[0], classes, 1)
        initialize(self)

    def forward_all(self, image: Tensor) -> list[Tensor]:
        """Logits of the first and the second U-Net, each of shape (B, K, H, W)."""
        padded = pad_to_multiple(image, self.multiple)
        x, skips1 = padded, []
        for level, stage in enumerate(self.encoder1):
            x = stage(functional.max_pool2d(x, 2) if level else x)  # (B, F, H/2, W/2)
            skips1.append(x)
        x = self.pyramid1(skips1.pop())
        for block, skip in zip(self.decoder1, reversed(skips1), strict=True):
            x = block(torch.cat([_doubled(x), skip], dim=1))
        logits1 = self.head1(x)

        x, skips2 = padded * foreground(logits1), []
        for block in self.encoder2:
            x = block(x)
            skips2.append(x)
            x = functional.max_pool2d(x, 2)  # (B, F, H/2, W/2)
        x = self.pyramid2(x)
        both = zip(reversed(skips1), reversed(skips2), strict=True)
        for block, (skip1, skip2) in zip(self.decoder2, both, strict=True):
            x = block(torch.cat([_doubled(x), skip1, skip2], dim=1))
        return [crop_to(logits1, image), crop_to(self.head2(x), image)]

    def forward(self, image: Tensor) -> Tensor:
        """The second logits, shape (B, K, H, W), for an image of shape (B, C, H, W)."""
        return self.forward_all(image)[1]


def foreground(logits: Tensor) -> Tensor:
    """Probability of not being background, shape (B, 1, H, W); the first of several is that."""
    if logits.shape[1] == 1:
        return logits.sigmoid()
    return 1 - logits.softmax(dim=1)[:, :1]


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


CARD = ModelCard(
    build=DoubleUNet,
    title="DoubleU-Net: A Deep Convolutional Neural Network for Medical Image Segmentation",
    authors="Jha",
    year=2020,
    arxiv="2006.04868",
    idea="A second U-Net corrects the mask of the first on the image that this mask lets through.",
    use="Small or flat lesions (polyps, skin), where a second look pays for twice the time.",
    differs="VGG-19 starts from fresh weights instead of ImageNet's, hence normalized by default "
    "(normalization=none is the paper's). With several classes the image is multiplied by the "
    "probability of not being the first, the background; the paper has one class. The head of the "
    "first U-Net learns through that product; a loss on both outputs, as in the paper, takes "
    "forward_all.",
    multiple=16,
    small={"base_filters": 8},
)
