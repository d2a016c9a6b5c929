"""HTTP/1.1 on uvicorn with a deadline for what no app sees: headers, idle time, unread answers.

uvicorn waits without end for the rest of a request's head once its first byte has come, and for a
client that does not read its answer. How many bytes a head may have is uvicorn's own setting,
``h11_max_incomplete_event_size``.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from core.serve.limits import HEADER_SECONDS


class BoundedProtocol(H11Protocol):
    """One connection; between two requests it is closed after ``HEADER_SECONDS``."""

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*given, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """The head of the first request has to come."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """A part of a head, or of a body, whose deadline is the app's."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """The client has to read the answer, and may send the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """No deadline any more."""
        super().connection_lost(exc)
        if self._deadline:
            self._deadline.cancel()

    def _watch(self) -> None:
        """A deadline runs exactly while no request is with the app."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's types leave out the None
        idle = cycle is None or cycle.response_complete
        if idle and self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._expired)
        elif not idle and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expired(self) -> None:
        """Cut the connection, unless the client is still reading an answer."""
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent != self._unsent:
            self._unsent = unsent
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._expired)
        else:
            self.transport.abort()
