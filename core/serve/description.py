"""The API in OpenAPI 3.1, written from the tables of formats."""

from typing import Any

from core.export import DISCLAIMER, EXPORTS
from core.imaging.intensities import CHOICES
from core.serve.answers import FORMATS


def openapi(prefix: str = "") -> dict[str, Any]:
    """The document of ``GET /openapi.json``."""
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    binary = {"schema": {"type": "string", "format": "binary"}}
    answers = {kind.media_type: binary for kind in EXPORTS.values()}
    answers["application/json"] = {"schema": {"type": "object"}}
    refusals = {
        "400": "The file or a parameter cannot be used; the sentence says why.",
        "401": "A token is needed.",
        "413": "The upload is too large.",
        "429": "Too many predictions are under way; Retry-After says when to ask again.",
        "500": "A fault of the server.",
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Isoline", "version": "0.1.0", "description": DISCLAIMER},
        "paths": {
            f"{prefix}/predict": {
                "post": {
                    "summary": "Segment an image, a page of a stack or a volume",
                    "parameters": _parameters(),
                    "requestBody": {
                        "required": True,
                        "content": {
                            "multipart/form-data": {
                                "schema": {
                                    "type": "object",
                                    "required": ["file"],
                                    "properties": {"file": {"type": "string", "format": "binary"}},
                                }
                            },
                            "application/octet-stream": binary,
                        },
                    },
                    "responses": {
                        "200": {
                            "description": "The answer in the format asked for.",
                            "content": answers,
                        },
                        **{
                            status: {"description": words, "content": error}
                            for status, words in refusals.items()
                        },
                    },
                }
            },
            f"{prefix}/models": _get("Models with their data, scores, limits and thresholds"),
            f"{prefix}/health": _get("Whether the server can answer"),
            f"{prefix}/metrics": _get("Counters for Prometheus"),
        },
        "components": {
            "schemas": {"Error": {"type": "object", "properties": {"error": {"type": "string"}}}},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _parameters() -> list[dict[str, Any]]:
    formats = ", ".join(f"{name}: {kind.title}" for name, kind in EXPORTS.items())
    described: dict[str, tuple[dict[str, Any], str]] = {
        "model": ({"type": "string"}, "Name from /models; the first where there is none."),
        "threshold": (
            {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.001},
            "Instead of the model's operating point.",
        ),
        "post_processing": (
            {"type": "string"},
            "minimum_area_px=N, fill_holes, largest_component or none; by default the model's.",
        ),
        "intensities": (
            {"type": "string", "enum": list(CHOICES)},
            "What the model sees of a file of more than 8 bits. "
            + "; ".join(f"{name}: {words}" for name, words in CHOICES.items()),
        ),
        "page": ({"type": "integer", "minimum": 1}, "Of a stack or volume."),
        "format": (
            {"type": "string", "enum": list(FORMATS)},
            f"Before the Accept header. json: numbers; levels: level map as PNG; {formats}.",
        ),
        "name": ({"type": "string"}, "File name, where the body is the file."),
    }
    return [
        {"name": name, "in": "query", "schema": schema, "description": words}
        for name, (schema, words) in described.items()
    ]


def _get(summary: str) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": {"200": {"description": "As asked."}}}}
