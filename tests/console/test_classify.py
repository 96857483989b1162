"""What the API says of images: the predictor's answers, however they come; and a sentence for everything else."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.promotion.by_hand import promote_model
from image_assets.features.extractor import shared_extractor
from image_assets.predict.answer import Prediction
from image_assets.predict.predictor import Predictor
from image_assets.store.models.model_champion import read_champion
from image_assets.store.store import Store
from tests.console.served import bounds, served, settings_of
from tests.ingest.images import bombs
from tests.pictures import picture
from tests.platform import FIRST, Platform

PNG = {"content-type": "image/png"}
NEW = picture(1, 1_000)


def said(answer: httpx.Response, status: int, code: str) -> str:
    """The sentence of an answer that is an error."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error.keys() == {"code", "message"}
    assert error["code"] == code
    return error["message"]


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_an_image_is_answered_alike_however_it_comes(console: httpx.Client, loaded_platform: Platform) -> None:
    expected = Predictor(loaded_platform.dataset, loaded_platform.store).answer(NEW)
    assert isinstance(expected, Prediction)
    ways = [
        console.post("/v1/classify", content=NEW, headers=PNG),
        console.post("/v1/classify", content=NEW, headers={"content-type": "application/octet-stream"}),
        console.post("/v1/classify", files={"file": ("new.png", NEW)}),
        console.post("/v1/classify", json={"content": in_base64(NEW)}),
        console.post("/v1/classify", content=iter([NEW[:100], NEW[100:]]), headers=PNG),  # chunked
    ]
    for answer in ways:
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["image_id"] == hashlib.sha256(NEW).hexdigest()
        assert (found["category"], found["unknown"]) == (expected.category, expected.unknown)
        assert found["model"] == {"name": "drawn", "asset": "classifier", "sha256": expected.model}
        assert found["extractor"] == {"digest": expected.extractor}
        told = [(one["category"], one["probability"]) for one in found["categories"]]
        assert [name for name, _ in told] == [name for name, _ in expected.categories]
        assert [share for _, share in told] == pytest.approx([share for _, share in expected.categories], abs=1e-6)
        assert found["probability"] == told[0][1]
        assert (found["quality"], found["seen_in_training"]) == ([], False)


def test_so_many_categories_are_told_of_as_are_asked_for(console: httpx.Client) -> None:
    answer = console.post("/v1/classify?top=1", content=NEW, headers=PNG).json()
    assert [one["category"] for one in answer["categories"]] == [answer["category"]]
    assert "top='none'" in said(console.post("/v1/classify?top=none", content=NEW, headers=PNG), 400, "bad_top")
    for no_number in ("9" * 5_000, "\uff11", "0", "-1"):
        said(console.post("/v1/classify", params={"top": no_number}, content=NEW, headers=PNG), 400, "bad_top")


def test_an_image_that_the_model_was_trained_with_is_told(console: httpx.Client, loaded_platform: Platform) -> None:
    known = next((loaded_platform.landing / str(FIRST) / "plant" / "batch").glob("*.png")).read_bytes()
    assert console.post("/v1/classify", content=known, headers=PNG).json()["seen_in_training"] is True


def test_what_is_wrong_with_a_picture_is_told(console: httpx.Client) -> None:
    black = console.post("/v1/classify", content=_black(), headers=PNG).json()
    assert black["quality"] == ["dark", "low_information", "odd_shape"]


def _black() -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (90, 20)).save(buffer, "PNG")
    return buffer.getvalue()


def test_in_a_batch_every_item_has_an_answer_or_an_error_of_its_own(console: httpx.Client) -> None:
    files = [("file", ("a.png", NEW)), ("file", ("b.txt", b"<html>")), ("file", ("c.png", picture(2, 7)))]
    answer = console.post("/v1/classify:batch?top=1", files=files)
    assert answer.status_code == 200, answer.text
    first, second, third = answer.json()["answers"]
    assert (first["name"], second["name"], third["name"]) == ("a.png", "b.txt", "c.png")
    assert first["category"] == "animal"
    assert third["category"] == "human"
    assert second["error"]["code"] == "not_an_image"
    items = [{"content": in_base64(NEW), "name": "x"}, {"content": "%%"}, {"content": 3}, "?"]
    told = console.post("/v1/classify:batch", json={"images": items}).json()["answers"]
    assert told[0] == {**told[0], "name": "x", "image_id": first["image_id"]}
    assert [one["error"]["code"] for one in told[1:]] == ["bad_base64", "bad_item", "bad_item"]


@pytest.mark.parametrize(
    ("status", "code", "asked"),
    [
        (400, "bad_json", {"content": b"{", "headers": {"content-type": "application/json"}}),
        (400, "bad_json", {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}),
        (400, "bad_item", {"json": ["content"]}),
        (400, "bad_item", {"json": {"images": {}}}),
        (400, "bad_base64", {"json": {"content": "no base64"}}),
        (400, "bad_form", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}),
        (400, "bad_form", {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}),
        (400, "no_image", {"files": {"file": (None, "a field")}}),
        (400, "no_image", {"json": {"images": []}}),
        (400, "several_images", {"files": [("a", ("a", NEW)), ("b", ("b", NEW))]}),
        (413, "bad_form", {"files": [("a", (f"{one}", b"x")) for one in range(257)]}),
        (413, "too_many_images", {"json": {"images": [{}] * 257}}),
        (415, "unknown_kind", {"content": NEW, "headers": {"content-type": "text/html"}}),
        (415, "unknown_kind", {"content": NEW}),
        (415, "encoded", {"content": NEW, "headers": {**PNG, "content-encoding": "gzip"}}),
        (422, "empty", {"content": b"", "headers": PNG}),
        (422, "not_an_image", {"content": b"<html>", "headers": PNG}),
        (422, "truncated", {"content": NEW[:300], "headers": PNG}),
    ],
)
def test_what_cannot_be_answered_is_told_in_a_sentence(
    console: httpx.Client, status: int, code: str, asked: dict
) -> None:
    assert len(said(console.post("/v1/classify", **asked), status, code)) > 15


