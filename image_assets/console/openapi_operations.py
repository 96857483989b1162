"""An operation of the OpenAPI document: what it answers, what it refuses, what it takes."""

from __future__ import annotations

from typing import Any

from image_assets.console.openapi_parts import Schema, in_json, ref

_OF_STATUS = {
    400: "The request cannot be read.",
    401: "It changes something, and the token does not come along.",
    403: "A page of another origin asks, or another host's name was used.",
    404: "There is no such image.",
    408: "The body did not come in time.",
    409: "It is not possible as things are, or not any more.",
    413: "The body, the file or the picture is too large.",
    415: "A kind of body that is not taken.",
    422: "A file that is no image that the platform lets in.",
    500: "A fault of the console.",
    503: "No model can answer, or too much is asked at once; Retry-After says when to come again.",
}


def operation_of(
    summary: str,
    good: Schema,
    statuses: tuple[int, ...],
    body: Schema | None,
    more: dict[str, Any],
    error: str = "Error",
) -> Schema:
    """An operation of the document.

    Args:
        summary: What it does.
        good: What it answers, by status.
        statuses: That it may refuse with, besides 400, 403 and 500.
        body: What it takes, by kind.
        more: Further entries.
        error: Name of the schema of refusals.
    """
    refusals = {
        str(status): {"description": _OF_STATUS[status], "content": in_json(ref(error))}
        for status in sorted({*statuses, 400, 403, 500})
    }
    taken = {"requestBody": {"required": True, "content": body}} if body else {}
    return {"summary": summary, **more, **taken, "responses": {**good, **refusals}}
