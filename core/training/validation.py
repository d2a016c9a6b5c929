"""Validation: every threshold of every class at native resolution, and images to watch.

The scores of an epoch are a row of numbers; what they are is reported at ``figures``.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage

from core.config import RunConfig
from core.data.base import Sample
from core.inference.heads import Head, build_criterion
from core.inference.predictor import Predictor
from core.levels import STEPS, LevelMap, level_map
from core.metrics.overlap import accuracy, dice, iou
from core.metrics.sweep import Sweep, concatenate, sweep_image
from core.system.files import write_atomic
from core.training.distributed import Team
from core.training.ignored import without_ignored

Checked = tuple[Sample, NDArray[np.uint8], NDArray[np.uint8]]
"""A validation sample with image and mask at native size."""
WATCHED = 4
"""Images of which images are kept."""
PICTURE_PX = 512
"""Longest side of such an image."""


class ValidationSet:
    """Validation images in memory, as a predictor asks for them.

    Args:
        checked: The validation samples.
        beside: Further slices of their volumes, with their images.
        ignored: Pixels that are not annotated, by sample id, where there are any.
    """

    def __init__(
        self,
        checked: Sequence[Checked],
        beside: Sequence[tuple[Sample, NDArray[np.uint8]]] = (),
        *,
        ignored: Mapping[str, NDArray[np.bool_]] | None = None,
    ) -> None:
        self.ignored = dict(ignored or {})
        self.checked = tuple(checked)
        pairs = [*((sample, image) for sample, image, _ in checked), *beside]
        self.samples = tuple(sample for sample, _ in pairs)
        self._images = {sample.id: image for sample, image in pairs}

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        """At native size."""
        return self._images[sample.id]


@dataclass(frozen=True)
class Outcome:
    """What a validation found."""

    foreground: Sweep
    """Counts of any class, N images."""
    classes: tuple[Sweep, ...]
    """Counts of each class; the same as ``foreground`` where there is one."""
    soft: NDArray[np.float64]
    """Σpt and Σp + Σt of each class over all pixels, shape (K, 2)."""
    loss: float
    """Mean over images."""
    watched: dict[int, LevelMap]
    """Foreground level maps of the watched images by their number."""


def watched_images(count: int) -> list[int]:
    """Numbers of the images to watch, evenly spread over a validation split of ``count``."""
    return sorted({round(n) for n in np.linspace(0, count - 1, min(WATCHED, count))})


def validate(
    predictor: Predictor, held: ValidationSet, *, head: Head, config: RunConfig, team: Team
) -> Outcome:
    """Predict the validation images, each by one of the processes, and count.

    Args:
        predictor: With the head's classes.
        held: Images and masks.
        head: What the maps are.
        config: Of the run; its loss is computed without border map, which belongs to the size that
            is trained on, while truth here is native.
        team: The processes; all get the whole outcome.
    """
    criterion = build_criterion(config)
    watched = watched_images(len(held.checked))
    first, last = team.part(len(held.checked))
    found = []
    for n in range(first, last):
        sample, _, mask = held.checked[n]
        probability = predictor.sample_class_probability(held, sample)  # (K, H, W)
        truths = head.truths(mask)
        levels = [level_map(plane) for plane in probability]
        left = held.ignored.get(sample.id)
        kept = slice(None) if left is None else ~left
        sweeps = [
            sweep_image(plane[kept], truth[kept])
            for plane, truth in zip(levels, truths, strict=True)
        ]
        if len(levels) > 1:
            levels = [level_map(predictor.foreground(probability))]
            sweeps.append(sweep_image(levels[0][kept], (mask > 0)[kept]))
        counted = probability if left is None else probability * ~left
        both = (counted * truths).sum(axis=(1, 2), dtype=np.float64)
        total = counted.sum(axis=(1, 2), dtype=np.float64) + truths.sum(axis=(1, 2))
        logits, target = _logits(probability, head), torch.from_numpy(head.one_hot(truths))[None]
        if left is not None:
            out = torch.from_numpy(left)[None, None]
            logits, target = without_ignored(logits, target, out, softmax=head.softmax)
        loss = float(criterion(logits, target))
        image = _small(levels[0]) if n in watched else None
        found.append((sweeps, np.stack([both, total], axis=-1), loss, image))
    everything = [row for part in team.all(found) for row in part]
    by_class = [concatenate(part) for part in zip(*(row[0] for row in everything), strict=True)]
    return Outcome(
        foreground=by_class[-1],
        classes=tuple(by_class[: len(head.names)]),
        soft=np.sum([row[1] for row in everything], axis=0),
        loss=float(np.mean([row[2] for row in everything])),
        watched={n: row[3] for n, row in enumerate(everything) if row[3] is not None},
    )


def figures(outcome: Outcome, head: Head) -> dict[str, Any]:
    """The validation scores of an epoch, pooled over all pixels at native resolution.

    ``val_dice`` and ``val_iou`` are the largest over the thresholds, ``val_threshold`` is where
    Dice is largest, ``val_dice_at_half`` and ``val_accuracy`` are at 0.5 and ``val_soft_dice`` is
    2 Σpt / (Σp + Σt) of the probabilities. Of several classes they are means over the classes that
    the validation images hold, and ``val_dice_<class>`` and ``val_threshold_<class>`` are of each,
    None for a class that they do not hold.
    """
    rows = []
    for sweep, (both, total) in zip(outcome.classes, outcome.soft, strict=True):
        pooled = sweep.pooled()
        counts = (pooled.tp, pooled.fp, pooled.fn, pooled.tn)
        overlap = np.nan_to_num(dice(*counts)[0])
        k = int(overlap.argmax())
        rows.append(
            {
                "dice": float(overlap[k]),
                "iou": float(np.nan_to_num(iou(*counts)[0]).max()),
                "threshold": k / STEPS,
                "dice_at_half": float(overlap[STEPS // 2]),
                "soft_dice": float(2 * both / total) if total else 0.0,
                "accuracy": float(accuracy(*counts)[0, STEPS // 2]),
                "held": bool(pooled.positives[0]),
            }
        )
    held = [row for row in rows if row["held"]] or rows
    figures: dict[str, Any] = {
        f"val_{name}": float(np.mean([row[name] for row in held]))
        for name in ("dice", "iou", "threshold", "dice_at_half", "soft_dice", "accuracy")
    }
    if len(head.names) > 1:
        for name, row in zip(head.names, rows, strict=True):
            for figure in ("dice", "threshold"):
                figures[f"val_{figure}_{name}"] = row[figure] if row["held"] else None
    return {"val_loss": outcome.loss, **figures}


def save_images(folder: Path, outcome: Outcome, checked: Sequence[Checked], *, epoch: int) -> None:
    """Write ``<epoch>-<n>.png``, and once ``image-<n>.png`` and ``truth-<n>.png``, n from 1.

    Level maps and truths are 8-bit grey, 255 for probability 1 and for foreground; the longest side
    is at most 512 pixels.
    """
    folder.mkdir(exist_ok=True)
    for n, (number, levels) in enumerate(outcome.watched.items(), start=1):
        _, image, mask = checked[number]
        for name, pixels in (("image", image), ("truth", (mask > 0).astype(np.uint8) * 255)):
            file = folder / f"{name}-{n}.png"
            if not file.exists():
                write_atomic(file, _png(_small(pixels)))
        grey = np.rint(levels * (255 / STEPS)).astype(np.uint8)
        write_atomic(folder / f"{epoch}-{n}.png", _png(grey))


def _small(pixels: NDArray[Any]) -> NDArray[Any]:
    """Every so many pixels, so that the longest side is at most ``PICTURE_PX``."""
    stride = -(-max(pixels.shape[:2]) // PICTURE_PX)
    return np.ascontiguousarray(pixels[::stride, ::stride])


def _png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    image = pixels if pixels.ndim == 2 or pixels.shape[2] == 3 else pixels[..., 0]
    PillowImage.fromarray(np.ascontiguousarray(image)).save(stream, format="PNG")
    return stream.getvalue()


def _logits(probability: NDArray[np.float32], head: Head) -> torch.Tensor:
    """Logits (1, K, H, W) whose sigmoid or softmax is the probability, as the loss wants them."""
    planes = torch.from_numpy(probability)[None]
    if not head.softmax:
        return torch.logit(planes, eps=1e-6)
    background = (1 - planes.sum(dim=1, keepdim=True)).clamp(min=0)
    return torch.cat([background, planes], dim=1).clamp(min=1e-6).log()
