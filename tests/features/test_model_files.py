"""Model files from a folder, a bucket or a URL: fetched once, with the bytes that were said, or an error."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import obstore
import pytest

from image_assets.features.errors import EncoderError
from image_assets.features.model_files import model_file
from image_assets.places import Place
from image_assets.store.buckets import bucket_objects
from tests.s3_server import S3Server

CONTENT = bytes(range(256)) * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written to the terminal of the tests."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "model.onnx").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web")))
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def url_of(server: ThreadingHTTPServer, name: str = "model.onnx") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"


def test_a_local_file_is_taken_where_it_lies(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    with pytest.raises(EncoderError, match="no such file"):
        model_file(str(file), None)
    file.write_bytes(CONTENT)
    assert model_file(str(file), None) == model_file(str(file), SHA256) == file
    with pytest.raises(EncoderError, match=f"its SHA-256 is {SHA256}, expected {OTHER}"):
        model_file(str(file), OTHER)
    with pytest.raises(EncoderError, match="a folder"):
        model_file(str(tmp_path), None)


def test_a_url_is_fetched_once_and_fetched_again_where_the_kept_file_is_damaged(
    server: ThreadingHTTPServer, cache: Path, tmp_path: Path
) -> None:
    url = url_of(server)
    kept = model_file(url, SHA256)
    assert (kept.parent, kept.suffix, kept.read_bytes()) == (cache, ".onnx", CONTENT)
    (tmp_path / "web" / "model.onnx").rename(tmp_path / "web" / "away")
    assert model_file(url, SHA256) == kept
    kept.write_bytes(CONTENT[:-1])
    with pytest.raises(EncoderError, match=r"cannot be fetched \(HTTP Error 404"):
        model_file(url, SHA256)
    (tmp_path / "web" / "away").rename(tmp_path / "web" / "model.onnx")
    assert model_file(url, SHA256).read_bytes() == CONTENT


def test_other_bytes_than_were_said_are_not_kept(server: ThreadingHTTPServer, cache: Path) -> None:
    with pytest.raises(EncoderError, match=f"its SHA-256 is {SHA256}, expected {OTHER}"):
        model_file(url_of(server), OTHER)
    assert list(cache.iterdir()) == []


def test_what_cannot_be_fetched_is_said_with_where(server: ThreadingHTTPServer) -> None:
    with pytest.raises(EncoderError, match=r"missing.onnx: cannot be fetched \(HTTP Error 404"):
        model_file(url_of(server, "missing.onnx"), SHA256)
    with pytest.raises(EncoderError, match=r"http://127.0.0.1:1/model.onnx: cannot be fetched \(.*refused"):
        model_file("http://127.0.0.1:1/model.onnx", SHA256)
    with pytest.raises(EncoderError, match="expected a path, s3://bucket/key, or an http or https URL"):
        model_file("ftp://example.org/model.onnx", SHA256)
    with pytest.raises(EncoderError, match="needs its sha256"):
        model_file(url_of(server), None)


def test_a_cache_that_cannot_be_written_is_named(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path / "file"))
    with pytest.raises(EncoderError, match=r"cannot be kept in .*IMAGE_ASSETS_CACHE names another folder"):
        model_file(url_of(server), SHA256)


def test_a_bucket_is_read_with_the_usual_credentials(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.storage_options.items():
        monkeypatch.setenv(name.upper(), value)
    bucket = s3_server.bucket()
    obstore.put(bucket_objects(Place(bucket=bucket), {}), "models/v1/model.onnx", CONTENT)
    assert model_file(f"s3://{bucket}/models/v1/model.onnx", SHA256).read_bytes() == CONTENT
    with pytest.raises(EncoderError, match=rf"s3://{bucket}/models/v2/model.onnx: cannot be fetched"):
        model_file(f"s3://{bucket}/models/v2/model.onnx", OTHER)
