"""MONAI's 3-D networks under our contract: V-Net, SegResNet and DynUNet.

Each card names its paper and MONAI's class. What is added here: volumes of any size (padded inside,
cropped back), any number of channels, our names for the options, and one sentence for a wrong one.
MONAI is imported when one of them is built, because that takes seconds.
"""

import torch
from torch import Tensor, nn

from core.errors import InputError
from core.networks.blocks import check_positive, crop_to, enlarge, pad_to_multiple
from core.networks.card import ModelCard

VNET_FILTERS = 16
"""Channels of V-Net's first stage; the image is repeated until it has as many."""


class Padded(nn.Module):
    """Another library's network, given sides and channels that it can take.

    Args:
        network: Takes (B, C, D, H, W), returns logits of the same size.
        multiple: Its sides have to be multiples of this.
        minimum: And at least this long.
        spare_channels: Channels of zeros that it needs besides the image's.
    """

    def __init__(
        self, network: nn.Module, *, multiple: int, minimum: int = 1, spare_channels: int = 0
    ) -> None:
        super().__init__()
        self.network = network
        self.multiple = multiple
        self.minimum = minimum
        self.spare_channels = spare_channels

    def forward(self, volume: Tensor) -> Tensor:
        """Logits of shape (B, K, D, H, W) for a volume of shape (B, C, D, H, W), any size."""
        x = pad_to_multiple(volume, self.multiple, minimum=self.minimum)
        if self.spare_channels:
            spare = x.new_zeros(x.shape[0], self.spare_channels, *x.shape[2:])
            x = torch.cat([x, spare], dim=1)
        return crop_to(self.network(x), volume)


