"""Several networks alike that learn apart and answer together.

Lakshminarayanan et al., Simple and scalable predictive uncertainty estimation using deep ensembles,
NeurIPS 2017, arXiv:1612.01474. The members differ by their initial weights alone and see the same
batches; each has its own loss, as if it were trained by itself. Their answer is the mean of their
logits, so a ensemble is one network to whatever loads, exports or folds it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """N networks of one kind.

    Args:
        members: Each takes an image (B, C, H, W) and gives logits (B, K, H, W).
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, image: Tensor) -> Tensor:
        """Mean of the members' logits, shape (B, K, H, W)."""
        return torch.stack(self.forward_all(image)).mean(dim=0)

    def forward_all(self, image: Tensor) -> list[Tensor]:
        """Each member's logits, shape (B, K, H, W)."""
        return [member(image) for member in self.members]


def members_of(model: nn.Module) -> list[nn.Module]:
    """The networks of a ensemble, or the network itself."""
    return list(model.members) if isinstance(model, Ensemble) else [model]
