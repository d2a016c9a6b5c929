"""How a step is taken: optimizer, learning rate, scaled gradients, average of the weights.

The learning rate is a function of the config, the moment and the history, so there is no scheduler
whose state a checkpoint would have to carry.
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from core.config import RunConfig

POWER = 0.9
"""Of the poly schedule, as in DeepLab (Chen, 2017)."""
RISE = 0.3
"""Share of one_cycle in which the rate rises."""
START, END = 1 / 25, 1 / 250_000
"""Of one_cycle's largest rate; both as in ``torch.optim.lr_scheduler.OneCycleLR``."""
RESTART = 0.1
"""A training that continues starts anew from at least this share of the largest rate."""

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


def build_optimizer(model: nn.Module, config: RunConfig) -> torch.optim.Optimizer:
    """The optimizer of a config over all weights of a network, one kernel a step."""
    options: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    if config.optimizer == "sgd":
        options["momentum"] = config.momentum
    return OPTIMIZERS[config.optimizer](model.parameters(), fused=True, **options)


def learning_rate(
    config: RunConfig, epoch: float, *, steps: int, values: Sequence[float] = ()
) -> float:
    """The learning rate at a moment.

    Args:
        config: Names the schedule; after its last extension the rate is annealed anew.
        epoch: Epochs done, with the share of the one under way.
        steps: Steps in an epoch.
        values: The monitored value of each epoch done, smaller is better; for ``plateau``.
    """
    if config.warmup_epochs > epoch:
        return config.learning_rate * min(1.0, (epoch + 1 / steps) / config.warmup_epochs)
    if config.schedule == "plateau":
        return config.learning_rate * config.plateau_factor ** _plateaus(config, values)
    stretches = [(config.warmup_epochs, config.learning_rate), *_extended(config)]
    ends = [*(extension["planned"] for extension in config.extensions), config.epochs]
    n = max(n for n, (after, _) in enumerate(stretches) if n == 0 or after <= epoch)
    after, largest = stretches[n]
    name = AFTERWARDS.get(config.schedule, config.schedule) if n else config.schedule
    return largest * SHAPES[name](min(1.0, (epoch - after) / (ends[n] - after)))


def extension(config: RunConfig, *, epochs_done: int, rate: float) -> dict[str, Any]:
    """The record of a training that continues: from which epoch, which end, which learning rate.

    The last rate, or a tenth of the largest where a schedule had all but reached zero; over the
    new epochs it falls again as the schedule has it.

    Args:
        config: Before it continues.
        epochs_done: Epochs done.
        rate: Of the last step.
    """
    anew = rate if config.schedule == "constant" else max(rate, RESTART * config.learning_rate)
    return {"after": epochs_done, "planned": config.epochs, "learning_rate": anew}


def _extended(config: RunConfig) -> list[tuple[float, float]]:
    """Where each extension begins, and from which rate."""
    return [(float(e["after"]), float(e["learning_rate"])) for e in config.extensions]


def _one_cycle(t: float) -> float:
    low, high, share = (START, 1.0, t / RISE) if t < RISE else (1.0, END, (t - RISE) / (1 - RISE))
    return high + (low - high) * 0.5 * (1 + math.cos(math.pi * share))


SHAPES: dict[str, Callable[[float], float]] = {
    "constant": lambda _t: 1.0,
    "cosine": lambda t: 0.5 * (1 + math.cos(math.pi * t)),
    "poly": lambda t: (1 - t) ** POWER,
    "one_cycle": _one_cycle,
}
"""Share of the largest rate when the share t of the epochs is done."""
AFTERWARDS = {"one_cycle": "cosine"}
"""What takes a schedule's place in an extension: a second cycle would undo the first."""


def _plateaus(config: RunConfig, values: Sequence[float]) -> int:
    """How often the value has stood still for ``plateau_patience`` epochs."""
    count, waited, best = 0, 0, math.inf
    for value in values:
        waited = 0 if value < best else waited + 1
        best = min(best, value)
        if waited >= config.plateau_patience:
            count, waited = count + 1, 0
    return count


class Average:
    """Exponential moving average of weights and running statistics, float32.

    From random weights the decay begins small, (1 + n) / (10 + n) after n steps, so that a short
    training is not governed by them.

    Args:
        model: The network that is trained.
        decay: Share of the average that a step keeps.
        learned: Whether the network has learned already, so that its first weights count in full.
    """

    def __init__(self, model: nn.Module, decay: float, *, fine_tuned: bool = False) -> None:
        self.model = copy.deepcopy(model).requires_grad_(requires_grad=False)
        self.decay, self.fine_tuned = decay, fine_tuned
        both = list(zip(_state(self.model), _state(model), strict=True))
        self.pairs = [pair for pair in both if pair[0].is_floating_point()]
        self.counts = [pair for pair in both if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Take the network's weights in.

        Args:
            steps: Steps that were done before, over the whole training.
        """
        keep = self.decay if self.fine_tuned else min(self.decay, (1 + steps) / (10 + steps))
        means, values = map(list, zip(*self.pairs, strict=True))
        torch._foreach_lerp_(means, values, 1 - keep)
        for mean, value in self.counts:
            mean.copy_(value)


def _state(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]
