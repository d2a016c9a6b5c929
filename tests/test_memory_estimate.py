"""Memory before failure: the estimate is near what is used, and what does not fit is refused."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.config import RunConfig
from core.errors import InputError
from core.losses import LOSSES, bce
from core.runs import create_run
from core.training import memory
from core.training.loop import train
from core.training.memory import Estimate, available_bytes, estimate, micro_batches_that_fit

ROOT = Path(__file__).parents[1]
Config = Callable[..., RunConfig]
MIB = 2**20

STEP = """
import sys, torch
from torch.profiler import ProfilerActivity, profile
from core.config import RunConfig
from core.system.device import to_device
from core.inference.heads import build_network
from core.training.memory import estimate
from core.training.optimization import build_optimizer

config = RunConfig(dataset="phantoms", model=sys.argv[1], batch_size=8, precision="fp32",
                   model_options={"base_filters": 16})
model = to_device(build_network(config, in_channels=1, outputs=1), torch.device("cpu"))
optimizer = build_optimizer(model, config)

def step(batch):
    image = torch.rand(batch, 1, 256, 256).contiguous(memory_format=torch.channels_last)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(image), image)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()

def peak(batch):
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        step(batch)
    events = [e for e in watched.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = highest = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        highest = max(highest, held)
    return highest

step(2)
print((peak(8) - peak(2)) / 6, estimate(config, 1).image_bytes)
"""


@pytest.mark.slow
@pytest.mark.parametrize("model", ["unet", "unetpp", "unet3p", "attention_unet"])
def test_the_estimate_is_near_what_a_step_uses(model: str) -> None:
    """What torch's allocator hands out: a kernel's resident set is not counted alike everywhere.

    The resident set is a little larger (fragments, libraries' own scratch), and so is the estimate.
    """
    answer = subprocess.run(
        [sys.executable, "-c", STEP, model], cwd=ROOT, capture_output=True, text=True, check=True
    )
    measured, estimated = map(float, answer.stdout.split())
    assert 1 < estimated / measured < 1.5


def found(**changes: Any) -> Estimate:
    numbers = {
        "weights_bytes": 10 * MIB,
        "image_bytes": 20 * MIB,
        "data_bytes": 5 * MIB,
        "available_bytes": 100 * MIB,
        "images": 8,
    }
    return Estimate(**{**numbers, **changes})


def config(**changes: Any) -> RunConfig:
    return RunConfig(**{"dataset": "phantoms", "batch_size": 8, **changes})


def test_the_largest_batch_is_what_is_left_over() -> None:
    assert found().needed_bytes == 175 * MIB
    assert found().largest == 4, "(95 - 15) / 20"
    assert not found().fits
    assert found(images=4).fits
    assert found(available_bytes=0).largest == 0
    assert found().sentence().startswith("a step needs about 175 MiB of 100 MiB free")


def test_what_does_not_fit_is_refused_or_cut() -> None:
    with pytest.raises(InputError, match=r"175 MiB and 100 MiB are free; a batch of 4 would fit"):
        micro_batches_that_fit(config(), found())
    allowed = config(allow_accumulation=True)
    assert micro_batches_that_fit(allowed, found()) == 2
    assert micro_batches_that_fit(replace(allowed, accumulate=2), found(images=4)) == 2
    with pytest.raises(InputError, match="not even one image fits"):
        micro_batches_that_fit(allowed, found(available_bytes=20 * MIB))


def test_what_a_step_needs_follows_the_config() -> None:
    plain = estimate(config(precision="fp32"), 1)
    assert estimate(config(precision="fp32", batch_size=16), 1).images == 16
    assert estimate(config(precision="fp32", accumulate=3), 1).images == 3
    assert estimate(config(precision="fp32"), 1, processes=2).images == 4
    assert estimate(config(precision="fp32", ema=0.9), 1).weights_bytes == pytest.approx(
        plain.weights_bytes * 5 / 4
    )
    larger = estimate(config(precision="fp32", tile=512), 1)
    assert larger.image_bytes == pytest.approx(4 * plain.image_bytes, rel=0.02)


def test_the_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    cpu = torch.device("cpu")
    assert available_bytes(cpu) > 50 * MIB
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1\n")
    assert available_bytes(cpu) > 50 * MIB
    (tmp_path / "memory.max").write_text(f"{30 * MIB}\n")
    (tmp_path / "memory.current").write_text(f"{10 * MIB}\n")
    assert available_bytes(cpu) == 20 * MIB


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A loss ``scarce`` for which more than two images are too many."""
    seen: list[int] = []

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        if logits.requires_grad:
            if len(logits) > 2:
                raise MemoryError("no room for these tensors")
            seen.append(len(logits))
        return bce(logits, target)

    monkeypatch.setitem(LOSSES, "scarce", replace(LOSSES["bce"], loss=loss))
    return seen


def test_memory_that_runs_out_ends_the_run_with_a_reason(
    tiny_config: Config, scarce: list[int]
) -> None:
    run = create_run(tiny_config(loss="scarce"))
    with pytest.raises(
        InputError, match=r"memory ran out .no room for these tensors.*accumulate=2"
    ):
        train(run)
    assert run.status["state"] == "failed"
    assert "smaller batch" in run.status["reason"]
    assert scarce == []


def test_if_allowed_it_goes_on_in_parts_and_says_so(tiny_config: Config, scarce: list[int]) -> None:
    options = {"base_filters": 4, "depth": 2, "normalization": "none"}
    same = {"augment": False, "precision": "fp32", "model_options": options, "optimizer": "sgd"}
    run = create_run(tiny_config(loss="scarce", allow_accumulation=True, **same))
    train(run)
    assert run.status["state"] == "finished"
    assert run.config.accumulate == 4
    assert any("goes through in 4 parts" in note for note in run.status["notes"])
    assert max(scarce) <= 2
    whole = create_run(tiny_config(**same))
    train(whole)
    for one, other in zip(run.history, whole.history, strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)


def test_what_a_machine_cannot_hold_is_refused_before_the_first_step(
    tiny_config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "memory.max").write_text(f"{3 * MIB}\n")
    (tmp_path / "memory.current").write_text("0\n")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    run = create_run(tiny_config(batch_size=10))
    with pytest.raises(InputError, match=r"a batch of \d would fit: --set batch_size="):
        train(run)
    assert run.history == []
    events: list[dict[str, Any]] = []
    allowed = create_run(tiny_config(batch_size=10, allow_accumulation=True, epochs=1))
    train(allowed, report=events.append)
    assert allowed.config.accumulate > 1
    assert any("would fit at once" in e["text"] for e in events if e["event"] == "note")
