"""The viewer in Chromium: it counts as numpy does, follows the hand, and leaves Streamlit alone."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.apps.viewer_data import drawn

pytestmark = pytest.mark.browser
APP = Path(__file__).parent / "apps" / "viewer_app.py"
READY = "root => root.__isoline?.ready === true"
Opener = Callable[..., Page]


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
        page.wait_for_selector(".isoline")
        for root in page.locator(".isoline").all():
            wait(root, READY)
        return page

    yield go
    for context in contexts:
        context.close()
    assert errors == []


def viewer(page: Page, number: int = 0) -> Locator:
    return page.locator(".isoline").nth(number)


def wait(root: Locator, condition: str, wanted: object = None) -> None:
    """Wait until a JavaScript condition of the viewer's element and ``wanted`` holds."""
    arguments = [root.element_handle(), wanted]
    root.page.wait_for_function(f"(all) => ({condition})(...all)", arg=arguments, timeout=20_000)


def threshold(root: Locator) -> int:
    return int(root.evaluate("root => root.__isoline.threshold"))


def view(root: Locator) -> dict[str, float]:
    found: dict[str, float] = root.evaluate("root => root.__isoline.view")
    return found


def pixels(root: Locator, *, canvas: str = "overlay") -> list[int]:
    """How many painted pixels: yellow line, any colour at all, whole canvas."""
    found: list[int] = root.evaluate(
        """async (root, canvas) => {
            for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
            const it = root.querySelector(`[data-canvas=${canvas}]`);
            const { data } = it.getContext("2d").getImageData(0, 0, it.width, it.height);
            let yellow = 0, any = 0;
            for (let i = 0; i < data.length; i += 4) {
                if (data[i + 3]) any++;
                if (data[i] > 225 && data[i + 1] > 215 && data[i + 2] < 90) yellow++;
            }
            return [yellow, any, data.length / 4];
        }""",
        canvas,
    )
    return found


def runs(page: Page) -> int:
    text = page.get_by_text(re.compile(r"^runs=\d+$")).inner_text()
    return int(text.removeprefix("runs="))


def python_heard(page: Page, k: int, number: int = 0) -> None:
    expect(page.get_by_text(f"k{number}={k}", exact=True)).to_be_visible()


def test_browser_counts_as_numpy_at_every_threshold(visit: Opener) -> None:
    root = viewer(visit("size=200&seed=5"))
    counts = root.evaluate(
        "root => Array.from({length: 1001}, (_, k) => root.__isoline.counts(k))",
    )
    _, levels, truth = drawn(200, 5)
    for k in range(1001):
        mask = levels >= k
        assert counts[k] == {
            "foreground": mask.sum(),
            "tp": (mask & truth).sum(),
            "fp": (mask & ~truth).sum(),
            "fn": (~mask & truth).sum(),
        }


def test_painted_fill_is_the_mask(visit: Opener) -> None:
    """One display pixel per image pixel, so that the painted pixels can be counted."""
    page = visit("size=400&truth=0&height=400", height=1000)
    root = viewer(page)
    assert view(root)["scale"] == 1
    page.locator("[data-action=fill]").click()
    _, levels, _ = drawn(400, 7)
    for k in (1, 137, 412, 730, 1000):
        root.evaluate("(root, k) => root.__isoline.setThreshold(k)", k)
        assert pixels(root)[1] == (levels >= k).sum()


def test_painted_contour_is_the_inner_edge(visit: Opener) -> None:
    page = visit("size=400&truth=0&height=400", height=1000)
    root = viewer(page)
    _, levels, _ = drawn(400, 7)
    padded = np.pad(levels, 1, mode="edge")
    shifts = [padded[y : y + 400, x : x + 400] for y in range(3) for x in range(3)]
    lowest = np.min(shifts, axis=0)
    for k in (137, 412, 730):
        root.evaluate("(root, k) => root.__isoline.setThreshold(k)", k)
        assert pixels(root)[0] == ((lowest < k) & (k <= levels)).sum()


def test_drag_repaints_without_a_rerun_and_release_causes_one(visit: Opener) -> None:
    page = visit()
    root = viewer(page)
    box = page.locator(".track").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.412, middle)
    page.mouse.down()
    seen = set()
    for step in range(20):
        page.mouse.move(box["x"] + box["width"] * (0.412 + step * 0.01), middle)
        seen.add((threshold(root), pixels(root)[0]))
    page.wait_for_timeout(600)
    assert len(seen) == 20
    assert len({yellow for _, yellow in seen}) > 10
    assert runs(page) == 1
    page.mouse.up()
    python_heard(page, threshold(root))
    page.wait_for_timeout(600)
    assert runs(page) == 2
    assert root.evaluate("root => root.__isoline.latencies.length") >= 19