class DeepPadded(Padded):
    """MONAI's DynUNet with heads on its coarser decoder levels, as nnU-Net trains it.

    MONAI's own deep supervision answers otherwise while training; here ``forward`` never does.

    Args:
        network: The DynUNet.
        widths: Channels of the decoder levels with a head of their own, the coarsest first.
        classes: Channels of the logits.
        multiple: As of ``Padded``.
        minimum: As of ``Padded``.
    """

    def __init__(
        self, network: nn.Module, *, widths: list[int], classes: int, multiple: int, minimum: int
    ) -> None:
        super().__init__(network, multiple=multiple, minimum=minimum)
        self.auxiliary_heads = nn.ModuleList(nn.Conv3d(width, classes, 1) for width in widths)

    def forward_all(self, volume: Tensor) -> list[Tensor]:
        """Logits of every decoder level that has a head, (B, K, D, H, W) each, the finest last."""
        from monai.networks.nets.dynunet import DynUNet

        assert isinstance(self.network, DynUNet)
        x = pad_to_multiple(volume, self.multiple, minimum=self.minimum)
        encoded = []
        for block in (self.network.input_block, *self.network.downsamples):
            x = block(x)  # (B, F, D/2, H/2, W/2), the first one (B, F, D, H, W)
            encoded.append(x)
        x = self.network.bottleneck(x)
        decoded = []
        for up in self.network.upsamples:
            x = up(x, encoded.pop())  # (B, F, 2D, 2H, 2W)
            decoded.append(x)
        coarser = decoded[-1 - len(self.auxiliary_heads) : -1]
        auxiliary = [
            enlarge(head(features), x.shape[-1] // features.shape[-1], like=volume)
            for head, features in zip(self.auxiliary_heads, coarser, strict=True)
        ]
        return [*auxiliary, crop_to(self.network.output_block(x), volume)]


def build_vnet(*, in_channels: int = 1, classes: int = 1, dropout: float = 0.0) -> nn.Module:
    """V-Net.

    Args:
        in_channels: Channels of the volume, at most 16.
        classes: Channels of the logits.
        dropout: Rate of channel dropout in the two deepest levels and on all skips.
    """
    from monai.networks.nets.vnet import VNet

    check_positive("vnet", dropout=dropout)
    if in_channels > VNET_FILTERS:
        raise InputError(f"vnet takes at most {VNET_FILTERS} channels, found {in_channels}")
    divisor = next(n for n in (1, 2, 4, 8, 16) if n >= in_channels)  # it repeats them up to 16
    network = VNet(
        spatial_dims=3,
        in_channels=divisor,
        out_channels=classes,
        act="prelu",
        dropout_prob_down=dropout,
        dropout_prob_up=(dropout, dropout),
    )
    return Padded(network, multiple=16, spare_channels=divisor - in_channels)


def build_segresnet(
    *, in_channels: int = 1, classes: int = 1, base_filters: int = 32, dropout: float = 0.2
) -> nn.Module:
    """SegResNet without the autoencoder branch.

    Args:
        in_channels: Channels of the volume.
        classes: Channels of the logits.
        base_filters: Channels of the first level, a multiple of 8 (the groups of a
            normalization); each level down doubles them.
        dropout: Rate of channel dropout after the first convolution.
    """
    from monai.networks.nets.segresnet import SegResNet

    check_positive("segresnet", base_filters=base_filters, dropout=dropout)
    if base_filters % 8:
        raise InputError(f"segresnet needs base_filters in multiples of 8, found {base_filters}")
    network = SegResNet(
        spatial_dims=3,
        init_filters=base_filters,
        in_channels=in_channels,
        out_channels=classes,
        dropout_prob=dropout,
    )
    return Padded(network, multiple=8)


def build_dynunet(
    *,
    in_channels: int = 1,
    classes: int = 1,
    base_filters: int = 32,
    depth: int = 5,
    deep_supervision: bool = False,
) -> nn.Module:
    """nnU-Net's network as its rules lay it out for isotropic volumes of 128 voxels a side.

    Args:
        in_channels: Channels of the volume.
        classes: Channels of the logits.
        base_filters: Channels of the first level; each level down doubles them, up to 320.
        depth: Number of strided steps.
        deep_supervision: Whether the coarser decoder levels have a head of their own, all but the
            coarsest, as in nnU-Net.
    """
    from monai.networks.nets.dynunet import DynUNet

    check_positive("dynunet", base_filters=base_filters, depth=depth)
    widths = [min(base_filters * 2**level, 320) for level in range(depth + 1)]
    network = DynUNet(
        spatial_dims=3,
        in_channels=in_channels,
        out_channels=classes,
        kernel_size=[3] * (depth + 1),
        strides=[1] + [2] * depth,
        upsample_kernel_size=[2] * depth,
        filters=widths,
        norm_name=("INSTANCE", {"affine": True}),
    )
    # an instance of a single voxel has no variance: the bottleneck keeps at least 2x2x2
    return DeepPadded(
        network,
        widths=widths[-3:0:-1] if deep_supervision else [],
        classes=classes,
        multiple=2**depth,
        minimum=2 * 2**depth,
    )


VNET = ModelCard(
    build=build_vnet,
    dimensions=3,
    title="V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image Segmentation",
    authors="Milletari",
    year=2016,
    arxiv="1606.04797",
    implementation="monai.networks.nets.VNet",
    idea="Residual stages of 5x5x5 convolutions with strides, and the Dice loss.",
    use="Organs in volumes; its width is fixed, and 5x5x5 convolutions are expensive.",
    differs="MONAI normalizes every convolution by batch, which the paper does not.",
    multiple=16,
)
SEGRESNET = ModelCard(
    build=build_segresnet,
    dimensions=3,
    title="3D MRI brain tumor segmentation using autoencoder regularization",
    authors="Myronenko",
    year=2018,
    arxiv="1810.11654",
    implementation="monai.networks.nets.SegResNet",
    idea="A deep residual encoder and a light decoder; winner of BraTS 2018.",
    use="Brain tumours and few examples; the decoder costs little.",
    differs="Without the variational autoencoder that regularizes the paper's training.",
    multiple=8,
    small={"base_filters": 8, "dropout": 0.0},
)
DYNUNET = ModelCard(
    build=build_dynunet,
    dimensions=3,
    title="nnU-Net: a self-configuring method for deep learning-based biomedical image "
    "segmentation",
    authors="Isensee",
    year=2021,
    arxiv="1809.10486",
    doi="10.1038/s41592-020-01008-z",
    implementation="monai.networks.nets.DynUNet",
    idea="A plain U-Net whose shape follows from the data by fixed rules.",
    use="As the strong baseline for volumes.",
    differs="The rules' result for isotropic volumes of 128 voxels a side, not planned anew for "
    "each data set. With deep_supervision the coarser logits are enlarged, where nnU-Net shrinks "
    "the truth.",
    multiple=32,
    small={"base_filters": 8, "depth": 2},
)
