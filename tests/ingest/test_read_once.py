"""A bucket's objects are downloaded once, though loading looks at them twice: counted at a real S3 server."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from image_assets.definitions import build_definitions, build_resources
from image_assets.environment import STAGING
from image_assets.health.days import chosen_partitions
from image_assets.ingest import read_once
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.read_once import ReadOnce
from image_assets.orchestration.runner import JobRunner, run_day
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import DUPLICATES, QUARANTINE, RAW_IMAGES
from image_assets.store.s3 import s3_client
from image_assets.store.store import Store
from image_assets.workers import no_progress
from tests.pictures import picture
from tests.platform import FIRST, small_dataset
from tests.s3_proxy.proxy import Exchange, Passing, Proxy, proxied
from tests.s3_server import S3Server

MANY = 1 << 30


class Counting(Passing):
    """Hands requests on, and counts the GETs of every object."""

    def __init__(self) -> None:
        self._objects = Counter[str]()

    def told(self, message: Any) -> Counter[str]:
        return self._objects

    async def handle(self, exchange: Exchange) -> None:
        if exchange.request.method == "GET" and not exchange.request.query:
            self._objects[exchange.request.key.rpartition("/")[2]] += 1
        await super().handle(exchange)


@pytest.fixture
def counting(s3_server: S3Server) -> Iterator[Proxy]:
    """A proxy before the server that tells how often each object was asked for."""
    with proxied(s3_server, Counting) as proxy:
        yield proxy


@pytest.mark.parametrize(("left_free", "times"), [(0, 1), (1 << 60, 2)], ids=["room", "full disk"])
def test_a_day_asks_for_every_object_once_and_where_the_disk_is_full_twice(
    left_free: int,
    times: int,
    s3_server: S3Server,
    counting: Proxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(STAGING.name, str(tmp_path / "staging"))
    monkeypatch.setattr(read_once, "_LEFT_FREE", left_free)
    bucket, client = s3_server.bucket(), s3_client(s3_server.storage_options)
    pictures = {f"{number}.png": picture(0, number) for number in range(6)}
    for name, content in {**pictures, "copy.png": pictures["3.png"], "page.jpg": b"<html>404</html>"}.items():
        client.put_object(Bucket=bucket, Key=f"landing/{FIRST}/plant/{name}", Body=content)
    landing = LandingResource(url=f"s3://{bucket}/landing", options=counting.storage_options)
    resources = build_resources(landing, StoreResource(url=str(tmp_path / "store")))
    dataset = small_dataset(source={"kind": "bucket", "days": "by_key"}, limits={"quarantine_rate": 0.5})
    with dg.DagsterInstance.ephemeral() as instance:
        runner = JobRunner(build_definitions([dataset], resources), instance)
        result = run_day(runner, dataset, chosen_partitions(dataset, FIRST, ["plant"]), refresh=False)
        assert result.ok, result.errors
        first, later = counting.tell("so far"), picture(0, 99)
        client.put_object(Bucket=bucket, Key=f"landing/{FIRST}/plant/later.png", Body=later)
        again = run_day(runner, dataset, chosen_partitions(dataset, FIRST, ["plant"]), refresh=False)
        assert again.ok, again.errors
    store = Store(str(tmp_path / "store"))
    rows = {schema: store.table("drawn", schema).scan().collect() for schema in (RAW_IMAGES, DUPLICATES, QUARANTINE)}
    assert sorted(rows[RAW_IMAGES]["content"]) == sorted([*pictures.values(), later])
    assert [rows[schema].height for schema in (DUPLICATES, QUARANTINE)] == [1, 1]
    # A copy is known by its hash and is not looked at again.
    assert first == {**dict.fromkeys([*pictures, "page.jpg"], times), "copy.png": 1}
    assert counting.tell("so far") - first == {"later.png": times}  # the others' ETags are those of before


@pytest.fixture
def tree(tmp_path: Path) -> ReadOnce:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "a.jpg").write_bytes(b"content")
    return ReadOnce(LocalTree(tmp_path / "landing", ()), "s3://pictures/landing", tmp_path / "staging")


def kept(tree: ReadOnce) -> list[Path]:
    return sorted(tree.folder.iterdir()) if tree.folder.exists() else []


def test_the_second_look_takes_what_the_first_has_left_and_the_third_fetches_again(
    tree: ReadOnce, tmp_path: Path
) -> None:
    (file,) = tree.files("").files
    assert tree.read(file, MANY) == b"content"
    assert len(kept(tree)) == 1
    (tmp_path / "landing" / "a.jpg").unlink()
    assert tree.read(file, MANY) == b"content"
    assert kept(tree) == []
    with pytest.raises(Exception, match="it is gone"):
        tree.read(file, MANY)


@pytest.mark.parametrize("damage", [b"", b"x", bytes(32) + b"content"])
def test_what_was_damaged_in_staging_is_fetched_again(tree: ReadOnce, damage: bytes) -> None:
    (file,) = tree.files("").files
    tree.read(file, MANY)
    kept(tree)[0].write_bytes(damage)
    assert tree.read(file, MANY) == b"content"


def test_what_is_too_large_or_has_no_room_is_not_kept(tree: ReadOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = tree.files("").files
    assert tree.read(file, 3) == b"cont"
    assert kept(tree) == []
    monkeypatch.setattr(read_once, "_LEFT_FREE", 1 << 60)
    assert tree.read(file, MANY) == b"content"
    assert kept(tree) == []


def test_a_folder_that_takes_nothing_stops_nobody(tree: ReadOnce, tmp_path: Path) -> None:
    (tmp_path / "staging").write_text("a file")
    (file,) = tree.files("").files
    assert [tree.read(file, MANY) for _ in range(2)] == [b"content", b"content"]


def test_what_nobody_came_back_for_is_removed_after_a_day(tree: ReadOnce) -> None:
    (file,) = tree.files("").files
    tree.read(file, MANY)
    tree.fetch("", no_progress)
    (left,) = kept(tree)
    os.utime(left, (0, time.time() - 25 * 3600))
    tree.fetch("", no_progress)
    assert kept(tree) == []
