"""The viewer's post-processing of a large map: made in slices, exact, and never lost on the way."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from core.levels import mask_at
from core.threshold.postprocessing import PostProcessing, clean
from dashboard.components.viewer.decision import covered
from tests.apps.viewer_data import drawn

pytestmark = pytest.mark.browser
SIZE, SEED, AREA = 1024, 7, 60
MASK = PostProcessing(minimum_area_px=AREA, fill_holes=True)
BEATS = """() => {
  const beats = (window.beats = []);
  const channel = new MessageChannel();
  let last = performance.now();
  channel.port1.onmessage = () => {
    const now = performance.now();
    beats.push(now - last);
    last = now;
    if (!window.still) channel.port2.postMessage(null);
  };
  channel.port2.postMessage(null);
}"""


@pytest.fixture(scope="module")
def url(streamlit_server: Callable[..., str]) -> str:
    return streamlit_server("tests/apps/viewer_app.py")


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.goto(f"{url}/?size={SIZE}&seed={SEED}")
    expect(page.locator(".isoline")).to_be_visible(timeout=30_000)
    settled(page)
    page.locator("[data-action=options]").click()
    yield page
    context.close()
    assert faults == []


def hook(page: Page, what: str, argument: object = None) -> Any:
    code = f"(root, argument) => {{ const it = root.__isoline; return {what}; }}"
    return page.locator(".isoline").evaluate(code, argument)


def settled(page: Page) -> None:
    page.wait_for_function(
        "root => root.__isoline?.ready && !root.__isoline.cleaning",
        arg=page.locator(".isoline").element_handle(),
        timeout=30_000,
    )


def ask(page: Page) -> None:
    """Holes filled, and what is small dropped, in one task: nothing is ready in between."""
    page.locator(".isoline").evaluate(
        """(root, area) => {
          root.querySelector("[data-action=holes]").click();
          const typed = root.querySelector("[data-clean-number]");
          typed.value = area;
          typed.dispatchEvent(new Event("change"));
        }""",
        AREA,
    )


def shown(page: Page) -> NDArray[np.bool_]:
    runs = hook(page, "it.mask")
    return covered(tuple(runs[: len(runs) // 2 * 2]), (SIZE, SIZE))


def test_the_page_goes_on_answering_and_the_mask_is_that_of_python(page: Page) -> None:
    page.evaluate(BEATS)
    ask(page)
    assert hook(page, "it.cleaning"), "there is something to wait for"
    settled(page)
    beats = page.evaluate("() => { window.still = true; return window.beats; }")
    assert len(beats) > 20
    assert max(beats) < max(100, sum(beats) / 5), sorted(beats)[-5:]
    levels = drawn(SIZE, SEED)[1]
    expect(page.get_by_text(f"{AREA} px dropped, holes filled")).to_be_visible()
    for k in (1, 412, 800):
        hook(page, "it.setThreshold(argument)", k)
        np.testing.assert_array_equal(shown(page), clean(mask_at(levels, k), MASK))


def test_the_threshold_and_a_later_wish_are_heard_meanwhile(page: Page) -> None:
    ask(page)
    hook(page, "it.setThreshold(argument)", 300)
    page.locator(".isoline").evaluate("root => root.querySelector('[data-action=holes]').click()")
    expect(page.locator("[data-action=holes]")).to_have_attribute("aria-pressed", "false")
    settled(page)
    levels = drawn(SIZE, SEED)[1]
    without = PostProcessing(minimum_area_px=AREA)
    np.testing.assert_array_equal(shown(page), clean(mask_at(levels, 300), without))
    words = f"threshold 0.300, components under {AREA} px dropped"
    expect(page.get_by_text(re.compile(f"{words}$"))).to_be_visible(timeout=15_000)


def test_a_wish_is_not_lost_when_the_viewer_is_left_meanwhile(page: Page) -> None:
    ask(page)
    page.get_by_text("Away").click()
    expect(page.locator(".isoline")).to_have_count(0, timeout=15_000)
    page.get_by_text("Away").click()
    expect(page.locator(".isoline")).to_be_visible(timeout=15_000)
    settled(page)
    levels = drawn(SIZE, SEED)[1]
    np.testing.assert_array_equal(shown(page), clean(mask_at(levels, 412), MASK))
    expect(page.get_by_text(f"{AREA} px dropped, holes filled")).to_be_visible()
