"""Several processes: the same images, the same loss, and so the same curve."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from core.config import RunConfig
from core.runs import Run, create_run
from core.runs.checkpoint import load_checkpoint
from core.training.distributed import SharedBatchNorm, Team, with_shared_statistics
from core.training.loop import train

ROOT = Path(__file__).parents[1]
Config = Callable[..., RunConfig]


def torchrun(run: Run) -> str:
    """Train with two processes; what the first one printed."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*command, "--nproc_per_node", "2", "-m", "core", "resume", run.name, "--json"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"sync_batch_norm": True},
        {
            "loss": "dice",  # of the whole batch, not a mean over its images
            "batch_size": 3,  # the last batch has one image: one process has none
            "accumulate": 2,
            "tile": 32,
            "oversample": 0.5,
            "ema": 0.9,
            "clip_norm": 0.5,
            "model_options": {"base_filters": 4, "depth": 2, "normalization": "group"},
        },
    ],
    ids=["batch-norm", "dice"],
)
def test_two_processes_draw_the_curve_of_one(tiny_config: Config, changes: dict[str, Any]) -> None:
    # Adam divides by the gradient's size, so that it magnifies a rounding error where that is 0.
    same = {"optimizer": "sgd", "momentum": 0.9, "precision": "fp32", **changes}
    one, two = (create_run(tiny_config(**same)) for _ in range(2))
    train(one)
    printed = torchrun(two)
    assert printed.count('"best_epoch"') == 1, "the first process speaks for all"
    assert two.status["state"] == "finished"
    for left, right in zip(one.history, two.history, strict=True):
        for name in ("train_loss", "val_loss", "val_dice", "val_soft_dice"):
            assert left[name] == pytest.approx(right[name], rel=1e-4), name
    weights = [load_checkpoint(run.checkpoint("last"))["model"] for run in (one, two)]
    for key, value in weights[0].items():
        assert torch.allclose(value, weights[1][key], rtol=1e-3, atol=1e-5), key


def test_one_process_is_a_team_of_its_own() -> None:
    team, batch = Team(), torch.rand(4, 2)
    assert team.leads
    assert team.gather(batch, 4) is batch
    assert team.all(7) == [7]
    assert [team.any(flag=wish) for wish in (True, False)] == [True, False]
    network = torch.nn.Linear(2, 2)
    assert team.wrap(network, sync_batch_norm=True, unused=False) is network


def normalized(rank: int, folder: Path, images: Tensor) -> None:
    """One of two processes: its images through a shared batch normalization, and a step back."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    kind = {4: torch.nn.BatchNorm2d, 5: torch.nn.BatchNorm3d}[images.ndim]
    network = with_shared_statistics(torch.nn.Sequential(kind(3)))
    own = images[[slice(0, 3), slice(3, 4)][rank]].requires_grad_()
    seen = network(own)
    seen.pow(3).sum().backward()
    torch.save(
        (seen.detach(), own.grad, dict(network.get_submodule("0").named_buffers())),
        folder / f"{rank}.pt",
    )
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("sides", [(6, 7), (4, 6, 7)], ids=["images", "volumes"])
def test_two_processes_normalize_as_one_does(tmp_path: Path, sides: tuple[int, ...]) -> None:
    images = torch.randn(4, 3, *sides, generator=torch.manual_seed(0)) * 3 + 2
    spawn(normalized, (tmp_path, images), nprocs=2)  # type: ignore[no-untyped-call]  # torch's
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    alone = {4: torch.nn.BatchNorm2d, 5: torch.nn.BatchNorm3d}[images.ndim](3)
    whole = images.clone().requires_grad_()
    expected = alone(whole)
    expected.pow(3).sum().backward()
    assert whole.grad is not None
    assert torch.allclose(torch.cat([part[0] for part in parts]), expected, atol=1e-5)
    assert torch.allclose(torch.cat([part[1] for part in parts]), whole.grad, atol=1e-3)
    for _, _, statistics in parts:
        for name, value in alone.named_buffers():
            assert torch.allclose(statistics[name], value), name


@pytest.mark.parametrize("kind", [torch.nn.BatchNorm2d, torch.nn.BatchNorm3d])
def test_sharing_statistics_leaves_the_weights_alone(kind: type[torch.nn.Module]) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), kind(2))
    network = torch.nn.Sequential(network, kind(2))
    state = {key: value.clone() for key, value in network.state_dict().items()}
    assert with_shared_statistics(network) is network
    found = [m for m in network.modules() if isinstance(m, SharedBatchNorm)]
    assert len(found) == 2
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
