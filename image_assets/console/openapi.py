"""What the API is, as an OpenAPI 3.1 document: for programs at /openapi.json, for people at /docs."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from image_assets.answers.day_states import STATES

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_TOP: Schema = {
    "name": "top",
    "in": "query",
    "description": "So many categories are told of, the most probable first.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 100_000, "default": 5},
}


def _object(described: str, **properties: Schema) -> Schema:
    return {"type": "object", "description": described, "properties": properties, "required": list(properties)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


_ERROR = _object("What is wrong.", code={**_TEXT, "description": "For programs."}, message=_TEXT)
_ITEM: Schema = {
    "type": "object",
    "properties": {"content": {**_TEXT, "contentEncoding": "base64"}, "name": _TEXT},
    "required": ["content"],
}
_ANSWER = _object(
    "What the current model takes an image for.",
    image_id={**_TEXT, "description": "SHA-256 of the file."},
    category={**_TEXT, "description": "The most probable one."},
    probability=_SHARE,
    familiarity={
        "type": ["number", "null"],
        "minimum": 0,
        "maximum": 1,
        "description": "The share of good images of sources that the model never saw that look less familiar to it. "
        "null: the model cannot say.",
    },
    unknown={
        "type": "boolean",
        "description": "Whether the probability is below classifier.unknown_below, or the familiarity below "
        "classifier.held_back.",
    },
    categories=_list_of(_object("A category.", category=_TEXT, probability=_SHARE)),
    quality={
        **_list_of(_TEXT),
        "description": "What is wrong with the picture: dark, bright, blurred …; none: nothing.",
    },
    seen_in_training={
        "type": ["boolean", "null"],
        "description": "Whether the image is of a day and category that the model was trained on: then the answer is "
        "no test of it. null: not known.",
    },
    model=_object("The model that answered.", name=_TEXT, sha256=_TEXT),
    extractor=_object("What made its features.", digest=_TEXT),
)
_MAYBE: Schema = {"type": ["string", "null"]}
_CAUSE = _object("Why it is so.", state=_TEXT, what=_TEXT, said=_TEXT, since=_MAYBE, run_id=_TEXT)
_DAY = _object(
    "A day.",
    day=_MAYBE,
    category=_MAYBE,
    state={"enum": list(STATES), "description": "The worst first; not evaluated is not passed."},
    causes=_list_of(_CAUSE),
    checks={"type": "object", "additionalProperties": {"type": "integer"}},
)
SCHEMAS: dict[str, Schema] = {
    "Error": _object("Why there is no answer.", error=_ERROR),
    "ImageAnswer": _ANSWER,
    "BatchAnswer": _object(
        "An entry for every image, in their order.",
        answers=_list_of(
            {
                "anyOf": [
                    {"allOf": [_object("An image.", name=_TEXT), _ref("ImageAnswer")]},
                    _object("What is none.", name=_TEXT, error=_ERROR),
                ]
            }
        ),
    ),
    "Image": _ITEM,
    "Images": _object("Several images.", images=_list_of(_ref("Image"))),
    "Status": {"type": "object", "description": "The status."},
    "Days": _object("The whole dataset, whose day is null, and every day and category.", days=_list_of(_DAY)),
    "Alive": _object("It lives.", alive={"const": True}),
    "Ready": _object("It can classify.", ready={"const": True}, model=_object("With this.", name=_TEXT, sha256=_TEXT)),
}
_OF_STATUS = {
    400: "The request cannot be read.",
    403: "A page of another origin asks, or another host's name was used.",
    408: "The body did not come in time.",
    413: "The body, the file or the picture is too large.",
    415: "A kind of body that is not taken.",
    422: "A file that is no image that the platform lets in.",
    500: "A fault of the console.",
    503: "No model can answer, or too much is asked at once; Retry-After says when to come again.",
}


def operation(summary: str, answer: str, statuses: tuple[int, ...], body: Schema | None = None, **more: Any) -> Schema:
    """An operation of the document.

    Args:
        summary: What it does.
        answer: Name of the schema of what it answers.
        statuses: Of HTTP, that it may refuse with, besides 403 and 500.
        body: What it takes, by kind.
        more: Further entries.
    """
    refusals = {
        str(status): {"description": _OF_STATUS[status], "content": _json(_ref("Error"))}
        for status in sorted({*statuses, 403, 500})
    }
    good = {"200": {"description": SCHEMAS[answer]["description"], "content": _json(_ref(answer))}}
    taken = {"requestBody": {"required": True, "content": body}} if body else {}
    return {"summary": summary, **more, **taken, "responses": {**good, **refusals}}


def _bodies(in_json: Schema, in_form: Schema) -> Schema:
    raw: Schema = {"schema": {}}
    form = {"multipart/form-data": {"schema": {"type": "object", "properties": {"file": in_form}}}}
    return {**form, **_json(in_json), "application/octet-stream": raw, "image/*": raw}


_FILE: Schema = {"contentMediaType": "application/octet-stream"}
_TAKES = (400, 408, 413, 415, 503)
PATHS: dict[str, dict[str, Schema]] = {
    "/v1/classify": {
        "post": operation(
            "What the current model takes an image for.",
            "ImageAnswer",
            (*_TAKES, 422),
            _bodies(_ref("Image"), _FILE),
            parameters=[_TOP],
        )
    },
    "/v1/classify:batch": {
        "post": operation(
            "The same of several images; one that is none has an error of its own.",
            "BatchAnswer",
            _TAKES,
            _bodies(_ref("Images"), _list_of(_FILE)),
            parameters=[_TOP],
        )
    },
    "/v1/status": {"get": operation("What is loaded and how it fares, as image-assets status --json.", "Status", ())},
    "/v1/days": {"get": operation("One state of each day and category, with its causes.", "Days", ())},
    "/healthz": {"get": operation("Whether the console lives.", "Alive", ())},
    "/readyz": {"get": operation("Whether it can classify.", "Ready", (503,))},
}


def openapi() -> Schema:
    """The document."""
    about = {
        "title": "image-assets console",
        "version": version("image-assets"),
        "description": "Classifies images by the dataset's current model. Only this machine's own programs and pages "
        "are answered.",
    }
    return {"openapi": "3.1.0", "info": about, "paths": PATHS, "components": {"schemas": SCHEMAS}}
