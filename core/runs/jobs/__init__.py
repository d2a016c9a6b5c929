"""The queue of trainings: first come, first served, one job on a device at a time.

All of it is files under ``jobs/`` in the workspace, so it outlives whoever made it:

    000012.json           a job: its run, its state, how to find what trains
    queue.lock            held for a moment by whoever reads and then changes jobs
    worker.lock           held by the one worker while it lives
    lease-<device>.lock   held by the processes that train; the kernel frees it however they end

Pages and commands write down what they want: a job, a request to cancel one. The worker
(``worker``) alone starts and ends processes, so two dashboards that act at once cannot disagree.
Order comes from the number of a job, not from a lock: locks are not granted in the order they are
asked for.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from signal import SIGTERM
from typing import Any, Self

from filelock import FileLock, Timeout

from core.errors import InputError
from core.runs import ACTIVE, Run, open_run, runs_folder
from core.system.files import read_json, write_json
from core.system.home import home
from core.system.processes import python, send, start_detached

STATES = ("queued", "starting", "running", "finished", "failed", "cancelled", "lost")
OPEN = ("queued", "starting", "running")
LOG = "log.txt"
MARK = "ISOLINE_JOB"
"""In the environment of every process of a job; says which."""
QUEUE_SECONDS = 20.0
ENDING_SECONDS = 10.0
REMEMBERED = 10_000
_STARTED: list[subprocess.Popen[bytes]] = []
_READ: dict[Path, tuple[tuple[int, int], "Job"]] = {}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One turn of a run on a device."""

    id: str
    """Its place in the order of all jobs ever made, six digits."""
    run: str
    """Name of the run."""
    queued: float
    """When it was made, in seconds since 1970, as every time here."""
    processes: int = 1
    """Processes that train together, started by torchrun where they are several."""
    state: str = "queued"
    """One of ``STATES``."""
    devices: tuple[str, ...] = ()
    """Devices leased to it."""
    handle: dict[str, Any] = field(default_factory=dict)
    """How its back end finds what trains."""
    started: float | None = None
    """When its turn came."""
    cancelled: float | None = None
    """When someone wished it to end; written before any signal is sent."""
    ended: float | None = None
    """When the last of its processes was gone."""
    reason: str | None = None
    """Why it ended as it did."""

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Read back what ``save`` wrote.

        Raises:
            InputError: It is not the document of a job.
        """
        try:
            return cls(**{**document, "devices": tuple(document["devices"])})
        except (TypeError, KeyError) as fault:
            raise InputError(f"not a job of this version ({fault}); remove its file") from fault

    @property
    def open(self) -> bool:
        """Whether it waits or trains."""
        return self.state in OPEN

    def save(self, **changes: Any) -> Self:  # noqa: ANN401 - fields of a job
        """Write it with these fields changed; to be called in ``queue()``."""
        changed = replace(self, **changes)
        assert changed.state in STATES
        write_json(jobs_folder() / f"{self.id}.json", asdict(changed))
        return changed


def start(run: Run, *, processes: int = 1) -> Job:
    """Put a run into the queue and see that a worker is there; it starts when its turn comes.

    Raises:
        InputError: The run waits or trains already.
    """
    if processes < 1:
        raise InputError(f"a training takes at least 1 process, found {processes}")
    deadline = time.monotonic() + ENDING_SECONDS
    while _is_ending(run) and time.monotonic() < deadline:  # stopped a moment ago
        tend()
        time.sleep(0.05)
    with queue():
        if _open_job(run.name) or run.under_way:
            raise InputError(f"run {run.name} is under way already")
        run.withdraw_stop()
        number = max((int(file.stem) for file in _job_files()), default=0) + 1
        job = Job(id=f"{number:06d}", run=run.name, queued=time.time(), processes=processes)
        # The job first: it is the truth, what the run says is for those who look at it.
        job.save()
        run.queue(job.id)
    tend()
    return job


def stop(run: Run) -> None:
    """Ask a training to stop after the step it is at; the last checkpoint is kept.

    Raises:
        InputError: The run is not under way.
    """
    with queue():
        job = _open_job(run.name)
        if job and not _is_ending(run):
            _cancel(job)
        elif run.under_way:  # started manually
            # Before the signal: a process that dies of it was stopped, not lost. On another host
            # no signal reaches it; its next heartbeat reads the request.
            run.request_stop()
            send(run.status, SIGTERM)
        elif run.status["state"] == "queued":  # its job is gone
            run.leave_queue()
        else:
            raise InputError(f"run {run.name} is not under way")
    tend()


def cancel(name: str) -> Job:
    """Take a job out of the queue, or ask what trains to end; its last checkpoint is kept.

    It returns at once; ``wait`` returns when the last process is gone, within ten seconds.

    Args:
        name: Number of a job, or the name of a run for its last job.

    Raises:
        InputError: There is no such job, or it has ended.
    """
    with queue():
        job = open_job(name)
        if not job.open:
            raise InputError(f"job {job.id} is {job.state} already; there is nothing to cancel")
        job = _cancel(job)
    tend()
    return job


def retry(name: str) -> Job:
    """Queue the run of a job again; it continues from its last checkpoint.

    Raises:
        InputError: There is no such job, it has not ended, or its run is gone.
    """
    job = open_job(name)
    return start(open_run(job.run), processes=job.processes)


def wait(name: str, *, seconds: float) -> Job:
    """The job once it has ended, or as it stands after so many seconds."""
    deadline = time.monotonic() + seconds
    while (job := open_job(name)).open and time.monotonic() < deadline:
        time.sleep(0.05)
    return job


def open_job(name: str) -> Job:
    """A job by its number, or the last one of a run by the run's name.

    Raises:
        InputError: There is none.
    """
    wanted = f"{int(name):06d}" if name.isascii() and name.isdigit() else ""
    for job in reversed(list_jobs()):
        if job.id == wanted or job.run == name:
            return job
    raise InputError(f"no job '{name}'; see: python -m core jobs list")


def list_jobs() -> list[Job]:
    """All jobs in the order of the queue; a damaged file is left out, it holds nobody up."""
    jobs = []
    for file in sorted(_job_files()):
        facts = file.stat()
        stamp = (facts.st_mtime_ns, facts.st_ino)  # a job that is written anew is a new file
        if file not in _READ or _READ[file][0] != stamp:
            if len(_READ) >= REMEMBERED:
                _READ.clear()
            try:
                _READ[file] = (stamp, Job.of_document(read_json(file)))
            except InputError:
                continue
        jobs.append(_READ[file][1])
    return jobs


def log_tail(run: Run, *, lines: int = 40) -> str:
    """The end of what the training printed."""
    file: Path = run.path / LOG
    if not file.exists():
        return ""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 200 * lines))
        return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])


def tend() -> None:
    """Start a worker where jobs are open and none is there; called by whoever reads the queue.

    With ``ISOLINE_WORKER=service`` the worker is someone else's to start, as in compose.yaml.
    """
    _STARTED[:] = [child for child in _STARTED if child.poll() is None]  # reaps those that ended
    if os.environ.get("ISOLINE_WORKER") == "service" or not any(job.open for job in list_jobs()):
        return
    if worker_is_there():
        return
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    with (jobs_folder() / "worker.txt").open("ab") as log:
        words = python("core", "jobs", "worker", "--until-empty")
        child = start_detached(words, out=log, environment=environment)
    _STARTED.append(child)


def worker_is_there() -> bool:
    """Whether a worker looks after the queue."""
    try:
        with worker_lock().acquire(blocking=False):
            return False
    except Timeout:
        return True


def jobs_folder() -> Path:
    """Where the queue lives."""
    return home() / "jobs"


def worker_lock() -> FileLock:
    """What the one worker holds."""
    jobs_folder().mkdir(parents=True, exist_ok=True)
    return FileLock(jobs_folder() / "worker.lock")


@contextmanager
def queue() -> Iterator[None]:
    """Nobody else changes a job while this is held.

    Raises:
        InputError: Somebody holds it for longer than anybody should.
    """
    jobs_folder().mkdir(parents=True, exist_ok=True)
    lock = FileLock(jobs_folder() / "queue.lock", timeout=QUEUE_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(
            f"{lock.lock_file}: another process has held the queue for {QUEUE_SECONDS:.0f} s; "
            "try again, or end that process"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _cancel(job: Job) -> Job:
    run = Run(runs_folder() / job.run)
    if job.state == "queued":
        if run.path.exists():
            run.leave_queue()
        reason = "taken out of the queue before its turn"
        return job.save(state="cancelled", ended=time.time(), reason=reason)
    if job.cancelled is not None:
        return job
    # Before any signal: a process that dies of it was stopped, not lost.
    if run.path.exists():
        run.request_stop()
    return job.save(cancelled=time.time())


def _open_job(run: str) -> Job | None:
    return next((job for job in list_jobs() if job.run == run and job.open), None)


def _is_ending(run: Run) -> bool:
    """Whether a training has said its last word and its process has yet to go."""
    job = _open_job(run.name)
    return job is not None and job.state == "running" and run.saved_state not in ACTIVE


def _job_files() -> list[Path]:
    return list(jobs_folder().glob("[0-9]*.json"))
