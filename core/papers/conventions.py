"""A trained network as the papers look at it: at the size it was trained on, threshold 0.5.

Everything is counted in one pass over a split of the data; every metric is then arithmetic.
``PAPER_METRICS`` lists the scores the papers print with how each is averaged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.base import Dataset, Sample
from core.imaging.resize import resize
from core.inference.heads import Head, build_criterion, head_of
from core.inference.predictor import fit_channels
from core.metrics.overlap import dice, iou, precision, recall
from core.metrics.soft import SoftSums, soft_dice, soft_jaccard, soft_sums
from core.models import TrainedModel

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]
SMOOTH = 1.0
"""Added above and below a soft quotient, in pixels, as the papers' code does."""
AT_MOST = 2000
"""Images of a split that are evaluated, evenly spread."""


@dataclass(frozen=True, kw_only=True)
class SplitCounts:
    """What was counted on N images with L labels, background first."""

    losses: Vector
    """Loss of each image, shape (N,)."""
    soft: SoftSums
    """Of each image and foreground class, shape (N, L - 1)."""
    confusion: Counts
    """Pixels by truth and decision (0.5, or the likeliest class), shape (N, L, L)."""
    certain: Counts
    """TP, FP, FN, TN over all planes of those whose probability is exactly 1, shape (N, 4)."""
    batch_size: int
    """Images over which Keras pools before it averages."""

    def __len__(self) -> int:
        """Images."""
        return len(self.losses)


