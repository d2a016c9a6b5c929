"""Paired comparison: against plain code, and refused where it would compare unlike things."""

import copy
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from core.__main__ import main
from core.data.base import Sample
from core.errors import InputError
from core.evaluation import summarize
from core.evaluation.comparison import compare, subgroups
from core.evaluation.comparison_table import FORMS, comparison_table
from core.metrics.statistics import holm
from core.metrics.sweep import concatenate, sweep_image
from core.promotion.promote import promote
from core.runs import Run

Document = dict[str, Any]


def evaluation(model: str, *, skill: float, groups: str = "abcdefghijkl") -> Document:
    """A network that is as right as its skill, on images every model shares."""
    truths = np.random.default_rng(0)
    noise = np.random.default_rng(1)
    sweeps = []
    for n in range(len(groups)):
        truth = truths.random((24, 24)) < 0.05 * (n + 1)
        level = 500 + skill * np.where(truth, 100, -100) + 100 * noise.normal(size=truth.shape)
        sweeps.append(sweep_image(np.clip(level, 0, 1000).astype(np.uint16), truth))
    samples = [
        Sample(id=f"i{n}", group=group, label="benign" if n < 4 else "malignant")
        for n, group in enumerate(groups)
    ]
    facts: dict[str, Any] = {"dataset": "busi", "split": "test", "split_hash": "0123"}
    return summarize(
        concatenate(sweeps), samples, k=500, model=model, threshold_source="x", **facts
    )


@pytest.fixture(scope="module")
def three() -> list[Document]:
    return [evaluation(name, skill=skill) for name, skill in (("a", 1.2), ("b", 1.0), ("c", 0.2))]


def column(document: Document, figure: str = "dice") -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([row[figure] for row in document["images"]])


def test_differences_tests_and_intervals_by_hand(three: list[Document]) -> None:
    found = compare(three)
    assert [row["model"] for row in found["models"]] == ["a", "b", "c"]
    for row, one in zip(found["models"], three, strict=True):
        assert row["pooled"] == pytest.approx(one["pooled"]["dice"], rel=1e-12)
        assert row["mean"] == one["per_image"]["dice"]["mean"]
        assert row["ci95"] == one["per_image"]["dice"]["ci95"], "as in its own evaluation"
        assert row["pooled_ci95"] == pytest.approx(one["pooled_ci95"]["dice"], rel=1e-12)
    pairs = {(pair["a"], pair["b"]): pair for pair in found["pairs"]}
    assert list(pairs) == [("a", "b"), ("a", "c"), ("b", "c")]
    values = dict(zip("abc", map(column, three), strict=True))
    picks = np.random.default_rng(0).integers(0, 12, (2000, 12))
    for (one, other), pair in pairs.items():
        difference = values[one] - values[other]
        assert pair["difference"] == pytest.approx(difference.mean())
        assert pair["p"] == stats.wilcoxon(difference).pvalue
        assert pair["wins"] == (difference > 0).sum()
        expected = np.percentile(difference[picks].mean(axis=1), [2.5, 97.5])
        assert pair["ci95"] == pytest.approx(list(expected))
        pooled = (
            three["abc".index(one)]["pooled"]["dice"] - three["abc".index(other)]["pooled"]["dice"]
        )
        assert pair["pooled_difference"] == pytest.approx(pooled)
        assert pair["pooled_ci95"][0] <= pooled <= pair["pooled_ci95"][1]
    assert [pair["p_holm"] for pair in found["pairs"]] == holm(
        [pair["p"] for pair in found["pairs"]]
    )
    json.dumps(found, allow_nan=False)


def test_swapping_the_models_turns_the_sign(three: list[Document]) -> None:
    (one,), (other,) = (compare(order)["pairs"] for order in (three[:2], three[1::-1]))
    assert one["difference"] == -other["difference"]
    assert one["ci95"] == pytest.approx([-end for end in reversed(other["ci95"])])
    assert one["p"] == other["p"]


def test_a_model_does_not_differ_from_itself(three: list[Document]) -> None:
    (pair,) = compare([three[0], {**three[0], "model": "twin"}])["pairs"]
    assert pair["difference"] == pair["pooled_difference"] == 0
    assert pair["ci95"] == [0, 0]
    assert (pair["p"], pair["p_holm"]) == (1, 1)


