"""How long the page Runs takes with many runs: to open, to choose, to draw 20 curves.

    python -m benchmarks.runs_page [--json] [--runs 1000] [--epochs 100]

Timed in a Chromium that is open already, against a dashboard that has served a page before: from
the request to the table and the number of runs, and from the choice in the menu to the chart that
shows it. Run folders are those of ``benchmarks.store``.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from benchmarks._browser import chromium, serve
from benchmarks._report import ROOT, emit, goal, parser, report, result
from benchmarks.store import CHARTED, MAKE, _run

SECONDS = 120_000


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=int, default=1000)
    arguments.add_argument("--epochs", type=int, default=100)
    arguments.add_argument("--repeats", type=int, default=5)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        _run(MAKE, Path(folder), (given.runs, given.epochs))
        os.environ |= {"ISOLINE_HOME": folder, "ISOLINE_TRACKING": "off"}
        with serve(ROOT / "dashboard" / "app.py") as url:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            _open(page, f"{url}/runs", given.runs)  # imports, and the first listing
            opened = [_open(page, f"{url}/runs", given.runs) for _ in range(given.repeats)]
            names = ",".join(f"run-{n:05d}" for n in range(min(CHARTED, given.runs)))
            many = f"{url}/runs?runs={names}"
            compared = [_open(page, many, given.runs, chart=True) for _ in range(given.repeats)]
            drawn = [time for _ in range(given.repeats) for time in _redraw(page)]
            page.close()
    first, both, chart = (statistics.median(times) for times in (opened, compared, drawn))
    results = [
        result(f"open the page with {given.runs} runs", first, unit="s"),
        result(f"open it with {CHARTED} of them compared", both, unit="s"),
        result(f"draw another number of {CHARTED} runs", chart, unit="s"),
    ]
    goals = [
        goal("first paint of the page, median in s, at most", 1.5, first),
        goal(f"chart of {CHARTED} runs, median in s, at most", 0.7, chart),
    ]
    software = f"{given.runs} runs of {given.epochs} epochs, Chromium"
    emit(report("runs_page", results, goals, software=software), as_json=given.json)


def _open(page: Page, url: str, runs: int, *, chart: bool = False) -> float:
    """From the request to the table with its canvas, and to the chart where there is one."""
    started = time.perf_counter()
    page.goto(url)
    page.get_by_text(f"{runs:,} of {runs:,} runs").wait_for(timeout=SECONDS)
    page.locator("[data-testid=stDataFrame] canvas").first.wait_for(timeout=SECONDS)
    if chart:
        page.get_by_text("Which run has the best masks?").wait_for(timeout=SECONDS)
    return time.perf_counter() - started


def _redraw(page: Page) -> list[float]:
    """From the choice of another number, there and back, to the chart with its title."""
    seconds = []
    for name, title in (
        ("Loss, validation", "Whose validation loss is lowest?"),
        ("Dice, validation", "Which run has the best masks?"),
    ):
        page.get_by_role("combobox", name="Number").click()
        option = page.get_by_role("option", name=name)
        option.wait_for()
        started = time.perf_counter()
        option.click()
        page.get_by_text(title).wait_for(timeout=SECONDS)
        seconds.append(time.perf_counter() - started)
        page.wait_for_timeout(500)
    return seconds


if __name__ == "__main__":
    main()