def test_a_click_that_changes_nothing_is_no_rerun(visit: Opener) -> None:
    page = visit()
    page.locator(".track").focus()
    for key in ("ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    page.wait_for_timeout(700)
    assert runs(page) == 1


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["ArrowRight"], 413),
        (["ArrowDown", "ArrowLeft"], 410),
        (["Shift+ArrowRight"], 422),
        (["PageUp"], 512),
        (["PageDown", "PageDown"], 212),
        (["Home"], 0),
        (["End", "ArrowUp"], 1000),
        (["End", "r"], 412),
    ],
)
def test_keys_move_the_threshold(visit: Opener, keys: list[str], expected: int) -> None:
    page = visit("size=64")
    page.locator(".track").focus()
    for key in keys:
        page.keyboard.press(key)
    assert threshold(viewer(page)) == expected
    python_heard(page, expected)
    track = page.locator(".track")
    expect(track).to_have_attribute("aria-valuenow", f"{expected / 1000:.3f}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.65", 650), (".1234", 123), ("0,5", 500), ("1", 1000), ("1.5", 412), ("x", 412), ("", 412)],
)
def test_typed_threshold(visit: Opener, text: str, expected: int) -> None:
    page = visit("size=64")
    field = page.locator("[data-number]")
    field.fill(text)
    field.press("Enter")
    expect(field).to_have_value(f"{expected / 1000:.3f}")
    python_heard(page, expected)
    hint = page.locator("[data-hint]")
    expect(hint).to_have_text("" if expected != 412 else "Type a number from 0 to 1")


def test_typing_letters_and_digits_is_no_shortcut(visit: Opener) -> None:
    page = visit("size=64")
    root = viewer(page)
    before = root.evaluate("root => root.__isoline.look")
    page.locator("[data-number]").press_sequentially("0hcrtws?", delay=20)
    assert root.evaluate("root => root.__isoline.look") == before
    expect(page.locator("[data-keys]")).to_be_hidden()
    assert runs(page) == 1  # and Streamlit's own R and C heard nothing


def test_wheel_over_the_track_steps(visit: Opener) -> None:
    page = visit("size=64")
    page.locator(".track").hover()
    for _ in range(3):
        page.mouse.wheel(0, -40)
    python_heard(page, 415)
    expect(page.get_by_text("runs=2", exact=True)).to_be_visible()


@pytest.mark.parametrize("how", ["focus", "hover"])
def test_streamlit_shortcuts_stay_silent(visit: Opener, how: str) -> None:
    """Streamlit clears its cache on C and runs again on R; here they are fill and snap."""
    page = visit("size=64")
    stage = page.locator(".stage")
    stage.focus() if how == "focus" else stage.hover()
    for key in ("c", "r"):
        page.keyboard.press(key)
    assert viewer(page).evaluate("root => root.__isoline.look.style") == "fill"
    page.wait_for_timeout(500)
    assert page.get_by_role("dialog").count() == 0
    assert runs(page) == 1


def test_zoom_survives_threshold_and_rerun(visit: Opener) -> None:
    page = visit()
    root = viewer(page)
    page.locator(".stage").hover(position={"x": 420, "y": 200})
    page.mouse.wheel(0, -600)
    page.keyboard.press("j")
    page.keyboard.press("End")  # scrolls the page: the viewer is under the pointer, not in focus
    page.wait_for_timeout(100)
    assert threshold(root) == 412
    page.locator(".stage").focus()
    zoomed = view(root)
    assert not zoomed["fitted"]
    assert zoomed["scale"] > 3
    page.keyboard.press("PageUp")
    python_heard(page, 512)
    assert view(root) == zoomed
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_text("runs=3")).to_be_visible()
    assert view(root) == zoomed
    assert threshold(root) == 512
    page.locator("[data-action=fit]").click()
    assert view(root)["fitted"]


def test_python_can_move_the_threshold_and_nothing_else(visit: Opener) -> None:
    page = visit()
    root = viewer(page)
    page.locator(".stage").focus()
    for key in ("+", "+", "l", "h"):
        page.keyboard.press(key)
    zoomed = view(root)
    assert not zoomed["fitted"]
    page.get_by_text("Begin at 0.600").click()
    python_heard(page, 600)
    wait(root, "(root, k) => root.__isoline.threshold === k", 600)
    assert view(root) == zoomed
    assert root.evaluate("root => root.__isoline.look.style") == "heat"
    page.wait_for_timeout(500)
    assert runs(page) == 2


