"""Long predictions in a thread of their own, which can be watched, stopped and resumed.

They share the networks' lock with everyone else, step by step, so nobody waits longer than for one
step. Work that nobody watches any more ends by itself.
"""

import threading
import time
from collections.abc import Callable

from core.errors import InputError

IDLE_SECONDS = 90
"""Nobody has asked for so long: the page was closed. A hidden tab asks each minute."""
BREATH_SECONDS = 0.001
"""Between steps, so that whoever waits for the network gets it."""

RUNNING, DONE, STOPPED, FAILED = "running", "done", "stopped", "failed"


class Work:
    """Something of many steps; a subclass says in ``act`` what they are.

    Args:
        total: Steps in all.
        turn: Held during each step; the same lock for all who share the networks.
    """

    def __init__(self, *, total: int, turn: threading.Lock) -> None:
        self.total = total
        self.done = 0
        """Steps done."""
        self.seconds = 0.0
        """Spent on the steps done."""
        self.state = STOPPED
        self.problem = ""
        """Why it failed, in a sentence."""
        self._turn = turn
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._seen = self._clock = time.monotonic()
        self._thread: threading.Thread | None = None

    def act(self, after_each: Callable[[int], None]) -> None:
        """Do the steps, beginning behind ``done``.

        Args:
            after_each: Called with the steps done; what it raises ends the work.
        """
        raise NotImplementedError

    @property
    def seconds_left(self) -> float:
        """By the pace so far; 0 before the first step."""
        return self.seconds / self.done * (self.total - self.done) if self.done else 0.0

    def start(self) -> None:
        """Begin, or continue after a stop; nothing where it runs or is done."""
        if self.state == STOPPED:
            self.wait()  # for the step under way; not below, since the thread needs the guard too
        with self._guard:
            if self.state in {RUNNING, DONE}:
                return
            self._stop.clear()
            self._seen = time.monotonic()
            self.state, self.problem = RUNNING, ""
            self._thread = threading.Thread(target=self._run, name="background", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End it after the step under way; what is done stays."""
        with self._guard:
            if self.state == RUNNING:
                self._stop.set()
                self.state = STOPPED

    def watch(self) -> str:
        """The state; asking says that somebody still waits."""
        self._seen = time.monotonic()
        return self.state

    def wait(self, seconds: float | None = None) -> str:
        """The state when it has ended, or after so many seconds."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self.state

    def _after_each(self, done: int) -> None:
        self.seconds += time.monotonic() - self._clock
        self.done = done
        if time.monotonic() - self._seen > IDLE_SECONDS:
            self.stop()
        if self._stop.is_set() and done < self.total:
            raise _Stopped
        self._turn.release()
        try:
            time.sleep(BREATH_SECONDS)
        finally:
            self._turn.acquire()
        self._clock = time.monotonic()  # waiting for others is no pace

    def _run(self) -> None:
        state = FAILED
        with self._turn:
            self._clock = time.monotonic()
            try:
                self.act(self._after_each)
                state = DONE
            except _Stopped:
                state = STOPPED
            except InputError as wrong:
                self.problem = str(wrong)
            except MemoryError:
                self.problem = "this machine's memory is full; choose less at once"
            except BaseException:
                self.problem = "the prediction failed; the server's log says where"
                raise
            finally:
                with self._guard:
                    self.state = state


class _Stopped(Exception):  # noqa: N818 - no error
    """Somebody stopped it."""
