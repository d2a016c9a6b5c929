"""The HTTP API as a FastAPI app: in a server of its own, or mounted in the dashboard's process."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount

from core import __version__
from core.errors import InputError
from core.export import DISCLAIMER
from core.serve.answers import Answer, Submission, format_of, refusal
from core.serve.counters import Counters
from core.serve.description import BODY, answers, description
from core.serve.docs_page import HEADERS, docs_page
from core.serve.guard import Guard
from core.serve.limits import Limits
from core.serve.models import Models
from core.serve.parameters import Parameters, sentence_of
from core.serve.predictions import Predictions


def application(models: Models, limits: Limits, *, prefix: str = "") -> Guard:
    """The API behind its guard.

    Args:
        models: What is offered.
        limits: What is taken on.
        prefix: The path it is mounted at, for its description.
    """
    counters = Counters()
    predictions = Predictions(models, limits, counters)
    app = FastAPI(
        title="Isoline",
        version=__version__,
        description=DISCLAIMER,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    _refuse_in_sentences(app)

    @app.post(
        "/predict",
        summary="Segment an image, a page of a stack or a volume",
        response_class=Response,
        responses=answers(),
        openapi_extra=BODY,
    )
    async def predict(request: Request, asked: Annotated[Parameters, Query()]) -> Response:
        submission = await _submitted(request, asked, limits)
        answered = await predictions.answer(submission, request)
        return _response(answered)

    @app.get("/models", summary="Models with their data, scores, limits and thresholds")
    async def listed() -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(models.documents))

    @app.get("/health", summary="Whether the server can answer", response_class=Response)
    async def health() -> Response:
        return Response("ok", media_type="text/plain")

    @app.get("/metrics", summary="Counters for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(counters.text(), media_type="text/plain; version=0.0.4")

    described = description(app, prefix)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(described)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(described), headers=HEADERS)

    return Guard(app, limits=limits, counters=counters)


def routes(
    prefix: str = "/api", *, models: Sequence[str] = (), limits: Limits | None = None
) -> list[BaseRoute]:
    """Routes that predict in this process, for an app that exists already.

    Args:
        prefix: Under which path.
        models: What is offered, see ``Models``.
        limits: What is taken on.
    """
    app = application(Models(models), limits or Limits(), prefix=prefix)
    return [Mount(prefix, app=app)]


async def _submitted(request: Request, asked: Parameters, limits: Limits) -> Submission:
    """The submission in a request: a form with the field ``file``, or the file as the body.

    Raises:
        InputError: There is none.
    """
    name, content = "", b""
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
    if not content:
        raise InputError("there is no file; send one as the field 'file' or as the body")
    wanted = asked.format or format_of(request.headers.get("accept", ""))
    return Submission(
        content=content,
        name=name,
        asked=asked.model_copy(update={"format": wanted}),
        limits=limits,
    )


def _response(answered: Answer) -> Response:
    return Response(
        answered.content, answered.status, answered.headers, media_type=answered.media_type
    )


def _refuse_in_sentences(app: FastAPI) -> None:
    """Every error is ``{"error": sentence}``, FastAPI's own too."""

    @app.exception_handler(InputError)
    async def unusable(_request: Request, wrong: InputError) -> Response:
        return _response(refusal(400, str(wrong)))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, wrong: RequestValidationError) -> Response:
        return _response(refusal(400, sentence_of(wrong.errors()[0])))

    @app.exception_handler(HTTPException)
    async def other(_request: Request, wrong: HTTPException) -> Response:
        return _response(refusal(wrong.status_code, f"{wrong.detail}; see /openapi.json"))
