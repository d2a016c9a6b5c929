"""A training watched in Chromium: it outlives page and dashboard, stops, resumes, ends."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.runs import Run, list_runs
from tests.conftest import ROOT, free_port, stop, wait_until_healthy

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENT = 300_000
EPOCHS = 40
Start = Callable[[], tuple[str, subprocess.Popen[bytes]]]


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Iterator[Start]:
    """``url, process = start()``: the dashboard as it is shipped, over one workspace."""
    del home
    with contextlib.ExitStack() as servers:

        def go() -> tuple[str, subprocess.Popen[bytes]]:
            port, log = free_port(), tmp_path / "log.txt"
            words = ("-m", "streamlit", "run", "dashboard/app.py")
            with log.open("ab") as sink:
                process = subprocess.Popen(
                    [sys.executable, *words, f"--server.port={port}", "--server.address=127.0.0.1"],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    cwd=ROOT,
                    env={**os.environ, "ISOLINE_REALDATA": str(tmp_path)},  # synthetic data alone
                    start_new_session=True,
                )
            servers.callback(stop, process)
            wait_until_healthy(process, port, log, seconds=300)
            return f"http://127.0.0.1:{port}", process

        yield go
        for run in list_runs():  # a test that failed leaves nothing behind
            if process := run.process():
                process.kill()


def points(page: Page) -> int:
    """Epochs in the curve of the overlap."""
    return int(
        page.evaluate(
            """() => Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')]
                .map(plot => plot.data?.[0]?.x?.length ?? 0))"""
        )
    )


def wait_for_points(page: Page, count: int) -> int:
    deadline = time.monotonic() + PATIENT / 1000
    while (found := points(page)) < count and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    assert found >= count
    return found


def active(page: Page) -> None:
    bar = page.get_by_text(re.compile(rf"Epoch \d+ of {EPOCHS}\b"))
    expect(bar).to_be_visible(timeout=PATIENT)


def begin(page: Page, url: str) -> Run:
    """Fill in the form for synthetic membranes and start."""
    page.goto(f"{url}/train")
    box = page.get_by_role("combobox", name=re.compile("Data set"))
    box.click(timeout=PATIENT)
    page.get_by_role("option", name=re.compile("membranes", re.IGNORECASE)).click()
    expect(page.get_by_text(re.compile("Data phantoms_membranes"))).to_be_visible(timeout=PATIENT)
    for label, value in (("Base filters", 8), ("Epochs", EPOCHS)):
        field = page.get_by_label(label, exact=True)
        field.fill(str(value))
        field.press("Enter")
        page.wait_for_timeout(1000)
    page.get_by_role("button", name="Start training").click(timeout=PATIENT)
    active(page)
    (run,) = list_runs()
    assert (run.config.epochs, run.config.model_options) == (EPOCHS, {"base_filters": 8})
    return run


def test_a_training_outlives_page_and_dashboard_and_is_steered(
    browser: Browser, start: Start
) -> None:
    url, dashboard = start()
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    run = begin(page, url)
    first = wait_for_points(page, 2)
    moved = wait_for_points(page, first + 1)
    expect(page.get_by_text("Watch it learn")).to_be_visible()

    page.reload()
    active(page)
    wait_for_points(page, moved)

    process = run.process()
    assert process is not None
    os.killpg(dashboard.pid, signal.SIGKILL)
    dashboard.wait()
    before = len(run.history)
    url, dashboard = start()
    assert process.is_running(), "the training is no child of the dashboard"
    page.goto(f"{url}/train")
    active(page)
    wait_for_points(page, max(moved, before))

    assert run.status["state"] == "running", "there is something to stop"
    pressed = time.monotonic()
    page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()
    while run.process() is not None and time.monotonic() - pressed < 60:
        time.sleep(0.05)
    assert run.process() is None
    expect(page.get_by_text("stopped by request")).to_be_visible(timeout=PATIENT)
    done = len(run.history)
    assert moved <= done < EPOCHS
    assert run.checkpoint("last").exists()

    page.get_by_role("button", name="Resume").click(timeout=PATIENT)
    expect(page.get_by_text(re.compile(rf"^Best epoch \d+ of {EPOCHS}: pooled"))).to_be_visible(
        timeout=2 * PATIENT
    )
    assert wait_for_points(page, EPOCHS) == EPOCHS
    assert [row["epoch"] for row in run.history] == list(range(1, EPOCHS + 1))
    page.goto(f"{url}/runs?runs={run.name}")
    expect(page.get_by_role("heading", name=run.name)).to_be_visible(timeout=PATIENT)
    page.close()
