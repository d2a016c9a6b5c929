"""What training would see of one image; the only place of the dashboard that touches tensors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.config import AugmentationConfig
from core.data.augmentation import resample, sample
from core.data.base import Dataset, Sample
from core.data.preparation import as_channels
from core.imaging.resize import resize
from dashboard.common.thumbnails import overlay_image

SIDE, COUNT = 256, 9


def augmented_images(
    dataset: Dataset, chosen: Sample, settings: Mapping[str, Any]
) -> list[NDArray[np.uint8]]:
    """The image as it is and eight times augmented, truth outlined, each (SIDE, SIDE, 3)."""
    config = AugmentationConfig(**dict(settings))
    image = resize(as_channels(dataset.image(chosen)), SIDE, smooth=True, aspect="pad")
    truth = (dataset.truth(chosen) > 0).astype(np.uint8)[None]
    mask = resize(truth, SIDE, smooth=False, aspect="pad")
    images = torch.from_numpy(image)[None].repeat(COUNT - 1, 1, 1, 1)
    masks = torch.from_numpy(mask)[None].repeat(COUNT - 1, 1, 1, 1)
    draw = sample(
        config,
        batch=COUNT - 1,
        source=(SIDE, SIDE),
        output=(SIDE, SIDE),
        generator=torch.Generator().manual_seed(0),
    )
    moved, targets = resample(images, masks, draw, (SIDE, SIDE))
    examples = [(image, mask[0])]
    examples += [
        ((example * 255).round().to(torch.uint8).numpy(), target[0].numpy())
        for example, target in zip(moved, targets, strict=True)
    ]
    return [
        overlay_image(np.moveaxis(p, 0, -1)[..., :3] if len(p) >= 3 else p[0], t > 0)
        for p, t in examples
    ]
