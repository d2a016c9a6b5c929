"""Bi-Directional ConvLSTM U-Net with Densely Connected Convolutions (Azad, 2019).

https://arxiv.org/abs/1909.00166. A U-Net whose skips meet the decoder in a convolutional LSTM,
which reads the encoder's and the decoder's features as a sequence of two, in both directions; whose
bottleneck is densely connected; and whose decoder normalizes after every upsampling. Checked layer
by layer against the authors' ``models.py`` (rezazad68/BCDU-Net, ``BCDU_net_D3``): with
``bidirectional=False`` the weights are theirs one for one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import InputError, choose
from core.networks.blocks import (
    ACTIVATIONS,
    NORMALIZATIONS,
    check_positive,
    crop_to,
    initialize,
    pad_to_multiple,
)
from core.networks.card import ModelCard
from core.networks.vgg import convolutions


class ConvLSTM(nn.Module):
    """A convolutional LSTM (Shi, 2015, https://arxiv.org/abs/1506.04214) without peepholes.

    Args:
        in_channels: Channels of every element of the sequence.
        hidden: Channels of the state.
    """

    def __init__(self, in_channels: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.from_input = nn.Conv2d(in_channels, 4 * hidden, 3, padding=1)
        self.from_state = nn.Conv2d(hidden, 4 * hidden, 3, padding=1, bias=False)

    def reset_parameters(self) -> None:
        """As Keras does by default: orthogonal state weights, a forget gate that starts open."""
        if not self.from_state.weight.is_meta:
            nn.init.orthogonal_(self.from_state.weight.flatten(1))
        nn.init.ones_(self.from_input.bias[self.hidden : 2 * self.hidden])  # type: ignore[index]

    def forward(self, sequence: list[Tensor]) -> Tensor:
        """The state after the last of the (B, C, H, W): shape (B, hidden, H, W)."""
        first = sequence[0]
        state = first.new_zeros(first.shape[0], self.hidden, *first.shape[2:])
        memory = state
        for x in sequence:
            gates = self.from_input(x) + self.from_state(state)
            enter, forget, candidate, leave = gates.chunk(4, dim=1)  # each (B, hidden, H, W)
            memory = forget.sigmoid() * memory + enter.sigmoid() * candidate.tanh()
            state = leave.sigmoid() * memory.tanh()
        return state


class BidirectionalConvLSTM(nn.Module):
    """tanh of the sum of two convolved states, each of which has read the whole sequence."""

    def __init__(self, in_channels: int, hidden: int) -> None:
        super().__init__()
        self.onward = ConvLSTM(in_channels, hidden)
        self.backward_ = ConvLSTM(in_channels, hidden)
        self.combine = nn.Conv2d(2 * hidden, hidden, 3, padding=1)

    def forward(self, sequence: list[Tensor]) -> Tensor:
        """Shape (B, hidden, H, W)."""
        states = [self.onward(sequence), self.backward_(sequence[::-1])]
        return torch.tanh(self.combine(torch.cat(states, dim=1)))


class Backward(ConvLSTM):
    """Reads the sequence from its end, as the authors' published code does."""

    def forward(self, sequence: list[Tensor]) -> Tensor:
        """Shape (B, hidden, H, W)."""
        return super().forward(sequence[::-1])


class BCDUNet(nn.Module):
    """Encoder, dense bottleneck, decoder with convolutional LSTMs at the skips.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first block; each level down doubles them.
        depth: Number of pooling steps.
        dense_blocks: Blocks of the bottleneck; each reads all that came before it.
        bidirectional: Read the skips in both directions, as the paper says, or only backwards.
        normalization: After every upsampling: ``none``, ``batch``, ``group`` or ``instance``.
        activation: ``relu``, ``prelu``, ``leaky_relu`` or ``silu``.
        dropout: Rate after every block of the bottleneck and on the deepest skip.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 1,
        base_filters: int = 64,
        depth: int = 3,
        dense_blocks: int = 3,
        bidirectional: bool = True,
        normalization: str = "batch",
        activation: str = "relu",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_positive("bcdunet", depth=depth, dense_blocks=dense_blocks, dropout=dropout)
        if base_filters < 2:  # a convolutional LSTM has half of them
            raise InputError(f"bcdunet needs base_filters of at least 2, found {base_filters}")
        normalize = choose("normalization", normalization, NORMALIZATIONS)
        activate = choose("activation", activation, ACTIVATIONS)
        widths = [base_filters * 2**level for level in range(depth + 1)]
        *levels, deepest = widths

        def block(inputs: int, outputs: int) -> nn.Sequential:
            return convolutions(
                [inputs, outputs, outputs], normalization="none", activation=activation
            )

        merge = BidirectionalConvLSTM if bidirectional else Backward
        self.multiple = 2**depth
        self.encoder = nn.ModuleList(map(block, [in_channels, *levels[:-1]], levels))
        self.dropout = nn.Dropout(dropout)
        self.bottleneck = nn.ModuleList(
            block(max(1, index) * deepest if index else levels[-1], deepest)
            for index in range(dense_blocks)
        )
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose2d(2 * width, width, 2, stride=2), normalize(width), activate(width)
            )
            for width in reversed(levels)
        )
        self.merge = nn.ModuleList(merge(width, width // 2) for width in reversed(levels))
        self.decoder = nn.ModuleList(block(width // 2, width) for width in reversed(levels))
        self.last = nn.Conv2d(base_filters, 2 * classes, 3, padding=1)
        self.head = nn.Conv2d(2 * classes, classes, 1)
        initialize(self)
        for module in self.modules():
            if isinstance(module, ConvLSTM):
                module.reset_parameters()

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        x = pad_to_multiple(image, self.multiple)
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = functional.max_pool2d(x, 2)  # (B, F, H/2, W/2)
        skips[-1] = self.dropout(skips[-1])
        seen: list[Tensor] = []
        for block in self.bottleneck:
            x = self.dropout(block(torch.cat(seen, dim=1) if seen else x))
            seen.insert(0, x)
        for up, merge, block in zip(self.up, self.merge, self.decoder, strict=True):
            x = block(merge([skips.pop(), up(x)]))  # (B, F, H, W)
        return crop_to(self.head(self.last(x)), image)


CARD = ModelCard(
    build=BCDUNet,
    title="Bi-Directional ConvLSTM U-Net with Densely Connected Convolutions",
    authors="Azad",
    year=2019,
    arxiv="1909.00166",
    idea="Skips and decoder features are combined by a convolutional LSTM, not concatenated.",
    use="When skips carry clutter and time is no concern; the LSTMs are slow.",
    differs="The authors' code reads the skips backwards only (bidirectional=false); the paper's "
    "both directions are the default here, each with half the filters as in that code, combined by "
    "a 3x3 convolution (the paper gives no size). No peepholes, as in that code. The last 3x3 "
    "convolution, to two channels per class, has no ReLU: both could be dead from the start.",
    multiple=8,
    small={"base_filters": 4, "depth": 2, "dropout": 0.0},
)
