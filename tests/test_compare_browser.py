"""The page Compare in Chromium: linked zoom, a threshold for each model, links, clicks, a phone."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.evaluation.of_model import assess_model
from core.models import load_run
from core.runs import Run

pytestmark = pytest.mark.browser
MODELS = ("finished (run)", "classical/otsu")


@pytest.fixture(scope="module")
def site(streamlit_server: Callable[..., str], finished_run: Run) -> str:
    """The dashboard with a finished run beside what is shipped."""
    del finished_run
    return streamlit_server("dashboard/app.py")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    yield page
    context.close()
    assert faults == []


def opened(page: Page, site: str, **address: str) -> Locator:
    query = urlencode([("models", name) for name in MODELS] + list(address.items()))
    page.goto(f"{site}/compare?{query}")
    return painted(page)


def painted(page: Page) -> Locator:
    root = page.locator(".compared")
    expect(root).to_be_visible(timeout=120_000)
    page.wait_for_function("root => root.__isoline?.ready", arg=root.element_handle())
    return root


def image_of(page: Page) -> str:
    return page.locator(".compared [data-title]").inner_text()


def test_each_side_counts_what_the_evaluation_counts(
    page: Page, site: str, finished_run: Run
) -> None:
    root = opened(page, site)
    expect(root.locator(".side .name b")).to_have_text(["finished", "classical/otsu"])
    trained = load_run(finished_run)
    found = assess_model(trained, "test", data=Path(str(finished_run.config.data)))
    row = next(row for row in found.document["images"] if row["id"] == image_of(page))
    point = trained.operating_point.k
    counts = root.evaluate("(root, k) => root.__isoline.counts(0, k)", point)
    assert [counts["tp"], counts["fp"], counts["fn"]] == row["counts"][:3]
    assert root.evaluate("root => root.__isoline.thresholds") == [point, 500]
    expect(root.locator(".side .score").first).to_have_text(f"Dice {row['dice']:.3f}")


def test_zoom_is_linked_and_a_threshold_is_one_models_own(page: Page, site: str) -> None:
    root = opened(page, site)
    stages = root.locator(".side .stage")
    before = [root.evaluate("(root, n) => root.__isoline.pixels(n)", n) for n in (0, 1)]
    root.get_by_role("slider", name="Threshold of classical/otsu").fill("1000")
    page.wait_for_function("root => root.__isoline.ready", arg=root.element_handle())
    after = [root.evaluate("(root, n) => root.__isoline.pixels(n)", n) for n in (0, 1)]
    assert after[0] == before[0]
    assert after[1] != before[1]
    scale = root.evaluate("root => root.__isoline.view.scale")
    stages.nth(1).hover()
    page.mouse.wheel(0, -400)
    page.wait_for_function(
        "([root, scale]) => root.__isoline.view.scale > 1.5 * scale",
        arg=[root.element_handle(), scale],
    )
    zoomed = root.evaluate("(root, n) => root.__isoline.pixels(n)", 0)
    assert zoomed != before[0], "the other side moved, too"
    root.focus()
    page.keyboard.press("0")
    page.wait_for_function(
        "([root, scale]) => root.__isoline.view.scale === scale", arg=[root.element_handle(), scale]
    )


def test_a_link_reopens_thresholds_image_and_look(page: Page, site: str) -> None:
    root = opened(page, site, show="Scores")
    slider = root.get_by_role("slider", name="Threshold of classical/otsu")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"thresholds=[^&]*-501"), timeout=30_000)
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    again = painted(page)
    assert again.evaluate("root => root.__isoline.thresholds")[1] == 501
    expect(page.get_by_text("How does Dice spread over the images?")).to_be_visible()


def test_a_click_on_a_point_shows_its_image(page: Page, site: str) -> None:
    opened(page, site, show="Scores")
    first = image_of(page)
    points = page.locator(".js-plotly-plot").first.locator(".scatterlayer .trace path.point")
    expect(points.first).to_be_visible(timeout=30_000)
    seen = {first}
    for place in range(points.count()):
        points.nth(place).click(force=True)
        page.wait_for_timeout(1500)
        painted(page)
        seen.add(image_of(page))
        if len(seen) > 1:
            break
    assert len(seen) > 1
    expect(page).to_have_url(re.compile("image="))


def test_the_table_is_downloaded_as_latex(page: Page, site: str) -> None:
    opened(page, site)
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="LaTeX", exact=True).click()
    assert download.value.suggested_filename == "compare_isbi2012_test_dice.tex"
    text = download.value.path().read_text()
    assert r"\begin{tabular}" in text
    assert "finished" in text


def test_no_horizontal_scroll_on_a_phone(browser: Browser, site: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    phone = context.new_page()
    for look in ("Images", "Scores", "Speed and size"):
        query = urlencode([("models", name) for name in MODELS] + [("show", look)])
        phone.goto(f"{site}/compare?{query}")
        expect(phone.get_by_text("Research use only")).to_be_visible(timeout=120_000)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, look
    context.close()
