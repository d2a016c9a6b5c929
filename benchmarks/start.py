"""How long a person waits: for the command line's help, the first prediction, another page.

    python -m benchmarks.start [--json] [--repeats 3]

The first prediction is timed from the start of the dashboard's process to the first task after the
viewer's first frame, in a Chromium that is open already. The peer is a Streamlit page with one line
of text, started the same way: what Streamlit itself costs.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks._browser import chromium, serve
from benchmarks._report import ROOT, emit, goal, parser, report, result

PAGES = ("Train", "Runs", "Datasets", "Predict")


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--repeats", type=int, default=3, help="starts of the dashboard")
    given = arguments.parse_args()
    help_seconds = statistics.median(_run("-m", "core", "--help") for _ in range(9))
    bare_seconds = statistics.median(_run("-c", "pass") for _ in range(9))
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        bare = Path(folder) / "bare.py"
        bare.write_text("import streamlit as st\nst.write('ready')\n", encoding="utf-8")
        app = ROOT / "dashboard" / "app.py"
        _first_picture(browser, app, ".isoline")  # warms the disk
        firsts = [_first_picture(browser, app, ".isoline") for _ in range(given.repeats)]
        floors = [_first_picture(browser, bare, "text=ready") for _ in range(given.repeats)]
        switches = _page_switches(browser, app, given.repeats)
    first, floor = statistics.median(firsts), statistics.median(floors)
    slowest = max(statistics.median(times) for times in switches.values())
    results = [
        result(
            "python -m core --help", help_seconds, unit="s", peer=bare_seconds, peer_name="python"
        ),
        result(
            "start to first painted prediction", first, unit="s", peer=floor, peer_name="bare page"
        ),
        *(
            result(f"switch to {name}", statistics.median(times), unit="s")
            for name, times in switches.items()
        ),
    ]
    goals = [
        goal("python -m core --help, median of 9 in s, at most", 0.5, help_seconds),
        goal("start to first painted prediction, median in s, at most", 10, first),
        goal("slowest page switch, median in s, at most", 1, slowest),
    ]
    emit(
        report("start", results, goals, software=f"Chromium, {given.repeats} starts"),
        as_json=given.json,
    )


def _run(*words: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - started


def _first_picture(browser: Browser, app: Path, wanted: str) -> float:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    started = time.perf_counter()
    with serve(app) as url:
        page.goto(url)
        page.wait_for_selector(wanted, timeout=60_000)
        if wanted == ".isoline":
            _wait_for_paint(page)
        seconds = time.perf_counter() - started
        page.close()
    return seconds


def _wait_for_paint(page: Page) -> None:
    """The viewer stands in a shadow root, so it is asked through its handle."""
    root = page.locator(".isoline").element_handle()
    page.wait_for_function("root => root.__isoline?.paintedAt > 0", arg=root, timeout=60_000)


def _page_switches(browser: Browser, app: Path, repeats: int) -> dict[str, list[float]]:
    """From the click on the menu to the last line of the new page."""
    times: dict[str, list[float]] = {name: [] for name in PAGES}
    marks = {
        "Train": "Start training",
        "Runs": "Every training on this machine",
        "Datasets": "the truth is outlined",
    }
    with serve(app) as url:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        page.wait_for_selector(".isoline", timeout=60_000)
        page.wait_for_timeout(2000)
        for _ in range(repeats):
            for name in PAGES:
                link = page.get_by_role("link", name=name, exact=True)
                started = time.perf_counter()
                link.click()
                if name in marks:
                    page.get_by_text(marks[name]).first.wait_for()
                else:
                    page.wait_for_selector(".isoline")
                    _wait_for_paint(page)
                times[name].append(time.perf_counter() - started)
                page.wait_for_timeout(500)
        page.close()
    return times


if __name__ == "__main__":
    main()
