"""Pieces that the networks share: normalization, activation, convolution blocks, padding."""

from collections.abc import Callable
from itertools import pairwise
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import InputError, choose


def group_count(channels: int) -> int:
    """As many groups of equal size as there can be, 8 at most."""
    return max(groups for groups in range(1, 9) if channels % groups == 0)


NORMALIZATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda _channels: nn.Identity(),
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(group_count(channels), channels),
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


DROPOUT_PLACES: dict[str, Callable[[int], range]] = {
    "bottleneck": lambda depth: range(depth, depth + 1),
    "deepest": lambda depth: range(depth - 1, depth + 1),  # last encoder block and bottleneck
    "encoder": lambda depth: range(depth + 1),  # with the bottleneck
    "decoder": lambda depth: range(depth + 1, 2 * depth + 1),
    "all": lambda depth: range(2 * depth + 1),
}
"""After which blocks channels are dropped: encoder, bottleneck, decoder, counted through."""


def dropout_rates(places: str, rate: float, depth: int) -> list[float]:
    """The rate after each block: ``depth`` of the encoder, the bottleneck, ``depth`` upwards.

    Raises:
        InputError: There are no such places; the message lists those there are.
    """
    dropped = choose("dropout_places", places, DROPOUT_PLACES)(depth)
    return [rate if block in dropped else 0.0 for block in range(2 * depth + 1)]


class DoubleConvolution(nn.Sequential):
    """Twice: 3x3 convolution with bias, padded or not, normalization, activation; then dropout."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        normalization: str,
        activation: str,
        dropout: float,
        padding: int = 1,
    ) -> None:
        normalize = choose("normalization", normalization, NORMALIZATIONS)
        activate = choose("activation", activation, ACTIVATIONS)
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            layers += [
                nn.Conv2d(channels, out_channels, 3, padding=padding),
                normalize(out_channels),
                activate(out_channels),
            ]
        if dropout > 0:
            layers.append(nn.Dropout2d(dropout))
        super().__init__(*layers)


class ConvolutionUnit(nn.Sequential):
    """Padded convolution, normalization, activation; the bias only where nothing normalizes it."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        normalization: str,
        activation: str | None,
        kernel: int = 3,
        stride: int = 1,
    ) -> None:
        layers = [
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel,
                stride=stride,
                padding=kernel // 2,
                bias=normalization == "none",  # a normalization would subtract it again
            ),
            choose("normalization", normalization, NORMALIZATIONS)(out_channels),
        ]
        if activation is not None:
            layers.append(choose("activation", activation, ACTIVATIONS)(out_channels))
        super().__init__(*layers)


class Projection(nn.Conv2d):
    """A 1x1 convolution with a stride, on the pixels that it reads.

    The same numbers as ``nn.Conv2d``, which on a processor writes beyond its buffer where channels
    are last in memory and fewer than 16 (oneDNN of torch 2.13; ``tests/test_precision.py``).

    Args:
        in_channels: Channels of the features.
        out_channels: Channels it returns.
        stride: Of the pixels read.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int) -> None:
        super().__init__(in_channels, out_channels, 1, bias=False)
        self.step = stride

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, C, H, W) to (B, F, H/stride, W/stride)."""
        return super().forward(x[..., :: self.step, :: self.step])


class UShaped(nn.Module):
    """Encoder by max-pooling, bottleneck, decoder: blocks and skips are the network's own.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        widths: Channels of each level, the bottleneck last.
        block: Builds a block from its input and output channels.
        upsampling: Key of ``UPSAMPLINGS``.
        dropout: Rate of channel dropout.
        dropout_places: Key of ``DROPOUT_PLACES``: after which blocks.
        skip: Builds what a skip passes through, from its level, its width and the width of the
            coarser features that it is called with: ``skip(features, coarser)``.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        classes: int,
        widths: list[int],
        block: Callable[[int, int], nn.Module],
        upsampling: str,
        dropout: float,
        dropout_places: str,
        skip: Callable[[int, int, int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        upsample = choose("upsampling", upsampling, UPSAMPLINGS)
        pairs = list(pairwise(widths))
        depth = len(pairs)
        rates = dropout_rates(dropout_places, dropout, depth)
        self.multiple = 2**depth
        self.encoder = nn.ModuleList(
            with_dropout(block(*pair), rate)
            for *pair, rate in zip([in_channels, *widths], widths[:-1], rates, strict=False)
        )
        self.bottleneck = with_dropout(block(*pairs[-1]), rates[depth])
        self.up = nn.ModuleList(upsample(below, width) for width, below in reversed(pairs))
        self.skips = nn.ModuleList(
            PlainSkip() if skip is None else skip(level, *pairs[level])
            for level in reversed(range(depth))
        )
        self.decoder = nn.ModuleList(
            with_dropout(block(2 * width, width), rate)
            for (width, _), rate in zip(reversed(pairs), rates[depth + 1 :], strict=True)
        )
        self.head = nn.Conv2d(widths[0], classes, 1)

    def features(self, image: Tensor) -> list[Tensor]:
        """What every decoder level computes, coarsest first, the padded image's size last."""
        x = pad_to_multiple(image, self.multiple)
        encoded = []
        for block in self.encoder:
            x = block(x)
            encoded.append(x)
            x = functional.max_pool2d(x, 2)  # (B, F, H/2, W/2)
        x = self.bottleneck(x)
        decoded = []
        for up, skip, block, detail in zip(
            self.up, self.skips, self.decoder, reversed(encoded), strict=True
        ):
            x = block(torch.cat([skip(detail, x), up(x)], dim=1))  # (B, F, H, W)
            decoded.append(x)
        return decoded

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        logits: Tensor = self.head(self.features(image)[-1])
        return logits[..., : image.shape[-2], : image.shape[-1]]


