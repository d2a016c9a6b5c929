"""Several networks that answer together: each learns as if alone; together they are one model."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.config import RunConfig
from core.errors import InputError
from core.evaluation.disagreement import disagreement, members_of
from core.inference.heads import build_network
from core.models import load_run, load_weights
from core.networks.ensemble import Ensemble
from core.networks.folding import folded
from core.promotion.promote import promote
from core.runs import Run, create_run
from core.runs.checkpoint import load_checkpoint
from core.training.loop import train
from core.training.memory import estimate

Config = Callable[..., RunConfig]
SMALL: dict[str, Any] = {"model_options": {"base_filters": 4, "depth": 2, "dropout": 0.2}}


def trained(config: RunConfig) -> Run:
    run = create_run(config)
    train(run)
    return run


@pytest.fixture(scope="module")
def committee(tiny_config: Config, _own_workspace: None) -> Run:
    return trained(tiny_config(members=3, epochs=3, ema=0.9, clip_norm=1.0, **SMALL))


def member(state: dict[str, torch.Tensor], n: int) -> dict[str, torch.Tensor]:
    prefix = f"members.{n}."
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def test_the_first_member_learns_as_if_it_were_alone(committee: Run, tiny_config: Config) -> None:
    alone = trained(tiny_config(epochs=3, ema=0.9, clip_norm=1.0, **SMALL))
    state, expected = (
        load_checkpoint(run.checkpoint("last"))["model"] for run in (committee, alone)
    )
    first = member(state, 0)
    assert first.keys() == expected.keys()
    assert all(torch.equal(first[key], expected[key]) for key in first)
    assert not all(torch.equal(member(state, 1)[key], expected[key]) for key in expected)


def test_it_is_one_model_that_answers_with_the_mean(committee: Run) -> None:
    image = torch.rand(1, 1, 32, 32)
    network = build_network(committee.config, in_channels=1, outputs=1).eval()
    assert isinstance(network, Ensemble)
    network.load_state_dict(load_checkpoint(committee.checkpoint("best"))["model"])
    with torch.inference_mode():
        logits = torch.stack(network.forward_all(image))
        assert torch.allclose(network(image), logits.mean(dim=0))
        assert torch.allclose(folded(network)(image), logits.mean(dim=0), atol=1e-5)
    assert logits.std(dim=0).max() > 0.01, "members differ"


def test_it_is_promoted_like_any_other(
    committee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISOLINE_WEIGHTS", str(tmp_path))
    card = (promote(committee, "three") / "card.md").read_text(encoding="utf-8")
    assert "Ensemble of 3 networks" in card
    shipped, own = load_weights("three"), load_run(committee)
    assert shipped.parameters == own.parameters == 3 * parameters_of_one(committee)
    image = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    assert np.allclose(
        shipped.predictor.probability(image), own.predictor.probability(image), atol=0.02
    )


def parameters_of_one(run: Run) -> int:
    network = build_network(run.config, in_channels=1, outputs=1)
    assert isinstance(network, Ensemble)
    return sum(p.numel() for p in network.members[0].parameters())


def test_its_members_can_be_asked_one_by_one(committee: Run) -> None:
    trained = load_run(committee)
    image = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    data = Path(committee.config.data) if committee.config.data else None
    answers = [member(image) for member in members_of([trained], "members")]
    assert len(answers) == 3
    logits = [np.log(p.clip(1e-6, 1 - 1e-6) / (1 - p.clip(1e-6, 1 - 1e-6))) for p in answers]
    mean = 1 / (1 + np.exp(-np.mean(logits, axis=0)))
    assert np.allclose(mean, trained.predictor.probability(image), atol=1e-4)
    found = disagreement([trained], "members", split="test", data=data)
    assert found["members"] == 3
    one = replace(trained, predictor=copy.copy(trained.predictor))
    one.predictor.model = nn.Identity()
    with pytest.raises(InputError, match="the model is one network; train with --set members=3"):
        members_of([one], "members")


def test_its_training_loss_is_that_of_one_network(committee: Run) -> None:
    """The sum of three would be near three times the validation's."""
    last = committee.history[-1]
    assert 0.5 < last["train_loss"] / last["val_loss"] < 2


def test_memory_counts_every_member(tiny_config: Config) -> None:
    one, three = (estimate(tiny_config(members=n), 1) for n in (1, 3))
    assert three.weights_bytes == 3 * one.weights_bytes
    assert 2 * one.image_bytes < three.image_bytes <= 3.2 * one.image_bytes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"members": 0}, "members must be at least 1, found 0"),
        ({"members": 2, "deep_supervision": True}, "leave deep_supervision false"),
    ],
)
def test_what_cannot_be_is_refused(
    tiny_config: Config, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        tiny_config(**changes)
