"""How soon a prediction is there: on the page, over a volume, and against the plain network.

The network of a shipped model, in one process and interleaved: plain eager float32 in NCHW (the
peer) beside the predictor's own way (channels last) and further options, with what each option
changes in the level map. Then a volume slice by slice, as the page predicts it, and the page itself
in a headless Chromium, from the file given to the overlay painted.

    python -m benchmarks.inference [--json] [--images 7] [--repeats 7] [--depth 155] [--no-page]

Chromium: ISOLINE_CHROMIUM, else ``chromium`` on the path.
"""

import copy
import io
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page
from torch import Tensor, nn

from benchmarks._browser import chromium, serve
from benchmarks._report import ROOT, emit, goal, parser, report, result
from core.data.phantoms import draw
from core.device import precision_of
from core.errors import InputError
from core.levels import LevelMap, level_map
from core.models.folding import folded
from core.volume_prediction import VolumePrediction
from core.weights import load_weights

MODEL = "phantoms-unet"
PEER = "eager float32 NCHW"
SIDE, SLICE = 512, 240
Way = Callable[[], Tensor]


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--images", type=int, default=7, help="uploads to the page")
    arguments.add_argument("--repeats", type=int, default=7, help="of each way of the network")
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
    """Every way on one picture, interleaved, the fastest of each; and how the maps differ."""
    predictor = load_weights(MODEL).predictor
    model, device = predictor.model, predictor.device
    plain = copy.deepcopy(model).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # missing in torch's stubs
    pixels = draw("nuclei", seed=1, index=0, size=SIDE).image
    rows = np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[..., 0])
    tile = torch.from_numpy(rows).to(device)[None, None].float() / 255
    last = tile.to(memory_format=torch.channels_last)
    ways: dict[str, Way] = {PEER: lambda: plain(tile), "channels last": lambda: model(last)}
    fewer = folded(model)
    ways["channels last, folded batch norm"] = lambda: fewer(last)
    try:
        precision_of("bf16", device)
        half = torch.autocast(device.type, torch.bfloat16)
        ways["channels last, bfloat16"] = _within(half, model, last)
        ways["channels last, folded, bfloat16"] = _within(half, fewer, last)
    except InputError:
        pass  # this processor has none
    seconds, maps = _raced(ways, repeats, device)
    found = []
    for name in list(ways)[1:]:
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
    ratio = seconds[PEER] / seconds["channels last"]
    wanted = f"times faster than {PEER}, as shipped (channels last, float32), at least"
    return found, [goal(wanted, 1.8, ratio, least=True)]


def _within(context: Any, model: nn.Module, tile: Tensor) -> Way:  # noqa: ANN401 - torch.autocast
    def way() -> Tensor:
        with context:
            answer: Tensor = model(tile)
        return answer

    return way


def _raced(
    ways: dict[str, Way], repeats: int, device: torch.device
) -> tuple[dict[str, float], dict[str, LevelMap]]:
    """Fastest seconds and level map of each way; a round goes through all of them."""
    seconds = dict.fromkeys(ways, float("inf"))
    maps = {}
    with torch.inference_mode():
        for turn in range(repeats + 1):
            for name, way in ways.items():
                started = time.perf_counter()
                answer = way()
                if device.type == "cuda":
                    torch.cuda.synchronize()
                if turn:  # the first warms up
                    seconds[name] = min(seconds[name], time.perf_counter() - started)
                maps[name] = level_map(answer.float().sigmoid()[0, 0].cpu().numpy())
    return seconds, maps


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


def _painted(opened: Page) -> None:
    """Wait until the viewer shows what it was given last; it lives in a shadow tree."""
    root = opened.locator(".isoline").element_handle()
    opened.wait_for_function(
        "root => root.__isoline?.ready && !root.classList.contains('waiting')",
        arg=root,
        timeout=60_000,
        polling="raf",
    )


def _upload_seconds(opened: Page, file: Path) -> float:
    started = time.perf_counter()
    opened.locator("input[type=file]").first.set_input_files(file)
    title = opened.locator(".isoline [data-title]", has_text=file.name)
    title.wait_for(state="attached", timeout=30_000)
    _painted(opened)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