@runtime_checkable
class DeeplySupervised(Protocol):
    """A network with several heads, for a loss on all of them (deep supervision)."""

    def forward_all(self, image: Tensor, /) -> list[Tensor]:
        """Logits of every head at the image's size, (B, K, H, W) or (B, K, D, H, W) each.

        From the coarsest or first to the main one, which is last and what ``forward`` gives; of a
        network built without further heads that one alone.
        """


class PlainSkip(nn.Module):
    """A skip that passes the encoder's features on as they are."""

    def forward(self, features: Tensor, _coarser: Tensor) -> Tensor:
        """``features``."""
        return features


def with_dropout(module: nn.Module, rate: float) -> nn.Module:
    """A block that drops whole channels of what it computes; the block itself at a rate of 0."""
    return nn.Sequential(module, nn.Dropout2d(rate)) if rate > 0 else module


def activation_out_of_place(name: str, channels: int) -> nn.Module:
    """An activation whose input stays as it is, where somebody else still reads that input."""
    activation = choose("activation", name, ACTIVATIONS)(channels)
    if isinstance(activation, nn.ReLU | nn.LeakyReLU | nn.SiLU):
        activation.inplace = False
    return activation


def check_sizes(name: str, *, base_filters: int, depth: int, dropout: float) -> None:
    """Refuse sizes that make no network.

    Raises:
        InputError: A value out of range; the message says which network, what it needs and found.
    """
    if base_filters < 1 or not 1 <= depth <= 8:
        raise InputError(
            f"{name} needs base_filters of at least 1 and a depth from 1 to 8, "
            f"found {base_filters} and {depth}"
        )
    if not 0 <= dropout < 1:
        raise InputError(f"{name} needs a dropout rate from 0 to below 1, found {dropout}")


def check_positive(network: str, *, dropout: float = 0.0, **sizes: int) -> None:
    """Refuse sizes below 1, whichever a network has, and dropout rates outside [0, 1).

    Raises:
        InputError: One of them is; the message says which and what was found.
    """
    for option, size in sizes.items():
        if size < 1:
            raise InputError(f"{network} needs {option} of at least 1, found {size}")
    if not 0 <= dropout < 1:
        raise InputError(f"{network} needs a dropout rate from 0 to below 1, found {dropout}")


def enlarge(logits: Tensor, scale: int, *, like: Tensor) -> Tensor:
    """Logits of a coarser level at the size of the image.

    Args:
        logits: Shape (B, K, h, w) or (B, K, d, h, w).
        scale: What a side is multiplied by, linearly; 1 for logits of the finest level.
        like: The image, shape (B, C, H, W) or (B, C, D, H, W), that the padding is cut off to.
    """
    if scale > 1:
        mode = "bilinear" if logits.ndim == 4 else "trilinear"
        logits = functional.interpolate(logits, scale_factor=scale, mode=mode)
    return crop_to(logits, like)


def pad_to_multiple(x: Tensor, multiple: int, *, minimum: int = 1) -> Tensor:
    """Repeat the last row and column (in a volume, slice) until all sides are a multiple.

    Args:
        x: Shape (B, C, H, W) or (B, C, D, H, W), any size.
        multiple: What the network's pooling steps need, usually 2**depth.
        minimum: No side stays shorter than this.
    """
    missing = [max(minimum, side) - side for side in x.shape[2:]]
    missing = [n + -(side + n) % multiple for n, side in zip(missing, x.shape[2:], strict=True)]
    if not any(missing):
        return x
    ends = [end for n in reversed(missing) for end in (0, n)]  # the last side comes first
    return functional.pad(x, ends, mode="replicate")


def mirror(image: Tensor, before: int, sides: tuple[int, int]) -> Tensor:
    """An image continued by mirroring it at its borders, again and again where it is small.

    Args:
        image: Shape (B, C, H, W); its outermost pixels are not repeated.
        before: Rows above and columns to the left that are added.
        sides: Height and width of what comes back, (B, C, *sides).
    """
    for axis, side in zip((2, 3), sides, strict=True):
        index = torch.arange(side, device=image.device) - before
        # a tensor, for a graph can take no remainder of a size that it knows only when run
        period = torch.full_like(index, max(1, 2 * (image.shape[axis] - 1)))
        index = index % period
        image = image.index_select(axis, torch.minimum(index, period - index))
    return image


def crop_to(logits: Tensor, image: Tensor) -> Tensor:
    """Undo ``pad_to_multiple``: cut (B, K, ...) at the end of every side to the image's size."""
    for axis, side in enumerate(image.shape[2:], start=2):
        logits = logits.narrow(axis, 0, side)
    return logits


def initialize(network: nn.Module) -> None:
    """Gaussian weights of variance 2/N, N the inputs of a unit, as Ronneberger (2015) asks."""
    if any(weight.is_meta for weight in network.parameters()):
        return  # no memory to fill, and torch would import its compiler to do nothing
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.ConvTranspose2d):  # each output sees one weight per input
            nn.init.normal_(module.weight, std=module.in_channels**-0.5)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
