"""Work on a request, which ends early when nobody waits for it any more.

A thread cannot be stopped from outside. It asks here wherever something long begins: before the
file is decoded, before each tile and slice, before the answer is written.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class StoppedError(Exception):
    """The client has left, or the time is up."""


class Work:
    """One request's work.

    Args:
        seconds: How long it may take.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._stop = threading.Event()

    def stop(self) -> None:
        """End it at the next check."""
        self._stop.set()

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._stop.is_set() or time.monotonic() > self._end

    def check(self, *_progress: int) -> None:
        """To be called wherever something long begins; also as a progress callback.

        Raises:
            StoppedError: It is over.
        """
        if self.is_over:
            raise StoppedError


_CURRENT: ContextVar[Work | None] = ContextVar("work", default=None)


def current_work() -> Work | None:
    """The work that this thread is doing; None outside a request."""
    return _CURRENT.get()


@contextmanager
def doing(work: Work) -> Iterator[None]:
    """Make ``work`` the current one of this thread."""
    token = _CURRENT.set(work)
    try:
        yield
    finally:
        _CURRENT.reset(token)
