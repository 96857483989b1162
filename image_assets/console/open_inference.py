"""`/v2`: the Open Inference Protocol, which model servers and their clients speak, over the current models.

Specification: KServe, Open Inference Protocol (V2), REST. Tensors come in JSON, BYTES in base64, or after the JSON as
the binary tensor extension has them; they are answered in JSON. A model's version is the beginning of its digest. A
dataset's name alone is the model that is asked where nobody says which; `<dataset>.<asset>` is that of an asset.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from image_assets.console.body import body_of
from image_assets.console.classify import Classifier
from image_assets.console.refusals import Refused
from image_assets.console.tensors import Tensor, tensor_of
from image_assets.model_assets import ModelAsset
from image_assets.predict.answer import LetIn, Prediction
from image_assets.store.models.model_files import DIGITS, ModelManifest

_SERVER = "image-assets"
_HEADER_BYTES = "inference-header-content-length"
_IMAGE, _PIXELS = "image", "pixels"
_MODEL = "/v2/models/{name}"
_VERSION = f"{_MODEL}/versions/{{version}}"
_NOT_SAID = -1.0
"""The familiarity where the model cannot say: JSON has numbers only."""
_TELLS: dict[str, tuple[str, Callable[[Prediction], Any]]] = {
    "category": ("BYTES", lambda one: one.category),
    "probability": ("FP32", lambda one: one.probability),
    "familiarity": ("FP32", lambda one: _NOT_SAID if one.familiarity is None else one.familiarity),
    "unknown": ("BOOL", lambda one: one.unknown),
    "categories": ("BYTES", lambda one: [name for name, _ in one.categories]),
    "probabilities": ("FP32", lambda one: [share for _, share in one.categories]),
}
"""The outputs: datatype, and what a prediction has of it; lists have the most probable category first."""


def open_inference_routes(classifier: Classifier) -> list[Route]:
    """The addresses of the protocol."""
    named: dict[str, ModelAsset] = {f"{classifier.dataset}.{asset}": asset for asset in classifier.asked}
    usual = next(iter(classifier.asked))

    def asked(request: Request) -> ModelAsset:
        """The asset whose model is asked for. Raises `Refused` where there is no such model."""
        name = request.path_params["name"]
        if name != classifier.dataset and name not in named:
            raise Refused(
                404, "not_found", f"there is no model {name}; there are {', '.join((classifier.dataset, *named))}"
            )
        return named.get(name, usual)

    def current(asset: ModelAsset, request: Request) -> ModelManifest:
        """The manifest of an asset's current model. Raises `Refused` where another version of it is asked for."""
        manifest = classifier.asked[asset].manifest()
        version = manifest.sha256[:DIGITS]
        if (asked_for := request.path_params.get("version", version)) != version:
            name = request.path_params["name"]
            raise Refused(
                404, "not_found", f"there is no model {name} {asked_for}; there is {name} in version {version}"
            )
        return manifest

    async def server(request: Request) -> Response:
        del request
        return JSONResponse({"name": _SERVER, "version": version(_SERVER), "extensions": []})

    async def live(request: Request) -> Response:
        del request
        return JSONResponse({"live": True})

    async def ready(request: Request) -> Response:
        if not classifier.inference.warm:
            raise Refused(503, "starting", "the model is being loaded; ask again in a moment")
        await run_in_threadpool(current, usual, request)
        return JSONResponse({"ready": True})

    async def metadata(request: Request) -> Response:
        asset = asked(request)
        manifest = await run_in_threadpool(current, asset, request)
        shape = classifier.asked[asset].input_shape
        return JSONResponse(_metadata(manifest, request.path_params["name"], shape))

    async def model_ready(request: Request) -> Response:
        asset = asked(request)
        await run_in_threadpool(current, asset, request)
        # Any other model than the usual one is loaded when it is first asked, which its answer waits for.
        warm = asset != usual or classifier.inference.warm
        return JSONResponse({"name": request.path_params["name"], "ready": warm})

    async def infer(request: Request) -> Response:
        asset = asked(request)
        await run_in_threadpool(current, asset, request)
        async with body_of(request, classifier.capacity) as body:
            head, binary = _parts(request, body)
            given, wanted = _input(head, binary, classifier.capacity.bounds.images), _wanted(head)
            predictions = await _predicted(classifier, asset, given)
        whole = {
            "model_name": request.path_params["name"],
            "model_version": predictions[0].model[:DIGITS],
            "outputs": [_output(name, predictions) for name in wanted],
        }
        return JSONResponse({**whole, **({"id": head["id"]} if "id" in head else {})})

    of_models = ((metadata, "", "GET"), (model_ready, "/ready", "GET"), (infer, "/infer", "POST"))
    models = [Route(f"{at}{end}", what, methods=[how]) for at in (_VERSION, _MODEL) for what, end, how in of_models]
    health = [Route("/v2", server), Route("/v2/health/live", live), Route("/v2/health/ready", ready)]
    return [*health, *models]


