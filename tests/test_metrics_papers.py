"""The papers' scores, each reproduced from a computation that a reader can redo with a pencil.

The papers (the facts are in the presets and on the page Papers) print "mean IoU" as Keras has it,
"IoU" and "Dice" of probabilities, and "IoU thresholded". On the same six pixels they differ widely.
"""

import numpy as np
import pytest

from core.levels import level_map
from core.metrics.overlap import METRICS
from core.metrics.soft import SoftSums, soft_dice, soft_jaccard, soft_sums, sums_of_levels
from core.metrics.sweep import concatenate, sweep_image

PROBABILITY = np.array([[0.9, 0.8, 0.6], [0.4, 0.2, 0.0]])
TRUTH = np.array([[1, 1, 0], [1, 0, 0]], dtype=bool)


def at(threshold: float) -> dict[str, float]:
    """Every metric of the six pixels at a threshold."""
    sweep = sweep_image(level_map(PROBABILITY), TRUTH)
    k = round(1000 * threshold)
    four = (sweep.tp[:, k], sweep.fp[:, k], sweep.fn[:, k], sweep.tn[:, k])
    return {name: float(metric(*four)[0]) for name, metric in METRICS.items()}


def test_thresholded_iou_and_dice() -> None:
    # At one half 0.9, 0.8 and 0.6 are foreground: TP 2, FP 1, FN 1, TN 2.
    figures = at(0.5)
    assert figures["iou"] == pytest.approx(2 / (2 + 1 + 1))
    assert figures["dice"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert figures["accuracy"] == pytest.approx((2 + 2) / 6)


def test_mean_iou_of_keras_averages_background_and_foreground() -> None:
    # Foreground 2/4; background: TN 2 of the 4 pixels that either calls background.
    assert at(0.5)["mean_iou"] == pytest.approx((2 / 4 + 2 / 4) / 2)
    # A large empty background lifts it: 94 more pixels that both leave empty.
    four = [np.array([part]) for part in (2, 1, 1, 2 + 94)]
    assert METRICS["iou"](*four)[0] == pytest.approx(0.5)
    assert METRICS["mean_iou"](*four)[0] == pytest.approx((2 / 4 + 96 / 98) / 2)
    assert METRICS["mean_iou"](*four)[0] > METRICS["dice"](*four)[0] == pytest.approx(2 / 3), (
        "so a mean IoU above a Dice, as two of the papers print, mixes averagings"
    )


def test_mean_iou_of_keras_leaves_out_a_class_that_is_not_there() -> None:
    four = [np.array([part]) for part in (0, 0, 0, 6)]
    assert np.isnan(METRICS["iou"](*four)[0])
    assert METRICS["mean_iou"](*four)[0] == 1


def test_mean_iou_of_keras_on_probabilities_sees_only_what_is_certain() -> None:
    # Keras casts its input to whole numbers, so 0.9 becomes 0: the mask at a threshold of 1.
    cast = PROBABILITY.astype(int)
    assert not cast.any()
    # Foreground 0 of 3; background 3 of 6.
    assert at(1.0)["mean_iou"] == pytest.approx((0 / 3 + 3 / 6) / 2)


def test_soft_jaccard_and_dice() -> None:
    # Σpt = 0.9 + 0.8 + 0.4 = 2.1, Σp = 2.9, Σt = 3.
    sums = soft_sums(PROBABILITY, TRUTH)
    for ours in (sums, sums_of_levels(sweep_image(level_map(PROBABILITY), TRUTH))):
        assert soft_jaccard(ours)[0] == pytest.approx(2.1 / (2.9 + 3 - 2.1))
        assert soft_dice(ours)[0] == pytest.approx(2 * 2.1 / (2.9 + 3))
        assert soft_jaccard(ours, smooth=1)[0] == pytest.approx((2.1 + 1) / (2.9 + 3 - 2.1 + 1))
        assert soft_dice(ours, smooth=1)[0] == pytest.approx((2 * 2.1 + 1) / (2.9 + 3 + 1))
    assert soft_jaccard(sums)[0] != pytest.approx(at(0.5)["iou"], abs=0.01)


def test_pooled_and_mean_over_images_are_two_numbers() -> None:
    # A second image of six pixels, all found: the first counts 2 of 4, the second 6 of 6.
    sure = sweep_image(np.full((2, 3), 1000, np.uint16), np.ones((2, 3), bool))
    both = concatenate([sweep_image(level_map(PROBABILITY), TRUTH), sure])
    four = (both.tp, both.fp, both.fn, both.tn)
    each = METRICS["iou"](*four)[:, 500]
    pooled = both.pooled()
    whole = METRICS["iou"](pooled.tp, pooled.fp, pooled.fn, pooled.tn)[0, 500]
    assert each.tolist() == pytest.approx([2 / 4, 6 / 6])
    assert each.mean() == pytest.approx(0.75)
    assert whole == pytest.approx((2 + 6) / (4 + 6))


def test_the_mean_over_batches_that_keras_prints_is_a_third() -> None:
    # Batches of one image: the mean over images; one batch: pooled. Soft Jaccard of the same two.
    sums = [soft_sums(PROBABILITY, TRUTH), soft_sums(np.ones((2, 3)), np.ones((2, 3), bool))]
    together = SoftSums(
        *(
            np.concatenate([getattr(s, part) for s in sums])
            for part in ("both", "predicted", "truth")
        )
    )
    assert soft_jaccard(together).mean() == pytest.approx((2.1 / 3.8 + 6 / 6) / 2)
    assert soft_jaccard(together.pooled())[0] == pytest.approx((2.1 + 6) / (3.8 + 6))
