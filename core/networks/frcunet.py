"""Deep Frequency Re-calibration U-Net for Medical Image Segmentation (Azad, 2021).

https://doi.org/10.1109/ICCVW54120.2021.00366. At the bottleneck the features are split into
frequencies by a Laplacian pyramid of differences of Gaussians, every frequency's channels are
weighed by one shared attention, and a non-linear combination joins the frequencies again.

All of it is taken from the authors' ``new_model.py`` (rezazad68/FRCU-Net), read layer by layer: the
Gaussians (σ = 1.6·2^(n/3), 3x3 to 9x9), the attention (256, 32, 256 units without bias, the same
for all frequencies), the combination (a 1x1x5 convolution, here a 1x1 on concatenated channels),
the decoder, and the encoder, which is DeepLabv3+'s modified Xception (Chen, 2018,
https://arxiv.org/abs/1802.02611) at stride 16. The idea is also in the paper's abstract; its layer
sizes are not, and the code was followed for them.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.networks.blocks import check_positive, crop_to, initialize, pad_to_multiple
from core.networks.card import ModelCard
from core.networks.xception import Xception

SIGMAS_PX = tuple(1.6 * 2 ** (n / 3) for n in (1, 2, 3, 4))
KERNELS = (3, 5, 7, 9)


def gaussian(size: int, sigma_px: float) -> Tensor:
    """A square kernel that sums to 1, shape (size, size)."""
    offsets = torch.arange(size) - (size - 1) / 2
    line = torch.exp(-(offsets**2) / (2 * sigma_px**2))
    return torch.outer(line, line) / line.sum() ** 2


class LaplacianPyramid(nn.Module):
    """Frequencies from fine to coarse: x − G1, G1 − G2, G2 − G3, G3 − G4; and what is left, G4."""

    def __init__(self) -> None:
        super().__init__()
        for index, (size, sigma_px) in enumerate(zip(KERNELS, SIGMAS_PX, strict=True)):
            self.register_buffer(f"kernel{index}", gaussian(size, sigma_px), persistent=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Five maps of shape (B, C, H, W) that add up to x."""
        blurred = [x]
        channels = x.shape[1]
        for index, size in enumerate(KERNELS):
            kernel = self.get_buffer(f"kernel{index}").to(x).expand(channels, 1, size, size)
            blurred.append(functional.conv2d(x, kernel, padding=size // 2, groups=channels))
        differences = [fine - coarse for fine, coarse in pairwise(blurred)]
        return [*differences, blurred[-1]]


class FrequencyRecalibration(nn.Module):
    """Weighs the channels of each frequency, then joins the frequencies.

    As in the authors' code the features themselves take the place of the coarsest map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        between = max(1, channels // 8)
        self.pyramid = LaplacianPyramid()
        self.attention = nn.Sequential(
            nn.Linear(channels, channels, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channels, between, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(between, channels, bias=False),
            nn.Sigmoid(),
        )
        self.join = nn.Conv2d((1 + len(KERNELS)) * channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, C, H, W) in and out."""
        levels = [x, *self.pyramid(x)[:-1]]
        weighed = [
            level * self.attention(level.mean(dim=(2, 3)))[..., None, None] for level in levels
        ]
        return functional.relu(self.join(torch.cat(weighed, dim=1)))


def _convolutions(*widths: int, bias: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _upsampling(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the size by repetition, then a 2x2 convolution padded at the far ends, as in Keras."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.ZeroPad2d((0, 1, 0, 1)),
        nn.Conv2d(inputs, outputs, 2),
        nn.ReLU(inplace=True),
    )


class FRCUNet(nn.Module):
    """Xception encoder, frequency re-calibration, U-Net decoder.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first convolution; 32 in the authors' code, and all other
            widths go with it.
        middle_blocks: Blocks of the encoder's middle flow; 16 in the authors' code.
        dropout: Rate after the bottleneck.
    """

    multiple = 16

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 1,
        base_filters: int = 32,
        middle_blocks: int = 16,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_positive(
            "frcunet", base_filters=base_filters, middle_blocks=middle_blocks, dropout=dropout
        )
        f = base_filters
        self.encoder = Xception(
            in_channels=in_channels, base_filters=f, middle_blocks=middle_blocks
        )
        width = 8 * f
        self.narrow = nn.Sequential(
            _convolutions(64 * f, 32 * f, 16 * f, bias=False),
            nn.Conv2d(16 * f, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.recalibrate = FrequencyRecalibration(width)
        self.after = nn.Sequential(
            _convolutions(width, width, width),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        )
        steps = ((width, 8 * f, width), (width, 4 * f, width), (width, 2 * f, width // 2))
        self.up = nn.ModuleList(_upsampling(inputs, outputs) for inputs, _, outputs in steps)
        self.decoder = nn.ModuleList(  # the last block continues after the last upsampling
            _convolutions(skip + out, *[out] * (1 if step is steps[-1] else 2))
            for step in steps
            for _, skip, out in [step]
        )
        self.last = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            _convolutions(width // 2, width // 2, 2 * f, 2 * f),
            nn.Conv2d(2 * f, 2 * classes, 3, padding=1),
        )
        self.head = nn.Conv2d(2 * classes, classes, 1)
        initialize(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        *skips, x = self.encoder(pad_to_multiple(image, self.multiple))
        x = self.after(self.recalibrate(self.narrow(x)))  # (B, F, H/16, W/16)
        for up, block in zip(self.up, self.decoder, strict=True):
            x = block(torch.cat([skips.pop(), up(x)], dim=1))  # (B, F, 2H, 2W)
        return crop_to(self.head(self.last(x)), image)


CARD = ModelCard(
    build=FRCUNet,
    title="Deep Frequency Re-calibration U-Net for Medical Image Segmentation",
    authors="Azad",
    year=2021,
    doi="10.1109/ICCVW54120.2021.00366",
    idea="A Laplacian pyramid at the bottleneck and attention over its frequencies, against a bias "
    "towards texture.",
    use="Few images whose texture misleads; it is large and slow to train from scratch.",
    differs="The encoder starts from fresh weights instead of DeepLabv3+'s. The last 3x3 "
    "convolution, to two channels per class, has no ReLU: both could be dead from the start.",
    multiple=16,
    small={"base_filters": 4, "middle_blocks": 1, "dropout": 0.0},
)
