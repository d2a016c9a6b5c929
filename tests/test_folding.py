"""Folded networks answer as before: every network for images, and what cannot be folded stays."""

import pytest
import torch
from torch import nn

from core.networks import MODELS, build_model
from core.networks.folding import folded


def stirred(network: nn.Module) -> nn.Module:
    """Running statistics as after a training, so that folding has something to do."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
    return network.eval()


def counted(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("name", MODELS)
def test_the_answer_stays(name: str) -> None:
    """Of every network, but for rounding."""
    torch.manual_seed(0)
    card = MODELS[name]
    options = dict(card.small)
    network = stirred(build_model(name, in_channels=1, classes=1, **options)).double()
    fewer = folded(network)
    sides = (64, 64) if card.dimensions == 2 else (32, 32, 32)
    image = torch.rand(1, 1, *sides, dtype=torch.float64)
    with torch.inference_mode():
        difference = fewer(image).sigmoid() - network(image).sigmoid()
    assert difference.abs().max() < 1e-9
    assert counted(fewer) <= counted(network)


def test_a_unet_has_no_batch_normalization_left() -> None:
    network = stirred(build_model("unet", in_channels=1, classes=1, base_filters=4))
    assert counted(network) > 0
    assert counted(folded(network)) == 0


def test_a_network_in_training_is_refused() -> None:
    with pytest.raises(ValueError, match="evaluation mode"):
        folded(build_model("unet", in_channels=1, classes=1, base_filters=4).train())
