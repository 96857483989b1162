"""A commit whose answer is lost, and that is tried again, is there once: on a real S3 server, through a proxy.

R3 of the scorecard.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from obstore.exceptions import BaseError

from image_assets.schema import ARRIVALS, Column, TableSchema
from image_assets.store.conditional_put import put_if_unchanged, read_stored
from image_assets.store.store import Store
from tests.s3_proxy.faults import Fault, Faulty, Kind
from tests.s3_proxy.proxy import Proxy, proxied
from tests.s3_server import S3Server
from tests.store.test_delta_tables import ANIMAL, PLANT, frame, put, sources
from tests.torture.size import record, rounds_of

LOST = (Kind.ANSWER_LOST, Kind.BUSY_AFTER, Kind.SLOW)
"""The server has done it and the client does not know: the line breaks, it is said to be busy, time is up."""
LEDGER = TableSchema("ledger", "", (Column("source", pa.string(), ""),), partitioned=False)
WRONG = (BaseError, OSError)


@pytest.fixture(scope="module")
def proxy(s3_server: S3Server) -> Iterator[Proxy]:
    with proxied(s3_server, Faulty) as proxy:
        yield proxy


@pytest.fixture
def store(s3_server: S3Server, proxy: Proxy) -> Store:
    return Store(f"s3://{s3_server.bucket()}/store", {**proxy.storage_options, "timeout": "1s"})


def twice(change: Callable[[], object]) -> None:
    """Try a change, and again where it failed, as a step does."""
    try:
        change()
    except WRONG:
        change()


def versions(table_url: str, options: dict[str, str]) -> int:
    return DeltaTable(table_url, storage_options=options).version() + 1


def replace(store: Store, number: int) -> None:
    """A partition is replaced: one more version, and the rows once."""
    table = store.table("drawn", ARRIVALS)
    before = versions(table.url, store.options)
    twice(lambda: put(table, PLANT, f"plant {number}"))
    assert versions(table.url, store.options) == before + 1
    assert sources(table, PLANT) == [f"plant {number}"]


def append(store: Store, number: int) -> None:
    """A row is appended: one more version, and the row once."""
    table = store.table("drawn", LEDGER)
    known = [] if not table.snapshot().files.height else table.scan().collect()["source"].to_list()
    before = versions(table.url, store.options)
    twice(lambda: table.append(pl.DataFrame({"source": [f"row {number}"]})))
    assert versions(table.url, store.options) == before + 1
    assert sorted(table.scan().collect()["source"]) == sorted([*known, f"row {number}"])


def switch(store: Store, number: int) -> None:
    """A small file is replaced where nobody else has: what was read before is what it is held against."""
    objects, content = store.objects(), f"state {number}".encode()
    before = read_stored(objects, "_delta_log/record.json")
    twice(lambda: put_if_unchanged(objects, "_delta_log/record.json", content, before))
    now = read_stored(objects, "_delta_log/record.json")
    assert now is not None
    assert now.content == content


def test_a_commit_whose_answer_is_lost_is_applied_exactly_once(store: Store, proxy: Proxy) -> None:
    proxy.tell(None)
    put(store.table("drawn", ARRIVALS), ANIMAL, "animal")
    store.table("drawn", LEDGER).append(pl.DataFrame({"source": ["first"]}))
    ways = itertools.cycle(itertools.product(LOST, (replace, append, switch)))
    for number, (kind, change) in zip(range(rounds_of("R3")), ways, strict=False):
        proxy.tell(Fault(kind, 1, key="_delta_log/"))
        change(store, number)
        assert proxy.tell("done").played == 1
        proxy.tell(None)
        record("R3", twice=0, lost=0)
    assert sources(store.table("drawn", ARRIVALS), ANIMAL) == ["animal"]


def test_without_what_the_platform_does_a_row_is_there_twice(store: Store, proxy: Proxy) -> None:
    """The control: the library's own appending, tried again."""
    proxy.tell(None)
    url = f"{store.url}/appended"
    write_deltalake(url, frame("first").to_arrow(), storage_options=store.options)
    proxy.tell(Fault(Kind.ANSWER_LOST, 1, key="_delta_log/"))
    twice(lambda: write_deltalake(url, frame("a").to_arrow(), mode="append", storage_options=store.options))
    proxy.tell(None)
    assert sorted(pl.read_delta(url, storage_options=store.options)["source"]) == ["a", "a", "first"]
