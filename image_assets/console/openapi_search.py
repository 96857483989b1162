"""What the OpenAPI document says of images that are like others."""

from __future__ import annotations

from image_assets.console.classify import MOST_NEAREST
from image_assets.console.neighbours import MOST, USUAL
from image_assets.console.openapi_parts import BOOLEAN, NUMBER, TEXT, Schema, list_of, object_of, parameter, ref

_DAY: Schema = {**TEXT, "format": "date"}
_NEIGHBOUR = object_of(
    "A loaded image.",
    image_id=TEXT,
    day=_DAY,
    category={**TEXT, "description": "That it arrived under."},
    similarity={**NUMBER, "minimum": -1, "maximum": 1, "description": "Cosine of the features."},
)
SCHEMAS: dict[str, Schema] = {
    "Neighbour": _NEIGHBOUR,
    "Neighbours": object_of(
        "The loaded images that are most like one, the most similar first, without itself; ties by id.",
        image_id=TEXT,
        loaded={**BOOLEAN, "description": "Whether the image itself is loaded."},
        extractor=object_of("Whose features are compared.", digest=TEXT),
        neighbours=list_of(ref("Neighbour")),
    ),
}
NEAREST: Schema = {
    **list_of(ref("Neighbour")),
    "description": "Where `nearest` asks for them: the images of days and categories that the model was trained on "
    "which are most like this one, without itself.",
}
"""What is told with the answer to an image."""
OF_CLASSIFY = parameter(
    "nearest",
    "query",
    "So many training images are told of that are most like each.",
    {"type": "integer", "minimum": 0, "maximum": MOST_NEAREST, "default": 0},
)
_FILTERS = [
    parameter("k", "query", "So many at most.", {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}),
    parameter("day", "query", "Only those of a day.", {"anyOf": [_DAY, {"const": ""}]}),
    parameter("category", "query", "Only those that arrived under it.", TEXT),
]
OF_FILE = _FILTERS
OF_IMAGE = [
    parameter("id", "query", "SHA-256 of a loaded image.", {**TEXT, "minLength": 1}) | {"required": True},
    *_FILTERS,
]
