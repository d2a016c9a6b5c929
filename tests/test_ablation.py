"""Ablation: one change each, runs that are kept, differences against plain code, the page."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.__main__ import main
from core.errors import InputError
from core.papers.ablation import BASELINE, TAG, VARIANTS, baseline, finished_runs, missing
from core.papers.ablation import report as ablation_report
from core.papers.ablation.report import against, as_markdown, merged
from core.papers.presets import load_preset
from core.runs import list_runs, open_run
from core.system.files import write_json
from core.training.memory import estimate
from dashboard.papers.ablation import p_in_words
from dashboard.papers.ablation_chart import dots

ROOT = Path(__file__).resolve().parents[1]
LOOKED_AT = ("no-augmentation", "views-flips", "threshold-half")


@pytest.fixture(scope="module")
def ran(_own_workspace: None) -> dict[str, Any]:
    """Two seeds of a baseline of one epoch, one variant that trains and two that do not."""
    words = [word for name in LOOKED_AT for word in ("--variant", name)]
    asked = ["ablation", "run", "--dataset", "phantoms_nuclei", "--epochs", "1", *words]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["core", *asked])
        assert main() == 0
    found: dict[str, Any] = ablation_report.report(["phantoms_nuclei"])["datasets"][0]
    return found


def rows(document: dict[str, Any]) -> dict[str, Any]:
    return {row["variant"]: row for row in document["rows"]}


def test_a_variant_changes_one_thing_of_the_data_sets_own_recipe() -> None:
    base = baseline("phantoms_nuclei", epochs=3)
    best = load_preset("best-dsb2018").config
    assert (base.augmentation, base.learning_rate) == (best.augmentation, best.learning_rate)
    assert (base.size, base.model_options["base_filters"], base.epochs) == (128, 16, 3)
    kept = base.document()
    for name, variant in VARIANTS.items():
        other = variant.config(base).document()
        differs = {key for key in kept if kept[key] != other[key]}
        wanted = set(variant.changes) & set(kept)
        assert differs - {"model_options"} == wanted, name
        assert wanted or variant.views or variant.threshold is not None, name


def test_memory_is_estimated_for_every_variant() -> None:
    base = baseline("phantoms_nuclei")
    for variant in VARIANTS.values():
        assert estimate(variant.config(base), 1).fits


def test_runs_are_tagged_and_kept(ran: dict[str, Any]) -> None:
    assert ran["seeds"] == [0, 1]
    names = {run.name for run in list_runs()}
    assert names == {
        f"ablation-phantoms_nuclei-{name}-seed{seed}"
        for name in (BASELINE, "no-augmentation")
        for seed in (0, 1)
    }
    about = open_run("ablation-phantoms_nuclei-baseline-seed0").about
    assert (about.tags[0], about.group) == (TAG + "phantoms_nuclei", "ablation-phantoms_nuclei")
    base = baseline("phantoms_nuclei", epochs=1)
    assert missing(base, seeds=2, variants=LOOKED_AT) == []
    assert {run.name for run in list_runs()} == names
    assert set(finished_runs("phantoms_nuclei")) == {BASELINE, "no-augmentation"}


def test_other_epochs_are_another_baseline(ran: dict[str, Any]) -> None:
    assert ran["epochs"] == 1
    found = finished_runs("phantoms_nuclei")["no-augmentation"][0]
    assert not open_run(found.name).config.augment
    left = missing(replace(baseline("phantoms_nuclei", epochs=2)), seeds=1, variants=())
    assert [run.config.epochs for run in left] == [2]
    assert finished_runs("phantoms_nuclei")[BASELINE][0].config.epochs == 1, "not finished yet"
    for run in left:
        run.say_about(tags=())


def test_the_difference_is_that_of_the_same_images(ran: dict[str, Any]) -> None:
    def dice(name: str) -> Any:
        documents = [
            open_run(f"ablation-phantoms_nuclei-{name}-seed{seed}").evaluation("test")
            for seed in (0, 1)
        ]
        return np.mean([[row["dice"] for row in one["images"]] for one in documents if one], axis=0)

    row = rows(ran)["no-augmentation"]["test"]
    manual = (dice("no-augmentation") - dice(BASELINE)).mean()
    assert row["difference"] == pytest.approx(manual)
    assert np.mean(list(row["by_seed"].values())) == pytest.approx(manual)
    assert row["ci95"][0] <= row["difference"] <= row["ci95"][1]
    assert ran["baseline"]["test"]["mean_over_images"]["mean"] == pytest.approx(
        dice(BASELINE).mean()
    )


def test_predicting_otherwise_trains_nothing(ran: dict[str, Any]) -> None:
    half = rows(ran)["threshold-half"]
    assert (half["seconds"], half["times"]) == (0.0, None)
    assert half["val"]["pooled_difference"] <= 0, "the operating point is best on validation"
    kept = open_run("ablation-phantoms_nuclei-baseline-seed0").path / "ablation"
    views = json.loads((kept / "views-flips.json").read_text())
    assert views["test"]["averaged"] == "mean of 4 views (flips)"
    assert views["val"]["threshold"] == views["test"]["threshold"]


def document(name: str, dice: list[tuple[int, int, int]]) -> dict[str, Any]:
    """An evaluation of images of 100 pixels with these TP, FP and FN."""
    images = [
        {"id": str(n), "group": str(n), "counts": [tp, fp, fn, 100 - tp - fp - fn]}
        for n, (tp, fp, fn) in enumerate(dice)
    ]
    same = {"dataset": "busi", "split": "val", "split_hash": "0", "resolution": "native"}
    return {"model": name, "empties": "skip", "images": images, **same}


def test_a_false_mark_on_an_image_without_a_lesion_costs() -> None:
    quiet = document("quiet", [(10, 0, 0), (0, 0, 0)])
    loud = document("loud", [(10, 0, 0), (0, 5, 0)])
    found = against([loud], [quiet], [0])
    assert (found["difference"], found["n"]) == (-0.5, 2)
    assert found["pooled_difference"] == pytest.approx(20 / 25 - 1)
    with pytest.raises(InputError, match="the images differ"):
        against([document("short", [(10, 0, 0)])], [quiet], [0])


def test_the_report_keeps_what_is_not_here(ran: dict[str, Any], tmp_path: Path) -> None:
    text = as_markdown({**ablation_report.report(["phantoms_nuclei"])})
    assert "## Phantom nuclei" in text
    assert all(f"| {VARIANTS[name].title} |" in text for name in LOOKED_AT)
    file = tmp_path / "ablation.json"
    write_json(file, {"datasets": [{**ran, "dataset": "busi", "title": "Other"}]})
    both = merged({"generated": "", "datasets": [ran], "conventions": {}}, file)
    assert {one["dataset"] for one in both["datasets"]} == {"busi", "phantoms_nuclei"}
    again = merged(both, file)
    assert len(again["datasets"]) == 2


def test_wrong_words_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        missing(baseline("phantoms_nuclei"), seeds=0, variants=())
    with pytest.raises(InputError, match="loss-bce"):
        missing(baseline("phantoms_nuclei"), seeds=1, variants=("loss-bcd",))
    with pytest.raises(InputError, match="ablation run"):
        ablation_report.report(["phantoms_lung"])


def test_the_chart_has_a_dot_with_an_interval_for_every_change(ran: dict[str, Any]) -> None:
    other = {**ran, "title": "Other", "rows": ran["rows"][:2]}
    figure = dots([ran, other])
    assert [len(trace.x) for trace in figure.data] == [3, 2]
    assert list(figure.layout.yaxis.ticktext) == [
        row["title"].replace(": ", ":<br>", 1) for row in ran["rows"]
    ]
    first = ran["rows"][0]["test"]
    assert figure.data[0].x[0] - figure.data[0].error_x.arrayminus[0] == pytest.approx(
        first["ci95"][0]
    )
    assert figure.data[0].y[0] < 0 < figure.data[1].y[0], "beside one another"
    assert len({trace.marker.symbol for trace in figure.data}) == 2


@pytest.mark.usefixtures("home")
def test_the_page_shows_it_where_there_is_a_report(
    ran: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ISOLINE_REALDATA", str(tmp_path))
    monkeypatch.setattr("dashboard.papers.ablation.RESULTS", tmp_path / "ablation.json")
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
    app.run()
    app.switch_page("../pages/papers.py").run()
    assert "What makes it better" not in app.button_group(key="papers-look").options
    report = {"generated": "", "datasets": [ran], "conventions": ablation_report.CONVENTIONS}
    write_json(tmp_path / "ablation.json", report)
    app.run()
    app.button_group(key="papers-look").set_value("What makes it better").run()
    assert not app.exception
    table = app.dataframe[0].value
    assert table["Change"].tolist() == [row["title"] for row in ran["rows"]]
    words = r"–|< 0\.001|[01]\.\d{3}"
    assert all(re.fullmatch(words, p) for p in table["p"]), "no 4.1e-12, which does not fit"
    assert all(re.fullmatch(r"–|× \d+\.\d", time) for time in table["Training time"])
    assert [p_in_words(p) for p in (None, 7e-6, 0.0104, 1.0)] == ["–", "< 0.001", "0.010", "1.000"]
