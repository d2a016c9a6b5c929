"""The whole way on the page Predict: upload, threshold, correct, download, be trained on it."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from core.data import open_dataset
from core.data.datasets.phantoms import draw
from core.levels import mask_at
from core.models import load_weights
from core.system.home import home
from dashboard.components.viewer.decision import covered
from tests.layout import unfold, uploader

pytestmark = pytest.mark.browser
SIZE = 96


@pytest.fixture(scope="module")
def site(streamlit_server: Callable[..., str]) -> str:
    return streamlit_server("dashboard/app.py")


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """The page with a synthetic image of 16 bits uploaded; a script error fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(f"{site}/?model=weights%2Fclassical%2Fotsu")
    painted(page)
    values = draw("nuclei", index=0, size=SIZE).image.astype(np.uint16) * 200 + 1000
    upload(page, "cells one.png", png(values))
    painted(page, "cells one.png")
    yield page
    context.close()
    assert faults == []


def painted(page: Page, title: str = "") -> Locator:
    root = page.locator(".isoline")
    expect(root).to_be_visible(timeout=60_000)
    expect(root.locator("[data-title]")).to_contain_text(title, timeout=60_000)
    page.wait_for_function("root => root.__isoline?.ready", arg=root.element_handle())
    return root


def png(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def upload(page: Page, name: str, content: bytes, label: str = "or your own image") -> None:
    uploader(page, label).set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )


