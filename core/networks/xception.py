"""The modified Xception of DeepLabv3+ (Chen, 2018), as encoder of FRCU-Net.

https://arxiv.org/abs/1802.02611, after Xception (Chollet, 2016, https://arxiv.org/abs/1610.02357):
depthwise separable convolutions in residual blocks, strides instead of pooling, normalization
after every convolution. Checked against the copy in the authors' ``new_model.py``
(rezazad68/FRCU-Net).
"""

from torch import Tensor, nn

from core.networks.blocks import Projection


class Separable(nn.Sequential):
    """ReLU, depthwise 3x3, normalization, pointwise, normalization; or the ReLU after each."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: int, dilation: int, relu_between: bool
    ) -> None:
        depthwise = nn.Conv2d(
            inputs,
            inputs,
            3,
            stride=stride,
            padding=dilation,
            dilation=dilation,
            groups=inputs,
            bias=False,
        )
        pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        first, second = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        if relu_between:
            super().__init__(depthwise, first, nn.ReLU(), pointwise, second, nn.ReLU())
        else:
            super().__init__(nn.ReLU(), depthwise, first, pointwise, second)


class XceptionBlock(nn.Module):
    """Three separable convolutions beside a shortcut: ``projected``, ``same`` or ``none``."""

    def __init__(
        self, inputs: int, widths: list[int], *, shortcut: str, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        strides = (1, 1, stride)
        self.layers = nn.Sequential(
            *(
                Separable(
                    before, after, stride=step, dilation=dilation, relu_between=shortcut == "none"
                )
                for before, after, step in zip([inputs, *widths], widths, strides, strict=False)
            )
        )
        self.shortcut: nn.Module | None = None
        if shortcut == "same":
            self.shortcut = nn.Identity()
        elif shortcut == "projected":
            self.shortcut = nn.Sequential(
                Projection(inputs, widths[-1], stride=stride),
                nn.BatchNorm2d(widths[-1]),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, C, H, W) to (B, widths[-1], H/stride, W/stride)."""
        features: Tensor = self.layers(x)
        return features if self.shortcut is None else features + self.shortcut(x)


class Xception(nn.Module):
    """The feature extractor at a stride of 16.

    Args:
        in_channels: Channels of the image.
        base_filters: Channels of the first convolution; 32 in the paper.
        middle_blocks: Blocks of the middle flow; 16 in the paper.
    """

    def __init__(self, *, in_channels: int, base_filters: int, middle_blocks: int) -> None:
        super().__init__()
        f = base_filters
        middle = f * 91 // 4  # 728 of 32
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, f, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(f),
            nn.ReLU(inplace=True),
            nn.Conv2d(f, 2 * f, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * f),
            nn.ReLU(),
        )
        self.entry = nn.ModuleList(
            XceptionBlock(inputs, [width] * 3, shortcut="projected", stride=2)
            for inputs, width in ((2 * f, 4 * f), (4 * f, 8 * f), (8 * f, middle))
        )
        self.middle = nn.Sequential(
            *(XceptionBlock(middle, [middle] * 3, shortcut="same") for _ in range(middle_blocks)),
            XceptionBlock(middle, [middle, 32 * f, 32 * f], shortcut="projected"),
            XceptionBlock(32 * f, [48 * f, 48 * f, 64 * f], shortcut="none", dilation=2),
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features at strides 2, 4, 8 and 16 of an image of shape (B, C, H, W)."""
        features = [self.stem(x)]  # (B, 2F, H/2, W/2)
        for block in self.entry:
            features.append(block(features[-1]))
        features[-1] = self.middle(features[-1])  # (B, 64F, H/16, W/16)
        return features
