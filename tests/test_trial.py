"""Three steps say how long a training would take, and leave nothing behind."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.config import RunConfig
from core.data import open_dataset
from core.data.splits import make_split
from core.errors import InputError
from core.runs import list_runs
from core.system.home import ROOT
from core.training.trial import main, trial


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch_size": 40},  # more than there are images
        {"size": 32, "aspect": "pad"},
        {"tile": 32, "crops_per_image": 3, "oversample": 0.5},
        {"loss": "weighted_bce", "accumulate": 2, "augment": False},
        {"model": "unetpp", "model_options": {"base_filters": 4}, "deep_supervision": True},
    ],
    ids=lambda changes: "-".join(changes) or "plain",
)
def test_the_whole_follows_from_its_parts(
    tiny_config: Callable[..., RunConfig], changes: dict[str, Any]
) -> None:
    config = tiny_config(epochs=7, **changes)
    found = trial(config)
    samples = open_dataset(config.dataset, Path(str(config.data))).samples
    split = make_split(samples, seed=0)
    images = len(split.train) * config.crops_per_image
    assert found.steps == -(-images // config.batch_size)
    assert found.validation_images == len(split.val)
    assert found.step_seconds > 0
    assert found.validation_seconds > 0
    assert found.epoch_seconds == pytest.approx(
        found.steps * found.step_seconds + found.validation_images * found.validation_seconds
    )
    assert found.seconds == pytest.approx(7 * found.epoch_seconds)
    assert list_runs() == []


def test_a_dearer_step_takes_longer(tiny_config: Callable[..., RunConfig]) -> None:
    cheap = tiny_config(batch_size=2)
    dear = replace(cheap, batch_size=32, model_options={"base_filters": 32, "depth": 3})
    assert trial(dear).step_seconds > 3 * trial(cheap).step_seconds


def test_the_command_answers_in_json_or_in_one_sentence(
    tiny_config: Callable[..., RunConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "core.training.trial", json.dumps(tiny_config().document())],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert json.loads(done.stdout)["epochs"] == 2
    assert main(json.dumps(tiny_config(data="/nowhere").document())) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_what_cannot_be_trained_is_refused(tiny_config: Callable[..., RunConfig]) -> None:
    with pytest.raises(InputError, match="no regions"):
        trial(tiny_config(target="regions"))