def _metadata(manifest: ModelManifest, name: str, shape: tuple[int, ...]) -> dict[str, Any]:
    several = len(manifest.classes)
    outputs = [
        {
            "name": output,
            "datatype": kind,
            "shape": [-1, several] if output in ("categories", "probabilities") else [-1],
        }
        for output, (kind, _) in _TELLS.items()
    ]
    inputs = [
        {"name": _IMAGE, "datatype": "BYTES", "shape": [-1]},
        {"name": _PIXELS, "datatype": "UINT8", "shape": [-1, *shape]},
    ]
    versions = [manifest.sha256[:DIGITS]]
    return {"name": name, "versions": versions, "platform": _SERVER, "inputs": inputs, "outputs": outputs}


def _parts(request: Request, body: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON of a request, and the binary tensors after it."""
    said = request.headers.get(_HEADER_BYTES, str(len(body)))
    if not said.isdecimal() or int(said) > len(body):
        raise Refused(400, "bad_request", f"{_HEADER_BYTES}: {said!r}, of a body of {len(body):,} bytes")
    try:
        head = json.loads(body[: int(said)])
    except (ValueError, RecursionError) as error:
        raise Refused(400, "bad_request", f"the body is no JSON: {error}") from None
    if not isinstance(head, dict) or not isinstance(head.get("inputs"), list):
        raise Refused(400, "bad_request", 'expected {"inputs": […]}')
    if not isinstance(head.get("id", ""), str):
        raise Refused(400, "bad_request", "id: expected a text")
    return head, body[int(said) :]


def _input(head: dict[str, Any], binary: bytes, most: int) -> Tensor:
    """The only input."""
    if len(head["inputs"]) != 1:
        raise Refused(400, "bad_request", f"{len(head['inputs'])} inputs; expected one, {_IMAGE} or {_PIXELS}")
    tensor = tensor_of(head["inputs"][0], binary)
    if not 0 < tensor.shape[0] <= most:
        raise Refused(400, "bad_request", f"{tensor.shape[0]} images; expected 1 to {most}")
    return tensor


def _wanted(head: dict[str, Any]) -> list[str]:
    said = head.get("outputs", [{"name": name} for name in _TELLS])
    names: list[str] = []
    for one in said if isinstance(said, list) else [said]:
        name = one.get("name") if isinstance(one, dict) else one
        if not isinstance(name, str) or name not in _TELLS:
            raise Refused(400, "bad_request", f"outputs: there is no {name!r}; there are {', '.join(_TELLS)}")
        names.append(name)
    return names or list(_TELLS)


async def _predicted(classifier: Classifier, asset: ModelAsset, given: Tensor) -> list[Prediction]:
    if given.name == _IMAGE and given.datatype == "BYTES":
        answers = await classifier.classify(given.elements(), asset=asset)
        refused = next((one for one in answers if isinstance(one, Refused)), None)
        if refused is not None:
            raise refused
        return [one.prediction for one in answers if not isinstance(one, Refused)]
    inference = classifier.asked[asset]
    shape = inference.input_shape
    if given.name != _PIXELS or given.datatype != "UINT8" or given.shape[1:] != shape:
        found = f"{given.name!r}, {given.datatype} {list(given.shape)}"
        raise Refused(
            400, "bad_request", f"{found}: expected {_IMAGE}, BYTES, or {_PIXELS}, UINT8 [N, {str(shape)[1:-1]}]"
        )
    return await inference.predict([LetIn("", one, ()) for one in given.array()])


def _output(name: str, predictions: list[Prediction]) -> dict[str, Any]:
    kind, of = _TELLS[name]
    rows = [of(one) for one in predictions]
    shape = [len(rows), len(rows[0])] if isinstance(rows[0], list) else [len(rows)]
    data = [value for row in rows for value in row] if isinstance(rows[0], list) else rows
    return {"name": name, "datatype": kind, "shape": shape, "data": data}
