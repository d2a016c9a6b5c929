"""The page Threshold: its numbers are the command line's, and nothing is chosen on test."""

import csv
import io
import json
import re
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from streamlit.testing.v1 import AppTest

from core.__main__ import main
from core.evaluation.tuning import tune
from core.levels import mask_at
from core.runs import Run, open_run
from core.threshold.postprocessing import PostProcessing, clean
from core.threshold.postprocessing.levels import post_processed_levels
from dashboard.common.validation_maps import SplitMaps, open_split_maps
from dashboard.components.threshold_board import chosen_manually
from dashboard.threshold import views as threshold_views
from dashboard.threshold.message import FIGURES, Shown, shown, tile, tile_side
from tests.apps.viewer_data import drawn
from tests.pages import run_page

MODEL = "run/finished"
NONE = PostProcessing()


@pytest.fixture(scope="module")
def part(finished_run: Run) -> SplitMaps:
    del finished_run
    return open_split_maps(MODEL, "val")


@pytest.fixture(scope="module")
def ready(part: SplitMaps) -> Shown:
    return shown(part, NONE)


def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    monkeypatch.setattr(sys, "argv", ["core", *words, "--json"])
    assert main() == 0
    return json.loads(capsys.readouterr().out)


def message_arrays(ready: Shown) -> tuple[dict[str, Any], Callable[..., np.ndarray]]:

    length = int.from_bytes(ready.packed[:4], "little")
    header = json.loads(ready.packed[4 : 4 + length])
    body = ready.packed[4 + length :]

    def array(name: str, kind: str, *shape: int) -> np.ndarray:
        start, size = header["blobs"][name]
        return np.frombuffer(zlib.decompress(body[start : start + size]), kind).reshape(shape)

    return header, array


@pytest.mark.parametrize("shape", [(23, 31), (7, 9, 8)])
@pytest.mark.parametrize(
    "post_processing",
    [
        PostProcessing(minimum_area_px=7),
        PostProcessing(fill_holes=True),
        PostProcessing(minimum_area_px=4, fill_holes=True),
    ],
)
def test_clean_up_of_the_level_map_is_that_of_every_mask(
    shape: tuple[int, ...], post_processing: PostProcessing
) -> None:
    levels = np.random.default_rng(3).integers(0, 1001, shape).astype(np.uint16)
    cleaned = post_processed_levels(levels, post_processing)
    for k in range(1, 1001, 9):
        expected = clean(mask_at(levels, k), post_processing)
        assert np.array_equal(mask_at(cleaned, k), expected), k


