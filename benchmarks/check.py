"""Checking the complete DSB2018 zip (670 images, 29,461 masks): time and peak memory.

    python -m benchmarks.check [--json] [--images 10000]

Each case runs in a process of its own. The zip is looked for in ISOLINE_REALDATA, else in
../shared/data; without it the drawn phantoms are checked. The peer is the default to look into
such a set: open every image and mask with Pillow, one after the other, and sum the masks; it finds
nothing that is wrong. The duplicate search is timed alone on random thumbnails.
"""

import json
import subprocess
import sys
from typing import Any

from benchmarks._report import ROOT, emit, goal, parser, report, result
from core.system.home import real_data

CHECK = """
from core.data import open_dataset
from core.data.quality.check import check_dataset
path = Path(sys.argv[1]) if sys.argv[1] else None
document = check_dataset(open_dataset("dsb2018" if path else "phantoms", path)).document()
counts = [document["images"], document["masks"]]
"""
PILLOW = """
import io, zipfile
from PIL import Image
counts, area = [0, 0], 0
with zipfile.ZipFile(sys.argv[1]) as archive:
    for name in archive.namelist():
        if name.endswith(".png"):
            pixels = np.asarray(Image.open(io.BytesIO(archive.read(name))))
            is_mask = "/masks/" in name
            counts[is_mask] += 1
            area += int((pixels > 0).sum()) if is_mask else 0
"""
DUPLICATES = """
from core.data.quality.duplicates import near_duplicates
number = int(sys.argv[1])
thumbnails = np.random.default_rng(0).normal(128, 40, (number, 48, 48)).astype(np.float32)
thumbnails[1] = thumbnails[0] + 1
start = time.perf_counter()
assert near_duplicates(thumbnails) == [[0, 1]]
counts = [number, 0]
"""
FRAME = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
start = time.perf_counter()
{body}
print(json.dumps({{"seconds": time.perf_counter() - start, "counts": counts,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}}))
"""


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--images", type=int, default=10_000, help="of the duplicate search")
    given = arguments.parse_args()
    folder = real_data()
    path = folder / "dsb2018" / "stage1_train.zip" if folder else None
    path = path if path and path.exists() else None
    ours = _measure(CHECK, path or "")
    peer = _measure(PILLOW, path) if path else {}
    search = _measure(DUPLICATES, given.images)
    images, masks = ours["counts"]
    what = f"{'DSB2018' if path else 'phantoms'}, {images} images, {masks:,} masks"
    results = [
        result(
            f"{what}, {case}",
            ours[key],
            unit=unit,
            peer=peer.get(key),
            peer_name="Pillow, summing masks" if peer else "",
        )
        for case, key, unit in (("time", "seconds", "s"), ("peak memory", "peak", "GiB"))
    ]
    results += [
        result(f"near-duplicates of {given.images:,} images, time", search["seconds"], unit="s"),
        result(f"near-duplicates of {given.images:,}, memory", search["peak"], unit="GiB"),
    ]
    goals = [
        goal(f"check of {what}, s, at most", 60, ours["seconds"]),
        goal(f"check of {what}, peak GiB, at most", 1.5e9 / 2**30, ours["peak"]),
    ]
    emit(report("check", results, goals, software="2 threads"), as_json=given.json)


def _measure(body: str, *words: object) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", FRAME.format(body=body), *map(str, words)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


if __name__ == "__main__":
    main()
