"""How fast the threshold viewer follows the hand, beside the default of writing such a page.

Ours: from the timestamp of a trusted ``pointermove`` on the track to the first task after the
frame it caused. The typical way: ``st.slider``, overlay in numpy, ``st.image``; from the timestamp
of an arrow key on the slider to the first task after the frame with the new, decoded image.
Both in one headless Chromium without a GPU, on the same maps.

    python -m benchmarks.viewer [--json] [--moves 120] [--steps 20]

Chromium: ISOLINE_CHROMIUM, else ``chromium`` on the path.
"""

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks._browser import chromium, serve
from benchmarks._report import ROOT, emit, goal, parser, report, result

SIZES = (512, 1024, 2048)
PEER = "st.slider + numpy overlay + st.image"
USUAL_PAGE = """
import sys
sys.path.insert(0, {root!r})
import numpy as np
import streamlit as st
from tests.apps.viewer_data import drawn

st.set_page_config(layout="wide")
size = int(st.query_params.get("size", "512"))
image, levels, truth = st.cache_data(drawn, show_spinner=False)(size, 7)
k = st.slider("Threshold", 0, 1000, 412)
mask = levels >= k
colors = np.repeat(image[..., None], 3, axis=2)
for region, color in ((mask & truth, (0, 158, 115)), (mask & ~truth, (213, 94, 0)),
                      (~mask & truth, (0, 114, 178))):
    colors[region] = (colors[region] * 0.55 + np.array(color) * 0.45).astype(np.uint8)
st.image(colors)
dice = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
st.metric("Dice", f"{{dice:.3f}}")
"""

# Our own stopwatch rather than the viewer's: it asks only that a frame went by.
WATCH_MOVES = """() => {
    window.times = [];
    window.addEventListener("pointermove", (event) => {
        if (!event.isTrusted) return;
        requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => window.times.push(performance.now() - event.timeStamp);
            port2.postMessage(null);
        });
    }, true);
}"""
WATCH_PICTURE = """() => {
    window.times = [];
    let pressed = null;
    window.addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
    const image = () => document.querySelector("[data-testid=stImageContainer] img");
    let last = image().src;
    new MutationObserver(async () => {
        const now = image();
        if (!now || now.src === last || pressed === null) return;
        last = now.src;
        const since = pressed;
        pressed = null;
        await now.decode();
        requestAnimationFrame(() => setTimeout(() => window.times.push(performance.now() - since)));
    }).observe(document.body, {
        subtree: true, childList: true, attributes: true, attributeFilter: ["src"],
    });
}"""


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--moves", type=int, default=120, help="drag moves per size")
    arguments.add_argument("--steps", type=int, default=20, help="slider steps per size")
    given = arguments.parse_args()
    emit(measure(moves=given.moves, steps=given.steps), as_json=given.json)


def measure(*, moves: int, steps: int) -> dict[str, Any]:
    """Both pages at all sizes, in one browser, one after the other."""
    ours: dict[int, list[float]] = {}
    typical: dict[int, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        usual_app = Path(folder) / "usual.py"
        usual_app.write_text(USUAL_PAGE.format(root=str(ROOT)), encoding="utf-8")
        with serve(ROOT / "tests" / "apps" / "viewer_app.py") as url:
            for size in SIZES:
                ours[size] = drag_times(browser, f"{url}/?size={size}", moves)
        with serve(usual_app) as url:
            for size in SIZES:
                typical[size] = slider_times(browser, f"{url}/?size={size}", steps)
        software = f"Chromium {browser.version}, no GPU"
    return document(ours, typical, software)


def drag_times(browser: Browser, url: str, moves: int) -> list[float]:
    """Input to paint of each move of one drag back and forth over the track, in milliseconds."""
    page = _open_page(browser, url)
    page.wait_for_selector(".isoline")
    root = page.locator(".isoline").element_handle()
    page.wait_for_function("root => root.__isoline?.ready", arg=root, timeout=60_000)
    page.wait_for_timeout(1500)
    box = page.locator(".track").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 5, middle)
    page.mouse.down()
    page.evaluate(WATCH_MOVES)
    pace = random.Random(1)  # noqa: S311 (a rhythm, no secret)
    for move in range(moves):
        part = abs((move / moves) * 4 % 2 - 1) * 0.96 + 0.02
        page.mouse.move(box["x"] + box["width"] * part, middle)
        time.sleep(pace.uniform(0.004, 0.03))  # a hand keeps no step with the screen
    page.wait_for_function("moves => window.times.length >= moves", arg=moves)
    painted = page.evaluate("root => root.__isoline.latencies.length", root)
    assert painted >= 0.7 * moves, f"only {painted} of {moves} moves changed the image"
    page.mouse.up()
    return _close_with_times(page)


def slider_times(browser: Browser, url: str, steps: int) -> list[float]:
    """Arrow key to the new image, of each step of the typical page, in milliseconds."""
    page = _open_page(browser, url)
    page.wait_for_selector("[data-testid=stImageContainer] img")
    page.wait_for_timeout(1500)
    page.evaluate(WATCH_PICTURE)
    page.locator("[data-testid=stSlider] input").focus()
    for step in range(steps):
        page.keyboard.press("ArrowRight")
        page.wait_for_function("count => window.times.length > count", arg=step, timeout=60_000)
        page.wait_for_timeout(100)
    return _close_with_times(page)


def _open_page(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    return page


def _close_with_times(page: Page) -> list[float]:
    times: list[float] = page.evaluate("window.times")
    page.close()
    return times


def document(
    ours: dict[int, list[float]], typical: dict[int, list[float]], software: str
) -> dict[str, Any]:
    """Scores and goals of both pages."""
    results = [
        result(
            f"{size} x {size} map, input to paint, {name}",
            pick(times),
            unit="ms",
            peer=pick(typical[size]),
            peer_name=PEER,
        )
        for size, times in ours.items()
        for name, pick in (("median", statistics.median), ("p95", _p95))
    ]
    faster = statistics.median(typical[1024]) / statistics.median(ours[1024])
    goals = [
        goal("1024 x 1024 input to paint, p95 in ms, at most", 25, _p95(ours[1024])),
        goal("2048 x 2048 input to paint, p95 in ms, at most", 50, _p95(ours[2048])),
        goal("1024 x 1024 median, times faster than st.slider, at least", 8, faster, least=True),
    ]
    return report("viewer", results, goals, software=software)


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


if __name__ == "__main__":
    main()
