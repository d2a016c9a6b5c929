"""How soon a prediction is there: on the page, over a volume, and against the plain network.

The network of a shipped model: plain eager float32 in NCHW with torch's typical allocator (the
peer) beside the predictor's own way (channels last, batch normalization folded into the
convolutions, huge pages) and the steps towards it, with what each changes in the level map. Two
processes, one with huge pages and one without, take turns, so that what else runs hits all alike.
Then a volume slice by slice, as the page predicts it, and the page itself in a headless Chromium,
from the file given to the overlay painted.

    python -m benchmarks.inference [--json] [--images 7] [--repeats 15] [--depth 155] [--no-page]

Chromium: ISOLINE_CHROMIUM, else ``chromium`` on the path.
"""

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks._browser import chromium, serve
from benchmarks._report import ROOT, emit, goal, parser, report, result
from core.data.datasets.phantoms import draw
from core.inference.slice_by_slice import VolumePrediction
from core.levels import LevelMap
from core.models import load_weights

MODEL = "dsb2018-unet"
PEER = "eager float32 NCHW"
SHIPPED = "as shipped (channels last, folded, huge pages)"
SIDE, SLICE = 512, 240
CONTESTANT = """
import json, sys, time
import numpy as np, torch
from safetensors.torch import load_file
from core.data.datasets.phantoms import draw
from core.system.device import precision_of, to_device
from core.errors import InputError
from core.inference.heads import build_network
from core.levels import level_map
from core.models import load_weights, weights_folder

name, side = sys.argv[1], int(sys.argv[2])
shipped = load_weights(name)
device, channels = shipped.predictor.device, shipped.predictor.in_channels
plain = build_network(shipped.config, in_channels=channels, outputs=1).eval().to(device)
state = load_file(weights_folder() / name / "model.safetensors")
plain.load_state_dict({key: tensor.float() for key, tensor in state.items()})
last = to_device(build_network(shipped.config, in_channels=channels, outputs=1).eval(), device)
last.load_state_dict(plain.state_dict())
folded = shipped.predictor.model
pixels = draw("nuclei", seed=1, index=0, size=side).image
rows = np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[..., 0])
image = torch.from_numpy(rows).to(device)[None, None].float().repeat(1, channels, 1, 1) / 255
tile = image.to(memory_format=torch.channels_last)
ways = {"nchw": (plain, image, False), "channels last": (last, tile, False)}
ways["folded"] = (folded, tile, False)
try:
    precision_of("bf16", device, folded)
    ways["bfloat16"] = (folded, tile, True)
except InputError:
    pass  # this processor has none
print(json.dumps(list(ways)), flush=True)
for line in sys.stdin:
    way, file = json.loads(line)
    network, given, half = ways[way]
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        started = time.perf_counter()
        answer = network(given)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - started
    np.save(file, level_map(answer.float().sigmoid()[0, 0].cpu().numpy()))
    print(seconds, flush=True)
"""


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--images", type=int, default=7, help="uploads to the page")
    arguments.add_argument("--repeats", type=int, default=15, help="of each way of the network")
    arguments.add_argument("--depth", type=int, default=155, help="slices of the volume")
    arguments.add_argument("--no-page", action="store_true", help="leave the browser out")
    given = arguments.parse_args()
    results, goals = network(repeats=given.repeats)
    rows, more = volume(depth=given.depth)
    results += rows
    goals += more
    if not given.no_page:
        rows, more = page(images=given.images)
        results += rows
        goals += more
    document = report("inference", results, goals, software=f"torch {torch.__version__}")
    emit(document, as_json=given.json)


