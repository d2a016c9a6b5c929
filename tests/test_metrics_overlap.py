"""Every overlap metric against other people's implementations, on awkward masks too.

Where a library puts a number in place of 0/0, or means something else by the name, the test shows
its value beside ours.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from core.levels import STEPS, level_map
from core.metrics.overlap import METRICS, f_beta
from core.metrics.ranking import auroc, average_precision
from core.metrics.soft import SoftSums, soft_dice, soft_jaccard, soft_sums, sums_of_levels
from core.metrics.sweep import concatenate, sweep_image
from core.system.torchvision_ops import ensure_importable

Mask = NDArray[np.bool_]
Reference = Callable[[Mask, Mask], float]


def masks() -> dict[str, tuple[Mask, Mask]]:
    """Prediction and truth."""
    generator = np.random.default_rng(0)
    empty, full = np.zeros((9, 11), bool), np.ones((9, 11), bool)
    one, border = empty.copy(), empty.copy()
    one[4, 5] = True
    border[0], border[:, 0] = True, True
    disc = np.hypot(*np.mgrid[-4:5, -5:6]) < 4
    pairs = {
        "disc, shifted": (disc, np.roll(disc, 2, axis=1)),
        "one pixel in a disc": (one, disc),
        "border": (border, np.roll(border, 1, axis=0)),
        "apart": (one, border),
        "full": (full, disc),
        "found nothing": (empty, disc),
        "nothing to find": (disc, empty),
        "all empty": (empty, empty),
        "all full": (full, full),
        "perfect": (disc, disc),
    }
    for n, share in enumerate((0.1, 0.5, 0.9)):
        pairs[f"random {share}"] = (
            generator.random((9, 11)) < share,
            generator.random((9, 11)) < 0.3 + 0.2 * n,
        )
    volume = generator.random((5, 6, 7)) < 0.4
    pairs["volume"] = (volume, volume ^ (generator.random(volume.shape) < 0.2))
    return pairs


PAIRS = masks()


def figure(name: str, prediction: Mask, truth: Mask) -> float:
    four = [prediction & truth, prediction & ~truth, ~prediction & truth, ~prediction & ~truth]
    return float(METRICS[name](*(np.asarray(part.sum()) for part in four)))


def scikit_learn(name: str, **options: Any) -> Reference:
    def score(prediction: Mask, truth: Mask) -> float:
        from sklearn import metrics

        with warnings.catch_warnings():  # it warns where it puts a number for 0/0
            warnings.simplefilter("ignore")
            return float(getattr(metrics, name)(truth.ravel(), prediction.ravel(), **options))

    return score


def torchmetrics(name: str, **options: Any) -> Reference:
    def score(prediction: Mask, truth: Mask) -> float:
        ensure_importable()
        from torchmetrics.functional import classification

        given = torch.from_numpy(prediction).ravel().int(), torch.from_numpy(truth).ravel().int()
        return float(getattr(classification, name)(*given, **options))

    return score


def monai(name: str) -> Reference:
    def score(prediction: Mask, truth: Mask) -> float:
        from monai.metrics.confusion_matrix import (
            compute_confusion_matrix_metric,
            get_confusion_matrix,
        )

        one, other = (torch.from_numpy(part)[None, None].double() for part in (prediction, truth))
        table = get_confusion_matrix(one, other)
        return float(compute_confusion_matrix_metric(name, table))

    return score


def medpy(name: str) -> Reference:
    def score(prediction: Mask, truth: Mask) -> float:
        from medpy.metric import binary

        with np.errstate(invalid="ignore"):
            return float(getattr(binary, name)(prediction, truth))

    return score


def simple_itk(name: str) -> Reference:
    def score(prediction: Mask, truth: Mask) -> float:
        import SimpleITK

        measures = SimpleITK.LabelOverlapMeasuresImageFilter()  # type: ignore[no-untyped-call]
        pair = (SimpleITK.GetImageFromArray(mask.astype("u1")) for mask in (prediction, truth))
        measures.Execute(*pair)  # type: ignore[no-untyped-call]
        return float(getattr(measures, f"Get{name}")())

    return score


def surface_distance_dice(prediction: Mask, truth: Mask) -> float:
    from surface_distance import compute_dice_coefficient

    return float(compute_dice_coefficient(truth, prediction))


def by_sizes(prediction: Mask, truth: Mask) -> float:
    """Volumetric similarity from the two areas, as Taha 2015 words it."""
    sizes = int(prediction.sum()), int(truth.sum())
    return 1 - abs(sizes[0] - sizes[1]) / sum(sizes)


REFERENCES: dict[str, list[Reference]] = {
    "dice": [
        scikit_learn("f1_score"),
        torchmetrics("binary_f1_score"),
        monai("f1 score"),
        medpy("dc"),
        simple_itk("DiceCoefficient"),
        surface_distance_dice,
    ],
    "iou": [
        scikit_learn("jaccard_score"),
        torchmetrics("binary_jaccard_index"),
        monai("threat score"),
        medpy("jc"),
        simple_itk("JaccardCoefficient"),
    ],
    "precision": [
        scikit_learn("precision_score"),
        torchmetrics("binary_precision"),
        monai("precision"),
        medpy("precision"),
    ],
    "recall": [
        scikit_learn("recall_score"),
        torchmetrics("binary_recall"),
        monai("sensitivity"),
        medpy("recall"),
    ],
    "specificity": [
        scikit_learn("recall_score", pos_label=0),
        torchmetrics("binary_specificity"),
        monai("specificity"),
        medpy("specificity"),
    ],
    "accuracy": [
        scikit_learn("accuracy_score"),
        torchmetrics("binary_accuracy"),
        monai("accuracy"),
    ],
    "mean_iou": [
        scikit_learn("jaccard_score", average="macro", labels=[0, 1]),
        torchmetrics("multiclass_jaccard_index", num_classes=2, average="macro"),
    ],
    "balanced_accuracy": [
        scikit_learn("balanced_accuracy_score"),
        monai("balanced accuracy"),
        torchmetrics("multiclass_accuracy", num_classes=2, average="macro"),
    ],
    "f2": [
        scikit_learn("fbeta_score", beta=2),
        torchmetrics("binary_fbeta_score", beta=2.0),
    ],
    "mcc": [
        scikit_learn("matthews_corrcoef"),
        torchmetrics("binary_matthews_corrcoef"),
        monai("matthews correlation coefficient"),
    ],
    "kappa": [
        scikit_learn("cohen_kappa_score"),
        torchmetrics("binary_cohen_kappa"),
    ],
    "volumetric_similarity": [
        by_sizes,
        lambda one, other: 1 - abs(simple_itk("VolumeSimilarity")(one, other)) / 2,
    ],
    "area_error_px": [
        lambda one, other: abs(medpy("ravd")(one, other)) * float(other.sum()),
        lambda one, other: abs(float(one.sum()) - float(other.sum())),
    ],
    "relative_area_error": [
        medpy("ravd"),
        lambda one, other: float(one.sum()) / float(other.sum()) - 1,
    ],
}

ALL_OF_ONE_KIND = ["full", "found nothing", "nothing to find", "all empty", "all full"]
ORDINARY = [name for name in PAIRS if name not in ALL_OF_ONE_KIND]


def test_every_figure_has_two_references() -> None:
    assert {name: len(peers) >= 2 for name, peers in REFERENCES.items()} == dict.fromkeys(
        METRICS, True
    )


@pytest.mark.parametrize("pair", ORDINARY)
@pytest.mark.parametrize("name", METRICS)
def test_other_implementations_agree(name: str, pair: str) -> None:
    ours = figure(name, *PAIRS[pair])
    peers = [reference(*PAIRS[pair]) for reference in REFERENCES[name]]
    if np.isnan(ours):
        assert name == "precision"  # never in these pairs; guards the list
    assert peers == pytest.approx([ours] * len(peers), abs=1e-6)


@pytest.mark.parametrize("pair", ALL_OF_ONE_KIND)
@pytest.mark.parametrize("name", METRICS)
def test_where_ours_is_defined_scikit_learn_agrees_on_masks_of_one_kind(
    name: str, pair: str
) -> None:
    ours = figure(name, *PAIRS[pair])
    if name in {"volumetric_similarity", "area_error_px", "relative_area_error"}:
        sizes = [int(mask.sum()) for mask in PAIRS[pair]]
        expected = {
            "volumetric_similarity": 1 - abs(sizes[0] - sizes[1]) / max(sum(sizes), 1),
            "area_error_px": abs(sizes[0] - sizes[1]),
            "relative_area_error": sizes[0] / max(sizes[1], 1) - 1,
        }[name]
    elif pair in {"all empty", "all full"} and name in {"mean_iou", "accuracy"}:
        expected = 1.0  # scikit-learn's macro counts the absent class as 0, Keras leaves it out
    else:
        expected = REFERENCES[name][0](*PAIRS[pair])
    assert np.isnan(ours) or ours == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "pair", "library", "theirs"),
    [
        ("dice", "all empty", scikit_learn("f1_score"), 0),
        ("dice", "all empty", torchmetrics("binary_f1_score"), 0),
        ("dice", "all empty", medpy("dc"), np.nan),
        ("dice", "all empty", simple_itk("DiceCoefficient"), np.inf),
        ("iou", "all empty", scikit_learn("jaccard_score"), 0),
        ("precision", "found nothing", scikit_learn("precision_score"), 0),
        ("recall", "nothing to find", scikit_learn("recall_score"), 0),
        ("mcc", "found nothing", scikit_learn("matthews_corrcoef"), 0),
        ("mcc", "all full", torchmetrics("binary_matthews_corrcoef"), 1),
        ("kappa", "all empty", scikit_learn("cohen_kappa_score"), np.nan),
    ],
)
def test_libraries_disagree_about_nothing_over_nothing(
    name: str, pair: str, library: Reference, theirs: float
) -> None:
    assert np.isnan(figure(name, *PAIRS[pair]))
    assert library(*PAIRS[pair]) == pytest.approx(theirs, nan_ok=True)


def test_libraries_mean_something_else_by_the_name() -> None:
    larger, smaller = PAIRS["full"]
    assert figure("volumetric_similarity", larger, smaller) == pytest.approx(0.625)
    assert simple_itk("VolumeSimilarity")(larger, smaller) == pytest.approx(0.75)
    assert simple_itk("VolumeSimilarity")(smaller, larger) == pytest.approx(-0.75)
    disc, empty = PAIRS["nothing to find"]
    assert np.isnan(figure("balanced_accuracy", disc, empty))
    assert REFERENCES["balanced_accuracy"][0](disc, empty) == pytest.approx(
        figure("specificity", disc, empty)
    ), "scikit-learn's is the one half that is left"


COUNT = st.integers(0, 10**9)


@given(COUNT, COUNT, COUNT, COUNT)
def test_every_figure_keeps_its_range_and_says_when_it_does_not_exist(
    tp: int, fp: int, fn: int, tn: int
) -> None:
    four = [np.array([part]) for part in (tp, fp, fn, tn)]
    for name, metric in METRICS.items():
        value = float(metric(*four)[0])
        assert np.isnan(value) or metric.low <= value <= metric.high, name
    figures = {name: float(metric(*four)[0]) for name, metric in METRICS.items()}
    assert not figures["iou"] > figures["dice"]
    assert np.isnan(figures["dice"]) == (tp + fp + fn == 0)
    assert np.isnan(figures["mcc"]) == (0 in {tp + fp, tp + fn, tn + fp, tn + fn})


@given(arrays(np.bool_, (3, 4)), arrays(np.bool_, (3, 4)))
def test_perfect_is_best_and_turning_the_image_changes_nothing(one: Mask, other: Mask) -> None:
    for name, metric in METRICS.items():
        perfect = figure(name, one, one)
        assert np.isnan(perfect) or perfect == pytest.approx(metric.best), name
        for turn in (np.flipud, np.fliplr, np.rot90, np.transpose):
            assert figure(name, turn(one), turn(other)) == pytest.approx(
                figure(name, one, other), nan_ok=True
            ), name


def test_worst_is_nought() -> None:
    truth = PAIRS["perfect"][1]
    worst = {name: figure(name, ~truth, truth) for name in METRICS}
    assert worst["mcc"] == -1
    for name in ("dice", "iou", "mean_iou", "accuracy", "f2", "balanced_accuracy", "precision"):
        assert worst[name] == 0, name


def test_large_counts_lose_no_digits() -> None:
    four = [np.array([part]) for part in (4 * 10**9, 10**9, 2 * 10**9, 3 * 10**9)]
    assert METRICS["mcc"](*four)[0] == pytest.approx(10 / np.sqrt(5 * 6 * 4 * 5))
    assert METRICS["kappa"](*four)[0] == pytest.approx(2 * 10 / (5 * 4 + 6 * 5))


def test_beta_weighs_recall() -> None:
    six, two, four = (np.array([part]) for part in (6, 2, 4))
    assert f_beta(six, two, four, beta=1)[0] == METRICS["dice"](six, two, four, six)[0]
    assert f_beta(six, two, four, beta=1e6)[0] == pytest.approx(0.6)
    assert f_beta(six, two, four, beta=1e-6)[0] == pytest.approx(0.75)


@pytest.mark.parametrize("name", METRICS)
def test_every_figure_explains_itself(name: str) -> None:
    metric = METRICS[name]
    assert metric.title in metric.note
    assert metric.formula in metric.note
    assert metric.note.endswith(".")
    assert metric.low <= metric.best <= metric.high
    assert (metric.unit == "px") == name.endswith("_px")
    assert (metric.compute.__doc__ or "").strip()


# --- without a threshold -------------------------------------------------------------------------


def graded(seed: int) -> tuple[NDArray[np.float32], Mask]:
    generator = np.random.default_rng(seed)
    truth = generator.random((40, 50)) < 0.2
    logits = generator.normal(size=truth.shape) + np.where(truth, 1.0, -2.0)
    return (1 / (1 + np.exp(-logits))).astype(np.float32), truth


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_areas_under_curves_are_those_of_the_levels(seed: int) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    ensure_importable()
    from torchmetrics.functional.classification import binary_auroc, binary_average_precision

    probability, truth = graded(seed)
    levels = level_map(probability)
    sweep = sweep_image(levels, truth)
    flat = truth.ravel(), levels.ravel()
    tensors = torch.from_numpy(levels / STEPS).ravel(), torch.from_numpy(truth).ravel().long()
    roc, precision = auroc(sweep)[0], average_precision(sweep)[0]
    assert roc == pytest.approx(roc_auc_score(*flat), abs=1e-12)
    assert roc == pytest.approx(float(binary_auroc(*tensors)), abs=1e-6)
    assert precision == pytest.approx(average_precision_score(*flat), abs=1e-12)
    assert precision == pytest.approx(float(binary_average_precision(*tensors)), abs=1e-6)
    assert roc == pytest.approx(roc_auc_score(truth.ravel(), probability.ravel()), abs=1e-3)


def test_areas_with_a_pencil_and_where_there_are_none() -> None:
    levels = np.array([[900, 500, 500, 100]], np.uint16)
    sweep = concatenate(
        [
            sweep_image(levels, np.array([[1, 1, 0, 0]], bool)),
            sweep_image(levels, np.zeros((1, 4), bool)),
            sweep_image(levels, np.ones((1, 4), bool)),
        ]
    )
    # Pairs: 900 beats 500 and 100, 500 ties with 500 and beats 100: 3½ of 4.
    assert auroc(sweep).tolist() == pytest.approx([3.5 / 4, np.nan, np.nan], nan_ok=True)
    # Half the recall at precision 1, half at 2/3.
    assert average_precision(sweep).tolist() == pytest.approx([5 / 6, np.nan, 1], nan_ok=True)


@pytest.mark.parametrize("seed", [0, 1])
def test_soft_figures_are_those_of_the_losses(seed: int) -> None:
    ensure_importable()
    from monai.losses.dice import DiceLoss
    from segmentation_models_pytorch.losses._functional import soft_dice_score, soft_jaccard_score

    probability, truth = graded(seed)
    p = torch.from_numpy(probability).double()[None, None]
    t = torch.from_numpy(truth).double()[None, None]
    sums = soft_sums(probability, truth)
    for smooth in (0.0, 1.0):
        theirs = DiceLoss(smooth_nr=smooth, smooth_dr=smooth)
        assert soft_dice(sums, smooth=smooth)[0] == pytest.approx(1 - float(theirs(p, t)), abs=1e-9)
        if not smooth:  # MONAI smooths Jaccard's two terms by other amounts
            theirs = DiceLoss(jaccard=True, smooth_nr=0.0, smooth_dr=0.0)
            assert soft_jaccard(sums)[0] == pytest.approx(1 - float(theirs(p, t)), abs=1e-9)
        assert soft_dice(sums, smooth=2 * smooth)[0] == pytest.approx(  # they add it twice
            float(soft_dice_score(p, t, smooth=smooth, eps=0.0)), abs=1e-9
        )
        assert soft_jaccard(sums, smooth=smooth)[0] == pytest.approx(
            float(soft_jaccard_score(p, t, smooth=smooth, eps=0.0)), abs=1e-9
        )


@given(arrays(np.uint16, (3, 4), elements=st.integers(0, STEPS)), arrays(np.bool_, (3, 4)))
def test_soft_sums_come_from_the_counts(levels: NDArray[np.uint16], truth: Mask) -> None:
    direct, counted = soft_sums(levels / STEPS, truth), sums_of_levels(sweep_image(levels, truth))
    for name in ("both", "predicted", "truth"):
        assert getattr(counted, name) == pytest.approx(getattr(direct, name), abs=1e-9)


def test_soft_figures_of_nothing() -> None:
    sums = SoftSums(*(np.zeros(1) for _ in range(3)))
    assert np.isnan(soft_dice(sums)[0])
    assert np.isnan(soft_jaccard(sums)[0])
    assert soft_dice(sums, smooth=1.0)[0] == soft_jaccard(sums, smooth=1.0)[0] == 1
    with pytest.raises(ValueError, match="differ in shape"):
        soft_sums(np.zeros((2, 3)), np.zeros((3, 2), bool))
