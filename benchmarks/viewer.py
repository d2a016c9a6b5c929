"""How fast the threshold viewer follows the hand, beside the usual way of writing such a page.

Ours: from the timestamp of a trusted ``pointermove`` on the track to the first task after the
frame it caused. The usual way: ``st.slider``, overlay in numpy, ``st.image``; from the timestamp
of an arrow key on the slider to the first task after the frame with the new, decoded picture.
Both in one headless Chromium without a GPU, on the same maps.

    python -m benchmarks.viewer [--json] [--moves 120] [--steps 20]

Chromium: ISOLINE_CHROMIUM, else ``chromium`` on the path.
"""

import argparse
import http.client
import json
import os
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SIZES = (512, 1024, 2048)
PEER = "st.slider + numpy overlay + st.image"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

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
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--moves", type=int, default=120, help="drag moves per size")
    parser.add_argument("--steps", type=int, default=20, help="slider steps per size")
    arguments = parser.parse_args()
    report = measure(moves=arguments.moves, steps=arguments.steps)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        print(_table(report))


def measure(*, moves: int, steps: int) -> dict[str, Any]:
    """Both pages at all sizes, in one browser, one after the other."""
    executable = os.environ.get("ISOLINE_CHROMIUM") or shutil.which("chromium")
    ours: dict[int, list[float]] = {}
    usual: dict[int, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        usual_app = Path(folder) / "usual.py"
        usual_app.write_text(USUAL_PAGE.format(root=str(ROOT)), encoding="utf-8")
        chromium = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        with serve(ROOT / "tests" / "apps" / "viewer_app.py") as url:
            for size in SIZES:
                ours[size] = drag_times(chromium, f"{url}/?size={size}", moves)
        with serve(usual_app) as url:
            for size in SIZES:
                usual[size] = slider_times(chromium, f"{url}/?size={size}", steps)
        hardware = f"{_processor()}, {os.cpu_count()} cores, Chromium {chromium.version}, no GPU"
        chromium.close()
    return document(ours, usual, hardware)


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
    assert painted >= 0.7 * moves, f"only {painted} of {moves} moves changed the picture"
    page.mouse.up()
    return _close_with_times(page)


def slider_times(browser: Browser, url: str, steps: int) -> list[float]:
    """Arrow key to the new picture, of each step of the usual page, in milliseconds."""
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
    ours: dict[int, list[float]], usual: dict[int, list[float]], hardware: str
) -> dict[str, Any]:
    """The report every benchmark of the project prints."""
    results = []
    for size, times in ours.items():
        for name, pick in (("median", statistics.median), ("p95", _p95)):
            mine, theirs = pick(times), pick(usual[size])
            results.append(
                {
                    "case": f"{size}×{size} map, input to paint, {name}",
                    "ours": round(mine, 2),
                    "peer": round(theirs, 2),
                    "peer_name": PEER,
                    "ratio": round(theirs / mine, 2),
                    "unit": "ms",
                }
            )
    faster = statistics.median(usual[1024]) / statistics.median(ours[1024])
    goals = [
        _goal("1024×1024 input to paint, p95 in ms, at most", 25, _p95(ours[1024])),
        _goal("2048×2048 input to paint, p95 in ms, at most", 50, _p95(ours[2048])),
        _goal(
            "1024×1024 median, times faster than the usual page, at least", 8, faster, least=True
        ),
    ]
    return {"name": "viewer", "hardware": hardware, "results": results, "goals": goals}


def _goal(what: str, wanted: float, measured: float, *, least: bool = False) -> dict[str, Any]:
    met = measured >= wanted if least else measured <= wanted
    return {"what": what, "goal": wanted, "measured": round(measured, 2), "met": met}


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def _table(report: dict[str, Any]) -> str:
    lines = [f"{report['hardware']}", ""]
    lines += [
        f"{row['case']:<42} ours {row['ours']:>8.1f} {row['unit']}   "
        f"{row['peer_name']} {row['peer']:>8.1f} {row['unit']}   {row['ratio']:.1f}×"
        for row in report["results"]
    ]
    lines.append("")
    lines += [
        f"{'met' if row['met'] else 'MISSED':<7}{row['what']} {row['goal']}: {row['measured']}"
        for row in report["goals"]
    ]
    return "\n".join(lines)


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@contextmanager
def serve(app: Path) -> Iterator[str]:
    """A Streamlit page on a free port, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(app), *flags],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait_for(port: int, server: subprocess.Popen[bytes], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < end:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"Streamlit did not start on port {port} within {seconds:.0f} s")


if __name__ == "__main__":
    main()
