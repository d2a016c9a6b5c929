"""Counts at all 1001 thresholds per image, beside a loop over them and the curves of libraries.

    python -m benchmarks.sweep [--json] [--images 64] [--side 512] [--stream 1000] [--loop 2]

Maps are drawn like a trained network's: smooth, mostly near 0, some at 1. Times are the least of
several rounds over all images; the loop over thresholds and the libraries take so long that they
are timed once on ``--loop`` images and multiplied. The libraries get the float map; they are asked
for exact curves, image by image (torchmetrics in 1001 bins loops over them and is slower still).
Reading takes the largest value of each map and truth, on one thread: the least that any sweep must
do. Streaming sweeps ``--stream`` images of 1024² in a process of its own, whose peak holds Python,
torch and two drawn maps too.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._report import ROOT, emit, goal, parser, report, result
from core.levels import STEPS, THRESHOLDS, level_map
from core.metrics.overlap import METRICS
from core.metrics.statistics import RESAMPLES, bootstrap, pooled_bands
from core.metrics.sweep import Sweep, concatenate, sweep_image, sweep_images
from core.system.torchvision_ops import ensure_importable

Image = tuple[NDArray[np.float32], NDArray[np.bool_]]

STREAM = """
import json, resource, sys, time
import numpy as np
from benchmarks.sweep import draw
from core.levels import level_map
from core.metrics.sweep import sweep_images
number = int(sys.argv[1])
maps = [draw(seed, 1024) for seed in range(2)]
levels = [(level_map(p), truth) for p, truth in maps]
def stream():
    for n in range(number):
        one, truth = levels[n % 2]
        yield np.roll(one, n, axis=0), truth
start = time.perf_counter()
sweep = sweep_images(stream())
assert sweep.tp.shape == (number, 1001)
print(json.dumps({"seconds": time.perf_counter() - start,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))
"""


def draw(seed: int, side: int) -> Image:
    """A probability map and the truth it was drawn from, shape (side, side)."""
    from scipy.ndimage import gaussian_filter

    generator = np.random.default_rng(seed)
    field = gaussian_filter(generator.normal(size=(side, side)), 12)
    field /= field.std()
    logits = 6 * field - 4 + generator.normal(size=field.shape) / 2
    return (1 / (1 + np.exp(-logits))).astype(np.float32), field > 0.7


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--images", type=int, default=64)
    arguments.add_argument("--side", type=int, default=512)
    arguments.add_argument("--stream", type=int, default=1000, help="images of 1024² streamed")
    arguments.add_argument("--loop", type=int, default=2, help="images the loop is timed on")
    given = arguments.parse_args()
    images = [draw(seed, given.side) for seed in range(given.images)]
    swept = [(level_map(probability), truth) for probability, truth in images]
    ours = _seconds(lambda: sweep_images(swept))
    reading = _seconds(lambda: [(levels.max(), truth.max()) for levels, truth in swept])
    share = given.images / given.loop
    loop = share * _seconds(lambda: [_loop(*image) for image in images[: given.loop]], rounds=1)
    curves = {
        name: share * _seconds(work, rounds=1)
        for name, work in _libraries(images[: given.loop]).items()
    }
    _check(images[0], sweep_image(*swept[0]))
    fastest = min(curves, key=lambda name: curves[name])
    case = f"{given.images} of {given.side}²"
    results = [
        _row(f"{case}, loop over thresholds", ours, loop, "numpy, one mask at a time"),
        *(_row(f"{case}, curve", ours, seconds, name) for name, seconds in curves.items()),
        _row(f"{case}, reading map and truth once", ours, reading, "numpy max"),
    ]
    stream = _stream(given.stream)
    what = f"{given.stream} of 1024² streamed"
    results += [
        result(f"{what}, time", stream["seconds"], unit="s"),
        result(f"{what}, peak memory", stream["peak"], unit="GiB"),
    ]
    bands = _bands(swept)
    results.append(result("bootstrap of 500 images, all scores and thresholds", bands, unit="s"))
    goals = [
        goal("times faster than the loop", 100, loop / ours, least=True),
        goal(f"times faster than {fastest}", 10, curves[fastest] / ours, least=True),
        goal("times the reading of the map, at most", 5, ours / reading),
        goal(f"{what}, peak GiB, at most", 1.0, stream["peak"]),
        goal(f"{RESAMPLES:,} resamples of 500 images, s, at most", 2, bands),
    ]
    emit(report("sweep", results, goals, software=f"numpy {np.__version__}"), as_json=given.json)


def _row(case: str, ours: float, peer: float, name: str) -> dict[str, Any]:
    return result(case, 1000 * ours, unit="ms", peer=1000 * peer, peer_name=name)


def _seconds(work: Callable[[], object], *, rounds: int = 7) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _loop(probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """TP, FP, FN and TN by thresholding once for each threshold, shape (T, 4)."""
    counts = np.empty((STEPS + 1, 4), np.int64)
    positives = np.count_nonzero(truth)
    for k, threshold in enumerate(THRESHOLDS):
        mask = probability >= threshold
        tp = np.count_nonzero(mask & truth)
        fp = np.count_nonzero(mask) - tp
        counts[k] = tp, fp, positives - tp, truth.size - positives - fp
    return counts


def _check(image: Image, sweep: Sweep) -> None:
    """What is timed must be the same numbers."""
    four = np.stack([sweep.tp[0], sweep.fp[0], sweep.fn[0], sweep.tn[0]], axis=1)
    assert np.array_equal(_loop(*image), four)


def _libraries(images: Sequence[Image]) -> dict[str, Callable[[], object]]:
    ensure_importable()
    import torch
    from sklearn.metrics import precision_recall_curve, roc_curve
    from torchmetrics.functional.classification import binary_precision_recall_curve

    flat = [(probability.ravel(), truth.ravel()) for probability, truth in images]
    tensors = [(torch.from_numpy(p), torch.from_numpy(t).long()) for p, t in flat]
    return {
        "scikit-learn precision_recall_curve": lambda: [
            precision_recall_curve(t, p) for p, t in flat
        ],
        "scikit-learn roc_curve": lambda: [
            roc_curve(t, p, drop_intermediate=False) for p, t in flat
        ],
        "torchmetrics binary_precision_recall_curve": lambda: [
            binary_precision_recall_curve(p, t) for p, t in tensors
        ],
    }


def _bands(swept: Sequence[tuple[NDArray[np.uint16], NDArray[np.bool_]]]) -> float:
    """Intervals of every pooled metric at every threshold over 500 images."""
    some = [sweep_image(*image) for image in swept]
    sweep = concatenate(some[n % len(some)] for n in range(500))
    return _seconds(lambda: pooled_bands(bootstrap(sweep, resamples=RESAMPLES), METRICS), rounds=3)


def _stream(number: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", STREAM, str(number)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


if __name__ == "__main__":
    main()
