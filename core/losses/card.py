"""What is reported of a loss: paper, formula, options, when to use it."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from torch import Tensor

from core.errors import InputError, choose, in_words

Loss = Callable[..., Tensor]
"""``loss(logits, target)``; a loss whose card says ``border_map`` takes the map as a third."""


@dataclass(frozen=True, kw_only=True)
class LossCard:
    """What a loss is and where it comes from."""

    loss: Callable[..., Tensor]
    """Takes logits and target, and its options by keyword."""
    title: str
    """Title of the paper."""
    authors: str
    """First author."""
    year: int
    """Year of the paper."""
    link: str
    """Where the paper is to be read."""
    formula: str
    """In one line; p is the probability, t the target, sums run over pixels."""
    use: str
    """When to reach for it, in one sentence."""
    multiclass: bool = True
    """Whether it takes more than one channel."""
    activation: str = "sigmoid"
    """Of several channels: ``sigmoid`` for each, or ``softmax`` over them. One: always sigmoid."""
    border_map: bool = False
    """Whether training hands it the border map of the truth, see ``core.data.border_weights``."""
    as_printed: bool = False
    """Kept as a paper prints it though that cannot be meant; for comparison, not for training."""
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Least and largest value of a number, where it is not 0 and infinity."""

    @property
    def options(self) -> dict[str, object]:
        """Names and defaults of the loss's own options."""
        parameters = inspect.signature(self.loss).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    def build(self, **options: object) -> Loss:
        """The loss with these options."""
        return partial(self.loss, **options)

    def check(self, name: str, options: Mapping[str, object]) -> None:
        """Refuse options that the loss does not have or cannot take.

        Args:
            name: What the loss is called, for the message.
            options: Values by name.

        Raises:
            InputError: The option is unknown, of the wrong kind or out of range.
        """
        for option, value in options.items():
            default = choose(f"option of {name}", option, self.options)
            number = type(default) is float and type(value) in (int, float)
            if type(value) is not type(default) and not number:
                raise InputError(
                    f"option {option} of {name} takes {in_words(type(default))}, found {value!r}"
                )
            if number:
                low, high = self.limits.get(option, (0.0, math.inf))
                if not (low <= float(str(value)) <= high) or math.isinf(float(str(value))):
                    bound = (
                        f"from {low:g} to {high:g}" if high < math.inf else f"of {low:g} or more"
                    )
                    raise InputError(
                        f"option {option} of {name} takes a number {bound}, not {value}"
                    )
