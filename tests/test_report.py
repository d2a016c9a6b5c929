"""The report says where its mask comes from, as page and as PDF, and needs nothing from outside."""

import html
import io
import re
from typing import Any

import numpy as np
import pypdf
import pytest
from playwright.sync_api import Browser

from core.export import DISCLAIMER, Case, ModelFacts
from core.export.report import report_html, report_of, report_pdf
from core.threshold.postprocessing import PostProcessing

SHA = "0123456789abcdef" * 4
FACTS = ModelFacts(
    name="membranes-unet",
    sha256=SHA,
    architecture="unet (Ronneberger 2015)",
    trained_on="ISBI 2012 (20 training, 4 validation, 6 test images)",
    limits=("Other microscopes differ.",),
)


def case(**changes: Any) -> Case:
    levels = np.zeros((80, 120), np.uint16)
    levels[10:30, 20:60] = 900
    levels[50:60, 90:100] = 700
    known: dict[str, Any] = {
        "name": "<b>cell & 1</b>",
        "image": np.full((80, 120), 90, np.uint8),
        "levels": levels,
        "k": 564,
        "threshold_source": "Best Dice on validation",
        "model": FACTS,
        "post_processing": PostProcessing(minimum_area_px=5),
        "spacing_mm": (0.5, 0.5),
    }
    return Case(**{**known, **changes})


def texts_of(given: Case) -> dict[str, str]:
    """Both reports as text, line breaks as spaces."""
    page = re.sub(r"<style>.*?</style>|<[^>]+>", " ", report_html(given).decode(), flags=re.DOTALL)
    page = html.unescape(page)
    sheet = " ".join(p.extract_text() for p in pypdf.PdfReader(io.BytesIO(report_pdf(given))).pages)
    return {"html": " ".join(page.split()), "pdf": " ".join(sheet.split())}


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_a_report_says_what_was_done(kind: str) -> None:
    text = texts_of(case())[kind]
    for words in (
        *("<b>cell & 1</b>", DISCLAIMER, "225.00 mm² (900 px)", "0.564", "Best Dice on validation"),
        *("components under 5 px dropped", "membranes-unet", SHA, "unet (Ronneberger 2015)"),
        *("ISBI 2012 (20 training, 4 validation, 6 test images)", "Other microscopes differ."),
        *("area, mm²", "200.00", "25.00", "0.900", "0.700"),
    ):
        assert words in text, words


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_pixels_are_called_pixels(kind: str) -> None:
    text = texts_of(case(spacing_mm=None))[kind]
    assert "unknown, so sizes are in pixels" in text
    assert "area, px" in text
    assert "mm²" not in text


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_nothing_found_is_said(kind: str) -> None:
    text = texts_of(case(k=1000))[kind]
    assert "Nothing is segmented at this threshold." in text


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_a_volume_is_in_millilitres(kind: str) -> None:
    levels = np.zeros((6, 80, 120), np.uint16)
    levels[2:5, 10:30, 20:60] = 900
    text = texts_of(case(levels=levels, image=levels.astype(np.uint8), spacing_mm=(5.0, 0.5, 0.5)))[
        kind
    ]
    assert "3.000 ml (2,400 voxels)" in text
    assert "slice 3 of 6, where most is segmented" in text


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_the_sides_of_the_patient_are_said_and_drawn(kind: str) -> None:
    unstated = texts_of(case())[kind]
    assert "not stated in the file" in unstated
    text = texts_of(case(sides="RLAP"))[kind]
    assert "the patient's right side is at the left, anterior is at the top" in text
    assert set(re.findall(r"\b[RLAP]\b", text)) == {*"RLAP"}
    assert not re.findall(r"\b[RLAP]\b", unstated)


def test_letters_stand_at_their_edges() -> None:
    drawn = re.findall(
        r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>([RLSI])</text>',
        report_html(case(sides="RLSI")).decode(),
    )
    at = {letter: (float(x), float(y)) for x, y, letter in drawn}
    assert at["R"][0] < 10
    assert at["L"][0] > 110
    assert at["R"][1] == at["L"][1] == 40
    assert at["S"][1] < 10
    assert at["I"][1] > 70
    assert at["S"][0] == at["I"][0] == 60


def test_what_the_table_leaves_out_is_summed_up() -> None:
    levels = np.zeros((60, 60), np.uint16)
    levels[::4, ::4] = 1000
    report = report_of(
        case(levels=levels, image=np.zeros((60, 60), np.uint8), post_processing=PostProcessing())
    )
    assert len(report.rows) == 50
    assert "175 smaller components, 175 pixels in all, are not listed." in report.note


def test_a_correction_is_said() -> None:
    corrected = np.zeros((80, 120), bool)
    assert "the mask was corrected manually" in texts_of(case(corrected=corrected))["html"]


def test_the_page_takes_nothing_from_outside() -> None:
    page = report_html(case()).decode()
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert "http" not in page


def test_letters_a_pdf_font_has_not_are_no_fault() -> None:
    assert report_pdf(case(name="画像 №1")).startswith(b"%PDF")


@pytest.mark.browser
def test_the_page_prints_on_a4(browser: Browser, tmp_path: Any) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(report_html(case()))
    page = browser.new_page(viewport={"width": 794, "height": 1123})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    picture = page.locator("img").bounding_box()
    marks = page.locator("svg").bounding_box()
    assert picture is not None
    assert marks is not None
    assert picture == pytest.approx(marks, abs=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    printed = pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    assert len(printed.pages) == 1
    assert [round(float(side)) for side in printed.pages[0].mediabox[2:]] == [595, 842]
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}
    page.close()
