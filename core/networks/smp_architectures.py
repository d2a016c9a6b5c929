"""The decoders of segmentation-models-pytorch, each with its paper."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """A decoder of the library and the paper it comes from."""

    title: str
    authors: str
    year: int
    arxiv: str = ""
    doi: str = ""
    differs: str = ""
    minimum: int = 32
    """Pixels that a side needs at least."""


_SKIPS_STAGES = "The encoder's last stages are built but not used, as in the library."
ARCHITECTURES: dict[str, Architecture] = {
    "unet": Architecture(
        "U-Net: Convolutional Networks for Biomedical Image Segmentation",
        "Ronneberger",
        2015,
        "1505.04597",
    ),
    "unetplusplus": Architecture(
        "UNet++: A Nested U-Net Architecture for Medical Image Segmentation",
        "Zhou",
        2018,
        "1807.10165",
    ),
    "manet": Architecture(
        "MA-Net: A Multi-Scale Attention Network for Liver and Tumor Segmentation",
        "Fan",
        2020,
        doi="10.1109/ACCESS.2020.3025372",
    ),
    "linknet": Architecture(
        "LinkNet: Exploiting Encoder Representations for Efficient Semantic Segmentation",
        "Chaurasia",
        2017,
        "1707.03718",
    ),
    "fpn": Architecture("Panoptic Feature Pyramid Networks", "Kirillov", 2019, "1901.02446"),
    "pspnet": Architecture(
        "Pyramid Scene Parsing Network", "Zhao", 2016, "1612.01105", differs=_SKIPS_STAGES
    ),
    "deeplabv3": Architecture(
        "Rethinking Atrous Convolution for Semantic Image Segmentation", "Chen", 2017, "1706.05587"
    ),
    "deeplabv3plus": Architecture(
        "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation",
        "Chen",
        2018,
        "1802.02611",
    ),
    "pan": Architecture(
        "Pyramid Attention Network for Semantic Segmentation", "Li", 2018, "1805.10180", minimum=128
    ),
    "upernet": Architecture(
        "Unified Perceptual Parsing for Scene Understanding", "Xiao", 2018, "1807.10221"
    ),
    "segformer": Architecture(
        "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers",
        "Xie",
        2021,
        "2105.15203",
    ),
    "dpt": Architecture("Vision Transformers for Dense Prediction", "Ranftl", 2021, "2103.13413"),
}
