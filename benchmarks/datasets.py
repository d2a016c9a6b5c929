"""Preparing a data set, reading a batch from it, and the first gallery page of 10,000 images.

    python -m benchmarks.datasets [--json]

Preparation is of the complete DSB 2018 zip at 256 x 256 (phantoms where there is no real data); the
peer decodes the same images and masks with Pillow, one after the other, and resizes them. A batch
of 16 comes from the prepared array; its peer opens 16 PNG files. The gallery is timed in Chromium
from the click on the menu to the last of the 24 images, with 10,000 images registered.
"""

import io
import os
import statistics
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks._browser import chromium, serve
from benchmarks._report import ROOT, emit, goal, parser, report, result
from core.data import open_dataset
from core.data.preparation import Prepared, prepare
from core.system.home import real_data

SIDE, BATCH, REGISTERED = 256, 16, 10_000


def main() -> None:
    """Measure and print."""
    given = parser(__doc__).parse_args()
    folder = real_data()
    archive = folder / "dsb2018" / "stage1_train.zip" if folder else None
    with tempfile.TemporaryDirectory() as home:
        os.environ["ISOLINE_HOME"] = home
        name = "dsb2018" if archive else "phantoms"
        first, prepared = _prepare(name, archive)
        second, _ = _prepare(name, archive)
        typical = _usual(archive) if archive else None
        batch, peer = _batches(prepared)
        shown = _gallery(Path(home))
    case = f"{name}, {len(prepared.ids)} images at {SIDE} x {SIDE}"
    results = [
        result(f"prepare {case}", first, unit="s", peer=typical, peer_name="Pillow, one by one"),
        result("prepare again", second, unit="s"),
        result(f"batch of {BATCH}", batch, unit="ms", peer=peer, peer_name="16 PNG files"),
        result(f"gallery of {REGISTERED:,} images, first page", shown, unit="s"),
    ]
    goals = [
        goal(f"prepare {case} in s, at most", 60, first),
        goal("prepare again in s, at most", 1, second),
        goal(f"batch of {BATCH} from the prepared array in ms, at most", 2, batch),
        goal(f"gallery with {REGISTERED:,} images, first page in s, at most", 1, shown),
    ]
    emit(report("datasets", results, goals), as_json=given.json)


def _prepare(name: str, path: Path | None) -> tuple[float, Prepared]:
    started = time.perf_counter()
    prepared = prepare(open_dataset(name, path), size=SIDE)
    return time.perf_counter() - started, prepared


def _usual(archive: Path) -> float:
    """The typical script: every file opened in turn, masks added up, both resized."""
    started = time.perf_counter()
    with zipfile.ZipFile(archive) as opened:
        sums: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]] = {}
        for name in opened.namelist():
            if not name.endswith(".png"):
                continue
            with Image.open(io.BytesIO(opened.read(name))) as image:
                if "/images/" in name:
                    image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
                else:
                    mask = np.asarray(image)
                    owner = name.split("/masks/")[0]
                    sums[owner] = np.maximum(sums.get(owner, mask), mask)
        for mask in sums.values():
            Image.fromarray(mask).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    return time.perf_counter() - started


def _batches(prepared: Prepared) -> tuple[float, float]:
    """Milliseconds for a batch of images and masks: from the array, and from files."""
    rng = np.random.default_rng(0)
    picks = [rng.choice(len(prepared.ids), BATCH, replace=False) for _ in range(50)]
    with tempfile.TemporaryDirectory() as folder:
        for n, image in enumerate(prepared.images):
            Image.fromarray(image[0]).save(Path(folder) / f"{n}.png")
            Image.fromarray(prepared.masks[n, 0]).save(Path(folder) / f"{n}_mask.png")
        ours, files = [], []
        for pick in picks:
            started = time.perf_counter()
            _ = prepared.images[pick], prepared.masks[pick]
            ours.append(time.perf_counter() - started)
            started = time.perf_counter()
            for n in pick:
                for ending in ("", "_mask"):
                    with Image.open(Path(folder) / f"{n}{ending}.png") as picture:
                        np.asarray(picture)
            files.append(time.perf_counter() - started)
    return 1000 * statistics.median(ours), 1000 * statistics.median(files)


def _gallery(home: Path) -> float:
    """Seconds from the click on Datasets to 24 painted images; 10,000 small pairs in a folder."""
    from core.data.importing import import_dataset

    source = home / "many"
    rng = np.random.default_rng(0)
    for part in ("images", "masks"):
        (source / part).mkdir(parents=True)
    for n in range(REGISTERED):
        block = rng.integers(0, 256, (32, 32), dtype=np.uint8)
        Image.fromarray(block).save(source / "images" / f"{n:05d}.png")
        Image.fromarray((block > 128).astype(np.uint8) * 255).save(
            source / "masks" / f"{n:05d}.png"
        )
    import_dataset("folder", source, link=True)
    os.environ["ISOLINE_REALDATA"] = str(home)  # nothing published there: the import comes first
    times = []
    with chromium() as browser, serve(ROOT / "dashboard" / "app.py") as url:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        for _ in range(4):
            page.goto(f"{url}/runs")
            page.get_by_text("Every training on this machine").wait_for()
            page.wait_for_timeout(1500)
            started = time.perf_counter()
            page.get_by_role("link", name="Datasets", exact=True).click()
            page.get_by_text("10,000 of 10,000 images").wait_for()
            page.wait_for_function(
                "[...document.querySelectorAll('[data-testid=stImage] img')]"
                ".filter(i => i.complete && i.naturalWidth).length >= 24"
            )
            times.append(time.perf_counter() - started)
        page.close()
    return statistics.median(times[1:])  # the first lists the folder


if __name__ == "__main__":
    main()
