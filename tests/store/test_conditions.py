"""A server that takes no notice of If-None-Match is refused; one that honours it is asked once."""

from __future__ import annotations

from functools import partial

import pytest
from obstore.exceptions import BaseError

from image_assets.places import PlaceError
from image_assets.schema import ARRIVALS
from image_assets.store import conditions
from image_assets.store.conditional_put import ChangedMeanwhileError, put_if_unchanged
from image_assets.store.objects import content_of, sizes_below
from image_assets.store.store import Store
from tests.s3_proxy.faults import Done, Faulty, IgnoresConditions
from tests.s3_proxy.proxy import proxied
from tests.s3_server import READS_ONLY, S3Server
from tests.store.test_delta_tables import PLANT, put


def test_a_server_that_ignores_conditions_is_refused_before_anything_is_committed(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxied(s3_server, partial(IgnoresConditions, s3_server.storage_options)) as proxy:
        store = Store(f"s3://{s3_server.bucket()}/store", proxy.storage_options)
        for _ in range(2):
            with pytest.raises(PlaceError, match=r"takes no notice of If-None-Match.* keep the store on"):
                put(store.table("drawn", ARRIVALS), PLANT, "a")
        for name, value in proxy.storage_options.items():
            monkeypatch.setenv(name.upper(), value)
        with pytest.raises(PlaceError, match="If-None-Match"):
            Store.to_write(store.url)
        left = [path for path in sizes_below(store.objects()) if not path.endswith(".parquet")]
        assert left == []


def test_without_the_refusal_what_came_first_is_gone_and_nobody_is_told(s3_server: S3Server) -> None:
    """The control: this is what is lost there, and what the real server prevents."""
    with proxied(s3_server, partial(IgnoresConditions, s3_server.storage_options)) as proxy:
        objects = Store(f"s3://{s3_server.bucket()}/store", proxy.storage_options).objects()
        for content in (b"of one run", b"of another"):
            put_if_unchanged(objects, "record.json", content, None)
        assert content_of(objects, "record.json") == b"of another"
    objects = Store(f"s3://{s3_server.bucket()}/store", s3_server.storage_options).objects()
    put_if_unchanged(objects, "record.json", b"of one run", None)
    with pytest.raises(ChangedMeanwhileError):
        put_if_unchanged(objects, "record.json", b"of another", None)


def test_a_server_that_honours_them_is_asked_once_a_process_and_tried_once(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxied(s3_server, Faulty) as proxy:
        store = Store(f"s3://{s3_server.bucket()}/store", proxy.storage_options)
        mark = conditions.mark_of(proxy.storage_options)
        for processes in range(2):
            monkeypatch.setattr(conditions, "_seen", set())
            proxy.tell(None)
            for _ in range(3):
                store._see_conditions_honoured()
            done: Done = proxy.tell("done")
            assert done.mutations == ((f"PUT store/{mark}",) * 2 if processes == 0 else ())
        assert list(sizes_below(store.objects())) == [mark]


def test_whoever_may_only_read_is_not_asked_to_write(s3_server: S3Server) -> None:
    access, secret = READS_ONLY
    options = {**s3_server.storage_options, "aws_access_key_id": access, "aws_secret_access_key": secret}
    store = Store(f"s3://{s3_server.bucket()}/store", options)
    store._see_conditions_honoured()
    with pytest.raises((PermissionError, BaseError)):
        put(store.table("drawn", ARRIVALS), PLANT, "a")
