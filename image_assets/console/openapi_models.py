"""What the OpenAPI document says of models."""

from __future__ import annotations

from image_assets.console.openapi_parts import MAYBE, TEXT, Schema, list_of, object_of, parameter
from image_assets.model_assets import MODEL_ASSETS

_OBJECT: Schema = {"type": "object"}
ASSET: Schema = {"enum": [*MODEL_ASSETS], "description": "The asset that trains it: by features, or by pixels."}
ASKED = parameter("model", "query", "The asset whose model is meant; default: predictions.model.", ASSET)
SCHEMAS: dict[str, Schema] = {
    "Models": object_of(
        "The models that are kept, of each asset the newest data first, and every decision, the oldest first.",
        models=list_of(
            object_of(
                "A model; manifest and decision are null where they cannot be read.",
                asset=ASSET,
                model=TEXT,
                role=TEXT,
                problem=TEXT,
                manifest={"type": ["object", "null"]},
                decision={"type": ["object", "null"]},
            )
        ),
        history=list_of(_OBJECT),
    ),
    "Champion": object_of(
        "Which model answers from now on.", sha256=TEXT, since={**TEXT, "format": "date"}, reason=TEXT, replaced=MAYBE
    ),
}
CURRENT = [
    parameter("current", "query", "The current model by what was seen; where it is another one by now, 409.", TEXT)
]
MODEL = [parameter("digest", "path", "The beginning of its SHA-256.", TEXT), *CURRENT]
