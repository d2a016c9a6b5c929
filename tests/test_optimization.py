"""How a step is taken: the learning rate at every moment, pencil-checkable, and the average."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from core.config import SCHEDULES, RunConfig
from core.training.optimization import Average, build_optimizer, extension, learning_rate

STEPS = 10


def config(**changes: Any) -> RunConfig:
    return RunConfig(**{"dataset": "phantoms", "epochs": 20, "learning_rate": 0.1, **changes})


def rates(config: RunConfig, first: int = 0) -> list[float]:
    """The learning rate of every step from an epoch on."""
    return [
        learning_rate(config, epoch + step / STEPS, steps=STEPS)
        for epoch in range(first, config.epochs)
        for step in range(STEPS)
    ]


@pytest.mark.parametrize(
    ("schedule", "at"),
    [
        ("constant", {0: 0.1, 10: 0.1, 19.9: 0.1}),
        ("cosine", {0: 0.1, 10: 0.05, 20: 0.0}),
        ("poly", {0: 0.1, 10: 0.1 * 0.5**0.9, 20: 0.0}),
        ("one_cycle", {0: 0.004, 3: 0.052, 6: 0.1, 13: 0.05, 20: 4e-7}),
    ],
)
def test_the_schedule_is_what_it_says(schedule: str, at: dict[float, float]) -> None:
    for epoch, expected in at.items():
        found = learning_rate(config(schedule=schedule), epoch, steps=STEPS)
        assert found == pytest.approx(expected, abs=3e-7)


def test_one_cycle_is_torchs() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    total = 20 * STEPS + 1  # torch is at the end with its last step, ours would be one later
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=total)
    for rate in rates(config(schedule="one_cycle")):
        # torch's peak is the better part of a step earlier: at most one step's rise lies between
        assert rate == pytest.approx(theirs.get_last_lr()[0], abs=0.0026)
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize("schedule", sorted(set(SCHEDULES) - {"one_cycle"}))
def test_warm_up_rises_to_the_full_rate_and_the_rest_follows(schedule: str) -> None:
    found = rates(config(schedule=schedule, warmup_epochs=2))
    assert found[: 2 * STEPS] == pytest.approx([0.1 * n / 20 for n in range(1, 21)])
    assert found[2 * STEPS] == pytest.approx(0.1)
    rest = rates(config(schedule=schedule, epochs=18))
    assert found[2 * STEPS :] == pytest.approx(rest)


def test_a_plateau_lowers_the_rate_and_waits_anew() -> None:
    plateau = config(schedule="plateau", plateau_patience=2, plateau_factor=0.5)
    values = [5.0, 4.0, 4.0, 4.5, 4.0, 4.0, 3.0, 3.0]
    found = [learning_rate(plateau, n, steps=STEPS, values=values[:n]) for n in range(9)]
    assert found == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.025])


@pytest.mark.parametrize(
    ("schedule", "done", "rate", "first"),
    [
        ("constant", 20, 0.1, 0.1),
        ("cosine", 20, 1e-5, 0.01),  # it had fallen: a tenth of the largest
        ("cosine", 10, 0.05, 0.05),  # it had not: from where it was
        ("poly", 20, 1e-4, 0.01),
        ("one_cycle", 20, 4e-7, 0.01),
    ],
)
def test_a_training_that_goes_on_anneals_anew(
    schedule: str, done: int, rate: float, first: float
) -> None:
    before = config(schedule=schedule)
    record = extension(before, epochs_done=done, rate=rate)
    after = config(schedule=schedule, epochs=40, extensions=[record])
    assert rates(after)[: done * STEPS] == rates(before)[: done * STEPS], "the past is the past"
    found = rates(after, done)
    assert found[0] == pytest.approx(first)
    assert all(later <= earlier for earlier, later in pairwise(found))
    middle = learning_rate(after, (done + 40) / 2, steps=STEPS)
    shares = {"constant": 1.0, "poly": 0.5**0.9}
    assert middle == pytest.approx(first * shares.get(schedule, 0.5))


def test_it_can_go_on_twice() -> None:
    one = extension(config(schedule="cosine"), epochs_done=20, rate=0.0)
    longer = config(schedule="cosine", epochs=30, extensions=[one])
    two = extension(longer, epochs_done=25, rate=0.005)
    found = config(schedule="cosine", epochs=50, extensions=[one, two])
    assert rates(found)[: 25 * STEPS] == rates(longer)[: 25 * STEPS]
    assert rates(found, 25)[0] == pytest.approx(0.01)
    assert RunConfig.of_document(found.document()) == found


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_the_optimizer_is_torchs_with_the_settings_given(
    name: str, kind: type[torch.optim.Optimizer]
) -> None:
    settings = config(optimizer=name, weight_decay=0.01, momentum=0.99)
    optimizer = build_optimizer(nn.Linear(2, 2), settings)
    assert type(optimizer) is kind
    group = optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.1, 0.01)
    assert group.get("momentum", 0.99) == 0.99


@pytest.mark.parametrize("fine_tuned", [False, True])
def test_the_average_is_the_sum_by_hand(*, fine_tuned: bool) -> None:
    model = nn.BatchNorm1d(1)
    average = Average(model, 0.5, fine_tuned=fine_tuned)
    weight = torch.ones(1)
    for steps, value in enumerate([2.0, 5.0, -1.0]):
        with torch.no_grad():
            model.weight.fill_(value)
            assert model.num_batches_tracked is not None
            model.num_batches_tracked.fill_(steps + 1)
        average.update(steps)
        keep = 0.5 if fine_tuned else min(0.5, (1 + steps) / (10 + steps))
        weight = keep * weight + (1 - keep) * value
    averaged = average.model.state_dict()
    assert torch.allclose(averaged["weight"], weight)
    assert int(averaged["num_batches_tracked"]) == 3
    assert model.weight.item() == -1.0, "what is trained is left alone"
    assert not any(parameter.requires_grad for parameter in average.model.parameters())