def shown_mask(page: Page) -> NDArray[np.bool_]:
    runs = page.locator(".isoline").evaluate("root => root.__isoline.mask")
    return covered(tuple(runs[: len(runs) // 2 * 2]), (SIZE, SIZE))


def download(page: Page, name: str, press: Callable[[Locator], None]) -> tuple[str, bytes]:
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_be_visible()
    with page.expect_download() as found:
        press(button)
    return found.value.suggested_filename, Path(found.value.path()).read_bytes()


def mask_in(content: bytes) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = np.asarray(Image.open(io.BytesIO(content))) == 255
    return mask


def click(button: Locator) -> None:
    button.click()


def enter(button: Locator) -> None:
    button.focus()
    button.press("Enter")


def heard(page: Page, words: str) -> None:
    expect(page.get_by_text(re.compile(f"^Mask at .*{words}"))).to_be_visible()


def test_by_mouse(page: Page) -> None:
    track = page.locator(".track").bounding_box()
    assert track is not None
    y = track["y"] + track["height"] / 2
    page.mouse.move(track["x"] + track["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] * 0.62, y, steps=5)
    page.mouse.up()
    k = page.locator(".isoline").evaluate("root => root.__isoline.threshold")
    heard(page, f"threshold {k / 1000:.3f}")
    plain = shown_mask(page)
    page.locator("[data-action=edit]").click()
    stage = page.locator(".stage").bounding_box()
    assert stage is not None
    middle = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 120, middle[1] + 90, steps=6)
    page.mouse.up()
    heard(page, "put in")
    mask = shown_mask(page)
    assert mask.sum() > plain.sum()
    page.get_by_role("button", name="Download").click()
    name, content = download(page, "Mask", click)
    assert name == "cells-one_mask.png"
    np.testing.assert_array_equal(mask_in(content), mask)
    _, table = download(page, "Measurements, CSV", click)
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    assert sum(int(row["area_px"]) for row in rows) == mask.sum()
    _, report = download(page, "Report, HTML", click)
    assert b"Research use only" in report
    assert page.get_by_role("button", name="DICOM segmentation").count() == 0
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Learn from this").click()
    page.get_by_label("Data set").fill("by-mouse")
    page.get_by_label("Data set").press("Enter")
    page.get_by_role("button", name="Add image and mask").click()
    expect(page.get_by_text("corrections-by-mouse holds 1 sample")).to_be_visible(timeout=20_000)
    dataset = open_dataset("folder", home() / "datasets" / "corrections-by-mouse")
    (sample,) = dataset.samples
    np.testing.assert_array_equal(dataset.truth(sample) > 0, mask)


def test_by_keyboard(page: Page) -> None:
    page.locator(".track").focus()
    for key in ("PageUp", "Shift+ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    k = page.locator(".isoline").evaluate("root => root.__isoline.threshold")
    heard(page, f"threshold {k / 1000:.3f}")
    page.locator(".stage").focus()
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    heard(page, "taken out")
    before = shown_mask(page)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(shown_mask(page), before)
    heard(page, "taken out")
    popover = page.get_by_role("button", name="Download")
    enter(popover)
    _, content = download(page, "Mask", enter)
    np.testing.assert_array_equal(mask_in(content), before)
    _, labels = download(page, "Numbered components", enter)
    assert ((np.asarray(Image.open(io.BytesIO(labels))) > 0) == before).all()


def test_an_uploaded_truth_is_compared_and_keeps_the_corrections(page: Page) -> None:
    page.locator(".stage").focus()
    for key in ("b", "Enter", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    heard(page, "put in")
    before = shown_mask(page)
    expect(page.locator("[data-action=truth]")).to_be_hidden()
    unfold(page, "More")
    truth = draw("nuclei", index=0, size=SIZE).truth.astype(np.uint8)
    upload(page, "truth.png", png(truth), "Truth mask")
    expect(page.locator("[data-action=truth]")).to_be_visible(timeout=20_000)
    np.testing.assert_array_equal(shown_mask(page), before)
    heard(page, "put in")
    counts = page.locator(".isoline").evaluate("r => r.__isoline.counts(r.__isoline.threshold)")
    assert counts["tp"] == (before & (truth > 0)).sum()
    assert counts["fn"] == (~before & (truth > 0)).sum()


def test_a_truth_of_another_size_is_one_sentence(page: Page) -> None:
    unfold(page, "More")
    upload(page, "small.png", png(np.zeros((32, 48), np.uint8)), "Truth mask")
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("small.png: 48x32 pixels, the image has 96x96", timeout=20_000)


def test_uncertainty_is_shown_where_it_is_asked_for(page: Page) -> None:
    expect(page.locator("[data-action=uncertainty]")).to_be_hidden()
    unfold(page, "More")
    page.get_by_text("Show uncertainty").click()
    button = page.locator("[data-action=uncertainty]")
    expect(button).to_be_visible(timeout=30_000)
    button.click()
    expect(page.locator("[data-key=uncertainty]")).to_contain_text("8 views")


def test_a_picture_of_16_bits_has_a_window(page: Page) -> None:
    page.locator("[data-action=options]").click()
    expect(page.locator("[data-window]")).to_be_visible()
    page.get_by_role("button", name="As opened").click()
    window = page.locator(".isoline").evaluate("root => root.__isoline.window")
    assert window["center"] > 1000


def choose(page: Page, name: str) -> None:
    page.get_by_role("combobox", name="Which one").click()
    page.get_by_role("option", name=name).click()


def test_the_picture_just_brought_is_shown_until_another_is_chosen(page: Page) -> None:
    """The first is there already; a file that cannot be read changes nothing."""
    first = shown_mask(page)
    images = [draw("nuclei", index=n, size=SIZE).image for n in (1, 2)]
    upload(page, "cells two.png", png(images[0]))
    painted(page, "cells two.png")
    second = shown_mask(page)
    otsu = load_weights("classical/otsu")
    expected = mask_at(otsu.predictor.levels(images[0]), otsu.operating_point.k)
    np.testing.assert_array_equal(second, expected)
    assert (first != second).any()
    choose(page, "cells one.png")
    painted(page, "cells one.png")
    np.testing.assert_array_equal(shown_mask(page), first)
    upload(page, "letter.png", b"no picture")
    expect(page.get_by_test_id("stAlert")).to_contain_text("letter.png", timeout=20_000)
    painted(page, "cells one.png")
    upload(page, "cells two.png", png(images[1]))
    painted(page, "cells two.png")
    picker = page.get_by_role("combobox", name="Which one")
    expect(picker).to_have_value(re.compile("no. 2$"))
    assert (shown_mask(page) != second).any(), "of one name, yet another image"
    choose(page, "cells one.png")
    painted(page, "cells one.png")
    remove = page.get_by_test_id("stFileChipDeleteBtn").get_by_role("button")
    for left in (3, 2):  # others go, what is shown stays
        remove.last.click()
        expect(remove).to_have_count(left)
        painted(page, "cells one.png")
    remove.first.click()
    painted(page, "cells two.png")
    np.testing.assert_array_equal(shown_mask(page), second)


def open_page(browser: Browser, site: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.goto(f"{site}/?model=weights%2Fclassical%2Fotsu")
    painted(page)
    return page


@pytest.mark.realdata
def test_a_damaged_file_among_others_hides_none_of_them(page: Page) -> None:
    good = png(draw("nuclei", index=1, size=SIZE).image)
    files = [("a broken.png", good[:40]), ("b cells.png", good), ("c cells.png", good)]
    brought: list[FilePayload] = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        for name, content in files
    ]
    uploader(page).set_input_files(brought)
    painted(page, "b cells.png")
    expect(page.get_by_text("a broken.png: the PNG data are damaged")).to_be_visible()
    page.get_by_role("combobox", name="Which one").click()
    page.get_by_role("option", name="a broken.png").click()
    expect(page.locator(".isoline")).to_be_hidden()
    expect(page.get_by_test_id("stAlertContentError")).to_contain_text("a broken.png")
    page.get_by_role("combobox", name="Which one").click()
    page.get_by_role("option", name="c cells.png").click()
    painted(page, "c cells.png")


def test_a_dicom_picture_goes_out_as_a_dicom_segmentation(
    browser: Browser, site: str, realdata: Path
) -> None:
    import pydicom

    file = next(realdata.glob("dicom_samples/**/MR_small.dcm"))
    page = open_page(browser, site)
    upload(page, "MR_small.dcm", file.read_bytes())
    painted(page, "MR_small.dcm")
    page.get_by_role("button", name="Download").click()
    name, content = download(page, "DICOM segmentation", click)
    assert name == "MR_small_seg.dcm"
    segmentation = pydicom.dcmread(io.BytesIO(content))
    source = pydicom.dcmread(file)
    assert segmentation.Modality == "SEG"
    assert segmentation.StudyInstanceUID == source.StudyInstanceUID
    runs = page.locator(".isoline").evaluate("root => root.__isoline.mask")
    expected = covered(tuple(runs[: len(runs) // 2 * 2]), (source.Rows, source.Columns))
    np.testing.assert_array_equal(segmentation.pixel_array.reshape(expected.shape) > 0, expected)
    page.context.close()


@pytest.mark.realdata
def test_a_zipped_series_is_looked_at_slice_by_slice(
    browser: Browser, site: str, realdata: Path
) -> None:
    import zipfile

    files = sorted(realdata.glob("dicom_samples/**/1[1-4].dcm"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in files:
            archive.write(file, file.name)
    page = open_page(browser, site)
    upload(page, "series.zip", packed.getvalue())
    root = painted(page, f"axial slice {len(files) // 2 + 1} of {len(files)}")
    page.locator("[data-action=options]").click()
    page.get_by_role("button", name="Brain").click()
    assert root.evaluate("root => root.__isoline.window") == {"center": 40, "width": 80}
    slider = page.get_by_role("slider", name="Slice")
    slider.focus()
    slider.press("ArrowRight")
    painted(page, f"axial slice {len(files) // 2 + 2} of {len(files)}")
    assert page.get_by_role("button", name="DICOM segmentation").count() == 0
    page.context.close()
