"""All of segmentation-models-pytorch: ``smp/<architecture>/<encoder>``, and ``deeplabv3plus``.

    python -m core train --dataset phantoms_membranes --model smp/unet/resnet18
    python -m core train … --model smp/fpn/mit_b0 --set encoder_weights=imagenet

Encoders are the library's own and, as ``tu-<name>``, those of timm. What is added here: images of
any size, batches of one, weights of ImageNet where the hub can be reached, and one sentence with
close matches for a wrong name. The library is imported when it is first asked for: that takes
seconds.
"""

import math
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import InputError
from core.networks.blocks import check_positive, crop_to, pad_to_multiple
from core.networks.card import ModelCard
from core.networks.smp_architectures import ARCHITECTURES
from core.system.torchvision_ops import ensure_importable

PREFIX = "smp/"
WEIGHTS = ("none", "imagenet")


def smp_names() -> tuple[str, ...]:
    """A dozen for select boxes; any other ``smp/<architecture>/<encoder>`` works as well."""
    return (
        "smp/unet/resnet18",
        "smp/unet/resnet34",
        "smp/unet/efficientnet-b0",
        "smp/unet/mobilenet_v2",
        "smp/unetplusplus/resnet34",
        "smp/manet/resnet34",
        "smp/linknet/resnet34",
        "smp/fpn/resnet34",
        "smp/deeplabv3plus/resnet50",
        "smp/upernet/tu-convnext_tiny",
        "smp/segformer/mit_b0",
        "smp/dpt/tu-vit_small_patch16_224",
    )


def smp_card(name: str) -> ModelCard:
    """The card of ``smp/<architecture>/<encoder>``.

    Raises:
        InputError: Not of that form, or no such architecture or encoder; lists close matches.
    """
    parts = name.split("/")
    if len(parts) != 3:
        raise InputError(
            f"a network of segmentation-models-pytorch is named smp/<architecture>/<encoder>, "
            f"for example {smp_names()[0]}; found '{name}'"
        )
    _, architecture, encoder = parts
    if architecture not in ARCHITECTURES:
        raise InputError(_unknown("architecture", architecture, list(ARCHITECTURES)))
    _check_encoder(encoder)

    def build(
        *, in_channels: int = 1, classes: int = 1, encoder_weights: str = "none"
    ) -> nn.Module:
        return _build(
            architecture,
            encoder,
            in_channels=in_channels,
            classes=classes,
            encoder_weights=encoder_weights,
        )

    paper = ARCHITECTURES[architecture]
    return ModelCard(
        build=build,
        title=paper.title,
        authors=paper.authors,
        year=paper.year,
        arxiv=paper.arxiv,
        doi=paper.doi,
        implementation=f"segmentation_models_pytorch, {architecture} on {encoder}",
        use="With a known encoder, above all when its ImageNet weights help.",
        differs=paper.differs,
        multiple=32,
    )


def build_deeplabv3plus(
    *,
    in_channels: int = 1,
    classes: int = 1,
    encoder: str = "resnet34",
    encoder_weights: str = "none",
    dropout: float = 0.5,
) -> nn.Module:
    """DeepLabv3+.

    Args:
        in_channels: Channels of the image.
        classes: Channels of the logits.
        encoder: An encoder of segmentation-models-pytorch, or ``tu-<name>`` of timm.
        encoder_weights: ``none``, or ``imagenet`` from the hub.
        dropout: Rate after the atrous pyramid.
    """
    check_positive("deeplabv3plus", dropout=dropout)
    _check_encoder(encoder)
    return _build(
        "deeplabv3plus",
        encoder,
        in_channels=in_channels,
        classes=classes,
        encoder_weights=encoder_weights,
        decoder_aspp_dropout=dropout,
    )


class Adapted(nn.Module):
    """A network of the library that takes images of any size."""

    def __init__(self, network: nn.Module, *, multiple: int, minimum: int) -> None:
        super().__init__()
        self.network = network
        self.multiple = multiple
        self.minimum = minimum

    def forward(self, image: Tensor) -> Tensor:
        """Logits of shape (B, K, H, W) for an image of shape (B, C, H, W), any H and W."""
        x = pad_to_multiple(image, self.multiple, minimum=self.minimum)
        return crop_to(self.network(x), image)


class ForgivingBatchNorm(nn.BatchNorm2d):
    """Batch normalization whose running statistics stand in where a channel has a single value.

    Globally pooled maps (DeepLab, PAN, UPerNet) come to that in a last batch of one image.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, C, H, W) in and out."""
        if x.numel() > x.shape[1]:
            return super().forward(x)
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


