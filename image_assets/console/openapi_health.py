"""What the OpenAPI document says of checks that are acknowledged, and of figures over time."""

from __future__ import annotations

from image_assets.console.acknowledging import AcknowledgementSaid, OfCheckSaid
from image_assets.console.openapi_parts import (
    BOOLEAN,
    MAYBE,
    NUMBER,
    TEXT,
    Schema,
    in_json,
    list_of,
    object_of,
    parameter,
)

SAID: Schema = in_json(AcknowledgementSaid.model_json_schema())
OF_CHECK: Schema = in_json(OfCheckSaid.model_json_schema())
_FIGURE = object_of(
    "What a line is at on a day; days without a figure are left out.",
    day=TEXT,
    value=NUMBER,
    limit={"type": ["number", "null"], "description": "As it was told on that day."},
    judged={**TEXT, "description": "What found it bad; empty where nothing did."},
)
_LINE = object_of(
    "A figure over time.",
    measure=TEXT,
    category={**MAYBE, "description": "null: of the whole dataset."},
    kind={"enum": ["share", "number"]},
    good={"enum": ["low", "high"], "description": "Where it is well."},
    days=list_of(_FIGURE),
)
SINCE = [parameter("since", "query", "Only from this day on.", {"anyOf": [{**TEXT, "format": "date"}, {"const": ""}]})]
SCHEMAS: dict[str, Schema] = {
    "Acknowledgement": object_of("What was said of a check.", comment=TEXT, by=TEXT, at=TEXT, state=TEXT),
    "Quality": object_of("Figures over time.", dataset=TEXT, lines=list_of(_LINE)),
    "Withdrawn": object_of("Whether anything had been said of it.", withdrawn=BOOLEAN),
}
