"""The worker: gives the next job its device, ends what is cancelled, notes what has ended.

It keeps nothing in memory that the files of the queue do not say, so it may be killed at any
moment: what trains continues, and the next worker takes over where this one was.

    python -m core jobs worker                  a service of its own
    python -m core jobs worker --until-empty    what pages and commands start
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from filelock import Timeout

from core.errors import InputError
from core.runs import Run, open_run, runs_folder
from core.runs.jobs import Job, jobs_folder, list_jobs, log_tail, queue, worker_lock
from core.runs.jobs.backend import Backend, LocalBackend, devices
from core.system.processes import living

if sys.platform != "win32":
    import fcntl

GRACE_SECONDS = 6.0  # then what was asked to end is ended
OUTCOMES = {"finished": "finished", "failed": "failed", "stopped": "cancelled"}


def work(
    backend: Backend | None = None,
    *,
    until_empty: bool = False,
    poll_seconds: float = 0.2,
    say: Callable[[str], None] = lambda _line: None,
) -> None:
    """Look after the queue until SIGTERM, or until it is empty.

    A second worker waits for the first to end; one that goes when the queue is empty goes at once.
    What trains is left training when the worker ends.
    """
    backend = backend or LocalBackend()
    lock = worker_lock()
    with _stop_signal() as stopping:
        while not stopping.is_set():
            with suppress(Timeout):
                lock.acquire(timeout=1)
                break
            if until_empty:
                return
        asked: set[str] = set()
        while not stopping.is_set():
            with queue():
                empty = _tick(backend, asked, say)
                if empty and until_empty:
                    # In the queue's lock: whoever adds a job after this finds no worker.
                    lock.release()
                    return
            stopping.wait(poll_seconds if not empty else 3 * poll_seconds)
        lock.release()


def _tick(backend: Backend, asked: set[str], say: Callable[[str], None]) -> bool:
    """One look at every open job; whether there was none."""
    jobs = [job for job in list_jobs() if job.open]
    for job in jobs:
        if job.state != "queued":
            _tell(job, _settle(job, backend, asked), say)
    for job in [job for job in list_jobs() if job.state == "queued"]:
        begun = _begin(job, backend)
        _tell(job, begun, say)
        if begun.state == "queued":
            break  # nobody overtakes
    return not jobs


def _settle(job: Job, backend: Backend, asked: set[str]) -> Job:
    """Bring a job that was begun up to date."""
    if job.state == "starting":  # a worker died between starting it and writing that down
        handle = backend.find(job)
        if handle is not None:
            return job.save(state="running", handle=handle)
        leases = _take(job.devices)
        if leases is None:
            return job  # it trains, or is about to; seen at the next look
        _give_back(leases)
        run = Run(runs_folder() / job.run)
        untouched = run.path.exists() and run.saved_state == "queued"
        if untouched and not job.cancelled:  # nothing was started: its turn is still to come
            return job.save(state="queued", devices=(), started=None)
        return _end(job)
    if backend.alive(job.handle) or Run(runs_folder() / job.run).elsewhere:
        if job.cancelled is not None:
            late = time.time() - job.cancelled > GRACE_SECONDS
            if late or job.id not in asked:
                asked.add(job.id)
                backend.end(job, job.handle, force=late)
        return job
    backend.end(job, {}, force=True)  # parts that outlived the process they belonged to
    return _end(job)


def _begin(job: Job, backend: Backend) -> Job:
    """Start a job if its devices are free."""
    try:
        run = open_run(job.run)
        if run.under_way:
            raise InputError(f"run {job.run} is under way already, started manually")  # noqa: TRY301
    except InputError as fault:
        return job.save(state="failed", ended=time.time(), reason=str(fault))
    offered = devices()
    count = job.processes if offered[0] != "cpu" else 1
    if count > len(offered):
        reason = f"it wants {count} devices and there are {len(offered)}; train it with fewer"
        run.save_status("failed", reason=reason)
        return job.save(state="failed", ended=time.time(), reason=reason)
    leased: list[str] = []
    leases: list[int] = []
    for device in offered:
        if len(leased) < count and (lease := _take((device,))) is not None:
            leased.append(device)
            leases += lease
    try:
        if len(leased) < count:
            return job
        # Before it is started: a worker that dies here leaves word of what it was about.
        job = job.save(state="starting", devices=tuple(leased), started=time.time())
        try:
            handle = backend.start(job, leases)
        except OSError as fault:
            run.save_status("failed", reason=f"it could not be started: {fault}")
            return job.save(state="failed", ended=time.time(), reason=str(fault))
        process = living(handle)
        if process is not None and run.status.get("pid") != process.pid:
            run.save_status("starting", process=process)
        return job.save(state="running", handle=handle)
    finally:
        _give_back(leases)  # what trains holds its own


def _end(job: Job) -> Job:
    """Write down how a job ended, in its run too where that died without a word."""
    run = Run(runs_folder() / job.run)
    state: str = "lost"
    reason: str | None = "its run is gone"
    if run.path.exists():
        status = run.status
        state, reason = OUTCOMES.get(status["state"], "lost"), status.get("reason")
        if job.cancelled is not None and state == "lost":
            state = "cancelled"
        if state == "lost":
            last = log_tail(run, lines=1).strip()
            reason = f"{reason or 'it ended without a word'}; its log ends with: {last}"
        if run.saved_state not in OUTCOMES:
            stopped = "stopped by request; its last checkpoint is kept"
            reason = stopped if state == "cancelled" else reason
            run.save_status("stopped" if state == "cancelled" else "lost", reason=reason)
    return job.save(state=state, ended=time.time(), reason=reason)


def _take(names: tuple[str, ...]) -> list[int] | None:
    """Open lease files, locked; None when one of them is held."""
    held: list[int] = []
    for name in names:
        path = jobs_folder() / f"lease-{name.replace(':', '-')}.lock"
        held.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
        if sys.platform != "win32":
            try:
                fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _give_back(held)
                return None
    return held


def _give_back(leases: list[int]) -> None:
    for lease in leases:
        os.close(lease)


def _tell(before: Job, after: Job, say: Callable[[str], None]) -> None:
    if after.state != before.state:
        where = f" on {', '.join(after.devices)}" if after.state == "running" else ""
        why = f": {after.reason}" if after.reason else ""
        say(f"job {after.id} {after.run} {after.state}{where}{why}")


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    stopping = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stopping.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
