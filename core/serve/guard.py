"""What stands before every request: token, size, a cap on requests in flight, and counters.

ASGI, so that the same guard stands before LitServe's app and before the routes in the dashboard's
process. A refused upload is read to its end, up to the size limit: a client that is still sending
would otherwise see a broken connection instead of the answer.
"""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from core.serve.answers import Answer, refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS = 60
"""How long an upload may take."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a server takes on."""

    in_flight: int = 16
    """Predictions at a time, those that wait for the network included; more get 429."""
    max_bytes: int = 64 << 20
    """Largest upload; more gets 413."""
    token: str = ""
    """Asked for as ``Authorization: Bearer …`` where it is not empty; ``/health`` is open."""
    retry_after_seconds: int = 1
    """What a 429 advises."""


class Counters:
    """Prometheus counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "isoline_requests",
            "Predictions asked for, by status.",
            ["status"],
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "isoline_in_flight", "Predictions under way.", registry=self.registry
        )
        self.seconds = Histogram(
            "isoline_request_seconds",
            "From the whole upload to the answer.",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=self.registry,
        )
        self.bytes = Counter(
            "isoline_uploaded_bytes", "Bytes of the uploads taken on.", registry=self.registry
        )

    def text(self) -> bytes:
        """For ``GET /metrics``."""
        return generate_latest(self.registry)


class Guard:
    """ASGI middleware; see the module."""

    def __init__(self, app: App, *, limits: Limits, counters: Counters) -> None:
        self.app, self.limits, self.counters = app, limits, counters
        self.active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        path = str(scope.get("path", "")).rstrip("/")
        if scope["type"] != "http" or path.endswith("/health"):
            await self.app(scope, receive, send)
        elif not self._knows_token(scope):
            await _drain(receive, self.limits.max_bytes)
            refused = refusal(401, "a token is needed: Authorization: Bearer …")
            await _send(send, refused, **{"WWW-Authenticate": "Bearer"})
        elif scope["method"] == "POST" and path.endswith("/predict"):
            await self._predict(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        statuses: list[int] = []

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(int(message["status"]))
            await send(message)

        try:
            if self.active >= self.limits.in_flight:
                await _drain(receive, self.limits.max_bytes)
                wait = str(self.limits.retry_after_seconds)
                sentence = (
                    f"{self.limits.in_flight} predictions are under way; ask again in {wait} s"
                )
                await _send(counted, refusal(429, sentence), **{"Retry-After": wait})
                return
            self.active += 1
            self.counters.in_flight.set(self.active)
            try:
                await self._admitted(scope, receive, counted)
            finally:
                self.active -= 1
                self.counters.in_flight.set(self.active)
        finally:
            self.counters.requests.labels(str(statuses[0]) if statuses else "aborted").inc()

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        most = self.limits.max_bytes
        try:
            body = await asyncio.wait_for(_body(scope, receive, most), BODY_SECONDS)
        except TimeoutError:
            await _send(send, refusal(408, "the upload took too long; try again"))
            return
        except ConnectionError:  # the client is gone, nobody reads an answer
            return
        if body is None:
            sentence = f"the upload is above {most / (1 << 20):g} MiB; crop or compress it"
            await _send(send, refusal(413, sentence), Connection="close")
            return
        self.counters.bytes.inc(len(body))
        started = time.perf_counter()
        await self.app(scope, _replay(body, receive), send)
        self.counters.seconds.observe(time.perf_counter() - started)

    def _knows_token(self, scope: Scope) -> bool:
        if not self.limits.token:
            return True
        given = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(given, b"Bearer " + self.limits.token.encode())


async def _body(scope: Scope, receive: Receive, most: int) -> bytes | None:
    """The whole body; None where it is larger than allowed."""
    claimed = dict(scope["headers"]).get(b"content-length", b"0")
    if claimed.isdigit() and int(claimed) > most:
        return None
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


async def _drain(receive: Receive, most: int) -> None:
    size = 0
    while size <= most:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()  # waits until the client leaves
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _send(send: Send, answer: Answer, **headers: str) -> None:
    fields = {
        "content-type": answer.media_type,
        "content-length": str(len(answer.content)),
        **answer.headers,
        **headers,
    }
    encoded = [(k.lower().encode(), v.encode("latin-1")) for k, v in fields.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.content})
