"""Where a network runs and in which precision."""

import torch
from torch import nn

from core.errors import InputError


def pick_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_device(model: nn.Module, device: torch.device) -> nn.Module:
    """The network on a device with channels last in memory, which convolutions there like best."""
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # missing in torch's stubs


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to run the network in bfloat16.

    Args:
        precision: ``auto``, ``bf16`` or ``fp32``.
        device: Where it would run.

    Raises:
        InputError: bfloat16 is asked for and the device has none.
    """
    if device.type == "cuda":
        has = torch.cuda.is_bf16_supported()
    else:
        has = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - no public name
    if precision == "bf16" and not has:
        raise InputError(f"{device.type} has no bfloat16 here; use --set precision=fp32")
    return has and precision != "fp32"
