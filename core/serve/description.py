"""The API in OpenAPI: what FastAPI cannot know from the types."""

from typing import Any

from fastapi import FastAPI

from core.export import EXPORTS

REFUSALS = {
    400: "The file or a parameter cannot be used; the sentence says why.",
    401: "A token is needed.",
    408: "The upload took too long.",
    413: "The upload is too large.",
    429: "Too many predictions are under way; Retry-After says when to ask again.",
    500: "A fault of the server.",
    503: "The prediction took too long.",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": _BINARY["schema"]},
    }
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": _FORM, "application/octet-stream": _BINARY},
    }
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "One sentence."}},
}


def answers() -> dict[int | str, dict[str, Any]]:
    """What ``POST /predict`` may answer, for OpenAPI."""
    content = {kind.media_type: _BINARY for kind in EXPORTS.values()}
    content["application/json"] = {"schema": {"type": "object"}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        200: {"description": "The answer in the format asked for.", "content": content},
        **{code: {"description": words, "content": error} for code, words in REFUSALS.items()},
        "default": {"description": "Any other refusal.", "content": error},
    }


def description(app: FastAPI, prefix: str) -> dict[str, Any]:
    """The API in OpenAPI."""
    document = app.openapi()
    document["paths"] = {prefix + path: item for path, item in document["paths"].items()}
    document["components"] = {
        "schemas": {"Error": _ERROR},
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    }
    document["security"] = [{}, {"token": []}]
    return document
