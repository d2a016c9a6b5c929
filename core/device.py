"""Where a network runs and in which precision."""

import os

import torch
from torch import Tensor, nn

from core.errors import InputError


def pick_device() -> torch.device:
    """A GPU where there is one; of several processes each has its own."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def to_device(model: nn.Module, device: torch.device) -> nn.Module:
    """The network on a device with channels last in memory, which convolutions there like best.

    Networks for volumes keep the usual order: with the other one, oneDNN's gradients of 3D
    convolutions in bfloat16 are not numbers now and then (torch 2.13, small planes), and slower.
    """
    model = model.to(device)
    if any(isinstance(module, nn.Conv3d) for module in model.modules()):
        return model
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # missing in torch's stubs


def channels_last(images: Tensor) -> Tensor:
    """Images (B, C, H, W) with channels last in memory; volumes in the usual order."""
    if images.ndim == 5:
        return images.contiguous()
    return images.contiguous(memory_format=torch.channels_last)


def precision_of(precision: str, device: torch.device) -> torch.dtype:
    """The number format in which the network is trained.

    Args:
        precision: ``auto``, ``bf16``, ``fp16`` or ``fp32``.
        device: Where it would run.

    Raises:
        InputError: The device has no such format.
    """
    if precision == "fp16":
        if device.type != "cuda":
            raise InputError("float16 needs a GPU; use --set precision=bf16 or auto")
        return torch.float16
    if device.type == "cuda":
        has = torch.cuda.is_bf16_supported()
    else:
        has = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - no public name
    if precision == "bf16" and not has:
        raise InputError(f"{device.type} has no bfloat16 here; use --set precision=fp32")
    return torch.bfloat16 if has and precision != "fp32" else torch.float32
