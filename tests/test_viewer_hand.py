"""Post-processing, components, corrections, window in Chromium: as Python makes them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect

from core.export.measure import Component, components, measure
from core.levels import mask_at
from core.threshold.postprocessing import PostProcessing, clean
from dashboard.components.viewer import Decision
from dashboard.components.viewer.decision import covered
from tests.apps.viewer_data import drawn, drawn_raw

pytestmark = pytest.mark.browser
APP = Path(__file__).parent / "apps" / "viewer_app.py"
Opener = Callable[..., Page]
KS = (0, 1, 90, 250, 412, 413, 600, 850, 999, 1000)


@pytest.fixture(scope="module")
def url(streamlit_server: Callable[..., str]) -> str:
    return streamlit_server(APP)


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Opener]:
    """Open the fixture page: ``visit("size=64", width=390)``; a script error fails the test."""
    contexts = []
    errors: list[str] = []

    def go(options: str = "", *, width: int = 1280, height: int = 900, **settings: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{url}/?{options}")
        ready(page)
        return page

    yield go
    for context in contexts:
        context.close()
    assert errors == []


def ready(page: Page) -> Locator:
    root = page.locator(".isoline")
    expect(root).to_be_visible(timeout=30_000)
    page.wait_for_function("root => root.__isoline?.ready", arg=root.element_handle())
    return root


def hook(page: Page, what: str, argument: object = None) -> Any:
    """A metric of the viewer: ``hook(page, "it.counts(argument)", 412)``."""
    code = f"(root, argument) => {{ const it = root.__isoline; return {what}; }}"
    return page.locator(".isoline").evaluate(code, argument)


def set_threshold(page: Page, k: int) -> None:
    hook(page, "it.setThreshold(argument)", k)


def mask_of(page: Page, size: int) -> NDArray[np.bool_]:
    runs = hook(page, "it.mask")
    return covered(tuple(runs[: len(runs) // 2 * 2]), (size, size))


def decision_of(page: Page) -> Decision:
    found = hook(page, "it.decision")
    area, holes = found["minimum_area_px"], found["fill_holes"]
    return Decision(
        k=found["k"],
        post_processing=PostProcessing(minimum_area_px=area, fill_holes=holes),
        added=tuple(found["added"]),
        removed=tuple(found["removed"]),
    )


def agrees(page: Page, size: int = 256, seed: int = 7) -> NDArray[np.bool_]:
    """The mask on show, after checking that Python makes the same and has been asked."""
    levels = drawn(size, seed)[1]
    decision = decision_of(page)
    mask = mask_of(page, size)
    np.testing.assert_array_equal(mask, decision.mask(levels))
    expect(page.get_by_text(re.compile(f"^px0={mask.sum()} "))).to_be_visible()
    expect(page.get_by_text(f"decision0: {decision.words}", exact=True)).to_be_visible()
    return mask


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where on the screen an image point lies."""
    box = page.locator("[data-pane=main]").bounding_box()
    assert box is not None
    place = hook(page, "it.toScreen(...argument)", [x, y])
    return box["x"] + place["x"], box["y"] + place["y"]


