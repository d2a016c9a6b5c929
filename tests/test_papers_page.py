"""The page Papers: a card, scores, images and a start for each paper, with runs and without."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.papers import PAPERS
from core.papers import cached as kept
from core.papers.cached import with_cached
from core.papers.presets import load_preset, load_presets
from core.papers.reproduction import runs_of
from core.papers.results import evaluate_run
from core.papers.text import ours_in_words
from core.runs import create_run
from core.system.files import read_json
from core.training.loop import train
from dashboard.papers.charts import accuracy_curve, side_by_side
from dashboard.papers.images import (
    binary_panels,
    bounding_box,
    class_panels,
    successes_and_failures,
)
from dashboard.papers.network_drawing import drawing
from dashboard.papers.views import SHORT

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _nothing_came_along(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kept, "RESULTS", tmp_path / "papers.json")


def open_page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
    app.run()
    app.switch_page("../pages/papers.py")
    app.run()
    assert not app.exception
    return app


def look(app: AppTest, name: str) -> AppTest:
    app.button_group(key="papers-look").set_value(name).run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("home")
def test_every_paper_has_a_card_and_every_look_an_empty_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ISOLINE_REALDATA", str(tmp_path))
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path))
    app = open_page()
    for key, paper in PAPERS.items():
        app.selectbox(key="paper").set_value(key).run()
        assert not app.exception
        assert f"#### {paper.question}" in [markdown.value for markdown in app.markdown]
        for words in paper.caveats:
            assert any(words in caption.value for caption in app.caption)
    for name, words in (("Images", "Here will be image"), ("Curves", "Here will be the curves")):
        look(app, name)
        assert words in app.info[0].value
        assert app.button[-1].label == "Reproduce it"
    app.button[-1].click().run()
    assert not app.exception
    assert app.selectbox(key="papers-preset").value == "breast-resunet"


@pytest.mark.usefixtures("home")
def test_a_finished_reproduction_is_in_table_pictures_and_curves(
    sections: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path))
    preset = load_preset("isbi-3")
    config = replace(preset.config, data=str(sections), epochs=1)
    run = create_run(config, name="again")
    run.say_about(tags=(preset.tag,))
    train(run)
    evaluate_run(preset, runs_of(preset)[0])
    app = open_page()
    assert app.selectbox(key="paper").value == "ten_experiments", "the one with something to see"
    table = app.dataframe[0].value
    row = table[(table["Experiment"] == "isbi-3") & (table["Metric"] == "IoU")].iloc[0]
    assert row["Paper"] == "0.6725"
    assert row["Ours"].endswith("1 run, n = 2")
    proper = app.dataframe[1].value
    assert proper["Data"].tolist() == ["15 of 30 images, partial"]
    assert "1 of 60 epochs" in proper["Runs"].tolist()[0]
    look(app, "Images")
    assert sum("success" in caption.value for caption in app.caption) == 2
    assert sum("failure" in caption.value for caption in app.caption) == 1, "of three images"
    look(app, "Curves")
    assert app.selectbox(key="papers-run").value == "again"


@pytest.mark.usefixtures("home")
def test_figures_that_came_along_stand_in_for_own_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(kept, "RESULTS", ROOT / "docs" / "papers.json")
    row = next(r for r in read_json(kept.RESULTS)["presets"] if r["name"] == "isbi-4")
    app = open_page()
    app.selectbox(key="paper").set_value("ten_experiments").run()
    assert not app.exception
    table = app.dataframe[0].value
    ours = dict(zip(table["Experiment"] + table["Metric"], table["Ours"], strict=True))
    assert ours["isbi-4Jaccard"] == ours_in_words(row["printed"][1])
    assert ours["isbi-1IoU"] == "–"
    said = next(one.value for one in app.caption if "came with the program" in one.value)
    assert "isbi-4" in said
    assert "isbi-1," not in said
    own = {**row, "proper": {**row["proper"], "n_images": 1}}
    assert with_cached([own]) == [{**own, "made": None}], "own runs come first"


@pytest.mark.usefixtures("home")
def test_the_button_queues_a_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ISOLINE_REALDATA", str(tmp_path))
    monkeypatch.setenv("ISOLINE_WORKER", "service")  # nobody trains it here
    app = open_page()
    app.selectbox(key="paper").set_value("busi").run()
    look(app, "Reproduce")
    assert app.selectbox(key="papers-data-busi-unet").value == "phantoms_ultrasound"
    assert any("stands in" in caption.value for caption in app.caption)
    app.number_input[0].set_value(1).run()
    next(button for button in app.button if button.label == "Reproduce").click().run()
    assert not app.exception
    assert app.success[0].value == "5 trainings queued."
    assert len(runs_of(load_preset("busi-unet"))) == 5


def test_a_paper_without_data_says_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ISOLINE_REALDATA", str(tmp_path))
    app = open_page()
    app.selectbox(key="paper").set_value("brats2020").run()
    look(app, "Reproduce")
    assert "is not on this machine" in app.info[0].value
    assert not [button for button in app.button if button.label == "Reproduce"]
    assert not (home / "jobs").exists()


def test_every_paper_has_a_short_name() -> None:
    assert set(SHORT) == set(PAPERS)


@pytest.mark.parametrize("preset", [p for p in load_presets() if p.paper], ids=lambda p: p.name)
def test_the_drawing_is_of_the_network(preset: object) -> None:
    config: RunConfig = preset.config  # type: ignore[attr-defined]
    root = ET.fromstring(drawing(config, ink="#111111", native=512))  # noqa: S314 - our own
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    filters = config.model_options["base_filters"]
    assert words.count(str(filters)) == 2, "first and last block"
    assert str(filters * 16) in words
    assert f"{config.size or 512}²" in words
    arcs = [p for p in root.iter("{http://www.w3.org/2000/svg}path") if p.get("fill") == "none"]
    assert len(arcs) == (9 if config.model == "custom_resunet" else 0)


def test_the_box_is_around_the_largest_region() -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:4, 1:3] = True
    mask[8:15, 10:25] = True
    assert bounding_box(mask) == (8, 10, 15, 25)
    assert bounding_box(np.zeros((5, 5), bool)) is None


def test_panels_of_one_foreground() -> None:
    image = np.zeros((16, 16), np.uint8)
    truth, prediction = np.zeros((2, 16, 16), bool)
    truth[4:10, 4:10], prediction[6:12, 4:10] = True, True
    panels = binary_panels(image, truth, prediction, boxes=False)
    assert [panel.caption for panel in panels[:3]] == ["image", "truth", "prediction"]
    errors = panels[3].pixels
    right, wrong, missed = errors[7, 5], errors[11, 5], errors[4, 5]
    assert right[1] > right[0]
    assert wrong[0] > wrong[2]
    assert missed[2] > missed[0]
    boxes = binary_panels(image, truth, prediction, boxes=True)[3].pixels
    assert boxes[11, 5].tolist() == [0xF0, 0xE4, 0x42]
    assert boxes[4, 5].tolist() == [0x56, 0xB4, 0xE9]


def test_panels_of_several_classes_have_one_mask_each() -> None:
    truth = np.zeros((12, 12), np.uint8)
    truth[2:8, 2:8], truth[3:5, 3:5] = 2, 1
    panels = class_panels(np.zeros((12, 12, 2), np.uint8), truth, truth, ("core", "rim"))
    captions = [panel.caption for panel in panels]
    assert captions[:3] == ["image", "truth, composite", "prediction, composite"]
    assert [caption.partition(" ")[0] for caption in captions[3:]] == ["core", "rim"]
    assert np.array_equal(panels[1].pixels, panels[2].pixels)
    assert len(np.unique(panels[1].pixels.reshape(-1, 3), axis=0)) == 3


def test_successes_come_first_and_nothing_twice() -> None:
    scores = {"a": 0.2, "b": 0.9, "c": None, "d": 0.5}
    assert successes_and_failures(scores, each=1) == {"b": "success", "a": "failure"}
    assert list(successes_and_failures(scores, each=2)) == ["b", "d", "a"]


def test_charts_show_paper_and_ours(home: Path) -> None:
    from dashboard.common.colours import styles

    rows = [
        {"label": "one", "printed": 0.8, "ours": 0.75, "lowest": 0.7, "highest": 0.8},
        {"label": "two", "printed": 0.6, "ours": None, "lowest": None, "highest": None},
    ]
    figure = side_by_side(rows)
    by_name = {trace.name: trace for trace in figure.data if trace.name}
    assert list(by_name["paper"].x) == [0.8, 0.6]
    assert list(by_name["ours, the same convention"].x) == [0.75, None]
    history: list[dict[str, Any]] = [
        {"epoch": 1, "val_accuracy": 0.5},
        {"epoch": 2, "val_accuracy": 0.9},
        {"epoch": 3},
    ]
    curve = accuracy_curve({"run": history}, styles(["run"]))
    assert list(curve.data[0].y) == [0.5, 0.9]
    assert home.exists()
