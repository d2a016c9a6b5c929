"""Time and memory of every 2D network: forward, training step, peak, beside the plain U-Net.

    python -m benchmarks.models [--json] [--batch 8] [--side 256] [--filters 16] [--only unet …]

Each case runs in a process of its own, in float32 with channels last. Networks that take
``base_filters`` are built with ``--filters``; the others as their papers have them. Where MONAI or
segmentation-models-pytorch has the same network, theirs is measured in the same way right after
ours, built to the same widths.
"""

import json
import subprocess
import sys
from typing import Any

from benchmarks._report import ROOT, emit, goal, parser, report, result

PEERS = {
    "unet": (
        "MONAI BasicUNet",
        (
            "monai.networks.nets.BasicUNet(spatial_dims=2, in_channels=1, "
            "out_channels=1, features=(F, 2*F, 4*F, 8*F, 16*F, F), act='relu', norm='batch')"
        ),
    ),
    "attention_unet": (
        "MONAI AttentionUnet",
        (
            "monai.networks.nets.AttentionUnet(spatial_dims=2, "
            "in_channels=1, out_channels=1, channels=(F, 2*F, 4*F, 8*F, 16*F), "
            "strides=(2, 2, 2, 2))"
        ),
    ),
    "unetpp": (
        "MONAI BasicUNetPlusPlus",
        (
            "monai.networks.nets.BasicUNetPlusPlus(spatial_dims=2, "
            "in_channels=1, out_channels=1, features=(F, 2*F, 4*F, 8*F, 16*F, F))"
        ),
    ),
}
CHILD = """
import json, resource, statistics, sys, time
import torch
from core.networks import MODELS, build_model
what, batch, side, F = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.manual_seed(0)
if what.startswith("monai."):
    import monai.networks.nets
    model = eval(what)
else:
    own = {"base_filters": F} if "base_filters" in MODELS[what].options else {}
    model = build_model(what, in_channels=1, classes=1, **own)
model = model.to(memory_format=torch.channels_last)
image = torch.rand(batch, 1, side, side).contiguous(memory_format=torch.channels_last)
truth = (torch.rand(batch, 1, side, side) > 0.5).float()
optimizer = torch.optim.Adam(model.parameters())
def first(output):
    return output[-1] if isinstance(output, (list, tuple)) else output
def forward():
    with torch.inference_mode():
        model(image)
def step():
    optimizer.zero_grad(set_to_none=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(first(model(image)), truth)
    loss.backward()
    optimizer.step()
def median(work, times=3):
    work()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
seconds = {"forward": median(model.eval() and forward), "step": median(model.train() and step)}
print(json.dumps({**seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    "parameters": sum(p.numel() for p in model.parameters())}))
"""


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--batch", type=int, default=8)
    arguments.add_argument("--side", type=int, default=256)
    arguments.add_argument("--filters", type=int, default=16, help="base_filters, where taken")
    arguments.add_argument("--only", nargs="*", help="these networks alone")
    given = arguments.parse_args()
    from core.networks import MODELS

    names = given.only or [name for name, card in MODELS.items() if card.dimensions == 2]
    sizes = (given.batch, given.side, given.filters)
    plain = _measure("unet", *sizes)
    results: list[dict[str, Any]] = []
    goals: list[dict[str, Any]] = []
    for name in names:
        ours = plain if name == "unet" else _measure(name, *sizes)
        for figure, unit in (("forward", "s"), ("step", "s"), ("peak", "GiB")):
            case = f"{name} ({ours['parameters']:,.0f}), {figure}"
            results.append(
                result(case, ours[figure], unit=unit, peer=plain[figure], peer_name="plain U-Net")
            )
        if name in PEERS:
            title, code = PEERS[name]
            theirs = _measure(code, *sizes)
            for figure in ("forward", "step"):
                case = f"{name}, {figure}"
                results.append(
                    result(case, ours[figure], unit="s", peer=theirs[figure], peer_name=title)
                )
            ratio = theirs["step"] / ours["step"]
            goals.append(goal(f"{name} training step, times {title}'s", 1, ratio, least=True))
    software = f"batch {given.batch}, {given.side} x {given.side}, {given.filters} base filters"
    emit(report("models", results, goals, software=software), as_json=given.json)


def _measure(what: str, batch: int, side: int, filters: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, what, str(batch), str(side), str(filters)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main()
