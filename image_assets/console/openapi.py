"""What the API is, as an OpenAPI 3.1 document: for programs at /openapi.json, for people at /docs."""

from __future__ import annotations

from importlib.metadata import version

from image_assets.answers.day_states import STATES
from image_assets.console import openapi_health as of_health
from image_assets.console import openapi_inference as of_inference
from image_assets.console import openapi_map as of_map
from image_assets.console import openapi_marks as of_marks
from image_assets.console import openapi_models as of_models
from image_assets.console import openapi_search as of_search
from image_assets.console import openapi_shares as of_shares
from image_assets.console.openapi_operations import operation_of
from image_assets.console.openapi_parts import MAYBE, SHARE, TEXT, Schema, in_json, list_of, object_of, ref

_TOP: Schema = {
    "name": "top",
    "in": "query",
    "description": "So many categories are told of, the most probable first.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 100_000, "default": 5},
}


_ERROR = object_of("What is wrong.", code={**TEXT, "description": "For programs."}, message=TEXT)
_ITEM: Schema = {
    "type": "object",
    "properties": {"content": {**TEXT, "contentEncoding": "base64"}, "name": TEXT},
    "required": ["content"],
}
_MODEL = object_of("The model that answers.", name=TEXT, asset=of_models.ASSET, sha256=TEXT)
_ANSWER = object_of(
    "What the current model takes an image for.",
    image_id={**TEXT, "description": "SHA-256 of the file."},
    category={**TEXT, "description": "The most probable one."},
    probability=SHARE,
    familiarity={
        "type": ["number", "null"],
        "minimum": 0,
        "maximum": 1,
        "description": "The share of good images of sources that the model never saw that look less familiar to it. "
        "null: the model cannot say, as no network can.",
    },
    unknown={
        "type": "boolean",
        "description": "Whether the probability is below classifier.unknown_below, or the familiarity below "
        "classifier.held_back.",
    },
    categories=list_of(object_of("A category.", category=TEXT, probability=SHARE)),
    quality={
        **list_of(TEXT),
        "description": "What is wrong with the picture: dark, bright, blurred …; none: nothing.",
    },
    seen_in_training={
        "type": ["boolean", "null"],
        "description": "Whether the image is of a day and category that the model was trained on: then the answer is "
        "no test of it. null: not known.",
    },
    model=_MODEL,
    extractor=object_of("What made its features, or prepared the picture for a network.", digest=TEXT),
)
_CAUSE = object_of(
    "Why it is so.",
    state=TEXT,
    what=TEXT,
    said=TEXT,
    since=MAYBE,
    run_id=TEXT,
    acknowledged={"type": ["object", "null"]},
)
_DAY = object_of(
    "A day.",
    day=MAYBE,
    category=MAYBE,
    state={"enum": list(STATES), "description": "The worst first; not evaluated is not passed."},
    causes=list_of(_CAUSE),
    checks={"type": "object", "additionalProperties": {"type": "integer"}},
)
_ANSWER["properties"] |= {"nearest": of_search.NEAREST, "place": of_map.PLACE_OF_ANSWER}
SCHEMAS: dict[str, Schema] = {
    "Error": object_of("Why there is no answer.", error=_ERROR),
    "ImageAnswer": _ANSWER,
    "BatchAnswer": object_of(
        "An entry for every image, in their order.",
        answers=list_of(
            {
                "anyOf": [
                    {"allOf": [object_of("An image.", name=TEXT), ref("ImageAnswer")]},
                    object_of("What is none.", name=TEXT, error=_ERROR),
                ]
            }
        ),
    ),
    "Image": _ITEM,
    "Images": object_of(
        "Several images; what is none of them has an error in its place.",
        images=list_of({"description": "Each as `Image`."}),
    ),
    "Status": {"type": "object", "description": "The status."},
    "Days": object_of("The whole dataset, whose day is null, and every day and category.", days=list_of(_DAY)),
    "Alive": object_of("It lives.", alive={"const": True}),
    **of_health.SCHEMAS,
    **of_inference.SCHEMAS,
    **of_map.SCHEMAS,
    **of_marks.SCHEMAS,
    **of_models.SCHEMAS,
    **of_search.SCHEMAS,
    **of_shares.SCHEMAS,
    "Ready": object_of(
        "It can classify.",
        ready={"const": True},
        model=_MODEL,
    ),
}


def operation(
    summary: str, answer: str, statuses: tuple[int, ...], body: Schema | None = None, **more: object
) -> Schema:
    """An operation of the document.

    Args:
        summary: What it does.
        answer: Name of the schema of what it answers.
        statuses: Of HTTP, that it may refuse with, besides 400, 403 and 500.
        body: What it takes, by kind.
        more: Further entries.
    """
    good = {"200": {"description": SCHEMAS[answer]["description"], "content": in_json(ref(answer))}}
    return operation_of(summary, good, statuses, body, more)


def _file(
    summary: str, content: Schema, statuses: tuple[int, ...], body: Schema | None = None, **more: object
) -> Schema:
    """As `operation`, of what is answered with a file."""
    return operation_of(summary, {"200": {"description": "The file.", "content": content}}, statuses, body, more)


def _bodies(as_json: Schema, in_form: Schema) -> Schema:
    raw: Schema = {"schema": {}}
    parts = {"type": "object", "properties": {"file": in_form}, "required": ["file"]}
    form = {"multipart/form-data": {"schema": parts}}
    return {**form, **in_json(as_json), "application/octet-stream": raw, "image/*": raw}


