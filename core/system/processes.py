"""Processes by identity: a process id together with the boot and the tick its process began at.

The kernel gives a number out again once its process has ended, so a number alone names nobody. The
tick is counted from the boot, so it stays the same when somebody sets the clock.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

import psutil

from core.system.home import ROOT

SAME_SECONDS = 1.0
"""Where the system counts no ticks: the clock that gives a start time may be set meanwhile."""
_TICKS = 22 - 3  # proc_pid_stat(5) counts from 1; two fields stand before those that are split


def start_detached(
    words: Sequence[str],
    *,
    out: IO[bytes],
    errors: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Run a program in a session of its own: it outlives whoever started it.

    Args:
        words: Program and arguments.
        out: File that takes what it prints.
        errors: File that takes its standard error; None takes ``out``.
        environment: In place of this process's own.
        pass_fds: Descriptors that it inherits.

    Raises:
        OSError: There is no room for another process.
    """
    return subprocess.Popen(
        list(words),
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT if errors is None else errors,
        start_new_session=True,
        pass_fds=pass_fds if sys.platform != "win32" else (),
    )


def python(*words: str) -> list[str]:
    """The words of ``python -m …`` for this interpreter."""
    return [sys.executable, "-m", *words]


def identity(process: psutil.Process) -> dict[str, Any]:
    """What to write down about a process, so that ``living`` finds this one and no other.

    Returns:
        ``pid``, ``host`` and ``process_started`` (seconds since 1970). Where there is ``/proc``
        also ``boot_id``, ``pid_namespace`` and ``start_ticks``, which alone are compared then.
    """
    facts = {"pid": process.pid, "process_started": process.create_time(), **_here()}
    ticks = start_ticks(process.pid)
    return facts if ticks is None else {**facts, "start_ticks": ticks}


def start_ticks(pid: int) -> int | None:
    """Clock ticks from the boot to the start of a process; None without it or ``/proc``."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(text.rpartition(")")[2].split()[_TICKS])  # a name may hold spaces and brackets
    except (OSError, IndexError, ValueError):
        return None


def is_local(facts: Mapping[str, Any]) -> bool:
    """Whether the process numbers of an ``identity`` are those that this process sees.

    They are not on another host, after a reboot, or in another container. An identity of an
    earlier version names no place and counts as local.
    """
    here = _here()
    names = ("boot_id", "pid_namespace") if "boot_id" in here else ("host",)
    return all(facts.get(name, here[name]) == here[name] for name in names)


def living(facts: Mapping[str, Any]) -> psutil.Process | None:
    """The very process of an ``identity``, None when it has ended, reaped or not, or is not local.

    Identities of earlier versions hold a start time and no ticks; they are compared by it.
    """
    try:
        if not is_local(facts):
            return None
        process = psutil.Process(facts["pid"])
        if "start_ticks" in facts:
            same = start_ticks(process.pid) == facts["start_ticks"]
        else:
            same = abs(process.create_time() - facts["process_started"]) < SAME_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.NoSuchProcess, KeyError):
        return None


@cache
def _here() -> dict[str, Any]:
    """The place that process numbers belong to: host, boot and container."""
    place = {"host": socket.gethostname()}
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        place |= {"boot_id": boot, "pid_namespace": str(Path("/proc/self/ns/pid").readlink())}
    return place


def send(facts: Mapping[str, Any], number: signal.Signals) -> bool:
    """Signal the process of an ``identity``; whoever got its number since is never hit.

    Returns:
        Whether it was there to be signalled.
    """
    if not hasattr(os, "pidfd_open"):
        process = living(facts)
        if process is not None:
            process.send_signal(number)
        return process is not None
    try:
        held = os.pidfd_open(facts["pid"])
    except (KeyError, OSError):
        return False
    try:
        # Looked at after it is held: from here on the descriptor names one process for good.
        if living(facts) is None:
            return False
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(held, number)
        return True
    finally:
        os.close(held)


def marked(name: str, value: str) -> list[psutil.Process]:
    """Living processes that were started with ``name=value`` in their environment.

    It passes from parent to child, so it finds a whole tree, whatever sessions its parts made for
    themselves and whichever parents have ended.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if (
                process.environ().get(name) == value
                and process.status() != psutil.STATUS_ZOMBIE
                and process.pid != os.getpid()
            ):
                found.append(process)
    return found
