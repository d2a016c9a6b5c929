"""Checkpoints that are whole or absent: atomic writes, a digest in the file, no arbitrary code.

The file is ``MAGIC``, the SHA-256 of what follows, then what ``torch.save`` wrote. One flipped
byte in tensor data loads silently without a digest, so every load checks it.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from core.errors import InputError
from core.files import write_atomic

MAGIC = b"ISOLINE1"
_DIGEST = hashlib.sha256().digest_size


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; a crash at any moment leaves the old one or the new one.

    Args:
        path: The file.
        state: Tensors, numbers, text and containers of them.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    write_atomic(path, MAGIC + hashlib.sha256(payload).digest() + payload)


def load_checkpoint(path: Path, *, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint onto a device.

    Raises:
        InputError: There is none, it is not one of ours, or its bytes have changed.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint; train the run first") from None
    start = len(MAGIC) + _DIGEST
    payload = content[start:]
    if content[: len(MAGIC)] != MAGIC:
        raise InputError(f"{path}: not a checkpoint of Isoline; point at a run folder")
    if hashlib.sha256(payload).digest() != content[len(MAGIC) : start]:
        raise InputError(f"{path}: the checkpoint is damaged (its digest differs); use another one")
    state: dict[str, Any] = torch.load(io.BytesIO(payload), map_location=device, weights_only=True)
    return state
