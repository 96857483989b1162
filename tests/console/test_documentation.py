"""The OpenAPI document says what there is, and answers are as it says."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from starlette.routing import Route

from image_assets.console.app import console_app
from tests.console.served import settings_of
from tests.pictures import picture
from tests.platform import Platform

_GALLERY = (
    "/classify",
    "/search",
    "/models",
    "/shares",
    "/models/{digest}/report",
    "/models/denoising_autoencoder/report",
    "/map",
    "/gallery",
    "/gallery/quarantine",
    "/gallery/marks",
    "/images/{image_id}",
)
_SHARES = tuple(
    f"/share/{one}"
    for one in (
        "{token}",
        "{token}/",
        "{token}/share.json",
        "{token}/curl.txt",
        "{token}/SHA256SUMS",
        "{token}/files/{path:path}",
    )
)
_NOT_OF_THE_API = (
    *_GALLERY,
    *_SHARES,
    "/",
    "/days/{day}/{category:path}",
    "/over-time/{measure}",
    "/enter",
    "/docs",
    "/openapi.json",
    "/static/{name}",
)


@pytest.fixture(scope="module")
def document(console: httpx.Client) -> dict[str, Any]:
    return console.get("/openapi.json").json()


def test_every_address_of_the_api_is_in_the_document_and_no_other(
    document: dict[str, Any], loaded_platform: Platform
) -> None:
    found = {
        (route.path, method.lower())
        for route in console_app(settings_of(loaded_platform)).routes
        if isinstance(route, Route) and route.path not in _NOT_OF_THE_API
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert found == {(path, method) for path, operations in document["paths"].items() for method in operations}


def assert_fits(document: dict[str, Any], path: str, method: str, answer: httpx.Response) -> None:
    told = document["paths"][path][method]["responses"][str(answer.status_code)]
    schema = {**told["content"]["application/json"]["schema"], "components": document["components"]}
    resource = Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    Draft202012Validator(schema, registry=Registry().with_resource("", resource)).validate(answer.json())


def infer(image: bytes) -> dict[str, Any]:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [base64.b64encode(image).decode()]}
    return {"id": "a", "inputs": [tensor], "outputs": [{"name": "category"}]}


def test_answers_are_as_the_document_says(document: dict[str, Any], console: httpx.Client) -> None:
    image, headers = picture(1, 5), {"content-type": "image/png"}
    for path, method, answer in (
        ("/healthz", "get", console.get("/healthz")),
        ("/v1/status", "get", console.get("/v1/status")),
        ("/v1/days", "get", console.get("/v1/days")),
        ("/v1/quality", "get", console.get("/v1/quality")),
        ("/v1/quality", "get", console.get("/v1/quality?since=yesterday")),
        ("/readyz", "get", console.get("/readyz")),
        ("/v1/classify", "post", console.post("/v1/classify", content=image, headers=headers)),
        ("/v1/classify", "post", console.post("/v1/classify", content=b"", headers=headers)),
        ("/v1/classify", "post", console.post("/v1/classify", content=b"")),
        ("/v1/classify", "post", console.post("/v1/classify?nearest=2", content=image, headers=headers)),
        ("/v1/classify", "post", console.post("/v1/classify?place=1", content=image, headers=headers)),
        ("/v1/classify", "post", console.post("/v1/classify?place=2", content=image, headers=headers)),
        ("/v1/neighbours", "get", console.get("/v1/neighbours?id=none")),
        ("/v1/neighbours", "post", console.post("/v1/neighbours?k=2", content=image, headers=headers)),
        ("/v1/neighbours", "post", console.post("/v1/neighbours", content=b"", headers=headers)),
        ("/v2", "get", console.get("/v2")),
        ("/v2/health/live", "get", console.get("/v2/health/live")),
        ("/v2/health/ready", "get", console.get("/v2/health/ready")),
        ("/v2/models/{name}", "get", console.get("/v2/models/drawn")),
        ("/v2/models/{name}/ready", "get", console.get("/v2/models/drawn/ready")),
        ("/v2/models/{name}/versions/{version}", "get", console.get("/v2/models/drawn/versions/1")),
        ("/v2/models/{name}/infer", "post", console.post("/v2/models/drawn/infer", json=infer(image))),
        ("/v2/models/{name}/infer", "post", console.post("/v2/models/drawn/infer", json={"inputs": []})),
        ("/v1/classify:batch", "post", console.post("/v1/classify:batch", files={"a": ("a", image), "b": ("b", b"")})),
    ):
        assert_fits(document, path, method, answer)


def test_the_page_shows_every_address_and_asks_nobody_else(document: dict[str, Any], console: httpx.Client) -> None:
    page = console.get("/docs").text
    for path, operations in document["paths"].items():
        for method, one in operations.items():
            assert f"{method.upper()} {path}" in page
            assert one["summary"] in page
    assert "http://" not in page
    assert "https://" not in page


@pytest.mark.parametrize("address", ["/v1/classify", "/v1/status", "/v1/models", "/v1/marks/x"])
def test_another_method_is_refused_with_those_that_there_are(console: httpx.Client, address: str) -> None:
    answer = console.request("TRACE", address)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) & {"GET", "POST", "DELETE"}


def test_an_address_of_two_methods_names_both(console: httpx.Client) -> None:
    for address in ("/v1/marks", "/v1/neighbours"):
        assert {"GET", "POST"} <= set(console.request("PUT", address).headers["allow"].split(", "))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/v1/images?day=0", "'0' is no day"),  # seconds since 1970 to pydantic
        ("/v1/images?day=2026-11-3", "is no day"),
        ("/v1/images?queue=nothing", "there is no queue 'nothing'"),
        ("/v1/images?most=", "most=''"),
        ("/v1/images?start=-1", "start='-1'"),
    ],
)
def test_an_address_that_the_document_does_not_allow_is_refused(console: httpx.Client, address: str, said: str) -> None:
    answer = console.get(address)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]
    assert "Value error" not in answer.text
