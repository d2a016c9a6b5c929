"""Papers: conventions, averagings, reproductions on small data, and the report."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import RunConfig
from core.data import open_dataset
from core.errors import InputError
from core.evaluation.of_model import assess_model
from core.metrics.soft import SoftSums
from core.models import load_run
from core.papers import PAPERS
from core.papers.averaging import AVERAGINGS, PENCIL, averagings, nearest_pair
from core.papers.conventions import PAPER_METRICS, SplitCounts, count_split, one_against_rest
from core.papers.presets import Preset, load_preset, load_presets
from core.papers.report import averaging_section, preset_row, report
from core.papers.reproduction import (
    chosen_settings,
    default_folds,
    finished_runs,
    make_run,
    missing,
    plan,
    runs_of,
    train_later,
    train_now,
)
from core.papers.results import cached_scores, evaluate_run, proper
from core.papers.tagged import is_over, train_until_done
from core.papers.text import as_markdown
from core.runs import create_run
from core.training.loop import train

Config = Callable[..., RunConfig]


def small(config: RunConfig, **changes: Any) -> Preset:
    """Experiment 3 with a network of a second."""
    own = replace(config, data=None)
    return replace(load_preset("isbi-3"), config=own, **changes)


def silent(_line: str) -> None:
    pass


# Conventions


def six_pixels() -> SplitCounts:
    """Two images of six pixels: the first 2 right, 1 wrong, 1 missed; the second perfect."""
    return SplitCounts(
        losses=np.array([0.5, 0.1]),
        soft=SoftSums(np.array([[2.1], [6.0]]), np.array([[2.9], [6.0]]), np.array([[3.0], [6.0]])),
        confusion=np.array([[[2, 1], [1, 2]], [[0, 0], [0, 6]]]),
        certain=np.zeros((2, 4), np.int64),
        batch_size=1,
    )


def test_the_papers_figures_with_a_pencil() -> None:
    seen = six_pixels()
    figures = {name: figure.compute(seen) for name, figure in PAPER_METRICS.items()}
    assert figures["loss"] == pytest.approx(0.3)
    assert figures["accuracy"] == pytest.approx(10 / 12)
    assert figures["dice"] == pytest.approx(2 * 8 / (2 * 8 + 2))
    assert figures["mean_iou"] == pytest.approx((2 / 4 + 8 / 10) / 2)
    assert figures["iou_thresholded"] == pytest.approx((2 / 4 + 1) / 2), "over batches of one"
    assert figures["soft_jaccard"] == pytest.approx(((2.1 + 1) / (3.8 + 1) + 1) / 2)
    assert figures["soft_dice"] == pytest.approx(((4.2 + 1) / (5.9 + 1) + 1) / 2)
    pooled = replace(seen, batch_size=2)
    assert PAPER_METRICS["iou_thresholded"].compute(pooled) == pytest.approx(8 / 10)
    assert PAPER_METRICS["soft_jaccard"].compute(pooled) == pytest.approx((8.1 + 1) / (9.8 + 1))


def test_a_figure_that_is_undefined_is_nan() -> None:
    nothing = replace(six_pixels(), confusion=np.array([[[6, 0], [0, 0]]] * 2))
    assert np.isnan(PAPER_METRICS["dice"].compute(nothing))
    assert PAPER_METRICS["mean_iou"].compute(nothing) == 1


def test_looking_at_the_size_of_training_is_what_evaluate_resized_counts(
    tiny_config: Config, sections: Path
) -> None:
    run = create_run(tiny_config(size=48, epochs=1))
    train(run)
    trained = load_run(run)
    opened = open_dataset("isbi2012", sections)
    seen = count_split(trained, opened, trained.samples(opened, "test"), batch_size=2)
    sweep = assess_model(trained, "test", data=sections, resized=True).sweep
    theirs = (sweep.tp, sweep.fp, sweep.fn, sweep.tn)
    for ours, counts in zip(one_against_rest(seen.confusion), theirs, strict=True):
        assert ours[:, 1] == pytest.approx(counts[:, 500], abs=2), "a pixel at 0.5 may be rounded"


# Averagings


def test_the_drawn_confusion_matrix_gives_an_iou_above_its_dice() -> None:
    found = averagings(PENCIL[None])
    assert PENCIL.sum() == 1_000_000
    tumour = 1_500 + 250 + 150 + 200 + 5_500 + 150 + 150 + 150 + 1_100
    missed, wrong = 2_850, 3_000
    whole = tumour / (tumour + missed + wrong)
    background = 985_000 / (985_000 + missed + wrong)
    assert found["whole tumour"][0] == pytest.approx(whole)
    assert found["tumour or not"][0] == pytest.approx((whole + background) / 2)
    pair = nearest_pair(found, iou=0.82, dice=0.6615)
    assert (pair.iou_way, pair.dice_way) == ("tumour or not", "tumour classes")
    assert pair.ours[0] > pair.ours[1] + 0.1


@given(st.lists(st.integers(0, 50), min_size=32, max_size=32))
def test_one_averaging_never_puts_iou_above_dice(counts: list[int]) -> None:
    confusion = np.array(counts, np.int64).reshape(2, 4, 4)
    with np.errstate(all="ignore"):
        found = averagings(confusion + np.eye(4, dtype=np.int64))
    for way, (iou, dice) in found.items():
        assert way in AVERAGINGS
        assert iou <= dice + 1e-12


def test_empties_can_turn_it_round_only_between_two_policies() -> None:
    empty = np.zeros((1, 4, 4), np.int64)
    empty[0, 0, 0] = 100
    found = averagings(np.concatenate([PENCIL[None], empty, empty]))
    assert found["per image, empties 1"][0] > found["per image, empties 0"][1]


def test_every_printed_pair_is_explained() -> None:
    section = averaging_section(load_presets())
    assert [pair["split"] for pair in section["pairs"]] == ["train", "val", "test"]
    for pair in section["pairs"]:
        assert pair["printed"]["iou"] > pair["printed"]["dice"]
        assert pair["ours"]["iou"] > pair["ours"]["dice"]


# Reproductions


@pytest.mark.usefixtures("home")
def test_a_reproduction_from_the_first_run_to_the_report(
    tiny_config: Config, sections: Path
) -> None:
    preset = small(tiny_config(epochs=3))
    planned = plan(preset, data=sections, seeds=2, epochs=1)
    assert planned.shortened
    done = train_now(planned, say=silent)
    assert [run.name for run in done] == ["isbi-3-seed0-1epochs", "isbi-3-seed1-1epochs"]
    assert train_now(planned, say=silent) == [], "what is finished is kept"
    assert [one.run.name for one in runs_of(preset)] == [run.name for run in done]
    used = finished_runs(preset, runs_of(preset))
    assert cached_scores(preset, used[0].run) is None
    for one in used:
        evaluate_run(preset, one)
    row = preset_row(preset)
    assert row["data"]["partial"]
    assert (row["data"]["ours"], row["data"]["paper"]) == (15, 30)
    assert row["epochs"] == {"preset": 3, "ours": 1}
    assert row["seeds"] == [0, 1]
    assert len(row["hardware"]) == 1
    for figure in row["printed"]:
        assert figure["runs"] == 2
        assert figure["lowest"] <= figure["ours"] <= figure["highest"]
    evaluations = [run.evaluation("test") for run in done]
    counts = np.sum([[r["counts"] for r in e["images"]] for e in evaluations if e], axis=(0, 1))
    pooled = row["proper"]["dice"]["pooled"]
    assert pooled == pytest.approx(2 * counts[0] / (2 * counts[0] + counts[1] + counts[2]))
    low, high = row["proper"]["dice"]["ci95"]
    assert low <= pooled <= high
    assert row["proper"]["n_images"] == 3
    document = report()
    document["presets"] = [row if one["name"] == "isbi-3" else one for one in document["presets"]]
    text = as_markdown(document)
    assert "15 of 30 images, **partial**" in text
    assert "**1 of 3 epochs**" in text
    assert "2 seeds" in text
    assert str(sections) not in text
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.usefixtures("home")
def test_experiments_that_differ_only_in_what_they_measure_share_their_runs(
    tiny_config: Config, sections: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = small(tiny_config(epochs=1))
    second = replace(first, name="isbi-5", metrics=("accuracy",), printed=())
    monkeypatch.setattr("core.papers.reproduction.load_presets", lambda: [first, second])
    done = train_now(plan(first, data=sections, seeds=1), say=silent)
    assert train_now(plan(second, data=sections, seeds=1), say=silent) == []
    longer = train_now(plan(second, data=sections, seeds=1, epochs=2), say=silent)
    assert [run.name for run in longer] == ["isbi-5-seed0-2epochs"], "other settings are trained"
    longer[0].say_about(tags=())
    for preset in (first, second):
        [counted] = finished_runs(preset, runs_of(preset))
        assert counted.run == done[0]
        evaluate_run(preset, counted)
    rows = [preset_row(preset) for preset in (first, second)]
    assert [row["same_runs_as"] for row in rows] == [["isbi-5"], ["isbi-3"]]
    assert [{one["metric"] for one in row["printed"]} for row in rows] == [
        {"loss", "soft_jaccard", "iou_thresholded"},
        {"accuracy"},
    ]


@pytest.mark.usefixtures("home")
def test_a_run_that_diverges_holds_up_no_other_and_is_said(
    tiny_config: Config, sections: Path
) -> None:
    preset = small(tiny_config(epochs=2))
    steep = replace(preset.config, data=str(sections), optimizer="sgd", learning_rate=1e30)
    runs = [
        make_run(preset, replace(steep, learning_rate=rate, seed=seed))
        for seed, rate in enumerate((1e30, preset.config.learning_rate))
    ]
    lines: list[str] = []
    done = train_until_done(lambda: [run for run in runs if not is_over(run)], say=lines.append)
    assert done == runs[1:]
    assert any("no longer a number" in line for line in lines)
    diverging = replace(preset, config=replace(preset.config, optimizer="sgd", learning_rate=1e30))
    [row] = [one for one in preset_row(diverging)["left_out"] if one["run"] == runs[0].name]
    assert row["why"].startswith("failed after 0 of 2 epochs: the training loss is no longer")
    assert train_until_done(lambda: runs[:1], say=silent) == []


@pytest.mark.usefixtures("home")
def test_a_run_with_other_settings_is_left_out_and_said(
    tiny_config: Config, sections: Path
) -> None:
    preset = small(tiny_config(epochs=1))
    config = replace(preset.config, data=str(sections), learning_rate=0.5)
    run = create_run(config, name="mine")
    run.say_about(tags=(preset.tag,))
    train(run)
    [counted] = runs_of(preset)
    assert not counted.counts
    assert finished_runs(preset, [counted]) == []
    row = preset_row(preset)
    assert row["left_out"] == [{"run": "mine", "why": "other settings: learning_rate"}]
    assert row["proper"] is None


@pytest.mark.usefixtures("home")
def test_a_run_that_was_trained_or_tuned_since_is_evaluated_anew(
    tiny_config: Config, sections: Path
) -> None:
    preset = small(tiny_config(epochs=1))
    train_now(plan(preset, data=sections, seeds=1), say=silent)
    [one] = runs_of(preset)
    first = evaluate_run(preset, one)
    assert cached_scores(preset, one.run) == first
    point = one.run.operating_point
    assert point is not None
    one.run.save_operating_point(replace(point, threshold=0.125))
    assert cached_scores(preset, one.run) is None
    evaluate_run(preset, one)
    found = proper([one])
    assert found is not None
    assert found["thresholds"] == [0.125]


@pytest.mark.usefixtures("home")
def test_the_search_comes_first_and_its_best_is_repeated(
    tiny_config: Config, sections: Path
) -> None:
    preset = small(tiny_config(epochs=1), search={"learning_rate": (0.01, 1e-7)})
    planned = plan(preset, data=sections, seeds=1)
    assert [run.name for run in missing(planned)] == ["isbi-3-0.01", "isbi-3-1e-07"]
    assert chosen_settings(planned) is None
    done = train_now(planned, say=silent)
    assert [run.name for run in done] == ["isbi-3-0.01", "isbi-3-1e-07", "isbi-3-seed0"]
    tried = {max(row["val_dice"] for row in run.history): run.config for run in done[:2]}
    best = tried[max(tried)].learning_rate
    assert chosen_settings(planned) == {"learning_rate": best}
    assert done[-1].config.learning_rate == best
    row = preset_row(preset)
    assert [one["run"] for one in row["runs"]] == ["isbi-3-seed0"]
    assert row["search"]["best"]["learning_rate"] == best


@pytest.mark.usefixtures("home")
def test_trainings_are_queued_once(
    tiny_config: Config, sections: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOLINE_WORKER", "service")  # nobody trains them here
    planned = plan(small(tiny_config()), data=sections, seeds=2)
    queued = train_later(planned)
    assert [name for name, _ in queued] == ["isbi-3-seed0", "isbi-3-seed1"]
    assert train_later(planned) == []
    assert preset_row(planned.preset)["state"]["under_way"] == 2


def test_a_small_set_is_cross_validated_where_its_groups_allow(sections: Path) -> None:
    assert default_folds(open_dataset("phantoms_nuclei")) == 5
    assert default_folds(open_dataset("phantoms")) == 0, "128 images are not few"
    assert default_folds(open_dataset("isbi2012", sections)) == 0, "three blocks of sections"
    preset = load_preset("dsb2018-unet")
    planned = plan(preset, dataset="phantoms_nuclei", seeds=2)
    assert [(c.seed, c.fold) for c in planned.configs] == [(s, f) for s in (0, 1) for f in range(5)]
    assert {config.folds for config in planned.configs} == {5}


@pytest.mark.usefixtures("home")
def test_the_same_plan_makes_the_same_run_and_other_data_another(
    tiny_config: Config, sections: Path
) -> None:
    preset = small(tiny_config())
    config = plan(preset, data=sections, seeds=1).configs[0]
    first = make_run(preset, config)
    assert make_run(preset, config).name == first.name
    other = make_run(preset, replace(config, dataset="phantoms_membranes", data=None))
    assert other.name == f"{first.name}-2"


def test_what_cannot_be_reproduced_is_one_sentence(home: Path) -> None:
    with pytest.raises(InputError, match="isbi2012 needs --data PATH"):
        plan(load_preset("isbi-3"))
    with pytest.raises(InputError, match="learns NCR/NET, ED, ET"):
        plan(load_preset("brats-unet"), dataset="phantoms_lung")
    with pytest.raises(InputError, match="--seeds takes at least 1"):
        plan(load_preset("isbi-3"), data=home, seeds=0)


def test_a_report_without_runs_says_how_to_get_them(home: Path) -> None:
    text = as_markdown(report())
    for preset in load_presets():
        assert f"`{preset.name}`" in text
    assert "python -m core papers run isbi-4 --data PATH" in text
    for paper in PAPERS.values():
        assert f"## {paper.title}\n" in text
    assert "| IoU | Soft IoU (Jaccard) | val | 0.645 |" in text
    assert not list(home.glob("runs/*"))


@pytest.mark.usefixtures("home")
def test_several_classes_are_reproduced_and_their_averagings_shown(tmp_path: Path) -> None:
    import nibabel

    rng = np.random.default_rng(0)
    for n in range(6):
        name = f"BraTS20_Training_{n:03d}"
        labels = np.zeros((40, 40, 10), np.uint8)
        x, y = rng.integers(6, 20, 2)
        labels[x : x + 14, y : y + 14] = 2
        labels[x + 3 : x + 10, y + 3 : y + 10] = 1
        labels[x + 3 : x + 10, y + 3 : y + 6] = 4
        intensities = np.array([150, 500, 300, 0, 900])[labels] + rng.integers(0, 60, labels.shape)
        for kind in ("flair", "t1ce"):
            file = tmp_path / name / f"{name}_{kind}.nii.gz"
            file.parent.mkdir(exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(intensities.astype(np.int16), np.eye(4)), file)  # type: ignore[no-untyped-call]
        seg = nibabel.Nifti1Image(labels, np.eye(4))  # type: ignore[no-untyped-call]
        nibabel.save(seg, tmp_path / name / f"{name}_seg.nii.gz")
    whole = load_preset("brats-unet")
    options = {"base_filters": 4, "depth": 2}
    config = replace(
        whole.config, size=32, model_options=options, epochs=2, batch_size=4, learning_rate=0.01
    )
    preset = replace(whole, config=config)
    train_now(plan(preset, data=tmp_path, seeds=1), say=silent)
    [one] = runs_of(preset)
    document = evaluate_run(preset, one)
    assert set(document["parts"]) == {"train", "val", "test"}
    assert set(document["averagings"]) == set(AVERAGINGS)
    row = preset_row(preset)
    assert (row["data"]["ours"], row["data"]["paper"], row["data"]["unit"]) == (6, 369, "volumes")
    printed = {(figure["metric"], figure["split"]): figure for figure in row["printed"]}
    assert printed["mean_iou", "val"]["printed"] == 0.876
    assert 0 <= printed["mean_iou", "val"]["ours"] <= 1
    assert set(row["proper"]["classes"]) == {"NCR/NET", "ED", "ET"}