def test_other_addresses_and_methods_are_told_too(console: httpx.Client) -> None:
    assert "/docs" in said(console.get("/v1/nothing"), 404, "not_found")
    said(console.get("/v1/classify"), 405, "method_not_allowed")
    said(console.get("/static/..%2fapp.py"), 404, "not_found")


def test_bombs_are_refused_by_their_headers(console: httpx.Client) -> None:
    for name, content in bombs().items():
        answer = console.post("/v1/classify", content=content, headers=PNG)
        assert answer.status_code == 413, (name, answer.text)
        assert answer.json()["error"]["code"] in ("too_many_pixels", "side_too_long"), name


def test_too_many_bytes_are_refused_as_announced_and_as_they_come(loaded_platform: Platform) -> None:
    with served(settings_of(loaded_platform, bounds=bounds(body_bytes=100_000))) as client:
        whole = bytes(100_001)
        said(client.post("/v1/classify", content=whole, headers=PNG), 413, "body_too_large")
        pieces = (bytes(10_000) for _ in range(11))
        said(client.post("/v1/classify", content=pieces, headers=PNG), 413, "body_too_large")
        assert client.post("/v1/classify", content=NEW, headers=PNG).status_code == 200


def test_a_body_that_does_not_come_is_given_up(loaded_platform: Platform) -> None:
    with (
        served(settings_of(loaded_platform, bounds=bounds(seconds=0.2))) as client,
        socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=30) as slow,
    ):
        head = f"POST /v1/classify HTTP/1.1\r\nHost: {client.base_url.netloc.decode()}\r\n"
        slow.sendall(f"{head}Content-Type: image/png\r\nContent-Length: {len(NEW)}\r\n\r\n".encode() + NEW[:100])
        # Others are answered meanwhile.
        assert client.post("/v1/classify", content=NEW, headers=PNG).status_code == 200
        answer = b"".join(iter(lambda: slow.recv(65_536), b""))  # up to the end of the connection
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"100 bytes of it had come" in answer


def test_more_than_can_be_worked_on_is_told_to_come_again(loaded_platform: Platform) -> None:
    with served(settings_of(loaded_platform, bounds=bounds(arriving=1))) as client:
        begun, waits = threading.Event(), threading.Event()

        def slowly():
            yield NEW[:100]
            begun.set()
            waits.wait(30)
            yield NEW[100:]

        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(client.post, "/v1/classify", content=slowly(), headers=PNG)
            assert begun.wait(30)
            refused = _until_refused(client)
            waits.set()
            assert first.result().status_code == 200
        said(refused, 503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert client.post("/v1/classify", content=NEW, headers=PNG).status_code == 200


def _until_refused(client: httpx.Client) -> httpx.Response:
    """The first request may still be on its way."""
    while (answer := client.post("/v1/classify", content=NEW, headers=PNG)).status_code == 200:
        pass
    return answer


def test_without_a_model_it_lives_and_is_not_ready(loaded_platform: Platform) -> None:
    nothing = Store(str(loaded_platform.root / "nothing"))
    with served(settings_of(loaded_platform, store=nothing), ready=False) as client:
        assert client.get("/healthz").json() == {"alive": True}
        while (answer := client.get("/readyz")).json()["error"]["code"] == "starting":
            pass
        assert "image-assets run" in said(answer, 503, "no_model")
        said(client.post("/v1/classify", content=NEW, headers=PNG), 503, "no_model")


def test_a_champion_is_switched_without_a_request_being_dropped(loaded_platform: Platform, tmp_path) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    objects, prefix = platform.store.objects(), classifier_prefix(platform.dataset)
    champion = read_champion(objects, prefix)
    assert champion.replaced
    digest = shared_extractor(platform.dataset.extractor).digest
    with served(settings_of(platform)) as client, ThreadPoolExecutor(4) as pool:
        over = threading.Event()

        def asks() -> list[httpx.Response]:
            found = []
            while not over.is_set():
                found.append(client.post("/v1/classify", content=NEW, headers=PNG))
            return found

        asking = [pool.submit(asks) for _ in range(4)]
        for sha256 in (champion.replaced, champion.sha256, champion.replaced):
            promote_model(objects, prefix, sha256[:12], digest, platform.dataset.categories, dt.datetime.now(dt.UTC))
            while client.get("/readyz").json()["model"]["sha256"] != sha256:
                pass
            assert client.post("/v1/classify", content=NEW, headers=PNG).json()["model"]["sha256"] == sha256
        over.set()
        answers = [answer for one in asking for answer in one.result()]
        figures = client.get("/metrics").text
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["model"]["sha256"] for answer in answers} == {champion.replaced, champion.sha256}
    assert "image_assets_champions_swapped_total 3.0" in figures
