"""The number format of a training: what a processor gets wrong is done otherwise."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from core.errors import InputError
from core.networks import MODELS
from core.networks.blocks import Projection
from core.system.device import precision_of

CPU = torch.device("cpu")
HAS = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
flat = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 1, 1))
deep = nn.Conv3d(1, 1, 3)


@pytest.mark.parametrize(("network", "sound"), [(flat, True), (deep, False)])
def test_a_processor_trains_networks_for_volumes_in_float32(
    network: nn.Module, *, sound: bool
) -> None:
    expected = torch.bfloat16 if HAS and sound else torch.float32
    assert precision_of("auto", CPU, network) == expected
    assert precision_of("fp32", CPU, network) == torch.float32
    if not (HAS and sound):
        with pytest.raises(InputError, match="bfloat16"):
            precision_of("bf16", CPU, network)
    with pytest.raises(InputError, match="float16 needs a GPU"):
        precision_of("fp16", CPU, network)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_projection_is_a_strided_convolution(stride: int) -> None:
    torch.manual_seed(0)
    ours = Projection(5, 7, stride=stride)
    theirs = nn.Conv2d(5, 7, 1, stride=stride, bias=False)
    theirs.load_state_dict(ours.state_dict())
    image = torch.rand(2, 5, 13, 16)  # the typical order in memory, in which theirs is right
    torch.testing.assert_close(ours(image), theirs(image))


STEPS = """
import sys
import torch
from core.system.device import channels_last, precision_of, to_device
from core.networks import MODELS, build_model
from core.networks.blocks import Projection
torch.set_num_threads(1)
cpu = torch.device("cpu")
for name in sys.argv[1:]:
    card = MODELS[name]
    for seed in range(2):
        torch.manual_seed(seed)
        model = to_device(build_model(name, in_channels=1, classes=1, **card.small), cpu).train()
        side = 16 if card.dimensions == 3 else 64
        image = channels_last(torch.rand(2, 1, *[side] * card.dimensions))
        dtype = precision_of("auto", cpu, model)
        for _ in range(3):
            with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                logits = model(image)
            torch.autograd.backward(logits.float().square().mean())
            wrong = [n for n, p in model.named_parameters() if not p.grad.isfinite().all()]
            assert not wrong, (name, seed, wrong)
            model.zero_grad()
"""


@pytest.mark.slow
def test_gradients_of_every_network_are_numbers() -> None:
    """In a process of its own: what writes beyond its buffer ends it."""
    names = [name for name in MODELS if name not in {"vnet", "fcn8s", "unet3p"}]  # large, plain
    done = subprocess.run(
        [sys.executable, "-c", STEPS, *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
