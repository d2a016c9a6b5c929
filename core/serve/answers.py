"""A submitted file → an answer. The same steps as ``python -m core predict``, so the same bytes.

Only the sentence of an ``InputError`` leaves the server; what else goes wrong is one word outside
and a traceback without values in the server's log.
"""

import json
import logging
import traceback
from dataclasses import dataclass, field
from typing import Any

from core.errors import InputError
from core.export import DISCLAIMER, EXPORTS, Case, export
from core.export.images import png
from core.export.measure import table
from core.imaging import Image, read_any, read_image
from core.imaging.opening import caps, check_pixels
from core.levels import threshold_index
from core.predict.cases import predict_case
from core.serve.limits import Limits
from core.serve.models import Models
from core.serve.parameters import Parameters
from core.serve.work import StoppedError, Work, doing
from core.threshold.postprocessing import parse_post_processing

log = logging.getLogger(__name__)

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
    name: str = ""
    """File name, where ``asked`` gives none; names the answer's file."""
    asked: Parameters = field(default_factory=Parameters)
    limits: Limits = field(default_factory=Limits)
    """Of the server that reads it."""

    @property
    def title(self) -> str:
        """The name it goes by."""
        return self.asked.name or self.name or "image"

    @property
    def page(self) -> int | None:
        """From 0; None takes the first page of a stack, and a volume as a whole."""
        return None if self.asked.page is None else self.asked.page - 1


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status, headers and content of a response."""

    status: int
    media_type: str
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


def answer(submission: Submission, models: Models, work: Work | None = None) -> Answer:
    """Predict and answer; never raises."""
    work = work or Work(submission.limits.work_seconds)
    try:
        with doing(work):
            return _answer(submission, models, work)
    except InputError as wrong:
        return refusal(400, str(wrong))
    except StoppedError:
        return too_slow(submission.limits)
    except MemoryError:
        return refusal(413, "the image is too large for this server's memory; crop it")
    except Exception as fault:  # noqa: BLE001 - the boundary: nothing of it may leave
        frames = "".join(traceback.format_tb(fault.__traceback__))
        log.error("%s while answering\n%s", type(fault).__name__, frames)  # noqa: TRY400 - values stay out
        return refusal(500, "the server failed on this request; its log says where")


def too_slow(limits: Limits) -> Answer:
    """The answer where a prediction takes too long."""
    return refusal(
        503,
        f"the prediction took more than {limits.work_seconds:g} s; send a smaller image, or ask "
        "when fewer predictions are under way",
    )


def refusal(status: int, sentence: str, **headers: str) -> Answer:
    """An error as JSON: ``{"error": sentence}``."""
    content = json.dumps({"error": " ".join(sentence.split())}).encode()
    return Answer(
        status=status, media_type="application/json", content=content, headers=dict(headers)
    )


def predicted(submission: Submission, models: Models, work: Work) -> Case:
    """The submitted image, page or volume with its level map.

    Raises:
        InputError: The file cannot be read, is too large, or does not fit the model.
        StoppedError: The work is over.
    """
    asked, limits = submission.asked, submission.limits
    served = models.open(asked.model)
    work.check()
    with caps(pixels=limits.max_pixels, volume_bytes=limits.volume_bytes):
        if submission.page is None:
            found = read_any(submission.content, name=submission.title)
        else:
            found = read_image(submission.content, name=submission.title, page=submission.page)
        shape = found.pixels.shape if isinstance(found, Image) else found.slices().shape[1:]
        check_pixels(shape[1], shape[0])  # of what is not compressed no header says it earlier
    work.check()
    return predict_case(
        found,
        served.trained,
        served.facts,
        k=None if asked.threshold is None else threshold_index(asked.threshold),
        intensities=asked.intensities,
        post_processing=parse_post_processing(asked.post_processing)
        if asked.post_processing
        else None,
        progress=work.check,
    )


def _answer(submission: Submission, models: Models, work: Work) -> Answer:
    case = predicted(submission, models, work)
    work.check()
    wanted = submission.asked.format or "json"
    about = {"X-Isoline-Model": case.model.name, "X-Isoline-Note": DISCLAIMER}
    if wanted == "json":
        content = json.dumps(_document(submission, case), allow_nan=False).encode()
        return Answer(status=200, media_type="application/json", content=content, headers=about)
    if wanted == "levels":
        return Answer(status=200, media_type="image/png", content=png(case.levels), headers=about)
    name, content = export(wanted, case)
    plain = name.encode("ascii", errors="replace").decode().replace("?", "_").replace('"', "_")
    return Answer(
        status=200,
        media_type=EXPORTS[wanted].media_type,
        content=content,
        headers={**about, "Content-Disposition": f'attachment; filename="{plain}"'},
    )


def _document(submission: Submission, case: Case) -> dict[str, Any]:
    return {
        "input": submission.title,
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


def format_of(accept: str) -> str:
    """The format for an ``Accept`` header; ``json`` where it names none of ours."""
    for part in accept.split(","):
        kind = part.partition(";")[0].strip().lower()
        if kind in _ACCEPTS:
            return _ACCEPTS[kind]
    return "json"
