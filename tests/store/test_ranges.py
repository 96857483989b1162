"""Stored objects as files of which only parts are read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from obstore.store import LocalStore, MemoryStore, ObjectStore

from image_assets.store.ranges import RangedStream, open_ranges


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_a_stored_object_reads_any_part(kind: str, tmp_path: Path) -> None:
    store: ObjectStore = MemoryStore() if kind == "memory" else LocalStore(tmp_path)
    content = bytes(range(256)) * 50
    store.put("a/b", content)
    file = open_ranges(store, "a/b")
    assert file.read(10) == content[:10]
    assert file.tell() == 10
    file.seek(-7, io.SEEK_END)
    assert file.read() == content[-7:]
    assert file.read(1) == b""
    file.seek(100)
    file.seek(5, io.SEEK_CUR)
    assert file.read(1000) == content[105:1105]
    with pytest.raises(FileNotFoundError):
        open_ranges(store, "a/c")


def test_only_what_is_asked_for_is_read() -> None:
    asked: list[tuple[int, int]] = []

    def read(start: int, end: int) -> bytes:
        asked.append((start, end))
        return bytes(end - start)

    stream = RangedStream(1_000, read)
    stream.seek(900)
    assert len(stream.read(10)) == 10
    assert len(stream.read(500)) == 90
    assert stream.read(5) == b""
    stream.seek(100)
    assert len(stream.read()) == 900
    assert asked == [(900, 910), (910, 1_000), (100, 1_000)]
