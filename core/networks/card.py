"""What is reported of a network: paper, source, options, when to use it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import nn


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a network is and where it comes from."""

    build: Callable[..., nn.Module]
    """Takes ``in_channels``, ``classes`` and the network's own options by keyword."""
    title: str
    """Title of the paper."""
    authors: str
    """First author."""
    year: int
    """Year of the paper."""
    arxiv: str = ""
    """arXiv identifier; empty where there is none."""
    doi: str = ""
    """DOI, for papers that are not on arXiv."""
    implementation: str = "ours"
    """Whose code it is: ``ours``, or the library and its class."""
    idea: str = ""
    """What is new in it, in one sentence."""
    use: str = ""
    """When to reach for it, in one sentence."""
    differs: str = ""
    """Where it departs from the paper or its published code, and why; empty where it does not."""
    printed_parameters: int | None = None
    """Parameter count that the paper prints for the default options, where it prints one."""
    dimensions: int = 2
    """2 for images (B, C, H, W), 3 for volumes (B, C, D, H, W)."""
    multiple: int = 1
    """Sides are padded inside to a multiple of this."""
    small: Mapping[str, object] = field(default_factory=dict)
    """Options that make it small enough to be tried on a CPU in a second."""

    @property
    def options(self) -> dict[str, object]:
        """Names and defaults of the network's own options."""
        parameters = inspect.signature(self.build).parameters.values()
        shared = {"in_channels", "classes", "self"}
        return {p.name: p.default for p in parameters if p.name not in shared}

    @property
    def link(self) -> str:
        """Where the paper is to be read."""
        return (
            f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else f"https://doi.org/{self.doi}"
        )
