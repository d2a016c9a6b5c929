"""Scores of overlap from the four counts. ``METRICS`` lists them with what is reported of each.

All take arrays of equal shape and return float64 of that shape. Where a metric is 0/0 it is NaN:
Dice and IoU when prediction and truth are both empty, precision when nothing is predicted, recall
when there is nothing to find. What becomes of the NaN is the aggregation's business, and said.
Libraries put 0 or 1 there instead (scikit-learn 0, with a warning); that would let an image on
which a metric says nothing pull the mean.

Definitions as in Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC
Medical Imaging 15:29, 2015, and Maier-Hein et al., Metrics reloaded, Nature Methods 21:195, 2024
(arXiv:2206.01653).
"""

import math

import numpy as np

from core.metrics.card import Metric, Numbers, Scores, ratio

__all__ = ["METRICS", "Metric", "Numbers", "Scores", "dice", "f_beta", "iou"]


def dice(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:  # noqa: ARG001 - one signature
    """2TP / (2TP + FP + FN), also called F1."""
    return ratio(2 * tp, 2 * tp + fp + fn)


def iou(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:  # noqa: ARG001 - one signature
    """TP / (TP + FP + FN), also called Jaccard."""
    return ratio(tp, tp + fp + fn)


def mean_iou(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:
    """Mean of the IoU of the foreground and of the background, as Keras's ``MeanIoU`` has it.

    A class that neither the prediction nor the truth contains does not enter the mean, as in
    Keras, so it is NaN only where there are no pixels. A large background lifts it far above the
    IoU. Keras casts its input to whole numbers: fed probabilities instead of a mask it sees
    foreground only where the probability is exactly 1.
    """
    both = np.stack([iou(tp, fp, fn, tn), iou(tn, fn, fp, tp)])
    defined = ~np.isnan(both)
    return ratio(np.where(defined, both, 0).sum(axis=0), defined.sum(axis=0))


def precision(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:  # noqa: ARG001 - one signature
    """TP / (TP + FP)."""
    return ratio(tp, tp + fp)


def recall(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:  # noqa: ARG001 - one signature
    """TP / (TP + FN), also called sensitivity."""
    return ratio(tp, tp + fn)


def specificity(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:  # noqa: ARG001 - one signature
    """TN / (TN + FP)."""
    return ratio(tn, tn + fp)


def accuracy(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:
    """(TP + TN) / all pixels."""
    return ratio(tp + tn, tp + fp + fn + tn)


def balanced_accuracy(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:
    """Mean of recall and specificity.

    NaN where the truth lacks foreground or background. scikit-learn then returns the one of the
    two that is left; a mean of one number is not balanced, so ours is undefined.
    """
    return (recall(tp, fp, fn, tn) + specificity(tp, fp, fn, tn)) / 2


def f_beta(tp: Numbers, fp: Numbers, fn: Numbers, *, beta: float) -> Scores:
    """(1 + β²)TP / ((1 + β²)TP + β²FN + FP).

    Args:
        tp: Foreground in both.
        fp: Foreground in the prediction only.
        fn: Foreground in the truth only.
        beta: How many times recall matters more than precision; 1 is Dice. Above 0.
    """
    weight = beta**2
    return ratio((1 + weight) * tp, (1 + weight) * tp + weight * fn + fp)


def f2(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:  # noqa: ARG001 - one signature
    """5TP / (5TP + 4FN + FP): recall matters twice as much as precision."""
    return f_beta(tp, fp, fn, beta=2)


def mcc(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:
    """Matthews correlation of the two masks (Matthews 1975).

    NaN where prediction or truth is all of one kind: a constant has no correlation. scikit-learn
    returns 0 there, torchmetrics 0, 1 or −1 by case.
    """
    tp, fp, fn, tn = (np.asarray(part, np.float64) for part in (tp, fp, fn, tn))
    # Two roots: the product of the four sums of many large images would leave float64's range of
    # exact numbers, and this way a perfect prediction is 1 to the last digit.
    scale = np.sqrt((tp + fp) * (tp + fn)) * np.sqrt((tn + fp) * (tn + fn))
    return np.clip(ratio(tp * tn - fp * fn, scale), -1, 1)


def kappa(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:
    """Cohen's kappa: agreement beyond what the two masks' sizes alone would give (Cohen 1960).

    NaN where both masks are wholly background or both wholly foreground.
    """
    tp, fp, fn, tn = (np.asarray(part, np.float64) for part in (tp, fp, fn, tn))
    chance = (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)
    return ratio(2 * (tp * tn - fp * fn), chance)


def volumetric_similarity(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:  # noqa: ARG001 - one signature
    """1 − |FN − FP| / (2TP + FP + FN): compares sizes, not places (Taha 2015).

    The convention of that paper, 0 to 1. SimpleITK and seg-metrics give the name to the signed
    difference 2 (P − T) / (P + T) of the two sizes; ours is 1 minus half its absolute value.
    """
    return 1 - ratio(abs(fn - fp), 2 * tp + fp + fn)


def area_error_px(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:  # noqa: ARG001 - one signature
    """|FP − FN|: how far the predicted area or volume is off, in pixels or voxels."""
    return np.abs(np.asarray(fp, np.float64) - fn)


def relative_area_error(tp: Numbers, fp: Numbers, fn: Numbers, tn: Numbers) -> Scores:  # noqa: ARG001 - one signature
    """(FP − FN) / (TP + FN): signed share by which the predicted area is too large."""
    return ratio(fp - fn, tp + fn)


BOTH_EMPTY = "where prediction and truth are both empty"
ONE_KIND = "where the prediction or the truth is all of one kind"

METRICS: dict[str, Metric] = {
    "dice": Metric(
        compute=dice,
        title="Dice",
        also="F1",
        formula="2TP / (2TP + FP + FN)",
        undefined=BOTH_EMPTY,
    ),
    "iou": Metric(
        compute=iou,
        title="IoU",
        also="Jaccard",
        formula="TP / (TP + FP + FN)",
        undefined=BOTH_EMPTY,
    ),
    "precision": Metric(
        compute=precision,
        title="Precision",
        also="positive predictive value",
        formula="TP / (TP + FP)",
        undefined="where nothing is predicted",
    ),
    "recall": Metric(
        compute=recall,
        title="Recall",
        also="sensitivity",
        formula="TP / (TP + FN)",
        undefined="where the truth is empty",
    ),
    "specificity": Metric(
        compute=specificity,
        title="Specificity",
        formula="TN / (TN + FP)",
        undefined="where the truth has no background",
    ),
    "accuracy": Metric(
        compute=accuracy,
        title="Accuracy",
        formula="(TP + TN) / (TP + FP + FN + TN)",
        undefined="where there are no pixels",
    ),
    "mean_iou": Metric(
        compute=mean_iou,
        title="Mean IoU with background",
        also="Keras MeanIoU",
        formula="½ TP / (TP + FP + FN) + ½ TN / (TN + FP + FN), over the classes that are there",
        undefined="where there are no pixels",
    ),
    "balanced_accuracy": Metric(
        compute=balanced_accuracy,
        title="Balanced accuracy",
        formula="½ TP / (TP + FN) + ½ TN / (TN + FP)",
        undefined="where the truth is all of one kind",
    ),
    "f2": Metric(
        compute=f2,
        title="F2",
        formula="5TP / (5TP + 4FN + FP)",
        undefined=BOTH_EMPTY,
    ),
    "mcc": Metric(
        compute=mcc,
        title="MCC",
        also="Matthews correlation",
        formula="(TP·TN − FP·FN) / √((TP + FP)(TP + FN)(TN + FP)(TN + FN))",
        undefined=ONE_KIND,
        low=-1,
    ),
    "kappa": Metric(
        compute=kappa,
        title="Cohen's kappa",
        formula="2(TP·TN − FP·FN) / ((TP + FP)(FP + TN) + (TP + FN)(FN + TN))",
        undefined="where both masks are all of the same kind",
        low=-1,
    ),
    "volumetric_similarity": Metric(
        compute=volumetric_similarity,
        title="Volumetric similarity",
        formula="1 − |FN − FP| / (2TP + FP + FN)",
        undefined=BOTH_EMPTY,
    ),
    "area_error_px": Metric(
        compute=area_error_px,
        title="Absolute area error",
        formula="|FP − FN|",
        undefined="never",
        high=math.inf,
        best=0,
        unit="px",
    ),
    "relative_area_error": Metric(
        compute=relative_area_error,
        title="Relative area error",
        formula="(FP − FN) / (TP + FN)",
        undefined="where the truth is empty",
        low=-1,
        high=math.inf,
        best=0,
    ),
}
