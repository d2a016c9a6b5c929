"""Pieces that the networks share: normalization, activation, convolution blocks, padding."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from core.errors import choose

NORMALIZATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda _channels: nn.Identity(),
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(min(8, channels), channels),
    "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
}

ACTIVATIONS: dict[str, Callable[[int], nn.Module]] = {
    "relu": lambda _channels: nn.ReLU(inplace=True),
    "prelu": nn.PReLU,
    "leaky_relu": lambda _channels: nn.LeakyReLU(0.01, inplace=True),
    "silu": lambda _channels: nn.SiLU(inplace=True),
}

UPSAMPLINGS: dict[str, Callable[[int, int], nn.Module]] = {
    "transposed": lambda inputs, outputs: nn.ConvTranspose2d(inputs, outputs, 2, stride=2),
    "bilinear": lambda inputs, outputs: nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        nn.Conv2d(inputs, outputs, 1),
    ),
}


class DoubleConvolution(nn.Sequential):
    """Twice: padded 3x3 convolution with bias, normalization, activation; then dropout."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        normalization: str,
        activation: str,
        dropout: float,
    ) -> None:
        normalize = choose("normalization", normalization, NORMALIZATIONS)
        activate = choose("activation", activation, ACTIVATIONS)
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            layers += [
                nn.Conv2d(channels, out_channels, 3, padding=1),
                normalize(out_channels),
                activate(out_channels),
            ]
        if dropout > 0:
            layers.append(nn.Dropout2d(dropout))
        super().__init__(*layers)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column until both sides are a multiple.

    Args:
        x: Shape (B, C, H, W), any size.
        multiple: What the network's pooling steps need, usually 2**depth.
    """
    height, width = x.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    if not bottom and not right:
        return x
    return functional.pad(x, (0, right, 0, bottom), mode="replicate")


def initialize(network: nn.Module) -> None:
    """Gaussian weights of variance 2/N, N the inputs of a unit, as Ronneberger (2015) asks."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.ConvTranspose2d):  # each output sees one weight per input
            nn.init.normal_(module.weight, std=module.in_channels**-0.5)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
