"""A published partition in memory, and its files as a fault finds and leaves them."""

from __future__ import annotations

from obstore.store import MemoryStore

from image_assets.shards.manifest import ShardManifest, path_of
from image_assets.shards.verify import Problem, check_manifest, verify
from tests.shards.partition import EXPECTED, PREFIX, image_ids

ROWS = 35  # three full shards and one of five rows
FORMATS = ("parquet", "csv")


def manifest_of(store: MemoryStore) -> ShardManifest:
    manifest, problems = check_manifest(store, PREFIX, EXPECTED)
    assert manifest is not None, problems
    return manifest


def problems_of(store: MemoryStore) -> list[Problem]:
    return verify(store, PREFIX, image_ids(ROWS), EXPECTED).problems


def names(store: MemoryStore) -> list[str]:
    return [shard.file for shard in manifest_of(store).shards]


def content_of(store: MemoryStore, name: str) -> bytes:
    return bytes(store.get(path_of(PREFIX, name)).bytes())


def replace_content(store: MemoryStore, name: str, content: bytes) -> None:
    store.put(path_of(PREFIX, name), content)
