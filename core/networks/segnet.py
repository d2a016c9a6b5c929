"""SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation.

Badrinarayanan, 2015, https://arxiv.org/abs/1511.00561. The encoder is VGG-16 with a normalization
after every convolution. The decoder mirrors it: its upsampling puts every value back where max-
pooling found it and leaves zeros elsewhere, and convolutions then fill these. Checked layer by
layer against the authors' ``segnet_train.prototxt`` (alexgkendall/SegNet-Tutorial): the first
convolution of a decoder stage that narrows is its last, and the very last one gives the logits.
"""

from torch import Tensor, nn
from torch.nn import functional

from core.networks.blocks import check_positive, crop_to, initialize, pad_to_multiple
from core.networks.card import ModelCard
from core.networks.vgg import VGG16, WIDTHS, convolutions, vgg_stages


class SegNet(nn.Module):
    """Encoder and decoder of five stages, joined by the places of the maxima alone.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first stage.
        normalization: ``none``, ``batch``, ``group`` or ``instance``.
        activation: ``relu``, ``prelu``, ``leaky_relu`` or ``silu``.
    """

    multiple = 32

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 1,
        base_filters: int = 64,
        normalization: str = "batch",
        activation: str = "relu",
    ) -> None:
        super().__init__()
        check_positive("segnet", base_filters=base_filters)
        self.encoder = vgg_stages(
            VGG16,
            in_channels=in_channels,
            base_filters=base_filters,
            normalization=normalization,
            activation=activation,
        )
        widths = [base_filters * width for width in WIDTHS]
        narrower = [base_filters, *widths[:-1]]  # what a stage hands up; the first ends in the head
        decoder: list[nn.Module] = [
            convolutions(
                [width, *[width] * (count - 1), narrow][: count + (level > 0)],
                normalization=normalization,
                activation=activation,
            )
            for level, (width, narrow, count) in enumerate(
                zip(widths, narrower, VGG16, strict=True)
            )
        ]
        self.decoder = nn.ModuleList(reversed(decoder))
        self.head = nn.Conv2d(base_filters, classes, 3, padding=1)
        initialize(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        x = pad_to_multiple(image, self.multiple)
        places = []
        for stage in self.encoder:
            x, where = functional.max_pool2d(stage(x), 2, return_indices=True)  # (B, F, H/2, W/2)
            places.append(where)
        for stage, where in zip(self.decoder, reversed(places), strict=True):
            x = stage(functional.max_unpool2d(x, where, (2, 2)))  # (B, F/2, 2H, 2W)
        return crop_to(self.head(x), image)


CARD = ModelCard(
    build=SegNet,
    title="SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation",
    authors="Badrinarayanan",
    year=2015,
    arxiv="1511.00561",
    idea="The decoder upsamples with the places of the encoder's maxima instead of skips.",
    use="Large, compact regions and little memory; thin structures lose against skips.",
    differs="The encoder starts from fresh weights, not from ImageNet's.",
    multiple=32,
    small={"base_filters": 8},
)
