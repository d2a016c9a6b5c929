"""Signs of life and requests to stop: what a training reports about once a second, and reads.

A thread of its own renews the run's claim and reads the stop request, also while an epoch is
validated or data is prepared.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from core.errors import InputError
from core.runs import Run
from core.runs.claim import Claim, take
from core.training.distributed import Team, from_leader

Report = Callable[[dict[str, Any]], None]
HEARTBEAT_SECONDS = 1.0


class Stopped(Exception):  # noqa: N818 - an event, not an error
    """The person asked the training to stop; the last checkpoint is kept."""


@dataclass
class ProgressReporter:
    """How a training speaks: status file and report, both of the first process alone."""

    run: Run
    report: Report
    team: Team
    stopping: threading.Event
    """Set when a signal or the file of the run asked this process to stop."""
    claim: Claim | None = None
    """On the run; held by the first process alone."""
    notes: list[str] = field(default_factory=list)
    """What a person should know of how the run came about; part of every status."""
    stepping: bool = False
    """Whether this process has begun its first step."""
    beaten: float = field(default_factory=time.monotonic)
    """When it last reported how far an epoch is; epochs can be shorter than a beat."""

    def status(self, state: str, **facts: Any) -> None:  # noqa: ANN401 - JSON, as the run has it
        """Record the run's state, unless another trainer has taken the run over."""
        if self.team.leads and not self.taken_over:
            if self.notes:
                facts["notes"] = self.notes
            self.run.save_status(state, **facts)

    @property
    def taken_over(self) -> bool:
        """Whether another trainer has the run, because this one gave no sign of life."""
        return self.claim is not None and not self.claim.held()

    def check_claim(self) -> None:
        """To be called by the first process before something is kept.

        Raises:
            InputError: Another trainer has taken the run over.
        """
        if self.taken_over:
            raise InputError(
                f"run {self.run.name} was taken over by another trainer while this one gave no "
                "sign of life; nothing more of this one is kept"
            )

    def tell(self, event: dict[str, Any]) -> None:
        """Report what happened."""
        if self.team.leads:
            self.report(event)

    def note(self, text: str) -> None:
        """Say something once, to whoever watches, and keep it with the status."""
        self.notes.append(text)
        self.tell({"event": "note", "text": text})

    def preparing(self) -> Callable[[int, int], None]:
        """Tell about once a second how far the preparation is, and notice a request to stop."""
        last = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal last
            if self.stopping.is_set():
                raise Stopped
            if time.monotonic() - last >= HEARTBEAT_SECONDS:
                last = time.monotonic()
                self.status("running", message=f"preparing image {done:,} of {total:,}")

        return progress

    def beat(
        self, *, epoch: int, epochs: int, steps: int, images: int, seconds: list[float]
    ) -> Callable[[int], None]:
        """Tell about once a second how far an epoch is, and notice a request to stop.

        Args:
            epoch: Epochs done.
            epochs: Epochs in all.
            steps: Steps in this one.
            images: Images in this one.
            seconds: What each epoch before took.
        """
        started = time.monotonic()

        def beat(step: int) -> None:
            if self.team.any(flag=self.stopping.is_set()):
                raise Stopped
            if not self.stepping:
                self.stepping = True
                self.status("running", message="training", stepping=True)
            now = time.monotonic()
            if now - self.beaten < HEARTBEAT_SECONDS or not (step or seconds):
                return
            self.beaten = now
            done = step / steps
            per_epoch = float(np.median(seconds)) if seconds else (now - started) / done
            speed = done * images / (now - started) if step else images / per_epoch
            facts: dict[str, Any] = {
                "epoch": epoch + 1,
                "epochs": epochs,
                "stepping": True,
                "step": step,
                "steps": steps,
                "images_per_second": speed,
                "seconds_left": per_epoch * (epochs - epoch - done),
            }
            self.status("running", **facts)
            self.tell({"event": "step", **facts})

        return beat


@contextmanager
def claim_of(
    run: Run, *, team: Team, report: Report, stopping: threading.Event
) -> Iterator[Claim | None]:
    """Hold the run against other trainers, renewed each second; sets ``stopping`` on request.

    Raises:
        InputError: Another trainer has it, in every process of the team.
    """
    claim: Claim | None = None

    def taken() -> None:
        nonlocal claim
        claim = take(run.path, notice=lambda text: report({"event": "note", "text": text}))

    from_leader(team, taken)
    if claim is None:
        yield None
        return
    ended = threading.Event()
    arguments = (run, claim, stopping, ended)
    thread = threading.Thread(target=_renew, args=arguments, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield claim
    finally:
        ended.set()
        thread.join()
        claim.release()


def _renew(run: Run, claim: Claim, stopping: threading.Event, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_SECONDS):
        if not claim.renew() or run.stop_requested:
            stopping.set()


@contextmanager
def deterministic() -> Iterator[None]:
    """Ask torch for algorithms that repeat bit by bit; a warning says where it has none."""
    before = torch.get_deterministic_debug_mode()
    # Not use_deterministic_algorithms: it imports the compiler, seconds in every start.
    torch.set_deterministic_debug_mode("warn")
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Turn SIGTERM and SIGINT into a request that the loop hears between two steps."""
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopping  # signals can only be caught in the main thread
        return
    before = {
        number: signal.signal(number, lambda *_: stopping.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
