"""A server elsewhere in the place of this process: ``ISOLINE_SERVER=http://host:8000``.

The network runs there; its level map comes back as a 16-bit PNG, so that thresholds, counts and
exports work here as ever, and the same to the pixel. ``ISOLINE_TOKEN`` is sent where it is set.
"""

import json
import math
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import torch
from numpy.typing import NDArray

from core.config import RunConfig
from core.data.splits import Split
from core.errors import InputError
from core.export.case import ModelFacts
from core.export.images import png
from core.imaging import read_image
from core.inference.predictor import Predictor, Probability, Progress
from core.levels import STEPS, THRESHOLDS, LevelMap
from core.models import TrainedModel
from core.threshold.operating_point import OperatingPoint

SECONDS = 120
"""How long an answer may take."""
MAX_ANSWER_BYTES = 1 << 30
"""What is read of an answer, at most."""


def server_address() -> str:
    """The server that predicts instead of this process; empty where there is none.

    Raises:
        InputError: ``ISOLINE_SERVER`` is no address of the web.
    """
    address = os.environ.get("ISOLINE_SERVER", "").rstrip("/")
    if address and (
        urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).netloc
    ):
        raise InputError(f"ISOLINE_SERVER: {address} is no address; give http://host:port")
    return address


class RemotePredictor(Predictor):
    """A predictor whose network runs on a server.

    Args:
        address: Of the server.
        name: Of the model there.
        in_channels: 1 or 3.
    """

    def __init__(self, address: str, name: str, *, in_channels: int) -> None:
        self.address, self.name = address, name
        self.in_channels = in_channels
        self.size = None
        self.aspect = "stretch"
        self.device = torch.device("cpu")

    def levels(self, image: NDArray[np.uint8], *, progress: Progress | None = None) -> LevelMap:
        """Level map of an image; see ``Predictor.levels``.

        Raises:
            InputError: The server refuses, is busy or cannot be reached; its own sentence.
        """
        query = urlencode({"model": self.name, "format": "levels", "name": "picture.png"})
        answer = _ask(f"{self.address}/predict?{query}", png(image))
        found = read_image(answer, name="answer.png").pixels
        if found.shape != image.shape[:2] or found.dtype != np.uint16 or found.max() > STEPS:
            raise InputError(f"{self.address}: the answer is no level map of this image")
        if progress:
            progress(1, 1)
        return found.copy()

    def probability_rows(
        self, image: NDArray[np.uint8], *, progress: Progress | None = None
    ) -> Iterator[tuple[int, Probability]]:
        """The whole map as one band, in steps of the grid."""
        yield 0, THRESHOLDS[self.levels(image, progress=progress)]


def remote_models(address: str) -> dict[str, dict[str, Any]]:
    """What the server offers: name → its document.

    Raises:
        InputError: It cannot be reached, or does not answer as Isoline does.
    """
    try:
        return {str(model["name"]): model for model in json.loads(_ask(f"{address}/models"))}
    except (ValueError, TypeError, KeyError) as fault:
        if isinstance(fault, InputError):
            raise
        raise InputError(f"{address}: this is no Isoline server; check ISOLINE_SERVER") from fault


def remote_model(address: str, document: dict[str, Any]) -> tuple[TrainedModel, ModelFacts]:
    """A model of the server, to be used as one that is here; see ``remote_models``."""
    point = dict(document["operating_point"])
    point["value"] = math.nan if point["value"] is None else point["value"]
    trained = TrainedModel(
        document["name"],
        RunConfig.of_document(document["config"]),
        RemotePredictor(address, document["name"], in_channels=document["in_channels"]),
        OperatingPoint.of_document(point),
        Split(train=(), val=(), test=(), method="on the server"),
    )
    known = ModelFacts.__dataclass_fields__
    facts = {key: value for key, value in document.items() if key in known}
    return trained, ModelFacts(**{**facts, "limits": tuple(facts.get("limits", ()))})


def _ask(url: str, body: bytes | None = None) -> bytes:
    headers = {"Content-Type": "application/octet-stream"} if body is not None else {}
    if token := os.environ.get("ISOLINE_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - checked above
    where = urlsplit(url).netloc
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - as above
            content: bytes = answer.read(MAX_ANSWER_BYTES + 1)
    except urllib.error.HTTPError as refused:
        raise InputError(f"{where}: {_sentence(refused)}") from None
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "reason", None) or fault
        raise InputError(f"{where}: cannot be reached ({reason}); check ISOLINE_SERVER") from fault
    if len(content) > MAX_ANSWER_BYTES:
        raise InputError(f"{where}: the answer is larger than believable")
    return content


def _sentence(refused: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(refused.read(65_536))["error"])
    except (OSError, ValueError, TypeError, KeyError):
        return f"it answers {refused.code}; look into its log"