def count_split(
    trained: TrainedModel, dataset: Dataset, samples: Sequence[Sample], *, batch_size: int
) -> SplitCounts:
    """Run a network over samples at the size it was trained on.

    Args:
        trained: The network.
        dataset: Where the samples are from; the same classes as it was trained on.
        samples: At most ``AT_MOST`` of them are read.
        batch_size: Of the preset.
    """
    chosen = samples[:: max(1, -(-len(samples) // AT_MOST))]
    head = head_of(trained.config, dataset.info)
    criterion = build_criterion(trained.config)
    rows = []
    for sample in chosen:
        image, mask = _as_trained(trained, dataset.image(sample), dataset.truth(sample))
        logits = _logits(trained, image)
        truths = head.truths(mask)
        loss = float(criterion(logits, torch.from_numpy(head.one_hot(truths))[None]))
        rows.append((loss, *_counted(logits[0], truths, head)))
    losses, soft, confusion, certain = zip(*rows, strict=True)
    sums = np.stack(soft)  # (N, L - 1, 3)
    return SplitCounts(
        losses=np.array(losses),
        soft=SoftSums(sums[..., 0], sums[..., 1], sums[..., 2]),
        confusion=np.stack(confusion),
        certain=np.stack(certain),
        batch_size=batch_size,
    )


def _as_trained(
    trained: TrainedModel, image: NDArray[np.uint8], mask: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Image (C, H, W) and mask (H, W) at the size of training."""
    planes = np.moveaxis(fit_channels(image, trained.predictor.in_channels), -1, 0)
    size, aspect = trained.config.size, trained.config.aspect
    if size is None:
        return planes, mask
    small = resize(mask[None], size, smooth=False, aspect=aspect)[0]
    return resize(planes, size, smooth=True, aspect=aspect), small


@torch.inference_mode()
def _logits(trained: TrainedModel, planes: NDArray[np.uint8]) -> torch.Tensor:
    """Logits (1, K, H, W) of an image (C, H, W), on the CPU."""
    predictor = trained.predictor
    x = torch.from_numpy(np.ascontiguousarray(planes))[None].to(predictor.device).float() / 255
    logits: torch.Tensor = predictor.model(x).float().cpu()
    return logits


def _counted(
    logits: torch.Tensor, truths: NDArray[np.bool_], head: Head
) -> tuple[Vector, Counts, Counts]:
    """Soft sums (L - 1, 3), confusion (L, L) and certain counts (4,) of one image.

    Regions overlap, so of them every one is a question of its own: confusion is of the first.
    """
    if head.softmax:
        everything = logits.softmax(dim=0).numpy()  # (L, H, W)
        probability, decision = everything[1:], everything.argmax(axis=0)
        real = np.where(truths.any(axis=0), truths.argmax(axis=0) + 1, 0)
    else:
        probability = logits.sigmoid().numpy()
        everything = probability
        decision, real = (probability[0] >= 0.5).astype(np.int64), truths[0].astype(np.int64)
    pairs = zip(probability, truths, strict=True)
    parts = [soft_sums(plane, truth) for plane, truth in pairs]
    sums = np.array([[s.both[0], s.predicted[0], s.truth[0]] for s in parts])
    labels = len(truths) + 1 if head.softmax else 2
    joint = np.bincount((real * labels + decision).ravel(), minlength=labels * labels)
    planes = head.one_hot(truths) > 0
    sure = everything >= 1
    certain = [(sure & planes), (sure & ~planes), (~sure & planes), (~sure & ~planes)]
    return sums, joint.reshape(labels, labels), np.array([part.sum() for part in certain])


def one_against_rest(confusion: Counts) -> tuple[Vector, Vector, Vector, Vector]:
    """TP, FP, FN and TN of every label of confusion matrices, shape (…, L) each."""
    tp = np.diagonal(confusion, axis1=-2, axis2=-1).astype(np.float64)
    fp = confusion.sum(axis=-2) - tp
    fn = confusion.sum(axis=-1) - tp
    return tp, fp, fn, confusion.sum(axis=(-2, -1))[..., None] - tp - fp - fn


def _pooled(metric: Callable[..., Vector]) -> Callable[[SplitCounts], float]:
    """Mean over the foreground classes of a metric of the counts of all images."""

    def compute(counted: SplitCounts) -> float:
        values = metric(*one_against_rest(counted.confusion.sum(axis=0)))[1:]
        return _mean(values)

    return compute


def _mean_iou(counted: SplitCounts) -> float:
    return _mean(iou(*one_against_rest(counted.confusion.sum(axis=0))))


def _accuracy(counted: SplitCounts) -> float:
    together = counted.confusion.sum(axis=0)
    return float(np.trace(together) / together.sum())


def _over_batches(metric: Callable[..., Vector]) -> Callable[[SplitCounts], float]:
    """Mean over batches of a soft metric pooled within each, as Keras prints it."""

    def compute(counted: SplitCounts) -> float:
        starts = range(0, len(counted), counted.batch_size)
        parts = [
            SoftSums(*(s[n : n + counted.batch_size].sum(axis=0) for s in _sums(counted)))
            for n in starts
        ]
        return _mean(np.array([metric(part, smooth=SMOOTH).mean() for part in parts]))

    return compute


def _thresholded(counted: SplitCounts) -> float:
    starts = range(0, len(counted), counted.batch_size)
    parts = [counted.confusion[n : n + counted.batch_size].sum(axis=0) for n in starts]
    return _mean(np.array([_mean(iou(*one_against_rest(part))[1:]) for part in parts]))


def _sums(counted: SplitCounts) -> tuple[Any, Any, Any]:
    return counted.soft.both, counted.soft.predicted, counted.soft.truth


def _mean(values: NDArray[np.float64]) -> float:
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if len(kept) else float("nan")


@dataclass(frozen=True, kw_only=True)
class PaperMetric:
    """A metric that a paper prints, and how it is made here."""

    title: str
    """As shown."""
    how: str
    """The convention in words."""
    compute: Callable[[SplitCounts], float]
    """NaN where it is undefined."""
    lower_is_better: bool = False


AT_HALF = "at the size of training, threshold 0.5 (several classes: the likeliest)"
PAPER_METRICS: dict[str, PaperMetric] = {
    "loss": PaperMetric(
        title="Loss",
        how="the loss of the preset, mean over images at the size of training",
        compute=lambda counted: float(counted.losses.mean()),
        lower_is_better=True,
    ),
    "accuracy": PaperMetric(
        title="Accuracy",
        how=f"right pixels of all pixels, all images together, {AT_HALF}",
        compute=_accuracy,
    ),
    "mean_iou": PaperMetric(
        title="Mean IoU (Keras)",
        how=f"IoU of every class and of the background, averaged; all images together, {AT_HALF}",
        compute=_mean_iou,
    ),
    "dice": PaperMetric(
        title="Dice",
        how="2TP / (2TP + FP + FN) of the foreground, of several classes the mean; all images "
        f"together, {AT_HALF}",
        compute=_pooled(dice),
    ),
    "precision": PaperMetric(
        title="Precision",
        how=f"TP / (TP + FP), all images together, {AT_HALF}",
        compute=_pooled(precision),
    ),
    "recall": PaperMetric(
        title="Recall",
        how=f"TP / (TP + FN), all images together, {AT_HALF}",
        compute=_pooled(recall),
    ),
    "soft_jaccard": PaperMetric(
        title="Soft IoU (Jaccard)",
        how="of probabilities, smoothed by 1 px, pooled within a batch, mean over batches; no "
        "threshold",
        compute=_over_batches(soft_jaccard),
    ),
    "soft_dice": PaperMetric(
        title="Soft Dice",
        how="of probabilities, smoothed by 1 px, pooled within a batch, mean over batches; no "
        "threshold",
        compute=_over_batches(soft_dice),
    ),
    "iou_thresholded": PaperMetric(
        title="Thresholded IoU",
        how=f"pooled within a batch, mean over batches, {AT_HALF}",
        compute=_thresholded,
    ),
}
