"""Several processes: the same images, the same loss, and so the same curve."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config import RunConfig
from core.runs import Run, create_run
from core.runs.checkpoint import load_checkpoint
from core.training.distributed import SharedBatchNorm2d, Team, with_shared_statistics
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


def test_sharing_statistics_leaves_the_weights_alone() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    network = torch.nn.Sequential(network, torch.nn.BatchNorm2d(2))
    state = {key: value.clone() for key, value in network.state_dict().items()}
    assert with_shared_statistics(network) is network
    found = [m for m in network.modules() if isinstance(m, SharedBatchNorm2d)]
    assert len(found) == 2
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
