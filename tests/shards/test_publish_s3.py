"""Publishing on a real S3 server: the same bytes as on a local folder, in parts, one winner between two runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from image_assets.shards.manifest import ShardError, read_manifest
from image_assets.shards.verify import Code, verify
from image_assets.shards.writer import PART_BYTES
from tests.s3_server import S3Server
from tests.shards.partition import EXPECTED, PREFIX, contents, expected, features, image_ids, publish_rows, split


@pytest.fixture
def bucket(s3_server: S3Server) -> S3Store:
    return S3Store(s3_server.bucket(), config=s3_server.storage_options)  # type: ignore[arg-type]  # a TypedDict


def test_same_bytes_as_on_a_local_folder(bucket: S3Store, tmp_path: Path) -> None:
    local = LocalStore(tmp_path)
    assert read_manifest(bucket, PREFIX) is None
    assert publish_rows(bucket, 35) == publish_rows(local, 35)
    assert contents(bucket) == contents(local)
    assert verify(bucket, PREFIX, image_ids(35), EXPECTED).problems == []


def test_publishing_again_replaces_and_sweeps(bucket: S3Store) -> None:
    publish_rows(bucket, 35, seed=1)
    manifest = publish_rows(bucket, 12, seed=2)
    assert publish_rows(bucket, 12, seed=2) == manifest
    assert verify(bucket, PREFIX, image_ids(12, 2), EXPECTED).problems == []
    assert len(contents(bucket)) == 3


def test_large_shards_go_up_in_parts_and_read_back_in_ranges(bucket: S3Store) -> None:
    rows, width = 5_001, 600
    manifest = publish_rows(bucket, 0, features=[features(rows, width=width)], width=width, shard_rows=rows)
    assert manifest.shards[0].bytes > PART_BYTES
    e_tag = bucket.head(f"{PREFIX}/{manifest.shards[0].file}")["e_tag"]
    assert e_tag is not None
    assert "-" in e_tag  # S3's mark of an object made of parts
    assert verify(bucket, PREFIX, image_ids(rows), expected(width=width, shard_rows=rows)).problems == []


def test_tampering_is_found(bucket: S3Store) -> None:
    first, second = publish_rows(bucket, 15).shards
    path = f"{PREFIX}/{first.file}"
    bucket.put(path, contents(bucket)[path][:-1] + b"?")
    bucket.delete(f"{PREFIX}/{second.file}")
    problems = {(p.code, p.file) for p in verify(bucket, PREFIX, image_ids(15), EXPECTED).problems}
    assert {(Code.FILE_CHECKSUM, first.file), (Code.FILE_MISSING, second.file)} <= problems


@pytest.mark.parametrize("seen_before", [True, False])
def test_of_two_runs_one_wins(bucket: S3Store, seen_before: bool) -> None:
    if seen_before:
        publish_rows(bucket, 3, seed=1)

    def with_another_run_inside() -> Iterator[pa.RecordBatch]:
        yield from split(features(25), 10)
        publish_rows(bucket, 15, seed=7)

    with pytest.raises(ShardError, match="another run published this partition"):
        publish_rows(bucket, 0, features=with_another_run_inside())
    assert verify(bucket, PREFIX, image_ids(15, 7), EXPECTED).problems == []


def test_wrong_key_is_refused_by_this_server(s3_server: S3Server) -> None:
    """The server is no pushover: what passes here was signed."""
    options = s3_server.storage_options | {"aws_secret_access_key": "wrong"}
    stranger = S3Store(s3_server.bucket(), config=options)  # type: ignore[arg-type]
    with pytest.raises(BaseError, match="SignatureDoesNotMatch"):
        publish_rows(stranger, 3)
