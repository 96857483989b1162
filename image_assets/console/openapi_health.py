"""What the OpenAPI document says of checks that are acknowledged."""

from __future__ import annotations

from image_assets.console.acknowledging import AcknowledgementSaid, OfCheckSaid
from image_assets.console.openapi_parts import BOOLEAN, TEXT, Schema, in_json, object_of

SAID: Schema = in_json(AcknowledgementSaid.model_json_schema())
OF_CHECK: Schema = in_json(OfCheckSaid.model_json_schema())
SCHEMAS: dict[str, Schema] = {
    "Acknowledgement": object_of("What was said of a check.", comment=TEXT, by=TEXT, at=TEXT, state=TEXT),
    "Withdrawn": object_of("Whether anything had been said of it.", withdrawn=BOOLEAN),
}
