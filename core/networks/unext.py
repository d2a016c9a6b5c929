"""UNeXt: MLP-based Rapid Medical Image Segmentation Network (Valanarasu, 2022).

https://arxiv.org/abs/2203.04967. Three convolution stages, two stages of tokenized shifted MLP,
a decoder of the same kind; skips are added. Written after the authors' ``archs.py``
(jeya-maria-jose/UNeXt-pytorch, class ``UNext`` as first published, which has the 1.47 M weights of
the paper for three input channels) and the tests check its count, 1,471,921 weights for one class.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import InputError
from core.networks.blocks import check_positive, crop_to, pad_to_multiple
from core.networks.card import ModelCard

GROUPS = 5
"""Channel groups of a shift; they move by −2, −1, 0, 1 and 2 tokens."""


def shift_tokens(x: Tensor, axis: Literal[2, 3]) -> Tensor:
    """Move channel groups along one axis by −2 … 2 tokens; zeros come in at the ends.

    Args:
        x: Shape (B, C, H, W).
        axis: 2 for height, 3 for width.
    """
    reach = GROUPS // 2
    ends = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
    groups = functional.pad(x, ends).chunk(GROUPS, dim=1)
    moved = [
        group.narrow(axis, reach - step, x.shape[axis])
        for group, step in zip(groups, range(-reach, reach + 1), strict=False)
    ]
    return torch.cat(moved, dim=1)


def _per_pixel(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply a layer that wants channels last to (B, C, H, W)."""
    return layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


class ShiftedMLP(nn.Module):
    """x + MLP(LayerNorm(x)): shift in height, mix, depthwise 3x3, GELU, shift in width, mix."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.first = nn.Linear(channels, channels)
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.activation = nn.GELU()
        self.second = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, C, H, W) in and out."""
        hidden = shift_tokens(_per_pixel(self.norm, x), 2)
        hidden = self.activation(self.depthwise(_per_pixel(self.first, hidden)))
        return x + _per_pixel(self.second, shift_tokens(hidden, 3))


class UNeXt(nn.Module):
    """Convolutions where the image is large, shifted MLPs where it is small.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first stage; the five stages have 1, 2, 8, 10 and 16 times
            as many. The default is the paper's network.
    """

    multiple = 32

    def __init__(self, *, in_channels: int = 1, classes: int = 1, base_filters: int = 16) -> None:
        super().__init__()
        check_positive("unext", base_filters=base_filters)
        widths = [base_filters * width for width in (1, 2, 8, 10, 16)]
        if widths[2] < 2 * GROUPS:
            raise InputError(f"unext needs base_filters of at least 2, found {base_filters}")
        *convolved, third, fourth, bottleneck = widths

        def convolution(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs))

        stages = [in_channels, *convolved, third]
        self.encoder = nn.ModuleList(map(convolution, stages[:-1], stages[1:]))
        self.embed = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
            for inputs, outputs in ((third, fourth), (fourth, bottleneck))
        )
        tokens = (fourth, bottleneck)
        self.embed_norm = nn.ModuleList(map(nn.LayerNorm, tokens))
        self.encoder_mlp = nn.ModuleList(map(ShiftedMLP, tokens))
        self.encoder_norm = nn.ModuleList(map(nn.LayerNorm, tokens))
        rising = widths[::-1]
        self.decoder = nn.ModuleList(map(convolution, rising[:-1], rising[1:]))
        self.decoder_mlp = nn.ModuleList(map(ShiftedMLP, (fourth, third)))
        self.decoder_norm = nn.ModuleList(map(nn.LayerNorm, (fourth, third)))
        self.last = nn.Conv2d(base_filters, base_filters, 3, padding=1)
        self.head = nn.Conv2d(base_filters, classes, 1)
        self.apply(_initialize)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        x = pad_to_multiple(image, self.multiple)
        skips = []
        for block in self.encoder:
            x = functional.relu(functional.max_pool2d(block(x), 2))  # (B, F, H/2, W/2)
            skips.append(x)
        tokenized = zip(
            self.embed, self.embed_norm, self.encoder_mlp, self.encoder_norm, strict=True
        )
        for embed, before, mlp, after in tokenized:
            x = _per_pixel(after, mlp(_per_pixel(before, embed(x))))  # (B, F, H/2, W/2)
            skips.append(x)
        skips.pop()  # the bottleneck itself
        for level, block in enumerate(self.decoder):
            x = functional.relu(_doubled(block(x))) + skips.pop()  # (B, F, 2H, 2W)
            if level < len(self.decoder_mlp):
                x = _per_pixel(self.decoder_norm[level], self.decoder_mlp[level](x))
        x = functional.relu(_doubled(self.last(x)))  # (B, F, H, W)
        return crop_to(self.head(x), image)


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _initialize(module: nn.Module) -> None:
    """As the authors: 0.02 for linear layers, variance 2/fan-out for tokens' convolutions."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d) and (module.groups > 1 or module.stride == (2, 2)):
        fan_out = 9 * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


CARD = ModelCard(
    build=UNeXt,
    title="UNeXt: MLP-based Rapid Medical Image Segmentation Network",
    authors="Valanarasu",
    year=2022,
    arxiv="2203.04967",
    idea="Deep levels mix tokens by MLPs whose channel groups are shifted by a few tokens.",
    use="Where time or memory is short: a twentieth of U-Net's weights.",
    differs="Nothing in the layers; the printed 1.47 M weights are for three input channels.",
    printed_parameters=1_470_000,
    multiple=32,
    small={"base_filters": 4},
)
