"""What the OpenAPI document says of marks and images."""

from __future__ import annotations

from image_assets.answers.gallery import QUEUES
from image_assets.console.openapi_parts import (
    BOOLEAN,
    COUNT,
    MAYBE,
    NUMBER,
    SHARE,
    TEXT,
    Schema,
    in_json,
    list_of,
    object_of,
    or_null,
    parameter,
    ref,
)
from image_assets.console.selection import WHERE, Exported, MarksSaid

_SAID = object_of("What counts of what people said.", what={"enum": ["label", "exclude", "check"]}, category=MAYBE)
_DAY: Schema = {**TEXT, "format": "date"}
_WHERE = {"day": _DAY, "category": {**TEXT, "description": "That the image arrived under."}}
_BATCH: dict[str, Schema] = {
    "batch": TEXT,
    "reviewer": TEXT,
    "at": {**TEXT, "format": "date-time"},
    "images": COUNT,
    "under": {"type": "object", "additionalProperties": COUNT, "description": "Category → images that belong there."},
    "nowhere": {**COUNT, "description": "Images that belong nowhere."},
    "taken_back": or_null(object_of("When and by whom.", at=TEXT, reviewer=TEXT)),
}
_MEANWHILE = list_of(
    object_of("Who marked some of these images after `since`, and how many of them.", reviewer=TEXT, images=COUNT)
)
SCHEMAS: dict[str, Schema] = {
    "Batch": object_of("What somebody said at once.", **_BATCH),
    "Marked": object_of("What was said now.", **_BATCH, meanwhile=_MEANWHILE),
    "Batches": object_of("What people said, the latest first.", batches=list_of(ref("Batch"))),
    "Preview": object_of(
        "What the next run would change.",
        images=COUNT,
        shards=list_of(object_of("A partition that is published anew.", **_WHERE, coming=COUNT, going=COUNT)),
        training=list_of(object_of("A category that is trained on others.", category=TEXT, coming=COUNT, going=COUNT)),
        meanwhile=_MEANWHILE,
    ),
    "Listed": object_of(
        "Some of the images of a query.",
        total={**COUNT, "description": "How many it has."},
        images=list_of(object_of("An image.", image_id=TEXT, **_WHERE, note=TEXT)),
    ),
    "ImageFacts": object_of(
        "What is known of an image.",
        image_id=TEXT,
        **_WHERE,
        source=TEXT,
        format=TEXT,
        width=COUNT,
        height=COUNT,
        bytes=COUNT,
        metrics={"type": "object"},
        said=or_null(_SAID),
        history=list_of(
            object_of("A mark.", at=TEXT, category=TEXT, belongs=BOOLEAN, reviewer=TEXT, batch=TEXT, withdrawn=BOOLEAN)
        ),
        prediction=or_null(
            object_of("When it came.", predicted_category=TEXT, probability=SHARE, margin=SHARE, unknown=BOOLEAN)
        ),
        suspect=or_null(object_of("Why.", kind=TEXT, score=NUMBER, suggested_category=MAYBE)),
        alike=list_of(TEXT),
    ),
}
_MOST: Schema = {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 100}
QUERY = [
    parameter("queue", "query", "Which images.", {"enum": list(QUEUES), "default": "all"}),
    parameter("day", "query", "Only those of a day.", {"anyOf": [_DAY, {"const": ""}]}),
    parameter("category", "query", "Only those that arrived under it.", TEXT),
    parameter("where", "query", f"Only those that fulfil all of this. {WHERE}", {**TEXT, "maxLength": 2_000}),
    parameter("map", "query", "Only these of the map, as the address of its page has them.", TEXT),
    parameter("start", "query", "So many are left out.", {**COUNT, "default": 0, "maximum": 2**40}),
    parameter("most", "query", "So many at most.", _MOST),
]
BATCHES = [parameter("most", "query", "So many at most.", _MOST)]
IMAGE = [parameter("image_id", "path", "SHA-256 of the file.", TEXT)]
BATCH = [
    parameter("batch", "path", "As the answer to the marks names it.", TEXT),
    parameter("reviewer", "query", "Who takes it back.", TEXT),
]
MARKS = in_json(MarksSaid.model_json_schema(ref_template="#/components/schemas/{model}") | {"$defs": {}})
EXPORTED = in_json(Exported.model_json_schema(ref_template="#/components/schemas/{model}") | {"$defs": {}})
SCHEMAS |= MarksSaid.model_json_schema(ref_template="#/components/schemas/{model}")["$defs"]
FILES: dict[str, Schema] = {"text/csv": {"schema": {}}, "application/vnd.apache.parquet": {"schema": {}}}
"""What is downloaded."""
PICTURE: dict[str, Schema] = {"image/*": {"schema": {}}}
"""An image as it was delivered."""
THUMBNAIL: dict[str, Schema] = {"image/jpeg": {"schema": {}}}
