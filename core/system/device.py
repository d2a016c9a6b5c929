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
    """The network on a device with channels last in memory, which convolutions there like best."""
    model = model.to(device)
    order = torch.channels_last
    if takes_volumes(model):
        if device.type != "cpu":  # not tried there
            return model
        order = torch.channels_last_3d
    return model.to(memory_format=order)  # type: ignore[call-overload,no-any-return]  # missing in torch's stubs


def channels_last(images: Tensor) -> Tensor:
    """Images (B, C, H, W) or volumes (B, C, D, H, W) as a network of ``to_device`` likes them."""
    if images.ndim == 5:
        on_cpu = images.device.type == "cpu"
        return images.contiguous(
            memory_format=torch.channels_last_3d if on_cpu else torch.contiguous_format
        )
    return images.contiguous(memory_format=torch.channels_last)


def takes_volumes(model: nn.Module) -> bool:
    """Whether a network has convolutions in three dimensions."""
    return any(isinstance(module, nn.Conv3d) for module in model.modules())


def precision_of(precision: str, device: torch.device, model: nn.Module) -> torch.dtype:
    """The number format in which a network is trained.

    Args:
        precision: ``auto``, ``bf16``, ``fp16`` or ``fp32``.
        device: Where it would run.
        model: The network.

    Raises:
        InputError: The device has no such format, or not for this network.
    """
    if precision == "fp16":
        if device.type != "cuda":
            raise InputError("float16 needs a GPU; use --set precision=bf16 or auto")
        return torch.float16
    on_cpu = device.type == "cpu"
    if on_cpu:
        has = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - no public name
    else:
        has = torch.cuda.is_bf16_supported()
    if precision == "bf16" and not has:
        raise InputError(f"{device.type} has no bfloat16 here; use --set precision=fp32")
    # On a processor gradients of 3D convolutions on small planes are not numbers now and then: in 7
    # of 66 trials of two steps (oneDNN of torch 2.13, AVX512-BF16).
    unsound = on_cpu and takes_volumes(model)
    if precision == "bf16" and unsound:
        raise InputError(
            "a processor gets gradients of 3-D networks wrong in bfloat16; use "
            "--set precision=fp32 or auto"
        )
    return torch.float32 if precision == "fp32" or not has or unsound else torch.bfloat16