def stroke(page: Page, *points: tuple[float, float]) -> None:
    page.mouse.move(*at(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*at(page, *point), steps=6)
    page.mouse.up()


def open_strip(page: Page, name: str) -> None:
    page.locator(f"[data-action={name}]").click()


# ---- Post-processing ----


@pytest.mark.parametrize(("area", "holes"), [(1, True), (2, False), (40, False), (700, True)])
def test_clean_up_is_that_of_python_at_every_threshold(
    visit: Opener, area: int, *, holes: bool
) -> None:
    page = visit("size=200&seed=5")
    open_strip(page, "options")
    page.locator("[data-clean-number]").fill(str(area))
    page.locator("[data-clean-number]").press("Enter")
    if holes:
        page.locator("[data-action=holes]").click()
    page.wait_for_timeout(200)
    _, levels, truth = drawn(200, 5)
    post_processing = PostProcessing(minimum_area_px=area, fill_holes=holes)
    for k in KS:
        expected = clean(mask_at(levels, k), post_processing)
        counts = hook(page, "it.counts(argument)", k)
        assert counts["foreground"] == expected.sum(), k
        assert counts["tp"] == (expected & truth).sum(), k
        set_threshold(page, k)
        np.testing.assert_array_equal(mask_of(page, 200), expected)
    assert hook(page, "it.counts(0).foreground") == 40_000


def test_the_clean_up_slider_follows_the_hand_and_tells_python_on_release(visit: Opener) -> None:
    page = visit()
    open_strip(page, "options")
    box = page.locator("[data-clean]").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, y)
    page.mouse.down()
    seen = set()
    for part in (0.3, 0.5, 0.7, 0.9):
        page.mouse.move(box["x"] + box["width"] * part, y)
        page.wait_for_timeout(120)
        seen.add(hook(page, "it.counts(it.threshold).foreground"))
    assert len(seen) > 1
    expect(page.get_by_text("runs=1", exact=True)).to_be_visible()
    page.mouse.up()
    agrees(page)
    expect(page.locator("[data-state]")).to_contain_text("px dropped")


# ---- Components ----


def alike(found: dict[str, Any], expected: Component, spacing: float) -> None:
    assert found["number"] == expected.number
    assert found["area"] == expected.size
    assert tuple(found["box"]) == expected.bounding_box
    assert found["atBorder"] == (expected.border_px == 0)
    assert found["probability"] == pytest.approx(expected.mean_probability, abs=1e-12)
    assert found["longest"] == pytest.approx(expected.longest.px * spacing, rel=1e-9)


@pytest.mark.parametrize("spacing", [0, 0.4])
def test_components_are_measured_as_python_does(visit: Opener, spacing: float) -> None:
    page = visit(f"size=200&seed=5&spacing={spacing}")
    page.locator("[data-action=components]").click()
    levels = drawn(200, 5)[1]
    unique = 0
    for k in (90, 412, 600, 999):
        set_threshold(page, k)
        page.wait_for_function(
            "root => root.__isoline.components", arg=page.locator(".isoline").element_handle()
        )
        labels = components(mask_at(levels, k))
        expected = measure(labels, levels=levels)
        found = hook(page, "it.components")
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            alike(ours, theirs, spacing or 1)
            ends = sorted((end["y"] - 0.5, end["x"] - 0.5) for end in ours["ends"])
            if np.allclose(ends, sorted(theirs.longest.ends)):  # of equal diameters the same one
                across = theirs.perpendicular.px * (spacing or 1)
                assert ours["perpendicular"] == pytest.approx(across, rel=1e-9, abs=1e-9)
                unique += 1
    assert unique > 20


def test_rows_and_picture_are_linked_both_ways(visit: Opener) -> None:
    page = visit("size=256&seed=5")
    page.locator(".stage").focus()
    page.keyboard.press("n")
    rows = page.locator("[data-list-body] tr:visible")
    labels = components(mask_at(drawn(256, 5)[1], 412))
    expect(page.locator("[data-list-count]")).to_have_text(f"{labels.max()} components")
    assert rows.count() == labels.max()
    y, x = np.argwhere(labels == 2)[0]
    page.mouse.move(*at(page, x + 0.5, y + 0.5))
    expect(rows.nth(1)).to_have_class(re.compile("hovered"))
    page.mouse.click(*at(page, x + 0.5, y + 0.5))
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    rows.nth(0).click()
    assert hook(page, "it.selected") == 1
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    assert hook(page, "it.selected") == 2
    assert hook(page, "it.threshold") == 412, "the arrows belong to the table here"
    page.locator(".stage").focus()
    page.keyboard.press(".")
    assert hook(page, "it.selected") == 3
    page.keyboard.press(",")
    page.keyboard.press(",")
    assert hook(page, "it.selected") == 1
    page.keyboard.press("n")
    expect(page.locator("[data-list]")).to_be_hidden()


