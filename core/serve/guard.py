"""What stands before every request: host name, token, size and duration of the upload, counters.

The whole upload is read before anything else happens to it, so a slow client holds no place among
the predictions. A refused upload is read to its end, up to the size limit: a client that is still
sending would otherwise see a broken connection instead of the answer.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from core.serve.answers import Answer, refusal
from core.serve.counters import Counters
from core.serve.fair_share import FairShare, client_of
from core.serve.limits import Limits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """ASGI middleware; see the module."""

    def __init__(self, app: App, *, limits: Limits, counters: Counters) -> None:
        self.app, self.limits, self.counters = app, limits, counters
        self.memory = FairShare(limits.uploads_bytes, at_least=limits.max_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = str(scope.get("path", "")).rstrip("/")
        upload = scope["method"] == "POST" and path.endswith("/predict")
        refused = self._refused(dict(scope["headers"]), is_open=path.endswith("/health"))
        if refused:
            await self._drain(receive)
            await _send(send, refused)
        elif upload:
            await self._predict(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _refused(self, headers: dict[bytes, bytes], *, is_open: bool) -> Answer | None:
        """The answer to who may not ask; None for everybody else."""
        limits = self.limits
        if limits.hosts and _host_name(headers.get(b"host", b"")) not in limits.hosts:
            return refusal(
                400, "this server does not answer to that host name; allow it with --allowed-host"
            )
        wanted = b"Bearer " + limits.token.encode()
        if is_open or not limits.token:
            return None
        if hmac.compare_digest(headers.get(b"authorization", b""), wanted):
            return None
        sentence = "a token is needed: Authorization: Bearer …"
        return refusal(401, sentence, **{"WWW-Authenticate": "Bearer"})

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = "aborted"
        client, parts = client_of(scope), list[bytes]()

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            refused = await self._read(scope, receive, client, parts)
            if refused:
                await _send(counted, refused)
                return
            self.counters.bytes.inc(sum(map(len, parts)))
            await self.app(scope, _replay(b"".join(parts), receive), counted)
        except ConnectionError:  # the client is gone, nobody reads an answer
            pass
        finally:
            self._forget(client, parts)
            self.counters.requests.labels(status).inc()

    async def _read(
        self, scope: Scope, receive: Receive, client: str, parts: list[bytes]
    ) -> Answer | None:
        """Fill ``parts`` with the body; an answer where it is refused."""
        most = self.limits.max_bytes
        too_large = refusal(
            413,
            f"the upload is above {most / (1 << 20):g} MiB; crop or compress it",
            Connection="close",
        )
        claimed = dict(scope["headers"]).get(b"content-length", b"0")
        if claimed.isdigit() and int(claimed) > most:
            return too_large
        size, kept = 0, True
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                async for part in _body(receive):
                    size += len(part)
                    if size > most:
                        return too_large
                    kept = kept and self.memory.take(client, len(part))
                    if kept:
                        parts.append(part)
                    else:
                        self._forget(client, parts)
        except TimeoutError:
            sentence = f"the upload took more than {self.limits.body_seconds:g} s; try again"
            return refusal(408, sentence, Connection="close")
        if kept:
            return None
        return busy(self.limits, "too many uploads are under way; ask again in a moment")

    def _forget(self, client: str, parts: list[bytes]) -> None:
        self.memory.give_back(client, sum(map(len, parts)))
        parts.clear()

    async def _drain(self, receive: Receive) -> None:
        """Read the rest of a body without keeping it."""
        size = 0
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                async for part in _body(receive):
                    size += len(part)
                    if size > self.limits.max_bytes:
                        return
        except (TimeoutError, ConnectionError):
            return


def busy(limits: Limits, sentence: str) -> Answer:
    """The answer to a client that has to come back."""
    return refusal(429, sentence, **{"Retry-After": str(limits.retry_after_seconds)})


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """The parts of a body.

    Raises:
        ConnectionError: The client left.
    """
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _host_name(header: bytes) -> str:
    try:
        return urlsplit("//" + header.decode("latin-1")).hostname or ""
    except ValueError:
        return ""


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()  # waits until the client leaves
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _send(send: Send, answer: Answer) -> None:
    fields = {
        "content-type": answer.media_type,
        "content-length": str(len(answer.content)),
        **answer.headers,
    }
    encoded = [(k.lower().encode(), v.encode("latin-1")) for k, v in fields.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.content})