def test_pointer_holds_still_what_it_zooms(visit: Opener) -> None:
    page = visit()
    stage = page.locator(".stage")
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2 + 30)
    read_out = page.locator("[data-readout]")
    before = read_out.inner_text()
    assert "p 0." in before
    page.mouse.wheel(0, -700)
    page.wait_for_timeout(100)
    assert read_out.inner_text() == before


def test_next_picture_begins_at_its_start(visit: Opener) -> None:
    page = visit("size=64")
    root = viewer(page)
    first = root.evaluate("root => root.__isoline.token")
    page.locator(".track").focus()
    page.keyboard.press("PageUp")
    python_heard(page, 512)
    page.get_by_role("button", name="Next image").click()
    wait(root, "(root, first) => root.__isoline.token !== first && root.__isoline.ready", first)
    python_heard(page, 412)
    wait(root, "(root, k) => root.__isoline.threshold === k", 412)
    _, levels, _ = drawn(64, 17)
    assert root.evaluate("root => root.__isoline.counts(412).foreground") == (levels >= 412).sum()


def test_leaving_and_coming_back_keeps_all_and_tells_python(visit: Opener) -> None:
    page = visit("size=64")
    page.locator(".stage").focus()
    page.keyboard.press("+")
    page.keyboard.press("h")
    page.keyboard.press("PageUp")
    python_heard(page, 512)
    left = view(viewer(page))
    page.get_by_text("Away").click()
    expect(page.locator(".isoline")).to_have_count(0)
    page.get_by_text("Away").click()
    expect(page.locator(".isoline")).to_have_count(1)
    root = viewer(page)
    wait(root, READY)
    assert threshold(root) == 512
    assert view(root) == left
    assert root.evaluate("root => root.__isoline.look.style") == "heat"
    python_heard(page, 512)


def test_full_screen_and_its_substitute(visit: Opener) -> None:
    page = visit("size=64&viewers=2")
    page.locator(".stage").first.focus()
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement")
    page.keyboard.press("f")
    page.wait_for_function("() => !document.fullscreenElement")
    page.evaluate("() => { Element.prototype.requestFullscreen = () => Promise.reject(1) }")
    page.keyboard.press("f")
    expect(page.locator(".isoline.full")).to_have_count(1)
    box = page.locator(".isoline.full").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 1280, "height": 900}
    page.keyboard.press("Escape")
    expect(page.locator(".isoline.full")).to_have_count(0)


def test_two_viewers_do_not_disturb_each_other(visit: Opener) -> None:
    page = visit("size=64&viewers=2")
    page.locator(".track").nth(1).focus()
    page.keyboard.press("End")
    page.keyboard.press("h")
    python_heard(page, 1000, number=1)
    assert [threshold(viewer(page, number)) for number in (0, 1)] == [412, 1000]
    styles = [viewer(page, n).evaluate("root => root.__isoline.look.style") for n in (0, 1)]
    assert styles == ["contour", "heat"]


@pytest.mark.parametrize(
    "title",
    ["<script>window.bad=1</script>\"'.png", "<img src=x onerror='window.bad=1'>", "x" * 400],
)
def test_title_is_only_text(visit: Opener, title: str) -> None:
    page = visit(f"size=64&title={quote(title)}")
    assert page.locator(".title").inner_text() == title
    assert page.evaluate("window.bad") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_follows_the_theme(visit: Opener, scheme: str) -> None:
    page = visit("size=64", color_scheme=scheme)
    style = "root => [getComputedStyle(root).color, getComputedStyle(root).backgroundColor]"
    ink, paper = (luminance(color) for color in viewer(page).evaluate(style))
    assert (ink > paper) == (scheme == "dark")
    assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) > 7
    night = page.locator(".stage").evaluate("stage => getComputedStyle(stage).backgroundColor")
    assert luminance(night) < 0.02