def test_a_selected_component_stays_selected_when_its_number_changes(visit: Opener) -> None:
    page = visit("size=256&seed=5")
    page.locator("[data-action=components]").click()
    page.locator("[data-list-body] tr:visible").nth(0).click()
    set_threshold(page, 700)
    page.wait_for_timeout(400)
    labels = components(mask_at(drawn(256, 5)[1], 700))
    before = components(mask_at(drawn(256, 5)[1], 412))
    y, x = np.argwhere(before == 1)[0]
    assert hook(page, "it.selected") == (labels[y, x] or None)


# ---- Corrections ----


def test_brush_and_eraser_by_mouse(visit: Opener) -> None:
    page = visit()
    plain = mask_of(page, 256)
    open_strip(page, "edit")
    stroke(page, (40.5, 60.5), (90.5, 60.5))
    added = agrees(page) & ~plain
    assert plain[60, 40:91].all() or added[60, 40:91].any()
    assert agrees(page)[60, 40:91].all()
    page.locator("[data-action=eraser]").click()
    stroke(page, (60.5, 30.5), (60.5, 120.5))
    mask = agrees(page)
    assert not mask[30:121, 60].any()
    set_threshold(page, 0)
    forced = mask_of(page, 256)
    assert not forced[30:121, 60].any(), "taken out at every threshold"
    set_threshold(page, 1000)
    assert mask_of(page, 256)[60, 40:54].all(), "put in at every threshold"
    expect(page.locator("[data-key=added]")).to_be_visible()


def test_the_brush_is_round_and_as_large_as_it_says(visit: Opener) -> None:
    page = visit("size=200&seed=5")
    set_threshold(page, 1000)
    page.locator(".stage").focus()
    page.keyboard.press("b")
    for size, pixels in ((1, 1), (3, 9), (13, 137)):
        while hook(page, "it.brush") > size:
            page.keyboard.press("[")
        while hook(page, "it.brush") < size:
            page.keyboard.press("]")
        before = mask_of(page, 200).sum()
        page.mouse.click(*at(page, 100.5, 20.5))
        mask = mask_of(page, 200)
        yy, xx = np.mgrid[:200, :200]
        assert pixels == ((yy - 20) ** 2 + (xx - 100) ** 2 <= (size / 2) ** 2).sum()
        assert mask.sum() - before == pixels
        page.keyboard.press("Control+z")


def test_undo_redo_switch_and_clear(visit: Opener) -> None:
    page = visit()
    plain = mask_of(page, 256)
    open_strip(page, "edit")
    stroke(page, (30.5, 30.5), (60.5, 30.5))
    one = mask_of(page, 256)
    stroke(page, (30.5, 50.5), (60.5, 50.5))
    two = mask_of(page, 256)
    for keys, expected in (
        (["Control+z"], one),
        (["Control+z"], plain),
        (["Control+z"], plain),
        (["Control+Shift+z", "Control+Shift+z"], two),
        (["x"], plain),
        (["x"], two),
    ):
        for key in keys:
            page.keyboard.press(key)
        np.testing.assert_array_equal(mask_of(page, 256), expected)
        assert (agrees(page) == expected).all()
    page.locator("[data-action=clear]").click()
    assert (agrees(page) == plain).all()
    page.locator("[data-action=undo]").click()
    assert (agrees(page) == two).all()


