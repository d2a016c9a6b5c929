"""Who carries a job out: processes on this machine, or, behind the same four calls, a cluster."""

import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

from core.runs import runs_folder
from core.runs.jobs import LOG, MARK, Job
from core.system.home import home
from core.system.processes import identity, living, marked, python, send, start_detached


class Backend(Protocol):
    """Starts, finds and ends what trains; ``handle`` is what it needs to find it again.

    On this machine a handle is a process's identity; Ray Jobs would put its submission id there.
    """

    def start(self, job: Job, leases: Sequence[int]) -> dict[str, Any]:
        """Begin, holding these open lease files for as long as it trains; the handle."""

    def find(self, job: Job) -> dict[str, Any] | None:
        """The handle of a job that was begun when nobody lived to write it down."""

    def alive(self, handle: Mapping[str, Any]) -> bool:
        """Whether it still trains."""

    def end(self, job: Job, handle: Mapping[str, Any], *, force: bool) -> None:
        """Ask everything that belongs to it to end, or end it."""


def command(job: Job) -> list[str]:
    """The command line that trains a run in one process or, through torchrun, in several."""
    train = ("core", "resume", job.run)
    if job.processes == 1:
        return python(*train)
    several = ("torch.distributed.run", "--standalone", f"--nproc-per-node={job.processes}")
    return python(*several, "-m", *train)


@dataclass
class LocalBackend:
    """Detached processes: each trains in a session of its own and outlives the worker."""

    command: Callable[[Job], list[str]] = command
    """What is run for a job."""
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """Started from here and not yet seen to end."""

    def start(self, job: Job, leases: Sequence[int]) -> dict[str, Any]:
        """Begin; output goes to ``log.txt`` in the run's folder.

        Raises:
            OSError: There is no such program, or no room for another process.
        """
        words = self.command(job)
        environment = {**os.environ, MARK: mark(job)}
        cards = [device.partition(":")[2] for device in job.devices if ":" in device]
        if cards:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(cards)
        with (runs_folder() / job.run / LOG).open("ab") as log:
            log.write(f"$ {shlex.join(['python', *words[1:]])}\n".encode())
            log.flush()
            # An inherited lock lasts until the last process that holds it is gone.
            child = start_detached(words, out=log, environment=environment, pass_fds=leases)
        self.children.append(child)
        return identity(psutil.Process(child.pid))

    def find(self, job: Job) -> dict[str, Any] | None:
        """The eldest process of the job's tree."""
        found = [identity(process) for process in marked(MARK, mark(job))]
        return min(found, key=lambda facts: float(facts["process_started"]), default=None)

    def alive(self, handle: Mapping[str, Any]) -> bool:
        """Whether the process that was started still runs."""
        self.children[:] = [child for child in self.children if child.poll() is None]  # reaps
        return living(handle) is not None

    def end(self, job: Job, handle: Mapping[str, Any], *, force: bool) -> None:
        """Signal the whole tree: torchrun's workers have sessions of their own."""
        number = signal.SIGKILL if force else signal.SIGTERM
        send(handle, number)
        for process in marked(MARK, mark(job)):
            if process.pid != handle.get("pid"):
                send(identity(process), number)


def mark(job: Job) -> str:
    """What the environment of a job's processes says, apart from every other job's."""
    return f"{home()}{os.sep}{job.id}"


def devices() -> list[str]:
    """Devices of this machine, each for one job at a time: its GPUs, without any its processor.

    ``ISOLINE_DEVICES`` names others, separated by commas: ``cuda:0,cuda:2`` or ``cpu``.
    """
    named = os.environ.get("ISOLINE_DEVICES")
    if named:
        return [name.strip() for name in named.split(",")]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        cards = list(Path("/proc/driver/nvidia/gpus").glob("*")) or [
            *Path("/dev").glob("nvidia[0-9]*")  # all that some containers show
        ]
        visible = ",".join(map(str, range(len(cards))))
    return [f"cuda:{card.strip()}" for card in visible.split(",") if card.strip()] or ["cpu"]