def luminance(color: str) -> float:
    channels = np.array([float(part) for part in re.findall(r"[\d.]+", color)[:3]]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_phone_has_no_sideways_scroll_and_room_for_a_thumb(visit: Opener) -> None:
    page = visit("size=64&spacing=0.4", width=390, height=844, has_touch=True, is_mobile=True)
    assert page.evaluate(
        """() => [document.documentElement, document.querySelector("[data-testid=stMain]")]
            .every((element) => element.scrollWidth <= element.clientWidth)"""
    )
    root = viewer(page)
    edges = root.evaluate(
        """root => [...root.querySelectorAll("button, input, .track, .stage")]
            .filter((it) => it.checkVisibility()).map((it) => it.getBoundingClientRect())
            .map((box) => [box.left, box.right, box.height])"""
    )
    assert all(left >= 0 and right <= 390 for left, right, _ in edges)
    small = root.evaluate(
        """root => [...root.querySelectorAll("button, [data-number], .track")]
            .filter((it) => it.checkVisibility() && it.getBoundingClientRect().height < 44)
            .map((it) => it.title || it.className)"""
    )
    assert small == []
    page.locator(".track").tap(position={"x": 300, "y": 20})
    python_heard(page, threshold(root))
    assert threshold(root) > 800


def test_two_fingers_zoom_and_one_pans(visit: Opener) -> None:
    page = visit("size=64", width=390, height=844, has_touch=True, is_mobile=True)
    root = viewer(page)
    box = page.locator(".stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    devices = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": at_x, "y": at_y, "id": i} for i, (at_x, at_y) in enumerate(points)]
        devices.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    before = view(root)["scale"]
    touch("touchStart", (x - 30, y), (x + 30, y))
    for apart in range(35, 95, 5):
        touch("touchMove", (x - apart, y), (x + apart, y))
    touch("touchEnd")
    page.wait_for_timeout(100)
    pinched = view(root)
    assert pinched["scale"] == pytest.approx(3 * before, rel=0.1)
    touch("touchStart", (x, y))
    for moved in range(5, 45, 5):
        touch("touchMove", (x + moved, y))
    touch("touchEnd")
    page.wait_for_timeout(100)
    panned = view(root)
    assert panned["scale"] == pinched["scale"]
    assert panned["x"] == pytest.approx(pinched["x"] - 40 / pinched["scale"], abs=1)


def test_empty_and_full_masks_are_said_in_words(visit: Opener) -> None:
    page = visit("size=64")
    message = page.locator("[data-message]")
    expect(message).to_be_hidden()
    page.locator(".track").focus()
    page.keyboard.press("End")
    expect(message).to_contain_text("No pixel reaches 1.000")
    expect(page.locator("[data-value=precision]")).to_have_text("–")
    page.keyboard.press("Home")
    expect(message).to_have_text("Every pixel reaches 0.000")


def test_switches_say_what_they_do(visit: Opener) -> None:
    page = visit("size=64")
    root = viewer(page)
    page.locator(".stage").focus()
    overlay = page.locator("[data-canvas=overlay]")
    page.keyboard.press(" ")
    expect(overlay).to_be_hidden()
    expect(page.locator("[data-action=overlay]")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press(" ")
    expect(overlay).to_be_visible()
    page.keyboard.press("c")
    expect(page.locator("[data-key=extra]")).to_have_text("False positive")
    page.keyboard.press("t")
    expect(page.locator("[data-key=extra]")).to_be_hidden()
    page.keyboard.press("w")
    wipe = page.locator(".wipe")
    wipe.focus()
    page.keyboard.press("Shift+ArrowRight")
    expect(wipe).to_have_attribute("aria-valuenow", "60")
    assert threshold(root) == 412
    page.keyboard.press("s")
    expect(wipe).to_be_hidden()
    expect(page.locator("[data-canvas=bare]")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("[data-keys]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-keys]")).to_be_hidden()


def test_side_by_side_moves_together(visit: Opener) -> None:
    page = visit()
    page.locator("[data-action=options]").click()
    page.locator("[data-action=side]").click()
    bare = page.locator("[data-pane=bare]")
    bare.hover(position={"x": 250, "y": 200})
    page.mouse.wheel(0, -500)
    page.wait_for_timeout(150)
    same = viewer(page).evaluate(
        """root => {
            const [bare, image] = ["bare", "image"].map((name) => {
                const it = root.querySelector(`[data-canvas=${name}]`);
                return it.getContext("2d").getImageData(0, 0, it.width, it.height).data;
            });
            return bare.length === image.length && bare.every((value, i) => value === image[i]);
        }"""
    )
    assert same
    assert view(viewer(page))["scale"] > 2


@pytest.mark.parametrize(
    ("spacing", "area", "length"),
    [("0.5", "mm²", r"\d+ (mm|cm)"), ("0.000004", "µm²", r"\d+ (µm|nm)")],
)
def test_lengths_and_areas_are_in_the_unit_that_suits_them(
    visit: Opener, spacing: str, area: str, length: str
) -> None:
    root = viewer(visit(f"size=512&spacing={spacing}"))
    expect(root.locator("[data-scale]")).to_have_text(re.compile(rf"^\s*{length}\s*$"))
    expect(root).to_contain_text(re.compile(rf"[1-9][\d,.]* {area}"))
