"""Peak memory of predicting an 8192 x 8192 image, beside seeing it through the network at once.

    python -m benchmarks.memory [--json] [--side 8192]

Each case runs in a process of its own; the metric is the largest resident size of that process, so
Python, torch, the image and its level map are all in it. The whole-image peer is measured at 2048
and compared there, because at 8192 it does not fit this kind of machine.
"""

import json
import subprocess
import sys

from benchmarks._report import ROOT, emit, goal, parser, report, result

CHILD = """
import json, resource, sys, time
import numpy as np, torch
from core.networks import build_model
from core.inference.predictor import Predictor
side, how = int(sys.argv[1]), sys.argv[2]
torch.manual_seed(0)
model = build_model("unet", in_channels=1, classes=1, base_filters=16)
predictor = Predictor(model)
y, x = np.ogrid[:side, :side]
image = ((y * 7 + x * 3) % 251).astype(np.uint8)
start = time.perf_counter()
if how == "tiled":
    levels = predictor.levels(image)
else:
    with torch.inference_mode():
        whole = torch.from_numpy(image)[None, None].float() / 255
        levels = predictor.model(whole).sigmoid().numpy()
print(json.dumps({"seconds": time.perf_counter() - start,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))
"""


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--side", type=int, default=8192, help="side of the large image")
    given = arguments.parse_args()
    small, whole, large = _peak(2048, "tiled"), _peak(2048, "whole"), _peak(given.side, "tiled")
    results = [
        result(
            "2048 x 2048, peak memory",
            small["peak"],
            unit="GiB",
            peer=whole["peak"],
            peer_name="whole image at once",
        ),
        result(f"{given.side} x {given.side}, peak memory", large["peak"], unit="GiB"),
        result(f"{given.side} x {given.side}, time", large["seconds"], unit="s"),
    ]
    goals = [goal(f"{given.side} x {given.side} grey image, peak GiB, at most", 2.5, large["peak"])]
    emit(
        report("memory", results, goals, software="unet of 16 filters, float32"), as_json=given.json
    )


def _peak(side: int, how: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(side), how],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


if __name__ == "__main__":
    main()
