"""The typical recipes of two other libraries for ``benchmarks.training``.

The augmentations are those of our loop, each library's own or, for elastic deformation in
torchvision, from a coarse grid, because its own filters noise at every pixel and takes far longer.
Workers stay from one epoch to the next and no step reads its loss. No checkpoints are written.
"""

import importlib
import importlib.util
import math
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks._training import LEARNING_RATE, MOVES, NETWORK, Course, Job, Stopwatch
from core.networks import build_model
from core.system.device import pick_device
from core.system.torchvision_ops import ensure_importable


def smp(job: Job) -> Course:
    """segmentation-models-pytorch: files read and transformed one by one, fp32, NCHW, Adam."""
    ensure_importable()
    import segmentation_models_pytorch

    began = time.perf_counter()
    device, model = pick_device(), _network()
    overlap = segmentation_models_pytorch.losses.DiceLoss("binary", from_logits=True)
    entropy = segmentation_models_pytorch.losses.SoftBCEWithLogitsLoss()
    loader = DataLoader(_Files(job), shuffle=True, **_loading(job, device))
    stopwatch = Stopwatch(job, model, device, began=began)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for _ in range(job.epochs):
        with stopwatch.epoch():
            model.train()
            for image, mask in loader:
                logits, truth = model(image.to(device)), mask.to(device)
                _step(optimizer, overlap(logits, truth) + entropy(logits, truth))
    return stopwatch.course


def monai_loader(job: Job, device: torch.device) -> Any:  # noqa: ANN401 - its library's own
    """MONAI's batches: everything up to the random part of the transforms is cached."""
    from monai.data.dataloader import DataLoader as MonaiLoader
    from monai.data.dataset import CacheDataset

    folder = Path(job.folder)
    names = [
        {"image": str(folder / "images" / name), "label": str(folder / "masks" / name)}
        for name in job.train
    ]
    cached = CacheDataset(
        names, _monai_transforms(job), num_workers=max(1, job.workers), progress=False
    )
    return MonaiLoader(cached, shuffle=True, **_loading(job, device))


def monai(job: Job) -> Course:
    """MONAI: cached up to the random part, dictionary transforms one by one, fp32, its trainer.

    Without pytorch-ignite, which its trainer needs, the loop that its tutorials write out.
    """
    warnings.simplefilter("ignore")  # of its own libraries
    from monai.losses.dice import DiceCELoss

    began = time.perf_counter()
    device, model = pick_device(), _network()
    loader = monai_loader(job, device)
    stopwatch = Stopwatch(job, model, device, began=began)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    loss = DiceCELoss(sigmoid=True)
    trainer = _monai_trainer(loader, model, optimizer, loss) if has_trainer() else None
    for epoch in range(job.epochs):
        with stopwatch.epoch():
            if trainer:  # an epoch at a time, so that it is timed and validated as all are
                trainer.state.max_epochs = epoch + 1
                trainer.run()
            else:
                model.train()
                for batch in loader:
                    image, truth = batch["image"].to(device), batch["label"].to(device)
                    _step(optimizer, loss(model(image), truth))
    return stopwatch.course


def has_trainer() -> bool:
    """Whether MONAI's trainer can be used."""
    return importlib.util.find_spec("ignite") is not None


def _monai_trainer(
    loader: Iterable[Any], model: nn.Module, optimizer: torch.optim.Optimizer, loss: nn.Module
) -> Any:  # noqa: ANN401 - its engine is of pytorch-ignite, which need not be there
    from monai.engines.trainer import SupervisedTrainer

    return SupervisedTrainer(
        device=pick_device(),
        max_epochs=1,
        train_data_loader=loader,
        network=model,
        optimizer=optimizer,
        loss_function=loss,
    )


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()


def _network() -> nn.Module:
    torch.manual_seed(0)
    return build_model("unet", in_channels=1, classes=1, **NETWORK).to(pick_device())


def _loading(job: Job, device: torch.device) -> dict[str, Any]:
    return {
        "batch_size": job.batch,
        "num_workers": job.workers,
        "persistent_workers": job.workers > 0,
        "pin_memory": device.type == "cuda",
    }


class _Files(Dataset[tuple[Tensor, Tensor]]):
    """Reads an image and its mask from their files each time."""

    def __init__(self, job: Job) -> None:
        self.folder = Path(job.folder)
        self.names = job.train
        self.transform = _torchvision_transforms(job)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        from torchvision import tv_tensors

        name = self.names[number]
        image = tv_tensors.Image(Image.open(self.folder / "images" / name))
        mask = tv_tensors.Mask(Image.open(self.folder / "masks" / name))  # 0 and 255
        image, mask = self.transform(image, mask)
        return image, mask.float() / 255


def _torchvision_transforms(job: Job) -> Any:  # noqa: ANN401 - torchvision has no types
    from torchvision.transforms import v2

    points = math.ceil(job.size / MOVES.elastic_spacing_px) + 1
    bilinear = v2.InterpolationMode.BILINEAR

    class Elastic(v2.Transform):  # type: ignore[misc]  # torchvision has no types
        """Random vectors on a coarse grid, bicubic in between."""

        def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:  # noqa: ARG002 - its hook
            coarse = torch.randn(1, 2, points, points) * MOVES.elastic_px * 2 / job.size
            field = nn.functional.interpolate(
                coarse, size=(job.size, job.size), mode="bicubic", align_corners=True
            )
            return {"displacement": field.permute(0, 2, 3, 1)}

        def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401 - its hook
            return v2.functional.elastic(inpt, **params)

    return v2.Compose(
        [
            v2.Resize((job.size, job.size)),
            v2.RandomHorizontalFlip(),
            v2.RandomVerticalFlip(),
            v2.RandomAffine(
                MOVES.rotation_degrees,
                translate=(MOVES.shift, MOVES.shift),
                scale=(1 - MOVES.zoom, 1 + MOVES.zoom),
                interpolation=bilinear,
            ),
            Elastic(),
            v2.ColorJitter(brightness=MOVES.brightness, contrast=MOVES.contrast),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )


def _monai_transforms(job: Job) -> Any:  # noqa: ANN401 - MONAI's are not typed
    """All movement in one pass, which is the quickest that it offers."""
    transforms: Any = importlib.import_module("monai.transforms")  # its names are not exported
    both = ("image", "label")
    amplitude = MOVES.elastic_px * math.sqrt(3)  # it draws evenly, we draw from a Gaussian
    return transforms.Compose(
        [
            transforms.LoadImaged(both, ensure_channel_first=True, image_only=True),
            transforms.Resized(both, (job.size, job.size), mode=("bilinear", "nearest")),
            transforms.ScaleIntensityRanged(both, 0, 255, 0.0, 1.0),
            transforms.EnsureTyped(both),
            transforms.RandFlipd(both, prob=0.5, spatial_axis=0),
            transforms.RandFlipd(both, prob=0.5, spatial_axis=1),
            transforms.Rand2DElasticd(
                both,
                spacing=MOVES.elastic_spacing_px,
                magnitude_range=(amplitude, amplitude),
                prob=1.0,
                rotate_range=math.radians(MOVES.rotation_degrees),
                translate_range=MOVES.shift * job.size,
                scale_range=MOVES.zoom,
                mode=("bilinear", "nearest"),
                padding_mode="reflection",
            ),
            transforms.RandScaleIntensityFixedMeand("image", factors=MOVES.contrast, prob=1.0),
            transforms.RandShiftIntensityd("image", offsets=MOVES.brightness, prob=1.0),
        ]
    )
