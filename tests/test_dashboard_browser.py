"""The whole way in Chromium: open, drag, upload, train, watch, stop; and page and command agree."""

import io
import json
import re
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from core.__main__ import main
from core.models import load_weights
from core.runs import list_runs
from core.system.home import real_data
from dashboard.common.examples import example_names, open_example
from tests.layout import unfold, uploader

pytestmark = pytest.mark.browser
LEVELS = sorted({0, 1, 250, 500, 750, 999, 1000, *range(17, 1000, 48)})


@pytest.fixture(scope="module")
def site(streamlit_server: Callable[..., str]) -> str:
    """The dashboard as it is shipped."""
    return streamlit_server("dashboard/app.py")


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """The landing page with its first prediction painted."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(site)
    painted(page)
    yield page
    context.close()
    assert faults == []


def painted(page: Page, title: str = "") -> Locator:
    root = page.locator(".isoline")
    expect(root).to_be_visible(timeout=60_000)
    if title:
        expect(root).to_contain_text(title, timeout=60_000)
    page.wait_for_function("root => root.__isoline?.ready", arg=root.element_handle())
    return root


def upload(page: Page, name: str, content: bytes) -> None:
    uploader(page).set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def png(array: np.ndarray[Any, np.dtype[np.generic]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def test_browser_and_command_line_agree_at_every_threshold(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a real slice where there is one: its counts in the page are those of the written masks."""
    held_out = load_weights("isbi2012-unet").split.test
    picture = open_example(next(iter(example_names("isbi2012", held_out))))
    assert real_data() is None or "ISBI" in picture.title
    file = tmp_path / "slice.png"
    file.write_bytes(png(picture.image))
    root = page.locator(".isoline")
    assert len(LEVELS) >= 25
    for k in LEVELS:
        words = ["predict", "--weights", "isbi2012-unet", str(file), "--out", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["core", *words, "--threshold", f"{k / 1000}", "--json"])
        assert main() == 0
        (row,) = json.loads(capsys.readouterr().out)
        mask = np.asarray(Image.open(row["mask"])) == 255
        counts = root.evaluate("(root, k) => root.__isoline.counts(k)", k)
        assert counts["foreground"] == mask.sum() == row["foreground_px"], k
        if picture.truth is not None:
            assert counts["tp"] == (mask & picture.truth).sum(), k


def test_the_mask_download_follows_the_threshold(page: Page) -> None:
    root = page.locator(".isoline")
    root.get_by_role("slider", name="Threshold").focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("Mask at threshold 0.000")).to_be_visible()
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Mask", exact=True).click()
    assert download.value.suggested_filename.endswith("_mask.png")
    mask = np.asarray(Image.open(download.value.path()))
    assert (mask == 255).all()  # every pixel has a probability of at least 0


def npy(array: np.ndarray[Any, np.dtype[np.generic]]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.png", b"", "empty.png"),
        ("words.png", b"no image at all", "words.png"),
        ("cut.png", png(np.full((64, 64), 9, np.uint8))[:60], "cut.png"),
        ("dot.png", png(np.zeros((1, 1), np.uint8)), "at least 16"),
    ],
)
def test_a_bad_upload_is_one_sentence(page: Page, name: str, content: bytes, words: str) -> None:
    upload(page, name, content)
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text(words, timeout=20_000)
    assert "Traceback" not in page.content()
    expect(page.get_by_text("Research use only")).to_be_visible()


