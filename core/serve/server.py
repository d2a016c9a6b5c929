"""``python -m core serve``: LitServe runs the networks in a process of their own.

One process answers HTTP and stays free, so that health and refusals come at once; another reads
the files, runs the networks and writes the answers, a thread for each request, tiles in batches.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import litserve  # type: ignore[import-untyped]
from fastapi import Depends, FastAPI, Request
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, Response

from core.errors import InputError
from core.serve.answers import Answer, Submission, answer
from core.serve.guard import Counters, Guard, Limits
from core.serve.http import facts_routes, response, submitted
from core.serve.models import Models

HOSTS = ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104 - a choice, not the default
NICENESS = 5
"""Of the process with the networks: it takes what the HTTP process leaves."""


class PredictAPI(litserve.LitAPI):  # type: ignore[misc]  # litserve has no types
    """What LitServe calls in the process of the networks."""

    def __init__(self, names: Sequence[str], *, in_flight: int, batch: int) -> None:
        super().__init__(enable_async=True)
        self.names, self.in_flight, self.batch_tiles = tuple(names), in_flight, batch

    def setup(self, device: str) -> None:
        """Once, before the first request."""
        del device  # core.system.device picks it
        os.nice(NICENESS)
        self.models = Models(self.names, batch=self.batch_tiles)
        self.models.open()  # the first request should not wait for it
        self.pool = ThreadPoolExecutor(self.in_flight, thread_name_prefix="predict")

    async def decode_request(
        self, request: Annotated[Submission, Depends(submitted)]
    ) -> Submission:
        """The HTTP process has read it already."""
        return request

    async def predict(self, submission: Submission) -> Answer:
        """In a thread, so that requests meet in the batches."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, answer, submission, self.models)

    async def encode_response(self, output: Answer) -> Response:
        """For the HTTP process."""
        return response(output)


def build(names: Sequence[str] = (), *, limits: Limits, batch: int = 8) -> Any:  # noqa: ANN401 - litserve has no types
    """The server, not yet running.

    Raises:
        InputError: A model is not there.
    """
    models = Models(names)
    documents = models.documents()  # refuses a wrong name before anything starts
    counters = Counters()
    server = litserve.LitServer(
        PredictAPI(models.names, in_flight=limits.in_flight, batch=batch),
        timeout=False,  # the cap bounds how long a request can wait
        middlewares=[(Guard, {"limits": limits, "counters": counters})],
        model_metadata={"models": [document["name"] for document in documents]},
    )
    app: FastAPI = server.app
    # answers are compressed already; gzip would only hold up the HTTP process
    gzip: object = GZipMiddleware
    app.user_middleware = [one for one in app.user_middleware if one.cls is not gzip]
    app.add_exception_handler(InputError, _refused)
    app.router.routes[:0] = facts_routes(models, counters)
    return server


def run(names: Sequence[str] = (), *, host: str, port: int, limits: Limits, batch: int = 8) -> None:
    """Serve until interrupted.

    Raises:
        InputError: A model is not there, or host or port cannot be listened on.
    """
    if host not in HOSTS:
        raise InputError(f"host {host} cannot be listened on; choose one of {', '.join(HOSTS)}")
    if not 1024 <= port <= 65535:
        raise InputError(f"port {port} cannot be listened on; choose one from 1024 to 65535")
    server = build(names, limits=limits, batch=batch)
    # LitServe tidies up after a KeyboardInterrupt; a plain SIGTERM would leave its processes behind
    signal.signal(signal.SIGTERM, _interrupt_of(os.getpid()))
    server.run(
        host=host,
        port=port,
        num_api_servers=1,  # the cap and the counters are of this one process
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )


def _interrupt_of(parent: int) -> Callable[[int, object], None]:
    """What SIGTERM does in this process and in those forked from it, which inherit it."""

    def interrupt(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        if os.getpid() != parent:
            os._exit(0)
        raise KeyboardInterrupt

    return interrupt


async def _refused(_request: Request, wrong: Exception) -> Response:
    return JSONResponse({"error": " ".join(str(wrong).split())}, status_code=400)
