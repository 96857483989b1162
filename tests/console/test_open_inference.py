"""The Open Inference Protocol, as its specification has the requests; answers are those of the predictor."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import numpy as np
import pytest

from image_assets.console.open_inference import _output
from image_assets.features.decode import prepared
from image_assets.features.extractor import shared_extractor
from image_assets.predict.answer import Prediction
from image_assets.predict.predictor import Predictor
from tests.pictures import picture
from tests.platform import Platform

IMAGES = [picture(kind, 500 + kind) for kind in (0, 1, 2)]
INFER = "/v2/models/drawn/infer"


def in_json(*contents: bytes) -> dict[str, Any]:
    data = [base64.b64encode(content).decode() for content in contents]
    return {"name": "image", "shape": [len(data)], "datatype": "BYTES", "data": data}


@pytest.fixture(scope="module")
def expected(loaded_platform: Platform) -> list[Prediction]:
    answers = Predictor(loaded_platform.dataset, loaded_platform.store).answers(IMAGES)
    return [one for one in answers if isinstance(one, Prediction)]


def assert_expected(answer: httpx.Response, expected: list[Prediction]) -> None:
    assert answer.status_code == 200, answer.text
    whole = answer.json()
    assert (whole["model_name"], whole["model_version"]) == ("drawn", expected[0].model[:12])
    outputs = {one["name"]: one for one in whole["outputs"]}
    assert outputs["category"]["data"] == [one.category for one in expected] == ["plant", "animal", "human"]
    assert outputs["unknown"] == {"name": "unknown", "datatype": "BOOL", "shape": [3], "data": [False] * 3}
    assert outputs["familiarity"]["data"] == [-1.0 if one.familiarity is None else one.familiarity for one in expected]
    assert outputs["categories"]["shape"] == outputs["probabilities"]["shape"] == [3, 3]
    told = list(zip(outputs["categories"]["data"], outputs["probabilities"]["data"], strict=True))
    right = [pair for one in expected for pair in one.categories]
    assert [name for name, _ in told] == [name for name, _ in right]
    np.testing.assert_allclose([share for _, share in told], [share for _, share in right], atol=1e-5)


@pytest.mark.parametrize(("familiarity", "told"), [(0.25, 0.25), (None, -1.0)])
def test_familiarity_is_a_number_also_where_the_model_cannot_say(familiarity: float | None, told: float) -> None:
    one = Prediction(
        "0" * 64, (("plant", 0.9), ("animal", 0.1)), familiarity, False, "classifier", "1" * 64, "2" * 64, np.zeros(4)
    )
    assert _output("familiarity", [one]) == {"name": "familiarity", "datatype": "FP32", "shape": [1], "data": [told]}
    assert one.as_json()["familiarity"] == familiarity


def test_images_are_answered_from_json_with_the_id_that_came(console: httpx.Client, expected: list[Prediction]) -> None:
    answer = console.post(INFER, json={"id": "my request", "inputs": [in_json(*IMAGES)]})
    assert_expected(answer, expected)
    assert answer.json()["id"] == "my request"
    assert "id" not in console.post(INFER, json={"inputs": [in_json(IMAGES[0])]}).json()


def test_images_are_answered_from_bytes_after_the_json(console: httpx.Client, expected: list[Prediction]) -> None:
    binary = b"".join(len(one).to_bytes(4, "little") + one for one in IMAGES)
    tensor = {"name": "image", "shape": [3], "datatype": "BYTES", "parameters": {"binary_data_size": len(binary)}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)), "content-type": "application/octet-stream"}
    assert_expected(console.post(INFER, content=head + binary, headers=headers), expected)


def test_pixels_are_answered_as_tensors(
    console: httpx.Client, expected: list[Prediction], loaded_platform: Platform
) -> None:
    extractor = shared_extractor(loaded_platform.dataset.extractor)
    pixels = np.stack([prepared(one, extractor) for one in IMAGES])
    tensor = {"name": "pixels", "shape": list(pixels.shape), "datatype": "UINT8"}
    assert_expected(console.post(INFER, json={"inputs": [{**tensor, "data": pixels.tolist()}]}), expected)
    binary = pixels.tobytes()
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": len(binary)}}]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    assert_expected(console.post(INFER, content=head + binary, headers=headers), expected)


def test_only_the_outputs_that_are_asked_for_come(console: httpx.Client) -> None:
    answer = console.post(INFER, json={"inputs": [in_json(IMAGES[1])], "outputs": [{"name": "category"}]}).json()
    assert answer["outputs"] == [{"name": "category", "datatype": "BYTES", "shape": [1], "data": ["animal"]}]


def test_what_there_is_is_told_with_and_without_the_version(console: httpx.Client, expected: list[Prediction]) -> None:
    version = expected[0].model[:12]
    assert console.get("/v2/health/live").json() == {"live": True}
    assert console.get("/v2/health/ready").json() == {"ready": True}
    assert console.get("/v2").json()["name"] == "image-assets"
    for where in ("/v2/models/drawn", f"/v2/models/drawn/versions/{version}"):
        assert console.get(f"{where}/ready").json() == {"name": "drawn", "ready": True}
        told = console.get(where).json()
        assert (told["name"], told["versions"]) == ("drawn", [version])
        assert told["inputs"][0] == {"name": "image", "datatype": "BYTES", "shape": [-1]}
        assert {one["name"]: one["shape"] for one in told["outputs"]}["probabilities"] == [-1, 3]
        assert console.post(f"{where}/infer", json={"inputs": [in_json(IMAGES[0])]}).status_code == 200
    there = f"there is drawn in version {version}"
    for other, said in {
        "/v2/models/other": "there are drawn, drawn.classifier",
        "/v2/models/drawn/versions/1": there,
    }.items():
        for end, method in (("", "GET"), ("/ready", "GET"), ("/infer", "POST")):
            answer = console.request(method, f"{other}{end}")
            assert answer.status_code == 404
            assert said in answer.json()["error"]


_PIXELS = {"name": "pixels", "shape": [1, 2, 2, 3], "datatype": "UINT8"}


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (400, "x"),
        (400, {"inputs": []}),
        (400, {"inputs": ["x"]}),
        (400, {"inputs": [in_json(), in_json()]}),
        (400, {"inputs": [in_json()]}),
        (400, {"id": 3, "inputs": [in_json(IMAGES[0])]}),
        (400, {"inputs": [{**in_json(IMAGES[0]), "shape": [2]}]}),
        (400, {"inputs": [{**in_json(IMAGES[0]), "shape": [-1]}]}),
        (400, {"inputs": [{**in_json(IMAGES[0]), "datatype": "FP32"}]}),
        (400, {"inputs": [{**in_json(IMAGES[0]), "data": ["ä"]}]}),
        (400, {"inputs": [{**in_json(IMAGES[0]), "name": "picture"}]}),
        (400, {"inputs": [{**in_json(IMAGES[0]), "parameters": {"binary_data_size": 9}}]}),
        (400, {"inputs": [{**_PIXELS, "data": [1] * 12}]}),
        (400, {"inputs": [{**_PIXELS, "data": [256] * 12}]}),
        (400, {"inputs": [{**_PIXELS, "data": [[[[[[1]]]]]] * 12}]}),
        (400, {"inputs": [in_json(IMAGES[0])], "outputs": [{"name": "mood"}]}),
        (422, {"inputs": [in_json(IMAGES[0], b"<html>")]}),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(console: httpx.Client, status: int, asked: Any) -> None:
    answer = console.post(INFER, json=asked)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert len(answer.json()["error"]) > 15


def test_a_head_that_is_longer_than_the_body_is_refused(console: httpx.Client) -> None:
    for length in ("99999", "-1", "x"):
        headers = {"Inference-Header-Content-Length": length}
        assert console.post(INFER, content=b"{}", headers=headers).status_code == 400