def _build(
    architecture: str,
    encoder: str,
    *,
    in_channels: int,
    classes: int,
    encoder_weights: str,
    **more: object,
) -> nn.Module:
    if encoder_weights not in WEIGHTS:
        raise InputError(
            f"unknown encoder_weights '{encoder_weights}'; choose one of {', '.join(WEIGHTS)}"
        )
    library = _library()
    pretrained: object = None
    if encoder_weights == "imagenet":  # timm has its own default weights and takes a yes
        pretrained = True if encoder.startswith("tu-") else "imagenet"
    if architecture == "dpt":
        more["dynamic_img_size"] = True
    create = library.MODEL_ARCHITECTURES_MAPPING[architecture]
    try:
        # On the CPU even where a caller counts on "meta": encoders read numbers while being built.
        with torch.device("cpu"), _hub_without_waiting(wanted=pretrained is not None):
            network = create(
                encoder_name=encoder,
                encoder_weights=pretrained,
                in_channels=in_channels,
                classes=classes,
                **more,
            )
            stride = int(network.encoder.output_stride)
            multiple = 2 * stride if architecture == "dpt" else math.lcm(32, stride)
            for module in network.modules():
                if type(module) is nn.BatchNorm2d:
                    module.__class__ = ForgivingBatchNorm
            adapted = Adapted(
                network, multiple=multiple, minimum=ARCHITECTURES[architecture].minimum
            )
            if encoder.startswith("tu-"):  # some of timm's take a single size
                _try_out(adapted, in_channels)
    except OSError as wrong:
        raise InputError(
            f"the ImageNet weights of encoder {encoder} cannot be had from the hub (no connection, "
            f"or no such weights); train from fresh weights with encoder_weights=none"
        ) from wrong
    except (ValueError, KeyError, RuntimeError, AssertionError, TypeError, AttributeError) as wrong:
        reason = " ".join(str(wrong.args[0] if wrong.args else wrong).split())
        raise InputError(
            f"architecture {architecture} cannot be built on encoder {encoder} with "
            f"encoder_weights={encoder_weights}: {reason}"
        ) from wrong
    return adapted


def _try_out(network: Adapted, in_channels: int) -> None:
    """Refuse at once what would fail at the first image of a training."""
    network.eval()
    with torch.inference_mode():
        network(torch.zeros(1, in_channels, 64, 96))
    network.train()


@contextmanager
def _hub_without_waiting(*, wanted: bool) -> Iterator[None]:
    """Without a connection the hub's client tries for a minute; then let it look in its cache."""
    if not wanted:
        yield
        return
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _reachable(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _reachable(endpoint: str) -> bool:
    parts = urllib.parse.urlsplit(endpoint)
    if urllib.request.getproxies():  # a proxy decides, we cannot tell beforehand
        return True
    try:
        port = parts.port or (80 if parts.scheme == "http" else 443)
        socket.create_connection((parts.hostname or "", port), timeout=5).close()
    except OSError:
        return False
    return True


def _library() -> Any:  # noqa: ANN401 - it has no types
    ensure_importable()
    import segmentation_models_pytorch

    return segmentation_models_pytorch


def _check_encoder(encoder: str) -> None:
    names = list(_library().encoders.encoders)
    if encoder.startswith("tu-"):
        import timm

        names = [f"tu-{name}" for name in timm.list_models()]
    if encoder.split(".", maxsplit=1)[0] not in names:
        raise InputError(_unknown("encoder", encoder, names))


def _unknown(kind: str, name: str, choices: list[str]) -> str:
    close = get_close_matches(name, choices, n=5, cutoff=0.4) or choices[:12]
    return (
        f"unknown {kind} '{name}' of segmentation-models-pytorch; "
        f"choose one of {len(choices)}, for example {', '.join(close)}"
    )


CARD = ModelCard(
    build=build_deeplabv3plus,
    title=ARCHITECTURES["deeplabv3plus"].title,
    authors="Chen",
    year=2018,
    arxiv="1802.02611",
    implementation="segmentation_models_pytorch.DeepLabV3Plus",
    idea="Atrous convolutions see far without losing resolution; a light decoder sharpens edges.",
    use="Objects of very different sizes, where context decides.",
    differs="A ResNet-34 encoder from fresh weights instead of the paper's Xception with "
    "ImageNet's; a pooled map of a single value is normalized by the running statistics.",
    multiple=32,
    small={"encoder": "resnet18", "dropout": 0.0},
)
