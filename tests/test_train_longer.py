"""Train longer: a finished run continues, says so, and what was done stays as it was."""

from collections.abc import Callable
from typing import Any

import pytest

from core.config import RunConfig
from core.errors import InputError
from core.runs import Run, create_run, open_run
from core.runs.checkpoint import load_checkpoint
from core.training.extension import extend
from core.training.loop import train

Config = Callable[..., RunConfig]


def finished(tiny_config: Config, **changes: Any) -> Run:
    run = create_run(tiny_config(**{"epochs": 3, "schedule": "cosine", **changes}))
    train(run)
    return run


def test_it_goes_on_from_where_it_was(tiny_config: Config) -> None:
    run = finished(tiny_config)
    before, point = run.history, run.operating_point
    rate = before[-1]["learning_rate"]
    assert extend(run, 5).epochs == 5
    config = open_run(run.name).config
    assert config.extensions == [
        {"after": 3, "planned": 3, "learning_rate": max(rate, 0.1 * config.learning_rate)}
    ]
    summary = train(run)
    assert (summary["epochs"], run.status["state"]) == (5, "finished")
    assert run.history[:3] == before
    rates = [row["learning_rate"] for row in run.history]
    assert rates[3] > rates[4] > 0
    assert load_checkpoint(run.checkpoint("last"))["epoch"] == 5
    assert run.operating_point is not None
    assert point is not None


def test_it_is_patient_anew(tiny_config: Config) -> None:
    still = {"learning_rate": 1e-12, "augment": False, "patience": 1, "schedule": "constant",
             "model_options": {"base_filters": 4, "depth": 2, "normalization": "none"}}  # fmt: skip
    run = finished(tiny_config, epochs=20, **still)
    done = len(run.history)
    assert done < 20
    extend(run, done + 1)
    train(run)
    assert len(run.history) == done + 1


def test_what_cannot_go_on_is_refused(tiny_config: Config) -> None:
    fresh = create_run(tiny_config())
    with pytest.raises(InputError, match="has no epoch done yet"):
        extend(fresh, 5)
    run = finished(tiny_config)
    with pytest.raises(InputError, match="has 3 epochs done; give more with --epochs"):
        extend(run, 3)
    assert open_run(run.name).config.extensions == []
    run.save_status("running")
    with pytest.raises(InputError, match="is under way; stop it first"):
        extend(run, 9)
