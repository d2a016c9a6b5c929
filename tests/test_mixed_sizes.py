"""Images of mixed sizes train on crops at their own scale, from the command to the checkpoint."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config import RunConfig
from core.data.patches import patch_corners
from core.errors import InputError
from core.models import load_run
from core.runs import create_run
from core.training.loop import train
from core.training.trial import trial
from tests.published import as_folder, encode

SIZES = ((48, 64), (96, 80), (40, 40), (130, 70))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright discs on noise in four sizes, three images of each."""
    generator, files = np.random.default_rng(0), {}
    for n in range(12):
        height, width = SIZES[n % 4]
        rows, columns = np.ogrid[:height, :width]
        centre = generator.uniform(0.3, 0.7, 2) * (height, width)
        mask = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < (min(height, width) / 4) ** 2
        image = generator.integers(0, 90, (height, width)) + 120 * mask
        files[f"images/{n}.png"] = encode(image.astype(np.uint8))
        files[f"masks/{n}.png"] = encode(mask.astype(np.uint8) * 255)
    return as_folder(tmp_path_factory.mktemp("mixed") / "set", files)


def config(mixed: Path, **changes: Any) -> RunConfig:
    settings: dict[str, Any] = {
        "dataset": "folder",
        "data": str(mixed),
        "model_options": {"base_filters": 4, "depth": 2},
        "tile": 32,
        "epochs": 2,
        "batch_size": 4,
        "learning_rate": 0.02,
        **changes,
    }
    return RunConfig(**settings)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "changes", [{}, {"loss": "weighted_bce"}, {"oversample": 0.5, "crops_per_image": 2}]
)
def test_they_train_on_crops(mixed: Path, changes: dict[str, Any]) -> None:
    run = create_run(config(mixed, **changes))
    summary = train(run)
    assert summary["epochs"] == 2
    trained = load_run(run)
    for height, width in SIZES:
        image = np.zeros((height, width), np.uint8)
        assert trained.predictor.levels(image).shape == (height, width), "at its own scale"


@pytest.mark.usefixtures("home")
def test_the_trial_counts_the_patches(mixed: Path) -> None:
    asked = config(mixed)
    run = create_run(asked)
    train(run)
    patches = {f"{n}": len(patch_corners(*SIZES[n % 4], tile=32)) for n in range(12)}
    images = sum(patches[name] for name in run.split.train)
    assert images > len(run.split.train)
    assert trial(asked).steps == math.ceil(images / asked.batch_size)


@pytest.mark.usefixtures("home")
def test_without_crops_or_a_size_they_are_refused(mixed: Path) -> None:
    for act in (trial, lambda asked: train(create_run(asked))):
        with pytest.raises(InputError, match="or take crops with --set tile=256"):
            act(config(mixed, tile=None))
    assert trial(config(mixed, tile=None, size=48)).steps > 0
