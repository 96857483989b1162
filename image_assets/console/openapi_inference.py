"""What the OpenAPI document says of `/v2`, the Open Inference Protocol."""

from __future__ import annotations

from typing import Any

from image_assets.console.openapi_operations import operation_of
from image_assets.console.openapi_parts import BOOLEAN, COUNT, TEXT, Schema, in_json, list_of, object_of, parameter, ref

_SHAPE = list_of({"type": "integer", "minimum": -1})
_TOLD = object_of("A tensor of the model.", name=TEXT, datatype=TEXT, shape=_SHAPE)
_TENSOR: Schema = {
    **object_of(
        "`image`, BYTES [N], files in base64; or `pixels`, UINT8 [N, height, width, 3]. Without `data` the bytes come "
        "after the JSON, as the binary tensor extension has them.",
        name={"enum": ["image", "pixels"]},
        datatype={"enum": ["BYTES", "UINT8"]},
        shape=list_of(COUNT),
    )
}
_TENSOR["properties"]["data"] = {"type": "array"}
_WANTED = list_of({"anyOf": [object_of("An output.", name=TEXT), TEXT]})
_REQUEST: Schema = {**object_of("Images to be classified.", inputs={**list_of(_TENSOR), "minItems": 1, "maxItems": 1})}
_REQUEST["properties"] |= {"id": TEXT, "outputs": _WANTED}
_ANSWER = object_of(
    "What the model takes them for.",
    model_name=TEXT,
    model_version=TEXT,
    outputs=list_of(object_of("An output.", name=TEXT, datatype=TEXT, shape=list_of(COUNT), data={"type": "array"})),
)
_ANSWER["properties"]["id"] = TEXT
SCHEMAS: dict[str, Schema] = {
    "InferenceError": object_of("Why there is no answer.", error=TEXT),
    "InferenceServer": object_of("What answers.", name=TEXT, version=TEXT, extensions=list_of(TEXT)),
    "Live": object_of("It lives.", live=BOOLEAN),
    "ReadyToInfer": object_of("It can classify.", ready=BOOLEAN),
    "ModelReady": object_of("Whether the model can classify.", name=TEXT, ready=BOOLEAN),
    "ModelMetadata": object_of(
        "The model.",
        name=TEXT,
        versions=list_of(TEXT),
        platform=TEXT,
        inputs=list_of(_TOLD),
        outputs=list_of(_TOLD),
    ),
    "InferenceRequest": _REQUEST,
    "InferenceAnswer": _ANSWER,
}
_NAME = parameter("name", "path", "The dataset's, or `<dataset>.<asset>` for the model of an asset.", TEXT)
_VERSION = parameter("version", "path", "The beginning of the model's digest, as the metadata has it.", TEXT)
_LENGTH = parameter(
    "Inference-Header-Content-Length", "header", "Bytes of the JSON, where tensors come after it.", COUNT
)
_TAKES = (400, 404, 408, 413, 415, 422, 503)


def _operation(
    summary: str, answer: str, statuses: tuple[int, ...] = (), body: Schema | None = None, **more: Any
) -> dict[str, Schema]:
    good = {"200": {"description": SCHEMAS[answer]["description"], "content": in_json(ref(answer))}}
    return {
        "post" if body else "get": operation_of(summary, good, statuses, body, more, error="InferenceError"),
    }


def _of_model(where: str, *named: Schema) -> dict[str, dict[str, Schema]]:
    body = {**in_json(ref("InferenceRequest")), "application/octet-stream": {"schema": {}}}
    return {
        where: _operation("What the model takes and answers.", "ModelMetadata", (404, 503), parameters=[*named]),
        f"{where}/ready": _operation("Whether it can classify.", "ModelReady", (404, 503), parameters=[*named]),
        f"{where}/infer": _operation(
            "What the model takes images for.", "InferenceAnswer", _TAKES, body, parameters=[*named, _LENGTH]
        ),
    }


PATHS: dict[str, dict[str, Schema]] = {
    "/v2": _operation("What answers, by the Open Inference Protocol.", "InferenceServer"),
    "/v2/health/live": _operation("Whether the console lives.", "Live"),
    "/v2/health/ready": _operation("Whether it can classify.", "ReadyToInfer", (503,)),
    **_of_model("/v2/models/{name}", _NAME),
    **_of_model("/v2/models/{name}/versions/{version}", _NAME, _VERSION),
}
