"""One run, one trainer: a claim file in the run's folder, renewed while its holder lives.

The file names the holder (host, boot, process, start tick), a token and a counter of heartbeats.
Whether a holder on this machine lives is asked of the kernel. A holder elsewhere is another host,
another container or a boot before this one: its process numbers mean nothing here, so it lives as
long as its counter moves.
"""

import errno
import json
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from core.errors import InputError
from core.system.home import home
from core.system.processes import identity, is_local, living

FILE = "claim.json"
SILENT_SECONDS = 60.0
"""A holder elsewhere whose counter stood still for so long has ended."""
SKEW_SECONDS = 600.0
"""More than the clocks of two hosts differ by: an older file is that of a holder that ended."""
POLL_SECONDS = 0.5
REMEMBERED = 10_000
_WIDTH = 1024  # bytes; renewed in place, so that a full disk stops no heartbeat
_SEEN: dict[Path, tuple["Holder", float]] = {}


@dataclass(frozen=True)
class Holder:
    """Who holds a claim, as its file says."""

    token: str = ""
    """Of this claim alone; empty where the file cannot be read."""
    beat: int = -1
    """Heartbeats so far."""
    facts: dict[str, Any] = field(default_factory=dict, compare=False)
    """Identity of its process."""

    @property
    def local(self) -> bool:
        """Whether its process is one of this machine, since it started, and of this container."""
        return bool(self.token) and is_local(self.facts)

    def __str__(self) -> str:
        return f"process {self.facts.get('pid', '?')} on {self.facts.get('host', 'another host')}"


@dataclass
class Claim:
    """A claim that this process holds."""

    folder: Path
    token: str
    descriptor: int
    facts: dict[str, Any]
    beat: int = 0

    def renew(self) -> bool:
        """Count one heartbeat; whether the claim is still held."""
        self.beat += 1
        with suppress(OSError):  # a disk with a fault ends no training; ``held`` tells the rest
            os.lseek(self.descriptor, 0, os.SEEK_SET)
            os.write(self.descriptor, _content(self.facts, self.token, self.beat))
            os.fsync(self.descriptor)
        return self.held()

    def held(self) -> bool:
        """Whether the file is still this claim's, and not that of somebody who took over."""
        try:
            own, there = os.fstat(self.descriptor), (self.folder / FILE).stat()
        except OSError as fault:
            return fault.errno not in {errno.ENOENT, errno.ESTALE}
        return (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino)

    def release(self, folder: Path | None = None) -> None:
        """Give the run back.

        Args:
            folder: Where the run is by now, if it was moved.
        """
        self.folder = folder or self.folder
        with _lock(self.folder):
            if self.held():
                (self.folder / FILE).unlink(missing_ok=True)
        os.close(self.descriptor)


def take(folder: Path, *, notice: Callable[[str], None] = lambda _text: None) -> Claim:
    """Claim a run for this process, also from a holder that has ended.

    Args:
        folder: The run's.
        notice: Receives a sentence where a holder elsewhere has to be watched for a minute.

    Raises:
        InputError: Somebody else trains it.
    """
    watched: Holder | None = None
    while True:
        with _lock(folder):  # of two at once the second finds the first one's claim
            holder = read_holder(folder)
            moved = watched is not None and holder is not None and holder != watched
            if holder is not None and (moved or (holder.local and living(holder.facts))):
                raise InputError(
                    f"run {folder.name} is under way: {holder} trains it; wait for its end, or "
                    "stop it first"
                )
            if holder is None or holder.local or _still_seconds(folder, holder) >= SILENT_SECONDS:
                (folder / FILE).unlink(missing_ok=True)
                _SEEN.pop(folder, None)
                return _create(folder)
        if watched is None:
            notice(
                f"{holder} claims run {folder.name}; waiting up to {SILENT_SECONDS:.0f} s for a "
                "sign of life"
            )
        watched = holder
        time.sleep(min(POLL_SECONDS, SILENT_SECONDS / 10))


def read_holder(folder: Path) -> Holder | None:
    """Who claims a run; None when nobody does."""
    for _ in range(3):  # a renewal may be half written
        try:
            document = json.loads((folder / FILE).read_text(encoding="utf-8"))
            return Holder(str(document["token"]), int(document["beat"]), dict(document))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            time.sleep(0.01)
    return Holder()


def claimed(folder: Path) -> bool:
    """Whether a living holder claims a run, as far as one look can tell.

    Of a holder elsewhere one look tells little; it counts as living until this process has seen its
    counter stand still for a minute, or the file is older than any clock is wrong.
    """
    holder = read_holder(folder)
    if holder is None:
        return False
    if holder.local:
        return living(holder.facts) is not None
    with suppress(OSError):
        old = time.time() - (folder / FILE).stat().st_mtime > SKEW_SECONDS
        return not old and _still_seconds(folder, holder) < SILENT_SECONDS
    return False


def claimed_elsewhere(folder: Path) -> bool:
    """Whether a living holder claims a run whose process cannot be seen from here."""
    holder = read_holder(folder)
    return holder is not None and not holder.local and claimed(folder)


def _create(folder: Path) -> Claim:
    facts, token = identity(psutil.Process()), secrets.token_hex(16)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(folder / FILE, flags, 0o666)
    os.write(descriptor, _content(facts, token, 0))
    os.fsync(descriptor)
    return Claim(folder, token, descriptor, facts)


def _content(facts: dict[str, Any], token: str, beat: int) -> bytes:
    document = {**facts, "token": token, "beat": beat}
    return json.dumps(document).encode().ljust(_WIDTH - 1) + b"\n"


def _still_seconds(folder: Path, holder: Holder) -> float:
    """For how long this process has seen the counter stand still, whatever the clocks say."""
    now = time.monotonic()
    before = _SEEN.get(folder)
    if before is None or before[0] != holder:
        if len(_SEEN) >= REMEMBERED:
            _SEEN.clear()
        _SEEN[folder] = (holder, now)
        return 0.0
    return now - before[1]


def _lock(folder: Path) -> FileLock:
    locks = home() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"claim-{folder.name}.lock")