_FILE: Schema = {"contentMediaType": "application/octet-stream"}
_TAKES = (400, 408, 413, 415, 503)
_SELECTS = (400, 404, 408, 409, 413, 415, 503)
PATHS: dict[str, dict[str, Schema]] = {
    "/v1/classify": {
        "post": operation(
            "What the current model takes an image for.",
            "ImageAnswer",
            (*_TAKES, 422),
            _bodies(ref("Image"), _FILE),
            parameters=[_TOP, of_models.ASKED, of_search.OF_CLASSIFY, of_map.PLACE_OF_CLASSIFY],
        )
    },
    "/v1/classify:batch": {
        "post": operation(
            "The same of several images; one that is none has an error of its own.",
            "BatchAnswer",
            _TAKES,
            _bodies(ref("Images"), {**list_of(_FILE), "minItems": 1}),
            parameters=[_TOP, of_models.ASKED, of_search.OF_CLASSIFY, of_map.PLACE_OF_CLASSIFY],
        )
    },
    "/v1/neighbours": {
        "get": operation(
            "The loaded images that are most like one of them.",
            "Neighbours",
            (400, 404, 503),
            parameters=of_search.OF_IMAGE,
        ),
        "post": operation(
            "The same of an image that comes along; it is not kept.",
            "Neighbours",
            (*_TAKES, 422),
            _bodies(ref("Image"), _FILE),
            parameters=of_search.OF_FILE,
        ),
    },
    "/v1/images": {
        "get": operation("Images of a query, in their order.", "Listed", (400, 503), parameters=of_marks.QUERY)
    },
    "/v1/images/{image_id}": {
        "get": operation("What is known of an image.", "ImageFacts", (404, 503), parameters=of_marks.IMAGE)
    },
    "/v1/images/{image_id}/content": {
        "get": _file("An image as it was delivered.", of_marks.PICTURE, (404, 503), parameters=of_marks.IMAGE)
    },
    "/v1/images/{image_id}/thumbnail": {
        "get": _file("Its thumbnail.", of_marks.THUMBNAIL, (404, 503), parameters=of_marks.IMAGE)
    },
    "/v1/images:export": {
        "post": _file("Images as a file: these, or all of a query.", of_marks.FILES, _SELECTS, of_marks.EXPORTED)
    },
    "/v1/map": {"get": operation("What the points of the map are, and their columns.", "Map", (503,))},
    "/v1/map/regions": {
        "get": operation("The regions of the map, by name.", "MapRegions", (409, 503), parameters=of_map.REGIONS)
    },
    "/v1/map/columns/{name}": {
        "get": _file("A number or two for each point.", of_map.BYTES, (404, 409, 503), parameters=of_map.COLUMN)
    },
    "/v1/map/density.png": {
        "get": _file("How many points lie where.", of_map.PICTURE, (400, 503), parameters=of_map.DENSITY)
    },
    "/v1/map/points/{point}": {
        "get": operation("What is known of a point.", "MapPoint", (400, 404, 409, 503), parameters=of_map.POINT)
    },
    "/v1/map/images/{image_id}": {
        "get": operation(
            "An image on the map and those next to it.", "MapImage", (400, 404, 503), parameters=of_map.NEAR
        )
    },
    "/v1/map:select": {
        "post": _file("A bit for each point: is it meant?", of_map.BYTES, (400, 408, 409, 413, 415, 503), of_map.SAID)
    },
    "/v1/marks": {
        "get": operation("What people said last.", "Batches", (400, 503), parameters=of_marks.BATCHES),
        "post": operation(
            "Say something of images. Needs the token; the next run follows.",
            "Marked",
            (401, *_SELECTS),
            of_marks.MARKS,
        ),
    },
    "/v1/marks:preview": {
        "post": operation("What the next run would change. Nothing is kept.", "Preview", _SELECTS, of_marks.MARKS)
    },
    "/v1/marks/{batch}": {
        "delete": operation(
            "Take back what was said at once. Needs the token.", "Batch", (401, 409, 503), parameters=of_marks.BATCH
        )
    },
    "/v1/models": {"get": operation("The models, and why the current one is it.", "Models", (409, 503))},
    "/v1/models/{digest}:promote": {
        "post": operation(
            "Have a model answer from now on. Needs the token.", "Champion", (401, 409, 503), parameters=of_models.MODEL
        )
    },
    "/v1/models:rollback": {
        "post": operation(
            "Have the model before the current one answer again. Needs the token.",
            "Champion",
            (400, 401, 409, 503),
            parameters=[*of_models.CURRENT, of_models.ASKED],
        )
    },
    "/v1/acknowledgements": {
        "post": operation(
            "Say why what a check found may stay so for now. It holds until the check passes. Needs the token.",
            "Acknowledgement",
            (401, *_SELECTS),
            of_health.SAID,
        )
    },
    "/v1/acknowledgements:withdraw": {
        "post": operation("Take that back. Needs the token.", "Withdrawn", (401, *_SELECTS), of_health.OF_CHECK)
    },
    "/v1/shares": {"get": operation("The links to shards that were made.", "Shares", (503,))},
    "/v1/shares/{share_id}:revoke": {
        "post": operation(
            "Have a link lead nowhere from now on. Needs the token.",
            "Share",
            (401, 404, 503),
            parameters=of_shares.SHARE,
        )
    },
    "/v1/shares:clear": {
        "post": operation("Forget the links that lead nowhere any more. Needs the token.", "Cleared", (401, 503))
    },
    "/v1/status": {"get": operation("What is loaded and how it fares, as image-assets status --json.", "Status", ())},
    "/v1/days": {"get": operation("One state of each day and category, with its causes.", "Days", ())},
    "/v1/quality": {
        "get": operation(
            "What of each day was refused, poor, drifted or wrong, as lines.",
            "Quality",
            (400,),
            parameters=of_health.SINCE,
        )
    },
    "/metrics": {"get": _file("What the console does, for Prometheus.", {"text/plain": {"schema": {}}}, ())},
    **of_inference.PATHS,
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
