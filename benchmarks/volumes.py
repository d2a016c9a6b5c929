"""Crops of volumes: our batches beside MONAI's transforms, alone and in training steps.

    python -m benchmarks.volumes [--json] [--steps 12] [--repeats 5] [--batch 4] [--slices 16]
                                 [--side 64] [--filters 8]

The volumes are drawn (``phantoms_nodules``, 16 of 32 x 96 x 96, already in memory for both). Both
take crops, half of them about foreground, turn, shift and scale them within their slices, mirror
them along each axis and change contrast and brightness, with reflection beyond the border. MONAI's
dictionary transforms work on one crop after the other, as its examples have them: cut first, then
one affine pass. The network (our 3D U-Net), loss, Adam and number format are the same, so a step
differs by where its crops come from. Median over repeats in which both are measured in turn.
"""

import importlib
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks._report import emit, goal, parser, report, result
from core.config import AugmentationConfig, RunConfig
from core.data import open_dataset
from core.data.stacks import place_of, stacks
from core.inference.heads import Head
from core.losses import build_loss
from core.networks import build_model
from core.system.device import channels_last, pick_device, precision_of, to_device
from core.training.batches import Epoch, Foreground, Images, read

Batches = Iterator[tuple[Tensor, Tensor]]
MOVES = AugmentationConfig(elastic_px=0, rotation_degrees=30, shift=0.05, zoom=0.1)


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--steps", type=int, default=12)
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--batch", type=int, default=4)
    arguments.add_argument("--slices", type=int, default=16)
    arguments.add_argument("--side", type=int, default=64)
    arguments.add_argument("--filters", type=int, default=8)
    given = arguments.parse_args()
    warnings.simplefilter("ignore")  # of the peer's own libraries
    config = RunConfig(
        dataset="phantoms_nodules",
        model="unet3d",
        slices=given.slices,
        tile=given.side,
        batch_size=given.batch,
        oversample=0.5,
        augmentation=MOVES,
    )
    images, masks, runs = _volumes()
    held = Images(
        torch.from_numpy(images).to(pick_device()),
        torch.from_numpy(masks).to(pick_device()),
        foreground=Foreground(masks, ((),), seed=0),
        stacks=tuple(runs),
    )
    sources: dict[str, Batches] = {
        "ours": _ours(config, held),
        "peer": _monai(config, images, masks, runs),
    }
    seconds: dict[str, dict[str, list[float]]] = {"crops": {}, "steps": {}}
    step = _step(given.filters)
    for source in sources.values():
        step(*next(source))  # to warm up
    for _ in range(given.repeats):
        for name, source in sources.items():
            for what, use in (("crops", _look), ("steps", step)):
                started = time.perf_counter()
                for _ in range(given.steps):
                    use(*next(source))
                taken = (time.perf_counter() - started) / given.steps / given.batch
                seconds[what].setdefault(name, []).append(1000 * taken)
    found = {
        what: {name: statistics.median(values) for name, values in both.items()}
        for what, both in seconds.items()
    }
    shape = f"{given.slices} x {given.side} x {given.side}"
    words = {"crops": "a crop made ready", "steps": "a crop in a training step"}
    document = report(
        "volumes",
        [
            result(
                f"{words[what]}, {shape}",
                both["ours"],
                unit="ms",
                peer=both["peer"],
                peer_name="MONAI's transforms",
            )
            for what, both in found.items()
        ],
        [
            goal(
                f"times quicker than MONAI's transforms, {what}",
                1,
                found[what]["peer"] / found[what]["ours"],
                least=True,
            )
            for what in found
        ],
        software=f"torch {torch.__version__}, unet3d of {given.filters} filters, batch "
        f"{given.batch}, {pick_device().type}",
    )
    emit(document, as_json=given.json)


def _volumes() -> tuple[Any, Any, list[tuple[int, ...]]]:
    """Images and masks (N, 1, H, W) of all slices, and which are of one volume."""
    dataset = open_dataset("phantoms_nodules")
    images = np.stack([dataset.image(sample) for sample in dataset.samples])[:, None]
    masks = np.stack([dataset.truth(sample) for sample in dataset.samples])[:, None]
    return images, masks, stacks(map(place_of, dataset.samples))


def _ours(config: RunConfig, held: Images) -> Batches:
    number, head = 0, Head()
    while True:
        epoch = Epoch(config, held, number)
        for step in range(len(epoch)):
            image, target, _ = read(epoch[step], held, head)
            yield image, target
        number += 1


def _monai(config: RunConfig, images: Any, masks: Any, runs: list[tuple[int, ...]]) -> Batches:  # noqa: ANN401 - numpy arrays
    """MONAI's transforms over volumes in memory, shuffled anew in each pass."""
    transforms: Any = importlib.import_module("monai.transforms")  # its names are not exported
    both, turn = ("image", "label"), math.radians(MOVES.rotation_degrees)
    size = (config.slices, config.tile, config.tile)
    volumes = [
        {
            "image": torch.from_numpy(images[list(run), 0])[None].float() / 255,
            "label": torch.from_numpy(masks[list(run), 0])[None].float(),
        }
        for run in runs
    ]
    change = transforms.Compose(
        [
            transforms.RandCropByPosNegLabeld(both, "label", size, pos=1, neg=1, num_samples=1),
            transforms.RandAffined(
                both,
                prob=1.0,
                rotate_range=(turn, 0, 0),
                translate_range=(0, MOVES.shift * 96, MOVES.shift * 96),
                scale_range=(0, MOVES.zoom, MOVES.zoom),
                mode=("bilinear", "nearest"),
                padding_mode="reflection",
            ),
            *(transforms.RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in range(3)),
            transforms.RandScaleIntensityFixedMeand("image", factors=MOVES.contrast, prob=1.0),
            transforms.RandShiftIntensityd("image", offsets=MOVES.brightness, prob=1.0),
        ]
    )
    numbers = np.random.default_rng(0)
    waiting: list[Any] = []
    device = pick_device()
    while True:
        for n in numbers.permutation(len(volumes)):
            waiting += change(volumes[n])
            if len(waiting) >= config.batch_size:
                batch, waiting = waiting[: config.batch_size], waiting[config.batch_size :]
                image, target = (
                    torch.stack([one[key].as_tensor() for one in batch]) for key in both
                )
                yield image.to(device), target.to(device)


def _look(image: Tensor, target: Tensor) -> None:
    """Wait until both are there."""
    float(image[0, 0, 0, 0, 0] + target[0, 0, 0, 0, 0])


def _step(filters: int) -> Callable[[Tensor, Tensor], None]:
    device, loss = pick_device(), build_loss("bce_dice")
    torch.manual_seed(0)
    model = build_model("unet3d", in_channels=1, classes=1, base_filters=filters, depth=2)
    model = to_device(model, device).train()
    optimizer = torch.optim.Adam(model.parameters())
    dtype = precision_of("auto", device, model)

    def step(image: Tensor, target: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            logits = model(channels_last(image))
        value = loss(logits, target)
        torch.autograd.backward(value)
        optimizer.step()
        value.item()  # waits for the device

    return step


if __name__ == "__main__":
    main()