def test_polygon_by_mouse_puts_in_and_takes_out(visit: Opener) -> None:
    page = visit()
    set_threshold(page, 1000)
    assert not mask_of(page, 256)[20:60, 20:60].any()
    page.locator(".stage").focus()
    page.keyboard.press("p")
    for corner in ((20, 20), (50, 20), (50, 45), (20, 45), (20, 20)):
        page.mouse.click(*at(page, *corner))
    mask = mask_of(page, 256)
    size = mask[15:50, 15:55].sum()
    assert abs(size - 30 * 25) <= 55, "its corners fall on whole screen pixels"
    assert mask[21:44, 21:49].all()
    for corner in ((25, 25), (45, 25), (45, 40)):
        page.mouse.click(*at(page, *corner))
    page.keyboard.press("Shift+Enter")
    assert not mask_of(page, 256)[27, 30:44].any()
    page.mouse.click(*at(page, 100, 100))
    page.mouse.click(*at(page, 120, 100))
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert hook(page, "it.look.tool") is None
    assert not mask_of(page, 256)[95:120, 95:130].any()
    agrees(page)


def test_the_whole_correction_by_keyboard(visit: Opener) -> None:
    page = visit("size=64&seed=5")
    set_threshold(page, 1000)
    page.locator(".stage").focus()
    page.keyboard.press("b")
    while hook(page, "it.brush") > 1:
        page.keyboard.press("[")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    mask = agrees(page, 64, 5)
    assert mask.sum() == (drawn(64, 5)[1] == 1000).sum() + 5
    page.keyboard.press("p")
    for keys in (["Enter"], ["Shift+ArrowRight", "Enter"], ["Shift+ArrowDown", "Enter", "Enter"]):
        for key in keys:
            page.keyboard.press(key)
    assert agrees(page, 64, 5).sum() - mask.sum() == pytest.approx(50, abs=8)
    page.locator(".track").focus()
    page.keyboard.press("Home")
    assert hook(page, "it.threshold") == 0, "the track keeps its arrows"


def test_corrections_wait_for_the_way_back_and_stay_with_their_picture(visit: Opener) -> None:
    page = visit()
    open_strip(page, "edit")
    stroke(page, (30.5, 30.5), (60.5, 30.5))
    mask = agrees(page)
    page.get_by_text("Away").click()
    expect(page.locator(".isoline")).to_have_count(0)
    page.get_by_text("Away").click()
    ready(page)
    assert (agrees(page) == mask).all()
    page.get_by_role("button", name="Next image").click()
    expect(page.get_by_text("decision0: threshold 0.412", exact=True)).to_be_visible()
    page.wait_for_timeout(500)
    assert hook(page, "it.decision.added") == []
    page.get_by_text("Begin at 0.600").click()
    expect(page.get_by_text("k0=600")).to_be_visible()


def test_python_moving_the_threshold_keeps_corrections(visit: Opener) -> None:
    page = visit()
    open_strip(page, "edit")
    stroke(page, (30.5, 30.5), (60.5, 30.5))
    agrees(page)
    page.get_by_text("Begin at 0.600").click()
    expect(page.get_by_text("k0=600")).to_be_visible()
    assert agrees(page)[30, 30:61].all()


def test_a_finger_draws_and_two_zoom(visit: Opener) -> None:
    page = visit("size=64&seed=5", width=390, height=844, has_touch=True, is_mobile=True)
    set_threshold(page, 1000)
    page.locator("[data-action=edit]").tap()
    page.locator(".stage").scroll_into_view_if_needed()
    devices = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        devices.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    before = mask_of(page, 64).sum()
    touch("touchStart", at(page, 20.5, 20.5))
    touch("touchMove", at(page, 30.5, 20.5))
    touch("touchEnd")
    drawn_mask = mask_of(page, 64)
    assert drawn_mask[20, 20:31].all()
    assert drawn_mask.sum() > before
    x, y = at(page, 32, 32)
    touch("touchStart", (x - 20, y))
    touch("touchStart", (x - 20, y), (x + 20, y))
    for apart in range(25, 65, 5):
        touch("touchMove", (x - apart, y), (x + apart, y))
    touch("touchEnd")
    np.testing.assert_array_equal(mask_of(page, 64), drawn_mask)
    assert not hook(page, "it.view.fitted")


# ---- Layers and window ----


