"""The manifest: one text for one content, refused when it is something else, switched by one run at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from obstore.store import LocalStore, MemoryStore

from image_assets.shards.manifest import (
    MANIFEST,
    ShardError,
    ShardManifest,
    path_of,
    put_manifest,
    read_manifest,
    sole_publisher,
    stored_manifest,
)
from tests.shards.partition import PREFIX, publish_rows


def test_manifest_reads_back_as_it_was_published() -> None:
    store = MemoryStore()
    published = publish_rows(store, 25)
    assert read_manifest(store, PREFIX) == published
    assert published.rows == 25
    assert [(s.rows, s.columns) for s in published.shards] == [(10, 5), (10, 5), (5, 5)]


def test_text_is_canonical_and_ends_in_a_newline() -> None:
    published = publish_rows(MemoryStore(), 11)
    text = published.to_bytes()
    assert ShardManifest.model_validate_json(text).to_bytes() == text
    assert text.endswith(b"}\n")
    # What is in no partition but those that people gave something is not said of the others.
    assert list(json.loads(text)) == [name for name in ShardManifest.model_fields if name != "moved_in"]
    given = published.model_copy(update={"moved_in": ["a" * 64]})
    assert list(json.loads(given.to_bytes())) == list(ShardManifest.model_fields)
    assert ShardManifest.model_validate_json(given.to_bytes()) == given


def test_nothing_published_gives_none(tmp_path: Path) -> None:
    for store in (MemoryStore(), LocalStore(tmp_path)):
        assert read_manifest(store, PREFIX) is None


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"format": 2}, "format"),
        ({"rows": -1}, "rows"),
        ({"date": "20 November"}, "date"),
        ({"surprise": 1}, "surprise"),
        ({"category": "../plant"}, "category"),
        (
            {"shards": [{"file": "../a.parquet", "rows": 1, "columns": 5, "bytes": 1, "sha256": "0" * 64}]},
            "shards.0.file",
        ),
        ({"shards": [{"file": "a.parquet", "rows": 1, "columns": 5, "bytes": 1, "sha256": "xyz"}]}, "shards.0.sha256"),
    ],
)
def test_other_content_is_refused_by_name(change: dict[str, Any], key: str) -> None:
    store = MemoryStore()
    manifest = json.loads(publish_rows(store, 1).to_bytes())
    store.put(path_of(PREFIX, MANIFEST), json.dumps(manifest | change).encode())
    with pytest.raises(ShardError, match=f"{MANIFEST} is no shard manifest.*publish.*(?s:.*){key}"):
        read_manifest(store, PREFIX)


def test_no_json_is_refused() -> None:
    store = MemoryStore()
    store.put(path_of(PREFIX, MANIFEST), b"<html>")
    with pytest.raises(ShardError, match=MANIFEST):
        read_manifest(store, PREFIX)


def test_switch_is_refused_when_another_run_switched_first() -> None:
    store = MemoryStore()
    old = publish_rows(store, 3)
    seen = stored_manifest(store, PREFIX)
    winner, loser = old.model_copy(update={"label": 7}), old.model_copy(update={"label": 8})
    put_manifest(store, PREFIX, winner, seen)
    with pytest.raises(ShardError, match="another run published"):
        put_manifest(store, PREFIX, loser, seen)
    assert read_manifest(store, PREFIX) == winner


def test_first_switch_is_refused_when_another_run_was_the_first() -> None:
    store = MemoryStore()
    manifest = publish_rows(MemoryStore(), 3)
    put_manifest(store, PREFIX, manifest, None)
    with pytest.raises(ShardError, match="another run published"):
        put_manifest(store, PREFIX, manifest.model_copy(update={"label": 8}), None)


def test_switch_that_finds_its_own_content_has_succeeded() -> None:
    store = MemoryStore()
    manifest = publish_rows(MemoryStore(), 3)
    put_manifest(store, PREFIX, manifest, None)
    put_manifest(store, PREFIX, manifest, None)  # as after a lost answer
    assert read_manifest(store, PREFIX) == manifest


def test_local_folder_is_held_by_one_publisher(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with sole_publisher(store, PREFIX):
        with pytest.raises(ShardError, match="another run is publishing"), sole_publisher(store, PREFIX):
            pytest.fail("held twice")
        with sole_publisher(store, PREFIX + "x"):
            pass
    with sole_publisher(store, PREFIX):
        pass
    assert list(store.list().collect()) == []
