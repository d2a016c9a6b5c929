"""Processes by identity: a process id together with the time its process began.

The kernel gives a number out again once its process has ended, so a number alone names nobody.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

import psutil

from core.system.home import ROOT

SAME_SECONDS = 1.0  # the clock of a start time may be set in between


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
    """What to write down about a process, so that ``living`` finds this one and no other."""
    return {"pid": process.pid, "process_started": process.create_time()}


def living(facts: Mapping[str, Any]) -> psutil.Process | None:
    """The very process of an ``identity``, None when it has ended, reaped or not."""
    try:
        process = psutil.Process(facts["pid"])
        same = abs(process.create_time() - facts["process_started"]) < SAME_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.NoSuchProcess, KeyError):
        return None


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
