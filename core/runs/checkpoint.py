"""Checkpoints that are whole or absent: atomic writes, a digest in the file, no arbitrary code.

The file is ``MAGIC``, the SHA-256 of what follows, then what ``torch.save`` wrote. One flipped
byte in tensor data loads silently without a digest, so every load checks it.
"""

import hashlib
import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.errors import InputError
from core.system.files import atomic_path

MAGIC = b"ISOLINE1"
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Packed:
    """A state as its file will have it, to be written under several names."""

    head: bytes
    payload: memoryview


def pack(state: dict[str, Any]) -> Packed:
    """Turn a state into bytes once; see ``save_checkpoint``."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()  # no copy: a checkpoint can be as large as the memory left
    return Packed(MAGIC + hashlib.sha256(payload).digest(), payload)


def save_checkpoint(
    path: Path, state: dict[str, Any] | Packed, *, keep: Path | None = None
) -> None:
    """Write a checkpoint; a crash at any moment leaves the old one or the new one.

    Args:
        path: The file.
        state: Tensors, numbers, text and containers of them, or that packed.
        keep: Where the one that is replaced stays; at every moment one of the two is whole.

    Raises:
        OSError: The disk is full or the folder is gone; both old files are intact.
    """
    packed = state if isinstance(state, Packed) else pack(state)
    with atomic_path(path) as temporary:
        with temporary.open("wb") as stream:
            stream.write(packed.head)
            stream.write(packed.payload)
        if keep is not None and path.exists():
            _keep(path, keep)


def _keep(path: Path, keep: Path) -> None:
    """Give a file a second name, where the file system can; otherwise a copy."""
    if keep.exists() and keep.samefile(path):  # a crash came right after this was done
        return
    with atomic_path(keep) as temporary:
        try:
            temporary.unlink()
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)


def load_checkpoint(path: Path, *, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint onto a device.

    Raises:
        InputError: There is none, it is not one of ours, or its bytes have changed.
    """
    try:
        with path.open("rb", buffering=0) as stream:  # a buffered one joins two parts: a copy
            head, payload = stream.read(len(MAGIC) + _DIGEST), io.BytesIO(stream.read())
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint; train the run first") from None
    if head[: len(MAGIC)] != MAGIC:
        raise InputError(f"{path}: not a checkpoint of Isoline; point at a run folder")
    # What is hashed is what is loaded, without a second copy: were the file read twice, it could
    # change in between.
    if hashlib.sha256(payload.getbuffer()).digest() != head[len(MAGIC) :]:
        raise InputError(f"{path}: the checkpoint is damaged (its digest differs); use another one")
    state: dict[str, Any] = torch.load(payload, map_location=device, weights_only=True)
    return state


def load_first_whole(
    paths: list[Path], *, device: torch.device | str = "cpu"
) -> tuple[dict[str, Any], Path, str]:
    """The first checkpoint of several whose bytes are those that were written.

    Args:
        paths: The newest first; those that do not exist are passed over.
        device: Where the tensors go.

    Returns:
        The state, its file, and what was wrong with those before it: empty if nothing was.

    Raises:
        InputError: None can be used; the message is about the newest.
    """
    faults: list[InputError] = []
    for path in [path for path in paths if path.exists()] or paths[:1]:
        try:
            return load_checkpoint(path, device=device), path, "; ".join(map(str, faults))
        except InputError as fault:
            faults.append(fault)
    raise faults[0]
