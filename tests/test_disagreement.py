"""Several answers on a split: thresholds from validation, errors found by disagreement."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.__main__ import main
from core.config import RunConfig
from core.errors import InputError
from core.evaluation.disagreement import disagreement, members_of
from core.evaluation.of_model import assess_model, evaluate_model
from core.models import TrainedModel, load_run, load_weights
from core.runs import Run, create_run
from core.training.loop import train


@pytest.fixture(scope="module")
def other(tiny_config: Callable[..., RunConfig], finished_run: Run) -> Run:
    """As ``finished``, from another seed and with dropout."""
    del finished_run
    options = {"base_filters": 4, "depth": 2, "dropout": 0.3}
    run = create_run(tiny_config(seed=1, model_options=options), name="other")
    train(run)
    return run


def _data(trained: TrainedModel) -> Path:
    return Path(str(trained.config.data))


def test_views_are_judged_beside_the_image_as_it_is(finished_run: Run) -> None:
    trained = load_run(finished_run)
    found = disagreement([trained], "turns", split="test", data=_data(trained))
    assert (found["members"], found["n_images"], found["method"]) == (8, 3, "turns")
    alone = evaluate_model(trained, "test", data=_data(trained))
    assert found["alone"]["dice"] == alone["pooled"]["dice"]
    mean = assess_model(trained, "test", data=_data(trained), views="turns")
    k = round(found["mean"]["threshold"] * 1000)
    pooled = mean.sweep.pooled()
    tp, fp, fn = pooled.tp[0, k], pooled.fp[0, k], pooled.fn[0, k]
    assert found["mean"]["dice"] == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=0)
    risk = found["risk_coverage"]
    assert risk["area_best"] <= risk["area"]
    assert risk["risk"][-1] == pytest.approx(risk["area_random"]), "all pixels accepted"


def test_an_ensemble_and_dropout_answer_too(finished_run: Run, other: Run) -> None:
    models = [load_run(finished_run), load_run(other)]
    found = disagreement(models, "ensemble", split="val", data=_data(models[0]))
    assert (found["models"], found["members"]) == (["finished", "other"], 2)
    assert found["risk_coverage"]["gain"] > 0, "two networks disagree rather where they err"
    once = disagreement(models[1:], "dropout", split="val", data=_data(models[0]), samples=3)
    again = disagreement(models[1:], "dropout", split="val", data=_data(models[0]), samples=3)
    assert once == again
    assert once["members"] == 3


def test_what_does_not_go_together_is_refused(
    finished_run: Run, other: Run, tiny_config: Callable[..., RunConfig]
) -> None:
    trained, second = load_run(finished_run), load_run(other)
    with pytest.raises(InputError, match="at least two models"):
        members_of([trained], "ensemble")
    with pytest.raises(InputError, match="at least two models"):
        members_of([trained, second], "turns")
    with pytest.raises(InputError, match="has no dropout"):
        members_of([trained], "dropout")
    with pytest.raises(InputError, match="unknown method 'guess'"):
        members_of([trained], "guess")
    with pytest.raises(InputError, match="was not trained"):
        disagreement([load_weights("classical/otsu")], "turns", split="test", data=None)
    train(create_run(tiny_config(folds=3, fold=0, epochs=1), name="elsewhere"))
    with pytest.raises(InputError, match="different splits"):
        disagreement(
            [trained, load_run(Run(finished_run.path.parent / "elsewhere"))],
            "ensemble",
            split="test",
            data=_data(trained),
        )


def test_the_command_says_the_same(
    finished_run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "core",
        "uncertainty",
        "--run",
        finished_run.name,
        "--split",
        "test",
        "--method",
        "flips",
    ]
    monkeypatch.setattr(sys, "argv", [*words, "--json"])
    assert main() == 0
    found = json.loads(capsys.readouterr().out)
    trained = load_run(finished_run)
    assert found == json.loads(
        json.dumps(disagreement([trained], "flips", split="test", data=_data(trained)))
    )
    monkeypatch.setattr(sys, "argv", words)
    assert main() == 0
    assert f"of the mean {found['mean']['dice']:.4f}" in capsys.readouterr().out
