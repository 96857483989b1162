"""Whoever asks for the same place of a bucket again asks over the connections that are open."""

from __future__ import annotations

import multiprocessing
from typing import Any

import obstore
import pytest

from image_assets.places import Place
from image_assets.store.buckets import bucket_objects
from image_assets.store.store import Store
from tests.s3_proxy.proxy import Exchange, Passing, Proxy, proxied
from tests.s3_server import S3Server

pytestmark = pytest.mark.local_store(reason="buckets of its own")


class Counting(Passing):
    """Counts the connections that requests come over."""

    def __init__(self) -> None:
        self.connections = set[Any]()

    async def handle(self, exchange: Exchange) -> None:
        self.connections.add(exchange.caller)
        await super().handle(exchange)

    def told(self, message: Any) -> Any:
        return len(self.connections)


@pytest.fixture
def proxy(s3_server: S3Server) -> Any:
    with proxied(s3_server, Counting) as proxy:
        yield proxy


def test_a_place_that_is_asked_for_again_is_asked_over_connections_that_are_open(
    proxy: Proxy, s3_server: S3Server
) -> None:
    url = f"s3://{s3_server.bucket()}/store"
    for number in range(10):
        # Others of the same words, as every asset opens its own.
        obstore.put(Store(url, dict(proxy.storage_options)).objects("drawn"), f"{number}", b"content")
    # One that is still being laid aside after its answer is not taken, and another is opened: now and then there is one
    # more, but not one for each.
    assert proxy.tell("connections") < 5


def test_clients_that_are_made_anew_begin_with_connections_of_their_own(proxy: Proxy, s3_server: S3Server) -> None:
    """The control: what is kept is what saves them."""
    from obstore.store import S3Store

    bucket = s3_server.bucket()
    for number in range(10):
        made = S3Store(bucket, config=proxy.storage_options, client_options={"allow_http": True})  # type: ignore[arg-type]
        obstore.put(made, f"{number}", b"content")
    assert proxy.tell("connections") == 10


def test_another_place_and_other_options_have_another(monkeypatch: pytest.MonkeyPatch) -> None:
    place, options = Place(bucket="one", prefix="store"), {"aws_region": "eu-west-1"}
    first = bucket_objects(place, options)
    assert bucket_objects(place, dict(options)) is first
    assert bucket_objects(Place(bucket="one"), options) is not first
    assert bucket_objects(place, {**options, "aws_region": "eu-west-2"}) is not first


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL", "https_proxy"])
def test_what_the_environment_says_now_holds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(bucket="one", prefix="store")
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    before = bucket_objects(place, {})
    monkeypatch.setenv(name, "http://127.0.0.1:2")
    assert bucket_objects(place, {}) is not before


def test_a_process_that_was_forked_has_its_own(proxy: Proxy, s3_server: S3Server) -> None:
    """The threads that serve a connection are not there after a fork."""
    place = Place(bucket=s3_server.bucket())
    before = bucket_objects(place, proxy.storage_options)
    here, there = multiprocessing.get_context("fork").Pipe()

    def other() -> None:
        there.send(bucket_objects(place, proxy.storage_options) is before)

    process = multiprocessing.get_context("fork").Process(target=other)
    process.start()
    process.join(60)
    assert here.poll()
    assert here.recv() is False
