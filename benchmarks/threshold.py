"""How fast the board of the page Threshold follows the hand, and a change of the rule.

The board shows 64 synthetic images of 256 x 256 with their curves. First: from the timestamp of a
trusted ``pointermove`` on the track to the first task after the frame it caused, in a headless
Chromium without a GPU. Then: from choosing another rule to the first frame that shows its
threshold, a way through Streamlit and back.

    python -m benchmarks.threshold [--json] [--moves 120] [--changes 8]

Chromium: ISOLINE_CHROMIUM, else ``chromium`` on the path.
"""

import random
import statistics
import time
from typing import Any

from playwright.sync_api import Browser, ElementHandle, Page

from benchmarks._browser import chromium, serve
from benchmarks._report import ROOT, emit, goal, parser, report, result
from benchmarks.viewer import WATCH_MOVES

APP = ROOT / "tests" / "apps" / "threshold_app.py"
IMAGES, SIDE = 64, 256
RULES = ("Best F2: missing counts four times", "Best Dice")
"""Two whose thresholds differ."""
WATCH_RULE = """([root, before]) => new Promise((done) => {
    const started = performance.now();
    const look = () => {
        if (root.__isoline.threshold === before) return requestAnimationFrame(look);
        setTimeout(() => done(performance.now() - started));
    };
    look();
})"""


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--moves", type=int, default=120, help="drag moves")
    arguments.add_argument("--changes", type=int, default=8, help="changes of the rule")
    given = arguments.parse_args()
    emit(measure(moves=given.moves, changes=given.changes), as_json=given.json)


def measure(*, moves: int, changes: int) -> dict[str, Any]:
    """Both in one browser, one after the other."""
    with chromium() as browser, serve(APP) as url:
        page, root = _open(browser, f"{url}/?images={IMAGES}&side={SIDE}")
        dragged = drag_times(page, root, moves)
        ruled = rule_times(page, root, changes)
        software = f"Chromium {browser.version}, no GPU"
    case = f"{IMAGES} images of {SIDE} x {SIDE}, input to paint"
    results = [
        result(f"{case}, {name}", pick(dragged), unit="ms")
        for name, pick in (("median", statistics.median), ("p95", _p95))
    ]
    results += [result("another rule, to its threshold on screen", max(ruled), unit="ms")]
    goals = [
        goal("input to paint, p95 in ms, at most", 25, _p95(dragged)),
        goal("another rule, slowest in ms, at most", 300, max(ruled)),
    ]
    return report("threshold", results, goals, software=software)


def drag_times(page: Page, root: ElementHandle, moves: int) -> list[float]:
    """Input to paint of each move of one drag back and forth over the track, in milliseconds."""
    box = page.locator(".board .track").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 5, middle)
    page.mouse.down()
    page.evaluate(WATCH_MOVES)
    before = root.evaluate("root => root.__isoline.latencies.length")
    pace = random.Random(1)  # noqa: S311 (a rhythm, no secret)
    for move in range(moves):
        part = abs((move / moves) * 4 % 2 - 1) * 0.96 + 0.02
        page.mouse.move(box["x"] + box["width"] * part, middle)
        time.sleep(pace.uniform(0.004, 0.03))  # a hand keeps no step with the screen
    page.wait_for_function("moves => window.times.length >= moves", arg=moves)
    painted = root.evaluate("root => root.__isoline.latencies.length") - before
    assert painted >= 0.7 * moves, f"only {painted} of {moves} moves changed the board"
    page.mouse.up()
    times: list[float] = page.evaluate("window.times")
    return times


def rule_times(page: Page, root: ElementHandle, changes: int) -> list[float]:
    """From the click on another rule to its threshold on the board, in milliseconds."""
    times = []
    for n in range(changes + 1):
        page.wait_for_timeout(700)  # until the last run of the page is over
        before = root.evaluate("root => root.__isoline.threshold")
        page.get_by_test_id("stSelectbox").locator("input").click()
        option = page.get_by_role("option", name=RULES[n % 2], exact=True)
        option.wait_for()
        option.evaluate("option => option.addEventListener('click', () => {})")
        watch = page.evaluate_handle(
            "([root, before]) => ({ time: (" + WATCH_RULE + ")([root, before]) })", [root, before]
        )
        option.click()
        times.append(float(watch.evaluate("watch => watch.time")))
    return times[1:]  # the first one loads what the rules need


def _open(browser: Browser, url: str) -> tuple[Page, ElementHandle]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.wait_for_selector(".board", timeout=120_000)
    root = page.locator(".board").element_handle()
    assert root is not None
    page.wait_for_function("root => root.__isoline?.ready", arg=root, timeout=120_000)
    page.wait_for_timeout(1500)
    return page, root


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


if __name__ == "__main__":
    main()