def test_curves_are_those_of_the_command_line(
    part: SplitMaps,
    ready: Shown,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "curves.json"
    words = ("evaluate", "--run", "finished", "--split", "val", "--curves", str(file))
    evaluation = ask(monkeypatch, capsys, *words)
    written = json.loads(file.read_text())
    assert json.loads(threshold_views.curves_json(ready.curves)) == written
    header, array = message_arrays(ready)
    curves = array("curves", "<f8", len(FIGURES), 2, 3, 1001)
    k = round(evaluation["threshold"] * 1000)
    for place, name in enumerate(FIGURES):
        for block, key in enumerate(("pooled", "per_image")):
            expected = [np.nan if v is None else v for v in written[key][name]["value"]]
            np.testing.assert_array_equal(curves[place, block, 0], expected)
        value = evaluation["pooled"][name]
        assert curves[place, 0, 0, k] == value or (
            value is None and np.isnan(curves[place, 0, 0, k])
        )
    assert header["labels"] == written["labels"]
    assert header["n_images"] == evaluation["n_images"] == len(part.samples)
    assert header["auroc"] == evaluation["threshold_free"]["auroc"]


def test_each_image_of_the_message_counts_as_the_sweep(part: SplitMaps, ready: Shown) -> None:
    header, array = message_arrays(ready)
    on, off = (array(name, "<u4", len(part.samples), 1001) for name in ("on", "off"))
    assert np.array_equal(on[:, ::-1].cumsum(axis=1)[:, ::-1], part.sweep.tp)
    assert np.array_equal(off[:, ::-1].cumsum(axis=1)[:, ::-1], part.sweep.fp)
    levels, truth = array("levels", "<u2", -1), array("truth", "u1", -1)
    for image, (native, reference) in zip(header["images"], part.maps(), strict=True):
        here = slice(image["at"], image["at"] + image["width"] * image["height"])
        assert np.array_equal(levels[here], native.ravel())  # 64 pixels are shown as they are
        assert np.array_equal(truth[here], (reference != 0).ravel())


@pytest.mark.parametrize(
    "post_processing", [NONE, PostProcessing(minimum_area_px=9, fill_holes=True)]
)
@pytest.mark.parametrize("rule", ["dice", "f2", "sensitivity>=0.8", "fppi<=3"])
def test_a_rule_gives_the_point_that_the_command_line_saves(
    part: SplitMaps, rule: str, post_processing: PostProcessing
) -> None:
    here = shown(part, post_processing)
    found = threshold_views.chosen(part, here, rule, post_processing, resamples=2000)
    assert not isinstance(found, str), found
    steps = post_processing.words if post_processing else ""
    saved = tune("finished", rule, post_processing=steps)
    validation = open_run("finished").evaluation("val")
    assert tune("finished", rule, post_processing=steps, maps=part) == saved, "from the page's maps"
    assert open_run("finished").evaluation("val") == validation
    point = replace(found, post_processing=post_processing).document()
    assert json.loads(json.dumps(point)) == json.loads(json.dumps(saved))
    instant = threshold_views.chosen(part, here, rule, post_processing, resamples=0)
    assert not isinstance(instant, str)
    assert instant.k == found.k


def test_the_saved_point_stands_where_its_rule_gains_nothing(
    part: SplitMaps, ready: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The maps of another machine move the best threshold along a flat curve; the card's stays."""
    best = threshold_views.chosen(part, ready, "dice", NONE, resamples=0)
    assert not isinstance(best, str), best
    scores = ready.curves.pooled["dice"]
    lost = [float(scores[best.k] - score) for score in scores]
    near = min((k for k in range(1001) if lost[k] > 0), key=lambda k: lost[k])
    monkeypatch.setattr(threshold_views, "SAME", lost[near] * 1.01)  # so few pixels move in steps
    far = next(k for k in range(1001) if lost[k] > 2 * lost[near])

    def opened(k: int, **changes: Any) -> float:
        saved = replace(best, threshold=k / 1000, **changes)
        return threshold_views.saved_or(best, saved, part, ready, NONE).threshold

    assert opened(near) == near / 1000
    assert opened(far) == best.threshold, "what is worse is not passed off as the best"
    assert opened(near, split_hash="another") == best.threshold
    assert opened(near, rule="iou") == best.threshold
    assert opened(near, post_processing=PostProcessing(fill_holes=True)) == best.threshold


def test_no_rule_chooses_on_test(finished_run: Run) -> None:
    del finished_run
    part = open_split_maps(MODEL, "test")
    answer = threshold_views.chosen(part, shown(part, NONE), "dice", NONE, resamples=0)
    assert isinstance(answer, str)
    assert "val split only" in answer


def test_the_network_runs_once_and_again_where_the_kept_maps_are_gone(
    part: SplitMaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.inference.predictor import Predictor

    asked: list[int] = []
    real = Predictor.levels

    def count(self: Predictor, image: Any, **options: Any) -> Any:
        asked.append(1)
        return real(self, image, **options)

    monkeypatch.setattr(Predictor, "levels", count)
    assert open_split_maps(MODEL, "val") is part
    assert asked == []
    for file in part.folder.iterdir():
        file.unlink()
    part.folder.rmdir()
    again = open_split_maps(MODEL, "val")
    assert len(asked) == len(part.samples)
    assert np.array_equal(again.sweep.tp, part.sweep.tp)


def said(app: AppTest) -> str:
    return " ".join(
        element.value for kind in (app.caption, app.markdown, app.info) for element in kind
    )


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.mark.usefixtures("finished_run")
def test_the_page_offers_rules_and_saving_on_validation_alone() -> None:
    app = run_page("threshold", model="finished (run)")
    assert not app.exception
    assert app.selectbox(key="rule").value == "dice"
    assert any(label.startswith("Save 0.") for label in labels(app))
    app.selectbox(key="rule").set_value("sensitivity").run()
    assert not app.exception
    assert "Sensitivity of at least 0.95 on validation" in said(app)
    app.button_group(key="split").set_value("test").run()
    assert not app.exception
    assert "none can be chosen on test" in said(app)
    assert not any(label.startswith("Save") for label in labels(app))
    assert "rule" not in [box.key for box in app.selectbox]


def test_saving_freezes_the_point_with_the_run(finished_run: Run) -> None:
    app = run_page("threshold", model="finished (run)", rule="Best MCC")
    (save,) = (button for button in app.button if button.label.startswith("Save 0."))
    save.click().run()
    assert not app.exception
    point = finished_run.operating_point
    assert point is not None
    assert point.rule == "mcc"
    assert f"{point.threshold:.3f}" in save.label


@pytest.mark.usefixtures("finished_run")
def test_a_link_opens_its_threshold() -> None:
    app = run_page("threshold", model="finished (run)", threshold="0.123")
    assert not app.exception
    assert app.query_params["threshold"] == "0.123"
    app = run_page("threshold", model="finished (run)", threshold="much")
    assert not app.exception


@pytest.mark.usefixtures("finished_run")
def test_a_link_names_its_model_by_title_key_or_name() -> None:
    for name in ("finished (run)", "run/finished", "finished"):
        app = run_page("threshold", model=name)
        assert not app.exception
        assert app.selectbox(key="model").value == "run/finished"
        assert not app.warning
    app = run_page("threshold", model="gone (run)")
    assert "There is no model 'gone (run)' here" in app.warning[0].value


def test_without_the_data_the_page_says_so_and_shows_what_is_known(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    monkeypatch.setenv("ISOLINE_REALDATA", "/nowhere")
    app = run_page("threshold", model="isbi2012-unet")
    assert not app.exception
    assert "is not on this machine" in app.info[0].value
    assert "Pooled" in app.dataframe[0].value.columns


def test_a_model_that_was_not_trained_has_no_parts(home: Path) -> None:
    del home
    app = run_page("threshold", model="classical/otsu (no training)")
    assert not app.exception
    assert "was not trained" in app.info[0].value


def test_the_table_holds_every_threshold(ready: Shown) -> None:
    rows = list(csv.DictReader(io.StringIO(threshold_views.curves_csv(ready.curves))))
    assert len(rows) == 1001
    assert float(rows[412]["pooled_dice"]) == ready.curves.pooled["dice"][412]


@pytest.mark.parametrize(
    "choice",
    [
        None,
        5,
        {},
        {"context": "other", "k": 5},
        *({"context": "c", "k": k} for k in (-1, 1001, True, 2.5)),
    ],
)
def test_nothing_the_browser_says_is_trusted(choice: object) -> None:
    assert chosen_manually(choice, context="c") is None


def test_what_the_hand_chose_is_taken() -> None:
    assert chosen_manually({"context": "c", "k": 412}, context="c") == 412


def test_tiles_are_small_and_their_pixels_are_pixels_of_the_map() -> None:
    image, levels, truth = drawn(300, 5)
    small = tile(image, levels, truth, 100)
    assert small.levels.shape == (100, 100)
    assert set(np.unique(small.levels)) <= set(np.unique(levels))
    assert tile_side(64) == 256
    assert tile_side(1) == 512
    assert tile_side(400) >= 96


# ---- In Chromium ----


@pytest.fixture(scope="module")
def board_url(streamlit_server: Callable[..., str]) -> str:
    return streamlit_server(Path(__file__).parent / "apps" / "threshold_app.py")


def opened(browser: Browser, url: str, **settings: Any) -> Page:
    page = browser.new_context(**settings).new_page()
    page.goto(url)
    page.wait_for_selector(".board", timeout=120_000)
    ready = "root => root.__isoline?.ready"
    page.wait_for_function(ready, arg=page.locator(".board").element_handle(), timeout=120_000)
    return page


@pytest.mark.browser
def test_the_board_follows_the_hand_and_counts_as_numpy_does(
    browser: Browser, board_url: str
) -> None:
    page = opened(
        browser, f"{board_url}/?images=6&side=96", viewport={"width": 1440, "height": 900}
    )
    board = page.locator(".board")
    images = [drawn(96, n) for n in range(6)]
    for k in (700, 300, 301, 650):
        board.evaluate("(root, k) => root.__isoline.setThreshold(k)", k)
        page.wait_for_function(
            "([root, text]) => root.querySelector('[data-number]').value === text",
            arg=[board.element_handle(), f"{k / 1000:.3f}"],
        )
        hits = [(levels >= k) & truth for _, levels, truth in images]
        area = [(levels >= k).sum() + truth.sum() for _, levels, truth in images]
        pooled = 2 * sum(map(np.sum, hits)) / sum(area)
        shown_dice = board.locator("[data-scores] tr").first.locator("td").first.inner_text()
        assert float(shown_dice) == pytest.approx(pooled, abs=5e-4)
        value = board.evaluate("(root, k) => root.__isoline.metric('pooled', 'dice', k)[0]", k)
        assert value == pytest.approx(pooled, rel=1e-12)
        for n, (_, levels, truth) in enumerate(images):
            painted = np.array(board.evaluate("(root, n) => root.__isoline.pixels(n)", n)) != 0
            assert np.array_equal(painted.reshape(96, 96), (levels >= k) | truth)
    name = "[data-chart=scores] .mark.upright"
    before = board.locator(name).bounding_box()
    board.get_by_role("slider", name="Threshold").focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.get_by_text("k=640")).to_be_visible(timeout=20_000)
    after = board.locator(name).bounding_box()
    assert before is not None
    assert after is not None
    assert after["x"] < before["x"]
    assert re.search(r"threshold=0\.640", page.url)
    scores = [float(text) for text in board.locator(".tile b").all_inner_texts()]
    assert scores == sorted(scores), "worst first"


@pytest.mark.browser
def test_a_chart_is_a_slider_and_the_point_is_one_key_away(
    browser: Browser, board_url: str
) -> None:
    page = opened(
        browser, f"{board_url}/?images=6&side=96", viewport={"width": 1440, "height": 900}
    )
    board = page.locator(".board")
    start = board.evaluate("root => root.__isoline.threshold")
    box = board.locator("[data-chart=scores] .plot").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + 60)
    assert board.evaluate("root => root.__isoline.threshold") > 600
    board.get_by_role("slider", name="Threshold").focus()
    page.keyboard.press("r")
    assert board.evaluate("root => root.__isoline.threshold") == start
    with page.expect_download() as download:
        board.get_by_role("button", name="Save this chart as SVG").first.click()
    assert "<svg" in Path(download.value.path()).read_text()


@pytest.mark.browser
def test_the_board_fits_a_phone(browser: Browser, board_url: str) -> None:
    page = opened(browser, f"{board_url}/?images=6&side=96", viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
