"""Fully Convolutional Networks for Semantic Segmentation (Long, 2015): FCN-8s on VGG-16.

https://arxiv.org/abs/1411.4038. The classifier of VGG-16 becomes two convolutions (7x7, then 1x1),
each class is scored at strides 32, 16 and 8, and the coarser score is upsampled and added to the
finer. Checked against the authors' ``voc-fcn8s/net.py`` (shelhamer/fcn.berkeleyvision.org), whose
upsampling is fixed and bilinear, as it is here.
"""

from torch import Tensor, nn
from torch.nn import functional

from core.errors import choose
from core.networks.blocks import ACTIVATIONS, check_positive, crop_to, initialize, pad_to_multiple
from core.networks.card import ModelCard
from core.networks.vgg import VGG16, WIDTHS, vgg_stages


class FCN8s(nn.Module):
    """Scores at three strides, added from coarse to fine.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        base_filters: Channels of the first stage.
        hidden: Channels of the two convolutions that were fully connected layers.
        normalization: ``none``, ``batch``, ``group`` or ``instance``, in the VGG-16 part.
        activation: ``relu``, ``prelu``, ``leaky_relu`` or ``silu``.
        dropout: Rate after each of the two convolutions.
    """

    multiple = 32

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 1,
        base_filters: int = 64,
        hidden: int = 4096,
        normalization: str = "batch",
        activation: str = "relu",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_positive("fcn8s", base_filters=base_filters, hidden=hidden, dropout=dropout)
        activate = choose("activation", activation, ACTIVATIONS)
        self.encoder = vgg_stages(
            VGG16,
            in_channels=in_channels,
            base_filters=base_filters,
            normalization=normalization,
            activation=activation,
        )
        widths = [base_filters * width for width in WIDTHS]
        self.classifier = nn.Sequential(
            nn.Conv2d(widths[-1], hidden, 7, padding=3),
            activate(hidden),
            nn.Dropout(dropout),
            nn.Conv2d(hidden, hidden, 1),
            activate(hidden),
            nn.Dropout(dropout),
        )
        self.score = nn.ModuleList(nn.Conv2d(n, classes, 1) for n in (*widths[2:4], hidden))
        initialize(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        x = pad_to_multiple(image, self.multiple)
        pooled = []
        for stage in self.encoder:
            x = functional.max_pool2d(stage(x), 2)  # (B, F, H/2, W/2)
            pooled.append(x)
        eighth, sixteenth, last = self.score
        logits: Tensor = last(self.classifier(x))  # (B, K, H/32, W/32)
        logits = _upsampled(logits, 2) + sixteenth(pooled[3])
        logits = _upsampled(logits, 2) + eighth(pooled[2])  # (B, K, H/8, W/8)
        return crop_to(_upsampled(logits, 8), image)


def _upsampled(x: Tensor, factor: int) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


CARD = ModelCard(
    build=FCN8s,
    title="Fully Convolutional Networks for Semantic Segmentation",
    authors="Long",
    year=2015,
    arxiv="1411.4038",
    idea="A classification network made convolutional, with scores added from three depths.",
    use="As the historical baseline; its stride of 8 blurs fine boundaries.",
    differs="Starts from fresh weights instead of ImageNet's, hence batch normalization by default "
    "(normalization=none is the paper's); convolutions are padded by their radius where the "
    "authors pad the image by 100 pixels and crop; all scores are trained at once.",
    multiple=32,
    small={"base_filters": 4, "hidden": 32, "dropout": 0.0},
)
