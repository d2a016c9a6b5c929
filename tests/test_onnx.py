"""Every network as an ONNX graph for any size, run by another runtime, against its own logits."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch
from torch import Tensor, nn

import core.networks.export
from core.errors import InputError
from core.networks import MODELS, build_model, card_of
from core.networks.export import export_onnx

QUICK = ("unet", "attention_unet")
"""Exported in a few seconds; all others are marked slow."""
SMP = ("smp/unet/resnet18", "smp/fpn/resnet18", "smp/segformer/mit_b0")
TOLERANCE = 1e-4
"""Of the largest logit: float32 sums in another order, through up to a hundred layers."""
SIDES = ((64, 64, 64), (33, 50, 40), (65, 96, 33))
"""The first is what is exported at; of images the first two."""


def small(name: str, **options: object) -> nn.Module:
    torch.manual_seed(0)
    model = build_model(name, in_channels=2, classes=3, **{**card_of(name).small, **options})
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            assert module.running_mean is not None
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # else a swapped mean would not show
    return model.train()


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def run(path: Path, image: Tensor) -> Tensor:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # warnings are of unused initializers
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": image.numpy()})
    assert isinstance(logits, np.ndarray)
    return torch.from_numpy(logits)


def assert_same(path: Path, model: nn.Module, image: Tensor) -> None:
    with torch.inference_mode():
        expected = model.eval()(image)
    logits = run(path, image)
    assert logits.shape == expected.shape
    wrong = float((logits - expected).abs().max() / expected.abs().max())
    assert wrong <= TOLERANCE


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in (*MODELS, *SMP)
    ],
)
def test_another_runtime_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    dimensions = card_of(name).dimensions
    model, path = small(name), tmp_path / "network.onnx"
    sides = [side[:dimensions] for side in SIDES]
    export_onnx(model, path, in_channels=2, size=sides[0])
    assert model.training, "as it was"
    for batch, size in zip((1, 2, 1), sides, strict=True):
        assert_same(path, model, noise(batch, 2, *size))


@pytest.mark.slow
def test_the_original_unet_is_mirrored_in_the_graph_too(tmp_path: Path) -> None:
    model, path = small("unet", convolutions="unpadded"), tmp_path / "network.onnx"
    export_onnx(model, path, in_channels=2, size=(64, 64))
    for size in ((64, 64), (33, 50), (5, 96)):
        assert_same(path, model, noise(2, 2, *size))


def test_a_graph_of_one_size_takes_that_size_alone(tmp_path: Path) -> None:
    model, path = small("unet"), tmp_path / "network.onnx"
    export_onnx(model, path, in_channels=2, size=(48, 40), any_size=False)
    graph = onnx.load(path).graph
    sides = [axis.dim_param or axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim]
    assert sides == ["batch", 2, 48, 40]
    assert not [node for node in graph.node if node.op_type == "Pad"], "nothing to pad at 48 x 40"
    assert_same(path, model, noise(3, 2, 48, 40))
    with pytest.raises(Exception, match="invalid dimensions"):
        run(path, noise(1, 2, 48, 48))


def test_what_cannot_be_exported_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "network.onnx"
    for size in ((32,), (32, 0), (1, 1, 1, 1)):
        with pytest.raises(InputError, match=r"a size to export at is \(H, W\) or \(D, H, W\)"):
            export_onnx(nn.Conv2d(1, 1, 1), path, in_channels=1, size=size)
    with pytest.raises(FileNotFoundError):
        export_onnx(
            nn.Conv2d(1, 1, 1), tmp_path / "no folder" / "a.onnx", in_channels=1, size=(8, 8)
        )
    monkeypatch.setattr(core.networks.export, "PACKAGES", ("onnx", "a_package_that_is_not_there"))
    with pytest.raises(InputError, match="ONNX needs a_package_that_is_not_there; install what"):
        export_onnx(nn.Conv2d(1, 1, 1), path, in_channels=1, size=(32, 32))
    assert not list(tmp_path.iterdir())
