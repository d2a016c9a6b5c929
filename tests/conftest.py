"""What every test shares: isolated state, real data, a browser, a running dashboard.

Markers:
    realdata: needs the published data sets. Looked for in ISOLINE_REALDATA, else in ../shared/data
        beside the checkout; skipped where neither is there. The fixture ``realdata`` is the folder.
    browser: drives headless Chromium, found by ``scripts/chromium.sh --find`` (ISOLINE_CHROMIUM
        first). Skipped where there is none, a failure where CI=true.
    slow: takes more than ten seconds. ``make check`` leaves these and the browser ones out.

Environment variables read: ISOLINE_REALDATA, ISOLINE_CHROMIUM, CI. No test sees the person's own
workspace, home folder, tracking server or Streamlit settings, and none fetches weights.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

if TYPE_CHECKING:
    from core.config import RunConfig
    from core.runs import Run

ROOT = Path(__file__).resolve().parents[1]
IN_CI = os.environ.get("CI") == "true"

if str(ROOT) not in sys.path:  # `pytest` alone, unlike `python -m pytest`, does not add it
    sys.path.insert(0, str(ROOT))

# Tiny tensors are fastest on one thread, by a factor of ten and more where other processes keep the
# cores busy and threads wait for each other; read by torch when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("isoline", database=None, deadline=None)  # a busy machine is no failure
settings.load_profile("isoline")


def real_data_folder() -> Path | None:
    """Where the published data sets are; None when they are not on this machine."""
    named = os.environ.get("ISOLINE_REALDATA")
    if named:
        return Path(named).resolve()
    beside = ROOT.parent / "shared" / "data"
    return beside if beside.is_dir() else None


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a data folder that was named and is not there, rather than skip in silence."""
    del config
    folder = real_data_folder()
    if folder is not None and not folder.is_dir():
        raise pytest.UsageError(f"ISOLINE_REALDATA: no folder {folder}; unset it or correct it")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is segmented ``realdata`` where there is none."""
    if item.get_closest_marker("realdata") and real_data_folder() is None:
        pytest.skip("no real data; set ISOLINE_REALDATA to the folder with the data sets")


@pytest.fixture(scope="session", autouse=True)
def _outside_is_out_of_reach(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Home folder, caches, tracking and Streamlit settings are the tests' own."""
    home = tmp_path_factory.mktemp("home")
    browsers = Path.home() / ".cache" / "ms-playwright"
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("STREAMLIT_", "MLFLOW_")):
                patch.delenv(name)
        if "PLAYWRIGHT_BROWSERS_PATH" not in os.environ and browsers.is_dir():
            patch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(browsers))
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
        patch.setenv("HF_HOME", str(home / ".cache" / "huggingface"))
        patch.setenv("TORCH_HOME", str(home / ".cache" / "torch"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("ISOLINE_TRACKING", "off")  # 10 s of a busy machine; test_tracking has it on
        patch.setenv("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
        patch.setenv("STREAMLIT_SERVER_HEADLESS", "true")
        patch.setenv("STREAMLIT_SERVER_FILE_WATCHER_TYPE", "none")
        yield


@pytest.fixture(scope="module", autouse=True)
def _own_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """ISOLINE_HOME is a folder per test module; see ``home`` for one per test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOLINE_HOME", str(tmp_path_factory.mktemp("workspace")))
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ISOLINE_HOME for this test alone, empty."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.setenv("ISOLINE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder with the published data sets; the test is skipped where there is none."""
    folder = real_data_folder()
    if folder is None:
        pytest.skip("no real data; set ISOLINE_REALDATA to the folder with the data sets")
    return folder


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """A Chromium that starts; without one a skip, in CI a failure."""
    found = subprocess.run(
        ["sh", "scripts/chromium.sh", "--find"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable},
    )
    path = found.stdout.strip()
    if not path:
        reason = "no Chromium; `make test` installs one where it may"
        pytest.fail(reason) if IN_CI else pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Headless Chromium; take ``browser.new_page(viewport=…, color_scheme=…)`` from it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=chromium_path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def streamlit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start Streamlit scripts: ``url = streamlit_server("dashboard/app.py", NAME="value")``.

    The script runs in the checkout, so with its ``.streamlit/config.toml``, on a free port, until
    the test module ends. A path is relative to the checkout or absolute; keywords are environment
    variables.
    """
    with contextlib.ExitStack() as servers:

        def start(script: str | Path, **environment: str) -> str:
            log = tmp_path_factory.mktemp("streamlit") / "log.txt"
            port = free_port()
            with log.open("wb") as sink:
                address = (f"--server.port={port}", "--server.address=127.0.0.1")
                process = subprocess.Popen(
                    [sys.executable, "-m", "streamlit", "run", str(script), *address],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    cwd=ROOT,
                    env={**os.environ, **environment},
                    start_new_session=True,
                )
            servers.callback(stop, process)
            wait_until_healthy(process, port, log)
            return f"http://127.0.0.1:{port}"

        yield start


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(
    process: subprocess.Popen[bytes], port: int, log: Path, *, seconds: float = 60
) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == http.HTTPStatus.OK:
                connection.close()
                return
        connection.close()
        time.sleep(0.1)
    state = "still starting" if process.poll() is None else f"ended with {process.returncode}"
    pytest.fail(f"Streamlit is {state} after {seconds:.0f} s:\n{log.read_text()[-2000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="session")
def sections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the layout of ISBI 2012: 15 drawn sections of 64 x 64, and 2 without labels."""
    import numpy as np
    import tifffile

    from core.data.datasets.phantoms import draw

    folder = tmp_path_factory.mktemp("sections")
    drawn = [draw("membranes", index=index, size=64) for index in range(17)]
    images = np.stack([phantom.image for phantom in drawn])
    labels = np.stack([phantom.truth * np.uint8(255) for phantom in drawn])
    for name, stack in (("volume", images[:15]), ("labels", labels[:15])):
        tifffile.imwrite(folder / f"train-{name}.tif", stack, photometric="minisblack")
    tifffile.imwrite(folder / "test-volume.tif", images[15:], photometric="minisblack")
    return folder


@pytest.fixture(scope="session")
def tiny_config(sections: Path) -> "Callable[..., RunConfig]":
    """``tiny_config(epochs=3)``: the smallest training worth the name, a second for two epochs."""
    from core.config import RunConfig

    def config(**changes: Any) -> RunConfig:
        settings: dict[str, Any] = {
            "dataset": "isbi2012",
            "data": str(sections),
            "model_options": {"base_filters": 4, "depth": 2},
            "epochs": 2,
            "batch_size": 5,
            "learning_rate": 0.01,
        }
        return RunConfig(**{**settings, **changes})

    return config


@pytest.fixture(scope="module")
def finished_run(tiny_config: "Callable[..., RunConfig]", _own_workspace: None) -> "Run":
    """A finished training of two short epochs on ``sections``, named ``finished``."""
    from core.runs import create_run
    from core.training.loop import train

    run = create_run(tiny_config(), name="finished")
    train(run)
    return run
