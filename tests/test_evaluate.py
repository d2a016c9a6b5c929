"""The evaluation document: every average, policy and label; and the curves that match it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.data.base import Sample
from core.errors import InputError
from core.evaluation import summarize, sweep_samples
from core.evaluation.assess import assess
from core.evaluation.convention import Convention, short_label, short_source
from core.evaluation.curves import threshold_curves
from core.evaluation.of_model import evaluate_model
from core.evaluation.tuning import tune
from core.inference.predictor import ImagePredictor
from core.levels import STEPS
from core.metrics.overlap import METRICS
from core.models import load_run
from core.runs import Run
from core.threshold.operating_point import OperatingPoint
from core.threshold.postprocessing import PostProcessing, clean

FACTS = {"model": "m", "dataset": "d", "split": "val", "split_hash": "0123"}
POINT = OperatingPoint(
    threshold=0.5, rule="dice", name="Best Dice on validation", value=0.0, n_images=3,
    dataset="d", split="val", split_hash="0123",
)  # fmt: skip


class Drawn(ImagePredictor):
    """Five images of three patients, the last without lesion or answer; sees its own levels."""

    size: int | None = None
    aspect = "stretch"

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        self.samples = [
            Sample(id=f"i{n}", group=group, label="a" if n < 2 else "b", facts={"grade": "x"})
            for n, group in enumerate("ppqrr")
        ]
        self.truths = generator.random((5, 30, 40)) < 0.3
        self.truths[4] = False
        self.images = np.clip(
            np.where(self.truths, 160, 90) + generator.normal(0, 40, self.truths.shape), 0, 255
        ).astype(np.uint8)
        self.images[4] = 3

    def image(self, sample: Sample) -> NDArray[np.uint8]:
        return np.asarray(self.images[int(sample.id[1:])])

    def truth(self, sample: Sample) -> NDArray[np.uint8]:
        return np.asarray(self.truths[int(sample.id[1:])], np.uint8)

    def levels(self, image: NDArray[np.uint8], /) -> NDArray[np.uint16]:
        return (image.astype(np.uint32) * STEPS // 255).astype(np.uint16)

    def probability(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(self.levels(image) / STEPS, np.float32)


@pytest.fixture
def drawn() -> Drawn:
    return Drawn()


def document(drawn: Drawn, **asked: Any) -> dict[str, Any]:
    return assess(drawn, drawn, drawn.samples, point=POINT, **asked, **FACTS).document  # type: ignore[arg-type]


def dices(masks: NDArray[np.bool_], truths: NDArray[np.bool_]) -> list[float]:
    return [
        2 * (m & t).sum() / (m.sum() + t.sum()) if m.any() or t.any() else float("nan")
        for m, t in zip(masks, truths, strict=True)
    ]


def test_pooled_per_image_and_per_patient_from_their_definitions(drawn: Drawn) -> None:
    found = document(drawn)
    masks = np.stack([drawn.levels(image) >= 500 for image in drawn.images])
    each = dices(masks, drawn.truths)
    assert np.isnan(each[4])
    (pooled,) = dices(masks[None], drawn.truths[None])
    assert found["pooled"]["dice"] == pytest.approx(pooled)
    assert found["per_image"]["dice"]["mean"] == pytest.approx(np.mean(each[:4]))
    assert found["per_image"]["dice"]["median"] == pytest.approx(np.median(each[:4]))
    groups = [[0, 1], [2], [3, 4]]
    patients = [dices(masks[g][None], drawn.truths[g][None])[0] for g in groups]
    assert found["per_patient"]["dice"]["mean"] == pytest.approx(np.mean(patients))
    assert found["per_patient"]["dice"]["n"] == found["n_patients"] == 3
    assert found["interval_over"] == "patients"
    for name in METRICS:
        if found["pooled_ci95"][name]:
            low, high = found["pooled_ci95"][name]
            assert low <= found["pooled"][name] <= high
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(("empties", "last"), [("skip", None), ("1", 1.0), ("0", 0.0)])
def test_every_policy_for_empties_is_shown(drawn: Drawn, empties: str, last: float | None) -> None:
    found = document(drawn, empties=empties)
    typical = document(drawn)
    four = [row["dice"] for row in typical["images"]][:4]
    values = four if last is None else [*four, last]
    assert found["per_image"]["dice"]["mean"] == pytest.approx(np.mean(values))
    assert found["per_image"]["dice"]["n"] == len(values)
    assert found["empties"].startswith(f"{empties}: ")
    assert found["empties_variants"] == typical["empties_variants"]
    assert found["empties_variants"][empties]["dice"]["mean"] == pytest.approx(np.mean(values))
    assert found["images"][4]["dice"] is None, "a row stays undefined under every policy"
    variants = found["empties_variants"]
    assert variants["1"]["relative_area_error"] == variants["skip"]["relative_area_error"]


def test_an_unknown_policy_is_refused(drawn: Drawn) -> None:
    with pytest.raises(InputError, match="unknown policy for empties 'half'; choose one of skip"):
        document(drawn, empties="half")


def test_a_clean_up_changes_the_masks_that_are_counted(drawn: Drawn) -> None:
    steps = PostProcessing(minimum_area_px=5, fill_holes=True)
    found = document(drawn, post_processing=steps)
    masks = np.stack([clean(drawn.levels(image) >= 500, steps) for image in drawn.images])
    assert found["pooled"]["dice"] == pytest.approx(dices(masks[None], drawn.truths[None])[0])
    assert found["pooled"] != document(drawn)["pooled"]
    assert found["post_processing"] == steps.words
    assert "components under 5 px dropped, holes filled" in found["labels"]["pooled"]["short"]
    frozen = replace(POINT, post_processing=steps)
    again = assess(drawn, drawn, drawn.samples, point=frozen, **FACTS).document  # type: ignore[arg-type]
    assert again == found, "the operating point's own post-processing is applied unasked"


def test_resized_and_augmented_say_so(drawn: Drawn) -> None:
    with pytest.raises(InputError, match="sees images at native scale"):
        document(drawn, resized=True)
    drawn.size = 16
    found = document(drawn, resized=True, views="flips")
    assert found["resolution"] == "resized to 16 x 16"
    assert sum(found["images"][0]["counts"]) == 16 * 16
    assert found["labels"]["pooled"]["short"] == (
        "pooled · resized to 16 x 16 · t=0.500 (val, best Dice) · mean of 4 views (flips) · n=5"
    )


def test_labels() -> None:
    label = short_label(
        "pooled", n=6, convention=Convention(), point=(0.564, "Best Dice on validation")
    )
    assert label == "pooled · native · t=0.564 (val, best Dice) · n=6"
    per_patient = short_label("per_patient", n=2, convention=Convention(empties="1"), point=None)
    assert per_patient == "per patient · native · all thresholds · empties count 1 · n=2 patients"
    assert short_source("fixed at 0.5, nothing was trained") == "fixed at 0.5, nothing was trained"


def test_curves_and_evaluation_agree_to_the_last_digit(drawn: Drawn) -> None:
    assessment = assess(drawn, drawn, drawn.samples, point=POINT, **FACTS)  # type: ignore[arg-type]
    found, curves = assessment.document, assessment.curves()
    for name in METRICS:
        value = curves.pooled[name][500]
        assert found["pooled"][name] == (None if np.isnan(value) else value)
        low, high = curves.pooled_band[name]
        if found["pooled_ci95"][name]:
            assert found["pooled_ci95"][name] == [low[500], high[500]]
        mean = found["per_image"][name]["mean"]
        if mean is not None:
            assert curves.per_image[name][500] == pytest.approx(mean, rel=1e-12)
    assert curves.on_truth.sum() == drawn.truths.sum()
    assert curves.on_truth.sum() + curves.off_truth.sum() == drawn.truths.size
    assert curves.area_px[0] == drawn.truths[0].size
    written = json.loads(json.dumps(curves.document(), allow_nan=False))
    assert written["pooled"]["dice"]["value"][500] == found["pooled"]["dice"]
    assert curves.best_index["dice"][4] >= 0
    best = int(curves.best_index["dice"][0])
    sweep = sweep_samples(drawn, drawn, drawn.samples[:1])
    every = METRICS["dice"](sweep.tp, sweep.fp, sweep.fn, sweep.tn)[0]
    assert every[best] == np.nanmax(every)


def test_a_single_image_gets_no_interval_over_patients(drawn: Drawn) -> None:
    sweep = sweep_samples(drawn, drawn, drawn.samples[:1])
    found = summarize(sweep, drawn.samples[:1], k=500, threshold_source="", **FACTS)  # type: ignore[arg-type]
    assert found["pooled_ci95"]["dice"] is None
    assert found["per_patient"]["dice"]["ci95"] is None
    only = threshold_curves(sweep, scores=["dice"])
    assert list(only.pooled) == ["dice"]


def test_tuning_with_a_clean_up_is_kept_and_evaluated_with_it(
    finished_run: Run, sections: Path
) -> None:
    before, evaluation = finished_run.operating_point, finished_run.evaluation("val")
    assert before is not None
    assert evaluation is not None
    try:
        point = tune("finished", "iou", post_processing="minimum_area_px=20,fill_holes")
        assert (
            point["post_processing"]
            == PostProcessing(minimum_area_px=20, fill_holes=True).document()
        )
        trained = load_run(finished_run)
        again = evaluate_model(trained, "val", data=sections)
        assert finished_run.evaluation("val") == again
        assert again["post_processing"] == "minimum_area_px=20,fill_holes"
        assert again["pooled"]["dice"] == pytest.approx(point["value"])
        with pytest.raises(InputError, match="needs at least"):
            tune("finished", "fnr<=0.05")
        found = tune("finished", "fppi<=3")
        assert "false-positive components" in found["name"]
    finally:
        finished_run.save_operating_point(before)
        finished_run.save_evaluation(evaluation)
