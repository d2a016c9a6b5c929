"""Augmentation as one resampling pass over the batch, on the training device.

Crop, flips, rotation, shift, zoom, shear and elastic deformation add up to one sampling grid per
image; image and mask are read through the same grid in the same call, so they can never disagree.
Blur, contrast, brightness, gamma, speckle, noise and grey range then change the image alone;
margins of one grey hide what lies under them, and the mask holds nothing there. Sample, apply and
compute are separate: ``sample`` draws numbers, ``grid`` turns them into coordinates, ``resample``
reads pixels. Elastic deformation as in Ronneberger (2015): random vectors on a coarse grid, bicubic
in between.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from core.config import AugmentationConfig

STILL = AugmentationConfig(
    flips=False,
    rotation_degrees=0,
    shift=0,
    zoom=0,
    elastic_px=0,
    contrast=0,
    brightness=0,
)
"""Moves nothing; with a tile it still crops at random."""


LATER = ("shear", "gamma", "blur", "speckle", "noise", "grey_range", "margin")
"""Parts with a generator each, by the order they came in; an order that has to stay."""
MARGIN_SHARE = 4
"""The widest margin, as one over this of the side."""


@dataclass(frozen=True)
class Draw:
    """Random numbers for a batch; everything that follows is determined by them."""

    matrix: Tensor
    """Output offset from the centre → source offset, pixels, shape (B, 2, 2), (x, y) order."""
    centre: Tensor
    """Source pixel under the centre of the output, shape (B, 2), (x, y) order."""
    displacement: Tensor
    """Elastic displacement at the control points, pixels, shape (B, 2, h, w)."""
    gain: Tensor
    """Contrast about the mean, shape (B, 1, 1, 1)."""
    offset: Tensor
    """Brightness, share of the grey range, shape (B, 1, 1, 1)."""
    gamma: Tensor | None = None
    """Exponent of the intensities, shape (B, 1, 1, 1); None leaves them."""
    blur_px: Tensor | None = None
    """Standard deviation of the blur, shape (B,); None does not blur."""
    speckle: Tensor | None = None
    """What the image is multiplied by, less one, shape (B, D, h, w); None for nothing."""
    noise: Tensor | None = None
    """What is added, share of the grey range, shape (B, D, h, w); None for nothing."""
    grey_range: Tensor | None = None
    """What black and white become, shape (B, 2, 1, 1); None leaves them."""
    margin: Tensor | None = None
    """Left, right, top and bottom, pixels of the output, and their grey, shape (B, 5)."""
    bends: bool = True
    """Whether ``displacement`` can be other than 0; a look at it would wait for a GPU."""
    blur_radius_px: int | None = None
    """How far the widest blur reaches; None reads ``blur_px``, which waits for a GPU."""


def sample(
    config: AugmentationConfig,
    *,
    batch: int,
    source: tuple[int, int],
    output: tuple[int, int],
    generator: torch.Generator,
    depth: int = 1,
) -> Draw:
    """Draw the numbers for a batch, always the same count of them, whatever is switched on.

    Args:
        config: How far images may be moved.
        batch: B.
        source: Height and width of the images.
        output: Height and width wanted; smaller than the source crops at random.
        generator: On the CPU, so that every device trains on the same images.
        depth: D, slices of a volume that are moved alike; noise is of each by itself.
    """

    def uniform(*shape: int) -> Tensor:
        return 2 * torch.rand(*shape, generator=generator) - 1  # [-1, 1)

    # Parts that came later have a generator each, so that none changes the numbers of another.
    later = {
        part: torch.Generator().manual_seed(generator.initial_seed() + n)
        for n, part in enumerate(LATER, start=1)
    }
    height, width = source
    out_height, out_width = output
    angle = uniform(batch) * math.radians(config.rotation_degrees)
    scale = 1 + uniform(batch) * config.zoom
    mirror = torch.where(uniform(batch, 2) < 0, -1.0, 1.0)  # drawn even where it is not used
    kept = torch.tensor([config.flips, config.flips and config.upside_down])  # x, y
    mirror = torch.where(kept, mirror, 1.0)
    cos, sin = angle.cos(), angle.sin()
    rotation = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], 1)
    matrix = rotation * mirror[:, None, :] * scale[:, None, None]  # (B, 2, 2)
    matrix = matrix @ _shear(config, later, batch)
    size = torch.tensor([width, height], dtype=torch.float32)
    room = torch.tensor([max(width - out_width, 0), max(height - out_height, 0)]) / 2
    centre = (size - 1) / 2 + uniform(batch, 2) * (room + config.shift * size)
    if not _moves(config):  # a plain crop reads whole pixels
        first = (torch.tensor([out_width, out_height]) - 1) / 2
        centre = (centre - first).round() + first
    spacing = config.elastic_spacing_px
    points = (batch, 2, math.ceil(out_height / spacing) + 1, math.ceil(out_width / spacing) + 1)
    displacement = torch.randn(*points, generator=generator) * config.elastic_px
    gain = 1 + uniform(batch, 1, 1, 1) * config.contrast
    offset = uniform(batch, 1, 1, 1) * config.brightness
    return Draw(
        matrix,
        centre,
        displacement,
        gain,
        offset,
        gamma=_gamma(config, later, batch),
        blur_px=torch.rand(batch, generator=later["blur"]) * config.blur_px
        if config.blur_px
        else None,
        speckle=_field(config.speckle, later["speckle"], (batch, depth, *output)),
        noise=_field(config.noise, later["noise"], (batch, depth, *output)),
        grey_range=_grey_range(config, later, batch),
        margin=_margin(config, later, batch, output),
        bends=config.elastic_px > 0,
        blur_radius_px=math.ceil(3 * config.blur_px) if config.blur_px else None,
    )


def _moves(config: AugmentationConfig) -> bool:
    turns = config.rotation_degrees or config.shear_degrees or config.zoom
    return bool(turns or config.shift or config.elastic_px)


Generators = dict[str, torch.Generator]


def _shear(config: AugmentationConfig, later: Generators, batch: int) -> Tensor:
    angle = (2 * torch.rand(batch, 2, generator=later["shear"]) - 1) * config.shear_degrees
    slope = (angle * math.pi / 180).tan()
    shear = torch.eye(2).repeat(batch, 1, 1)
    shear[:, 0, 1], shear[:, 1, 0] = slope[:, 0], slope[:, 1]
    return shear


def _gamma(config: AugmentationConfig, later: Generators, batch: int) -> Tensor | None:
    if not config.gamma:
        return None
    turn = 2 * torch.rand(batch, 1, 1, 1, generator=later["gamma"]) - 1
    return (1 + config.gamma) ** turn  # as often darker as brighter


def _field(
    amount: float, generator: torch.Generator, shape: tuple[int, int, int, int]
) -> Tensor | None:
    """Gaussian numbers for every pixel, each image with a strength of its own."""
    if not amount:
        return None
    strength = torch.rand(shape[0], 1, 1, 1, generator=generator) * amount
    return strength * torch.randn(*shape, generator=generator)


def _grey_range(config: AugmentationConfig, later: Generators, batch: int) -> Tensor | None:
    if not config.grey_range:
        return None
    inward = torch.rand(batch, 2, 1, 1, generator=later["grey_range"]) * config.grey_range
    return torch.cat([inward[:, :1], 1 - inward[:, 1:]], dim=1)


def _margin(
    config: AugmentationConfig, later: Generators, batch: int, output: tuple[int, int]
) -> Tensor | None:
    """Every side with probability one half; black as often as white or a grey."""
    if not config.margin:
        return None
    numbers = torch.rand(batch, 11, generator=later["margin"])
    has, sides, widths = numbers[:, :1] < config.margin, numbers[:, 1:5] < 0.5, numbers[:, 5:9]
    height, width = output
    reach = torch.tensor([width, width, height, height]) / MARGIN_SHARE
    grey = torch.where(numbers[:, 9] < 0.5, 0.0, (2 * numbers[:, 10]).clamp(max=1))
    return torch.cat([(widths * reach).round() * sides * has, grey[:, None]], dim=1)


def grid(draw: Draw, *, source: tuple[int, int], output: tuple[int, int]) -> Tensor:
    """Where each output pixel is read, in the units of ``grid_sample``, shape (B, H, W, 2)."""
    device = draw.matrix.device
    out_height, out_width = output
    y = torch.arange(out_height, device=device) - (out_height - 1) / 2
    x = torch.arange(out_width, device=device) - (out_width - 1) / 2
    place = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)  # (H, W, 2)
    place = place.reshape(1, -1, 2) @ draw.matrix.transpose(1, 2) + draw.centre[:, None]
    place = place.reshape(-1, out_height, out_width, 2)
    if draw.bends:
        moved = functional.interpolate(
            draw.displacement, size=output, mode="bicubic", align_corners=True
        )
        place = place + moved.permute(0, 2, 3, 1)
    size = torch.tensor([source[1], source[0]], dtype=torch.float32, device=device)
    return (2 * place + 1) / size - 1


def resample(
    images: Tensor,
    masks: Tensor,
    draw: Draw,
    output: tuple[int, int],
    *,
    exclusive: bool = False,
    depth: int = 1,
) -> list[Tensor]:
    """Read image and mask through one grid in one pass.

    The D slices of a volume go through it beside one another, as channels: D C of them for the
    image, the C of the first slice first, and D K for the mask.

    Args:
        images: uint8, shape (B, C, H, W).
        masks: uint8 in {0, 1}, shape (B, K, H, W).
        draw: From ``sample``, on the device of the images.
        output: Height and width wanted.
        exclusive: Whether each pixel belongs to one plane of the mask, and so to the one that
            covers most of it; otherwise to every plane that covers half of it.
        depth: D; 1 for images.

    Returns:
        Images in [0, 1], shape (B, C, h, w), and masks in {0, 1}, shape (B, K, h, w), float32.
    """
    channels = images.shape[1]
    both = torch.cat([images, masks], dim=1).float()
    coordinates = grid(draw, source=(images.shape[2], images.shape[3]), output=output)
    both = functional.grid_sample(
        both, coordinates, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    image, planes = both[:, :channels] / 255, _by_slice(both[:, channels:], depth)
    if exclusive:
        largest = planes.argmax(dim=2, keepdim=True)
        mask = torch.zeros_like(planes).scatter_(2, largest, 1.0)  # (B, D, K, h, w)
    else:
        mask = (planes >= 0.5).float()
    if draw.blur_px is not None:
        image = _blur(image, draw.blur_px, draw.blur_radius_px)
    image = _regreyed(image, draw).clamp(0, 1)
    if draw.margin is not None:
        hidden = _hidden(draw.margin, output)
        image = torch.where(hidden, draw.margin[:, 4, None, None, None], image)
        # Of planes that exclude one another the first is background.
        mask[:, :, int(exclusive) :] *= ~hidden[:, None]
        if exclusive:
            mask[:, :, :1] = torch.maximum(mask[:, :, :1], hidden[:, None].float())
    return [image, mask.flatten(1, 2)]


def _regreyed(image: Tensor, draw: Draw) -> Tensor:
    """The intensities changed, pixel for pixel."""
    mean = image.mean(dim=(1, 2, 3), keepdim=True)
    image = ((image - mean) * draw.gain + mean + draw.offset).clamp(0, 1)
    if draw.gamma is not None:
        image = image**draw.gamma
    if draw.speckle is not None:
        image = image * (1 + _of_each_channel(draw.speckle, image))
    if draw.noise is not None:
        image = image + _of_each_channel(draw.noise, image)
    if draw.grey_range is not None:  # last, so that what is faint is no fainter against the noise
        black, white = draw.grey_range[:, :1], draw.grey_range[:, 1:]
        image = black + image.clamp(0, 1) * (white - black)
    return image


def _of_each_channel(field: Tensor, image: Tensor) -> Tensor:
    """Numbers of each slice, shape (B, D, h, w), for its channels, shape (B, D C, h, w)."""
    return field.repeat_interleave(image.shape[1] // field.shape[1], dim=1)


def _by_slice(planes: Tensor, depth: int) -> Tensor:
    """Shape (B, D K, h, w) to (B, D, K, h, w)."""
    batch, count, *sides = planes.shape
    return planes.reshape(batch, depth, count // depth, *sides)


def _hidden(margin: Tensor, output: tuple[int, int]) -> Tensor:
    """Whether a pixel lies in a margin, shape (B, 1, h, w)."""
    left, right, top, bottom = margin[:, :4, None].unbind(1)  # (B, 1) each
    y = torch.arange(output[0], device=margin.device)
    x = torch.arange(output[1], device=margin.device)
    beside = (x < left) | (x >= output[1] - right)  # (B, w)
    above = (y < top) | (y >= output[0] - bottom)  # (B, h)
    return (above[:, :, None] | beside[:, None, :])[:, None]


def _blur(image: Tensor, sigma_px: Tensor, radius_px: int | None) -> Tensor:
    """Gaussian blur, each image with its own width; borders are reflected."""
    batch, channels = image.shape[:2]
    reach = math.ceil(3 * float(sigma_px.max())) if radius_px is None else radius_px
    radius = min(max(1, reach), min(image.shape[2:]) - 1)
    place = torch.arange(-radius, radius + 1, device=image.device)
    kernel = torch.exp(-0.5 * (place / sigma_px.clamp(min=1e-3)[:, None]) ** 2)  # (B, 2r + 1)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    planes = functional.pad(image, [radius] * 4, mode="reflect").flatten(0, 1)[None]
    planes = functional.conv2d(planes, kernel[:, None, :, None], groups=batch * channels)
    planes = functional.conv2d(planes, kernel[:, None, None, :], groups=batch * channels)
    return planes.reshape(image.shape)


def to(draw: Draw, device: torch.device) -> Draw:
    """The draw on another device."""
    tensors: dict[str, Any] = {
        f.name: value.to(device, non_blocking=True)
        for f in fields(draw)
        if isinstance(value := getattr(draw, f.name), Tensor)
    }
    return replace(draw, **tensors)
