"""What the OpenAPI document says of links to shards."""

from __future__ import annotations

from image_assets.console.openapi_parts import COUNT, MAYBE, TEXT, Schema, list_of, object_of, or_null, parameter

_USED = object_of("What was downloaded by it since this console began.", downloads=COUNT, last=TEXT)
_SHARE = object_of(
    "A link; of the link itself nothing is kept.",
    id=TEXT,
    state={"enum": ["open", "expired", "revoked"]},
    created=TEXT,
    expires=TEXT,
    revoked=MAYBE,
    by=TEXT,
    note=TEXT,
    rows=COUNT,
    files=COUNT,
    bytes=COUNT,
    marks={"type": "object", "description": "Which marks of people are in it."},
    used=or_null(_USED),
)
SCHEMAS: dict[str, Schema] = {
    "Share": _SHARE,
    "Shares": object_of("The links that were made, the latest first.", counted_since=TEXT, shares=list_of(_SHARE)),
    "Cleared": object_of("The ids of those that are forgotten.", cleared=list_of(TEXT)),
}
SHARE = [parameter("share_id", "path", "The beginning of its id.", TEXT)]
