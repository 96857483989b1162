"""The proxy does what its faults say, on a real S3 server: else a sweep would show nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from image_assets.store.objects import content_of
from tests.s3_proxy.faults import Done, Fault, Faulty, IgnoresConditions, Kind
from tests.s3_proxy.proxy import Proxy, proxied
from tests.s3_server import S3Server

# What a client without patience is told, and whether the server has the object then.
OUTCOMES = {
    Kind.BUSY_BEFORE: ("503", False),
    Kind.BUSY_AFTER: ("503", True),
    Kind.TIMED_OUT: ("TimedOut", False),
    Kind.RESET_BEFORE: ("Connection reset|Broken pipe", False),
    Kind.RESET_AFTER_BODY: ("Connection reset", False),
    Kind.ANSWER_LOST: ("Connection reset", True),
    Kind.SLOW: ("TimedOut", True),
    Kind.BODY_CUT: ("Connection reset", False),
    Kind.CONFLICT: ("409|already exists", False),
    Kind.FORGOTTEN: ("", False),
}


@pytest.fixture(scope="module")
def proxy(s3_server: S3Server) -> Iterator[Proxy]:
    with proxied(s3_server, Faulty) as proxy:
        yield proxy


def of_no_patience(bucket: str, options: dict[str, str], **more: str) -> S3Store:
    return S3Store(bucket, config={**options, **more}, retry_config={"max_retries": 0})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", Kind)
def test_a_fault_is_what_it_says(s3_server: S3Server, proxy: Proxy, kind: Kind) -> None:
    bucket = s3_server.bucket()
    directly = of_no_patience(bucket, s3_server.storage_options)
    store = of_no_patience(bucket, proxy.storage_options, timeout="1s")
    proxy.tell(Fault(kind, 2))
    obstore.put(store, "first", b"content")
    said, is_there = OUTCOMES[kind]
    if said:
        with pytest.raises((BaseError, OSError), match=said):
            obstore.put(store, "second", bytes(1_000_000), mode="create")
    else:
        obstore.put(store, "second", bytes(1_000_000), mode="create")
    obstore.put(store, "third", b"content")
    done: Done = proxy.tell("done")
    assert done == Done(("PUT first", "PUT second", "PUT third"), 1)
    assert content_of(directly, "first") == content_of(directly, "third") == b"content"
    assert (content_of(directly, "second") == bytes(1_000_000)) == is_there
    assert (content_of(directly, "second") is None) == (not is_there)


def test_a_lasting_fault_stays_until_another_is_set(s3_server: S3Server, proxy: Proxy) -> None:
    store = of_no_patience(s3_server.bucket(), proxy.storage_options)
    proxy.tell(Fault(Kind.BUSY_BEFORE, 2, lasts=True))
    obstore.put(store, "first", b"")
    for name in ("second", "third"):
        with pytest.raises(BaseError, match="503"):
            obstore.put(store, name, b"")
    proxy.tell(None)
    obstore.put(store, "fourth", b"")
    assert proxy.tell("done") == Done(("PUT fourth",), 0)


def test_a_server_that_ignores_conditions_overwrites_and_the_real_one_does_not(s3_server: S3Server) -> None:
    with proxied(s3_server, partial(IgnoresConditions, s3_server.storage_options)) as proxy:
        bucket = s3_server.bucket()
        store, ignoring = (of_no_patience(bucket, one) for one in (s3_server.storage_options, proxy.storage_options))
        obstore.put(store, "one", b"first", mode="create")
        with pytest.raises(AlreadyExistsError):
            obstore.put(store, "one", b"second", mode="create")
        obstore.put(ignoring, "one", b"third", mode="create")
        assert content_of(store, "one") == b"third"