def test_patients_are_the_unit_where_they_have_several_images() -> None:
    documents = [evaluation(n, skill=s, groups="aaabbbcccddd") for n, s in (("a", 1.2), ("b", 1))]
    found = compare(documents)
    assert found["interval_over"] == "patients"
    difference = column(documents[0]) - column(documents[1])
    (pair,) = found["pairs"]
    assert pair["p"] == stats.wilcoxon(difference.reshape(4, 3).mean(axis=1)).pvalue
    assert "patients" in found["conventions"]["ci95"]
    assert "patients" in found["conventions"]["p"]


def test_subgroups_by_class_and_by_size(three: list[Document]) -> None:
    found = compare(three)["subgroups"]
    assert [(part["by"], part["n_images"]) for part in found] == [
        ("label", 4), ("label", 8), ("size", 4), ("size", 4), ("size", 4),
    ]  # fmt: skip
    assert [part["value"].split(",")[0] for part in found[2:]] == ["small", "medium", "large"]
    benign = found[0]["models"][0]
    assert benign["mean"] == pytest.approx(column(three[0])[:4].mean())
    rows = copy.deepcopy(three[0]["images"])
    for n, row in enumerate(rows):
        row["facts"] = {"grade": "HGG"} if n % 2 else {}
    by = {(kind, value) for kind, value, _ in subgroups(rows)}
    assert {("grade", "HGG"), ("grade", "not stated")} <= by


def changed(document: Document, **changes: Any) -> Document:
    return {**copy.deepcopy(document), "model": "other", **changes}


def test_unlike_evaluations_are_refused(three: list[Document]) -> None:
    one = three[0]
    cases: list[tuple[Document, str]] = [
        (changed(one, dataset="dsb2018"), "data set busi against dsb2018"),
        (changed(one, split="val"), "part test against val"),
        (changed(one, split_hash="4567"), "split 0123 against 4567"),
        (changed(one, resolution="resized to 128 x 128"), "resolution native against resized"),
        (changed(one, empties="1: …"), "policy for empties"),
        (changed(one, images=one["images"][:-1]), "the images differ, for example i11"),
        (changed(one, images=one["images"][::-1]), "their order"),
    ]
    another = changed(one)
    another["images"][3]["counts"][2] += 1
    cases.append((another, "the truth of i3 differs"))
    older = changed(one)
    del older["images"][0]["counts"]
    cases.append((older, "older version"))
    for other, words in cases:
        with pytest.raises(InputError, match=words):
            compare([one, other])
    with pytest.raises(InputError, match="at least two models"):
        compare([one])
    with pytest.raises(InputError, match="unknown metric 'dise'; choose one of dice"):
        compare(three, metric="dise")


@pytest.mark.parametrize("form", list(FORMS))
def test_every_table_holds_every_row_and_the_conventions(three: list[Document], form: str) -> None:
    found = compare(three)
    text = comparison_table(found, form=form)
    assert text.count("benign") == 6
    assert f"{found['models'][0]['pooled']:.4f}" in text
    assert "Wilcoxon signed-rank test" in text
    assert "n=12" in text
    marks = {"csv": ",", "markdown": " | ", "latex": " & "}
    rows = [line for line in text.splitlines() if line.count(marks[form]) >= 6]
    heads = 4 if form == "markdown" else 2
    assert len(rows) == heads + 6 * 3 + 6 * 3
    if form == "latex":
        assert r"95 \%" in text
        assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2


def test_an_undefined_figure_is_said_not_shown_as_a_number(three: list[Document]) -> None:
    empty = [changed(one, model=one["model"]) for one in three[:2]]
    for one in empty:
        for row in one["images"]:
            tp, fp, fn, tn = row["counts"]
            row["counts"] = [0, 0, 0, tp + fp + fn + tn]
            row["dice"] = None
    found = compare(empty)
    assert found["pairs"][0]["difference"] is None
    assert found["pairs"][0]["p_holm"] is None
    assert "undefined" in comparison_table(found, form="markdown")


def test_the_command_compares_a_run_a_shipped_model_and_a_classical_method(
    finished_run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path / "weights"))
    promote(finished_run, "tiny")
    capsys.readouterr()

    def call(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["core", "compare", *words])
        return main()

    models = ("--run", "finished", "--weights", "tiny", "--weights", "classical/otsu")
    assert call(*models, "--split", "test", "--json", "--data", str(finished_run.config.data)) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in found["models"]] == ["finished", "tiny", "classical/otsu"]
    assert found["split_hash"] == finished_run.split.hash
    assert len(found["pairs"]) == 3
    assert call("--run", "finished", "--split", "test") == 2
    assert "at least two models" in capsys.readouterr().err
    assert (
        call("--weights", "classical/otsu", "--weights", "classical/kmeans", "--split", "val") == 2
    )
    assert "use --split all" in capsys.readouterr().err
