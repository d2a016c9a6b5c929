"""Very Deep Convolutional Networks for Large-Scale Image Recognition (Simonyan, 2014), as encoder.

https://arxiv.org/abs/1409.1556. SegNet, FCN-8s and DoubleU-Net are built on it. With three input
channels, 64 base filters and biases it has the weights of torchvision's ``vgg16_bn().features``
and ``vgg19_bn().features`` (or ``vgg16`` without normalization), which the tests check; nothing is
downloaded.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from core.errors import choose
from core.networks.blocks import ACTIVATIONS, NORMALIZATIONS

VGG16 = (2, 2, 3, 3, 3)
"""Convolutions of each stage; a 2x2 max-pool follows each."""
VGG19 = (2, 2, 4, 4, 4)

WIDTHS = (1, 2, 4, 8, 8)
"""Channels of each stage in units of the base filters (64 in the paper)."""


def convolutions(widths: Sequence[int], *, normalization: str, activation: str) -> nn.Sequential:
    """Padded 3x3 convolutions with bias, each with normalization and activation.

    Args:
        widths: Channels before the first and after each.
        normalization: Key of ``NORMALIZATIONS``.
        activation: Key of ``ACTIVATIONS``.
    """
    normalize = choose("normalization", normalization, NORMALIZATIONS)
    activate = choose("activation", activation, ACTIVATIONS)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), normalize(outputs), activate(outputs)]
    return nn.Sequential(*layers)


def vgg_stages(
    layers: Sequence[int],
    *,
    in_channels: int,
    base_filters: int,
    normalization: str,
    activation: str,
) -> nn.ModuleList:
    """The five stages without their pooling steps; the caller pools between them.

    Args:
        layers: ``VGG16`` or ``VGG19``.
        in_channels: Channels of the image.
        base_filters: Channels of the first stage; 64 in the paper.
        normalization: ``none`` in the paper.
        activation: ``relu`` in the paper.
    """
    widths = [in_channels, *(base_filters * width for width in WIDTHS)]
    return nn.ModuleList(
        convolutions(
            [inputs, *[outputs] * count], normalization=normalization, activation=activation
        )
        for inputs, outputs, count in zip(widths[:-1], widths[1:], layers, strict=True)
    )