def test_uncertainty_is_a_layer_where_it_is_known(visit: Opener) -> None:
    page = visit("size=64&unsure=1")
    page.locator(".stage").focus()
    page.keyboard.press("u")
    expect(page.locator("[data-key=uncertainty]")).to_contain_text(
        "Standard deviation over 8 views"
    )
    assert hook(page, "it.look.style") == "uncertainty"
    page.locator(".stage").hover()
    expect(page.locator("[data-readout]")).to_contain_text("±")
    page.keyboard.press("u")
    assert hook(page, "it.look.style") == "contour"
    plain = visit("size=64")
    expect(plain.locator("[data-action=uncertainty]")).to_be_hidden()
    plain.locator(".stage").focus()
    plain.keyboard.press("u")
    assert hook(plain, "it.look.style") == "contour"


def grey_of(page: Page) -> NDArray[np.int64]:
    values = page.locator(".isoline").evaluate(
        """async (root) => {
            for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
            const it = root.querySelector("[data-canvas=image]");
            const { data } = it.getContext("2d").getImageData(0, 0, it.width, it.height);
            return [it.width, ...Array.from({ length: data.length / 4 }, (_, i) => data[4 * i])];
        }"""
    )
    width, *rest = values
    return np.array(rest).reshape(-1, width)


def test_the_window_maps_values_as_python_does(visit: Opener) -> None:
    page = visit("size=400&truth=0&height=400&raw=1", height=1000)
    assert hook(page, "it.view.scale") == 1
    open_strip(page, "options")
    page.get_by_role("button", name="Bone").click()
    page.wait_for_timeout(200)
    assert hook(page, "it.window") == {"center": 300, "width": 1500}
    raw = drawn_raw(drawn(400, 7)[0]).astype(np.float64)
    expected = np.rint(np.clip((raw - (300 - 750)) * 255 / 1500, 0, 255))
    shown = grey_of(page)
    left = (shown.shape[1] - 400) // 2
    assert np.abs(shown[:, left : left + 400] - expected).max() <= 1
    box = page.locator(".stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down(button="right")
    page.mouse.move(box["x"] + 400, box["y"] + 170, steps=4)
    page.mouse.up(button="right")
    moved = hook(page, "it.window")
    assert moved["width"] > 1500
    assert moved["center"] < 300
    page.get_by_label("Center", exact=False).first.focus()
    page.keyboard.press("ArrowRight")
    assert hook(page, "it.window.center") > moved["center"]


def test_everything_open_fits_a_phone(visit: Opener) -> None:
    page = visit("size=64&raw=1&unsure=1", width=390, height=844, has_touch=True, is_mobile=True)
    for name in ("components", "edit", "options"):
        page.locator(f"[data-action={name}]").tap()
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.locator(".isoline").evaluate(
        """root => [...root.querySelectorAll("button, input[type=text], label.slider, tbody tr")]
            .filter((it) => it.checkVisibility() && it.getBoundingClientRect().height < 43.5)
            .map((it) => it.title || it.className)"""
    )
    assert small == []
    outside = page.locator(".isoline").evaluate(
        """root => [...root.querySelectorAll("button, input, td")]
            .filter((it) => it.checkVisibility() && it.getBoundingClientRect().right > 391)
            .map((it) => it.title || it.className)"""
    )
    assert outside == []


def test_every_control_has_a_name_and_the_keys_are_listed(visit: Opener) -> None:
    page = visit("size=64&raw=1&unsure=1")
    nameless = page.locator(".isoline").evaluate(
        """root => [...root.querySelectorAll("button, input")].filter((it) => {
            const named = it.getAttribute("aria-label") || it.textContent.trim();
            return !named && !it.closest("label")?.textContent.trim() && !it.labels?.length;
        }).map((it) => it.outerHTML)"""
    )
    assert nameless == []
    page.locator(".stage").focus()
    page.keyboard.press("?")
    for key in ("N", "U", "M", "B", "X", "Enter", "Esc"):
        expect(page.locator("[data-keys] kbd").get_by_text(key, exact=True).first).to_be_visible()