def network(*, repeats: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every way on one image, in turn, the fastest of each; and how the maps differ."""
    typical, ours = _Contestant(huge_pages=False), _Contestant(huge_pages=True)
    sides = {
        PEER: (typical, "nchw"),
        "channels last": (typical, "channels last"),
        "channels last, folded": (typical, "folded"),
        SHIPPED: (ours, "folded"),
        "as shipped, but bfloat16": (ours, "bfloat16"),
    }
    sides = {name: (side, way) for name, (side, way) in sides.items() if way in side.ways}
    seconds = dict.fromkeys(sides, float("inf"))
    maps: dict[str, LevelMap] = {}
    with typical, ours, tempfile.TemporaryDirectory() as folder:
        for turn in range(repeats + 1):
            for name, (side, way) in sides.items():
                file = Path(folder) / "levels.npy"
                taken = side.turn(way, file)
                if turn:  # the first warms up
                    seconds[name] = min(seconds[name], taken)
                maps[name] = np.load(file)
    found = []
    for name in list(sides)[1:]:
        found.append(
            result(
                f"{SIDE} x {SIDE} network, {name}",
                seconds[name] * 1000,
                unit="ms",
                peer=seconds[PEER] * 1000,
                peer_name=PEER,
            )
        )
        apart = np.abs(maps[name].astype(int) - maps[PEER].astype(int))
        found.append(result(f"largest difference, {name}", float(apart.max()), unit="levels"))
        found.append(
            result(f"pixels that differ, {name}", float((apart > 0).mean() * 100), unit="%")
        )
    apart = np.abs(maps[SHIPPED].astype(int) - maps[PEER].astype(int))
    return found, [
        goal(
            f"times faster than {PEER}, as shipped, at least",
            1.8,
            seconds[PEER] / seconds[SHIPPED],
            least=True,
        ),
        goal("levels of 1000 apart from it, at most", 1, float(apart.max())),
    ]


class _Contestant:
    """A process with the network in every way, which takes turns; torch's allocator is its own."""

    def __init__(self, *, huge_pages: bool) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CONTESTANT, MODEL, str(SIDE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "THP_MEM_ALLOC_ENABLE": "1" if huge_pages else "0"},
        )
        self.ways: list[str] = json.loads(self._line())

    def turn(self, way: str, file: Path) -> float:
        """Predict once; seconds. The level map is in ``file`` then."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([way, str(file)]) + "\n")
        self._process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_fault: object) -> None:
        self._process.communicate()  # the end of its input is the end of it
        assert self._process.returncode == 0


def volume(*, depth: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A volume without empty slices, in the background as the page does it, watched meanwhile."""
    slices = np.stack([
        draw("lung", seed=2, index=n % 8, size=SLICE).image for n in range(depth)
    ])  # fmt: skip
    slices = np.ascontiguousarray(slices[..., 0] if slices.ndim == 4 else slices)
    job = VolumePrediction(load_weights(MODEL).predictor, slices, turn=threading.Lock())
    started = time.perf_counter()
    job.start()
    heard = set()
    while job.watch() == "running":
        heard.add(job.done)
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    assert job.state == "done", job.problem
    assert len(heard) > min(3, depth // 2), "no progress was seen"
    case = f"{SLICE} x {SLICE} x {depth} volume"
    return [result(case, seconds, unit="s")], [goal(f"{case} in s, at most", 25, seconds)]


def page(*, images: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """From the file given to its overlay painted: the first of a new session, and the next one."""
    first, second = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        serve(ROOT / "dashboard" / "app.py") as url,
    ):
        files = [_picture(Path(folder), n) for n in range(2 * images + 2)]
        for n in range(images + 1):
            opened = _opened(browser, f"{url}/?model={MODEL}")
            times = [_upload_seconds(opened, file) for file in files[2 * n : 2 * n + 2]]
            opened.context.close()
            if n:  # the first session warms the server up
                first.append(times[0])
                second.append(times[1])
    found = [("first", 1.0, first), ("second", 0.6, second)]
    rows = [
        result(f"{SIDE} x {SIDE} upload to overlay, {name}", statistics.median(times), unit="s")
        for name, _, times in found
    ]
    return rows, [
        goal(f"{name} upload to painted overlay, median in s, at most", most, statistics.median(t))
        for name, most, t in found
    ]


def _picture(folder: Path, number: int) -> Path:
    image: NDArray[np.uint8] = draw("nuclei", seed=9, index=number, size=SIDE).image
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    path = folder / f"picture-{number}.png"
    path.write_bytes(stream.getvalue())
    return path


def _opened(browser: Browser, url: str) -> Page:
    opened = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    opened.goto(url)
    opened.wait_for_selector(".isoline", timeout=60_000)
    _painted(opened)
    opened.wait_for_timeout(500)
    return opened


def _painted(opened: Page, *, title: str = "") -> None:
    """Wait until the viewer, which lives in a shadow tree, shows what is called so.

    Looked at in every frame: Playwright's own waiting for an element reads 0.27 and 0.77 s, and
    twice a second from then on.
    """
    opened.wait_for_function(
        """([root, title]) => root.__isoline?.ready && !root.classList.contains('waiting')
            && root.querySelector('[data-title]').textContent.includes(title)""",
        arg=[opened.locator(".isoline").element_handle(), title],
        timeout=60_000,
        polling="raf",
    )


def _upload_seconds(opened: Page, file: Path) -> float:
    started = time.perf_counter()
    opened.locator("input[type=file]").first.set_input_files(file)
    _painted(opened, title=file.name)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