@pytest.mark.parametrize("shape", [(16, 16), (48, 300), (300, 200, 3)])
def test_an_upload_of_any_shape_is_painted(page: Page, shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    upload(page, "mine.png", png(picture))
    root = painted(page, "mine.png")
    foreground = root.evaluate("root => root.__isoline.counts(0).foreground")
    assert foreground == shape[0] * shape[1]


def test_what_is_wrong_stands_where_the_picture_would_and_the_foot_below(page: Page) -> None:
    left = page.get_by_role("combobox", name="Model")
    upload(page, "cut.png", png(np.full((64, 64), 9, np.uint8))[:60])
    alert = page.get_by_test_id("stAlertContentError")
    expect(alert).to_contain_text("cut.png", timeout=20_000)
    expect(page.locator(".isoline")).to_have_count(0)
    foot = page.get_by_text("Research use only").last
    boxes = [part.bounding_box() for part in (left, alert, foot)]
    rail, said, end = (box for box in boxes if box is not None)
    assert said["x"] > rail["x"] + rail["width"], "not in the narrow rail"
    assert said["y"] < 200
    assert end["x"] < rail["x"] + rail["width"]
    assert end["y"] > said["y"]


def test_doubts_of_a_picture_are_one_box_and_unread_files_one_line(page: Page) -> None:
    """Several boxes pushed the image below the first screen."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("cells.png", png(np.zeros((40, 30), np.uint8)))
        archive.writestr("read me.txt", "words")
        archive.writestr("more.txt", "words")
    upload(page, "mixed.zip", content.getvalue())
    painted(page, "cells.png")
    doubts = page.get_by_test_id("stAlertContentWarning")
    expect(doubts).to_have_count(1)
    expect(doubts.get_by_role("listitem")).to_have_count(2)
    folder = unfold(page, "2 files cannot be read")
    expect(folder).to_contain_text("read me.txt: not an image")


def test_a_volume_too_thin_for_a_model_says_which_plane(page: Page) -> None:
    upload(page, "thin.npy", npy(np.zeros((4, 40, 40), np.uint8)))
    painted(page, "thin.npy")
    page.get_by_role("radio", name="Coronal").click()
    alert = page.get_by_test_id("stAlertContentError")
    expect(alert).to_contain_text("thin.npy: its coronal slices are 40 x 4", timeout=20_000)
    expect(page.get_by_test_id("stAlertContentWarning")).to_have_count(0)


def test_no_horizontal_scroll_on_a_phone(browser: Browser, site: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    phone = context.new_page()
    for path in ("", "train", "runs"):
        phone.goto(f"{site}/{path}")
        expect(phone.get_by_text("Research use only")).to_be_visible(timeout=60_000)
        width = phone.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, path
    context.close()


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """A training that outlives its test would slow down all that follow."""
    yield
    for run in list_runs():
        if process := run.process():
            process.kill()


@pytest.mark.usefixtures("nothing_left_behind")
def test_a_training_is_started_watched_and_stopped(page: Page, site: str) -> None:
    page.goto(f"{site}/train")
    page.get_by_label("Epochs", exact=True).fill("500")
    page.get_by_label("Epochs", exact=True).press("Enter")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text(re.compile("Epoch [2-9] of 500"))).to_be_visible(timeout=120_000)
    expect(page.get_by_text("How good is the mask on validation?").first).to_be_visible()
    page.reload()
    expect(page.get_by_text(re.compile(r"Epoch \d+ of 500"))).to_be_visible(timeout=30_000)
    page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("stopped by request")).to_be_visible(timeout=15_000)
    run = list_runs()[0]
    deadline = time.monotonic() + 10
    while run.process() is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert run.status["state"] == "stopped"
    assert run.checkpoint("last").exists()
    page.goto(f"{site}/runs")
    expect(page.get_by_text(run.name).first).to_be_visible(timeout=20_000)


def test_buttons_of_charts_and_tables_hide_no_words_on_a_phone(browser: Browser, site: str) -> None:
    """Where nothing hovers they are always there: over the title, the verdict, the heading."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    phone = context.new_page()
    phone.goto(f"{site}/papers")
    chart = phone.get_by_test_id("stPlotlyChart").first
    buttons = chart.locator(".modebar-btn:visible")
    expect(buttons.first).to_be_attached(timeout=60_000)
    title = chart.locator(".gtitle").bounding_box()
    for place in [button.bounding_box() for button in buttons.all()]:
        assert title is not None
        assert place is not None
        assert place["x"] >= title["x"] + title["width"]
    bars = phone.get_by_test_id("stDataFrame").get_by_test_id("stElementToolbar")
    expect(bars.first).to_be_visible(timeout=60_000)
    # of the lines of text themselves: a heading has room below
    texts = phone.evaluate(
        """() => [...document.querySelectorAll('h3, h4, h5, [data-testid=stMarkdownContainer] p')]
            .flatMap(part => {
                const range = document.createRange()
                range.selectNodeContents(part)
                return [...range.getClientRects()].map(({top, bottom}) => ({top, bottom}))
            })"""
    )
    assert len(texts) > 10
    for bar in bars.all():
        place = bar.bounding_box()
        assert place is not None
        for box in texts:
            below = box["top"] >= place["y"] + place["height"] - 1
            assert below or box["bottom"] <= place["y"] + 1, (box, place)
    context.close()
