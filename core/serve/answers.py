"""A submitted file → an answer. The same steps as ``python -m core predict``, so the same bytes.

Only the sentence of an ``InputError`` leaves the server; what else goes wrong is one word outside
and a traceback without values in the server's log.
"""

import json
import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import InputError, choose
from core.export import DISCLAIMER, EXPORTS, Case, export
from core.export.images import png
from core.export.measure import table
from core.imaging import read_any, read_image
from core.imaging.intensities import AS_TRAINED, CHOICES
from core.levels import threshold_index
from core.predict.cases import predict_case
from core.serve.models import Models
from core.threshold.postprocessing import parse_post_processing

log = logging.getLogger(__name__)

PARAMETERS = frozenset(
    {"model", "threshold", "post_processing", "intensities", "page", "format", "name"}
)
FORMATS = ("json", "levels", *EXPORTS)
"""``json`` is threshold, area and components; ``levels`` the level map as 16-bit grey PNG."""

_ACCEPTS = {
    "application/json": "json",
    "image/png": "mask",
    "application/gzip": "nifti",
    "application/x-nifti": "nifti",
    "application/dicom": "dicom-seg",
    "application/pdf": "report-pdf",
    "text/html": "report",
    "text/csv": "csv",
    "image/tiff": "probability",
}
"""Media type of an ``Accept`` header → format."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What a client sent."""

    content: bytes = field(repr=False)
    name: str
    """File name; names the answer's file."""
    page: int | None = None
    """From 0; None takes the first page of a stack, and a volume as a whole."""
    model: str = ""
    """Empty takes the server's first."""
    k: int | None = None
    """Index of the threshold; None takes the operating point."""
    intensities: str = AS_TRAINED
    """In which intensities the model sees a file of more than 8 bits, key of ``CHOICES``."""
    post_processing: str = ""
    """As ``parse_post_processing`` reads it; empty takes the operating point's."""
    format: str = "json"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status, headers and content of a response."""

    status: int
    media_type: str
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


def submission_of(
    content: bytes, name: str, query: Mapping[str, str], *, accept: str = ""
) -> Submission:
    """A submission from the parts of a request.

    Args:
        content: The file.
        name: Its name; ``query["name"]`` goes before it.
        query: ``model``, ``threshold``, ``post_processing``, ``intensities``, ``page``, ``format``,
            ``name``.
        accept: The ``Accept`` header, asked where there is no ``format``.

    Raises:
        InputError: There is no file, or a value cannot be read.
    """
    if not content:
        raise InputError("there is no file; send one as the field 'file' or as the body")
    if unknown := set(query) - PARAMETERS:
        raise InputError(f"unknown parameter '{min(unknown)}'; see /openapi.json")
    wanted = query.get("format") or _format_of(accept)
    choose("format", wanted, dict.fromkeys(FORMATS))
    parse_post_processing(query.get("post_processing", ""))
    choose("intensities", query.get("intensities") or AS_TRAINED, CHOICES)
    threshold = query.get("threshold", "")
    return Submission(
        content=content,
        name=query.get("name") or name or "image",
        page=int(_number("page", query["page"])) - 1 if query.get("page") else None,
        model=query.get("model", ""),
        k=threshold_index(_number("threshold", threshold)) if threshold else None,
        post_processing=query.get("post_processing", ""),
        intensities=query.get("intensities") or AS_TRAINED,
        format=wanted,
    )


def answer(submission: Submission, models: Models) -> Answer:
    """Predict and answer; never raises."""
    try:
        return _answer(submission, models)
    except InputError as wrong:
        return refusal(400, str(wrong))
    except MemoryError:
        return refusal(413, "the image is too large for this server's memory; crop it")
    except Exception as fault:  # noqa: BLE001 - the boundary: nothing of it may leave
        frames = "".join(traceback.format_tb(fault.__traceback__))
        log.error("%s while answering\n%s", type(fault).__name__, frames)  # noqa: TRY400 - values stay out
        return refusal(500, "the server failed on this request; its log says where")


def refusal(status: int, sentence: str, **headers: str) -> Answer:
    """An error as JSON: ``{"error": sentence}``."""
    content = json.dumps({"error": " ".join(sentence.split())}).encode()
    return Answer(
        status=status, media_type="application/json", content=content, headers=dict(headers)
    )


def predicted(submission: Submission, models: Models) -> Case:
    """The submitted image, page or volume with its level map.

    Raises:
        InputError: The file cannot be read, or does not fit the model.
    """
    served = models.open(submission.model)
    content, name, page = submission.content, submission.name, submission.page
    whole = page is None
    found = (
        read_any(content, name=name) if whole else read_image(content, name=name, page=page or 0)
    )
    return predict_case(
        found,
        served.trained,
        served.facts,
        k=submission.k,
        intensities=submission.intensities,
        post_processing=parse_post_processing(submission.post_processing)
        if submission.post_processing
        else None,
    )


def _answer(submission: Submission, models: Models) -> Answer:
    case = predicted(submission, models)
    about = {"X-Isoline-Model": case.model.name, "X-Isoline-Note": DISCLAIMER}
    if submission.format == "json":
        content = json.dumps(_document(submission, case), allow_nan=False).encode()
        return Answer(status=200, media_type="application/json", content=content, headers=about)
    if submission.format == "levels":
        return Answer(status=200, media_type="image/png", content=png(case.levels), headers=about)
    name, content = export(submission.format, case)
    plain = name.encode("ascii", errors="replace").decode().replace("?", "_").replace('"', "_")
    return Answer(
        status=200,
        media_type=EXPORTS[submission.format].media_type,
        content=content,
        headers={**about, "Content-Disposition": f'attachment; filename="{plain}"'},
    )


def _document(submission: Submission, case: Case) -> dict[str, Any]:
    return {
        "input": submission.name,
        "page": submission.page,
        "mask": None,
        **case.row,
        "threshold_source": case.threshold_source,
        "post_processing": case.post_processing.words,
        "spacing_mm": case.spacing_mm,
        "model": case.model.document(),
        "warnings": list(case.warnings),
        "measurements": table(case.components),
        "note": DISCLAIMER,
    }


def _format_of(accept: str) -> str:
    for part in accept.split(","):
        kind = part.partition(";")[0].strip().lower()
        if kind in _ACCEPTS:
            return _ACCEPTS[kind]
    return "json"


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{name} '{text[:40]}' is not a number") from None
