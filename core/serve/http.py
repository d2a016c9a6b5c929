"""The HTTP routes, as Starlette has them: in the dashboard's process, or beside LitServe's own."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from core.errors import InputError
from core.serve.answers import Answer, Submission, answer, refusal, submission_of
from core.serve.description import openapi
from core.serve.guard import Counters, Guard, Limits
from core.serve.models import Models


def routes(
    prefix: str = "/api", *, models: Sequence[str] = (), limits: Limits | None = None
) -> list[BaseRoute]:
    """Routes that predict in this process, for an app that exists already.

    Args:
        prefix: Under which path.
        models: What is offered, see ``Models``.
        limits: What is taken on.
    """
    allowed = limits or Limits()
    offered = Models(models)
    counters = Counters()
    pool = ThreadPoolExecutor(allowed.in_flight, thread_name_prefix="predict")

    async def predict(request: Request) -> Response:
        try:
            submission = await submitted(request)
        except InputError as wrong:
            return response(refusal(400, str(wrong)))
        loop = asyncio.get_running_loop()
        return response(await loop.run_in_executor(pool, answer, submission, offered))

    async def health(_request: Request) -> Response:
        return Response("ok", media_type="text/plain")

    own = [
        Route("/predict", predict, methods=["POST"]),
        Route("/health", health),
        *facts_routes(offered, counters, prefix=prefix),
    ]
    return [Mount(prefix, app=Guard(Starlette(routes=own), limits=allowed, counters=counters))]


def facts_routes(models: Models, counters: Counters, *, prefix: str = "") -> list[BaseRoute]:
    """What a server says of itself: ``/models``, ``/metrics``, ``/openapi.json``."""
    described = openapi(prefix)

    async def listed(_request: Request) -> Response:
        documents = await asyncio.to_thread(models.documents)
        return JSONResponse(documents)

    async def metrics(_request: Request) -> Response:
        return Response(counters.text(), media_type="text/plain; version=0.0.4")

    async def description(_request: Request) -> Response:
        return JSONResponse(described)

    return [
        Route("/models", listed),
        Route("/metrics", metrics),
        Route("/openapi.json", description),
    ]


async def submitted(request: Request) -> Submission:
    """The submission in a request: a form with the field ``file``, or the file as the body.

    Raises:
        InputError: There is none, or a parameter is wrong.
    """
    name, content, accept = "", b"", request.headers.get("accept", "")
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        try:
            async with request.form(max_files=1, max_fields=20) as form:
                file = form.get("file")
                if isinstance(file, UploadFile):
                    name, content = file.filename or "", await file.read()
        except Exception as fault:  # starlette raises its own kinds on damaged forms
            raise InputError(
                "the form cannot be read; send one file as the field 'file'"
            ) from fault
    else:
        content = await request.body()
    return submission_of(content, name, request.query_params, accept=accept)


def response(answered: Answer) -> Response:
    """For Starlette."""
    return Response(
        answered.content, answered.status, answered.headers, media_type=answered.media_type
    )
