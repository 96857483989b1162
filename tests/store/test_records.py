"""Small records of a store: what is read again, and what is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from image_assets.store.records import Records
from image_assets.store.store import Store
from tests.store_files import files_at


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the files that are read."""
    paths: list[str] = []
    content = Records._content

    def counted(records: Records, path: str) -> bytes | None:
        paths.append(path)
        return content(records, path)

    monkeypatch.setattr(Records, "_content", counted)
    return paths


def everything(store: Store) -> dict[str, Any]:
    """By records that know nothing of what others have read."""
    return dict(Records(store, "owls", "said").all())


def test_only_what_is_new_or_another_is_read_again(tmp_path: Path, read: list[str]) -> None:
    store = Store(str(tmp_path))
    assert everything(store) == {}
    records = Records(store, "owls", "said")
    for number in range(3):
        records.write(f"day/{number}", {"number": number})
    assert everything(store) == {f"day/{number}": {"number": number} for number in range(3)}
    assert len(read) == 3
    assert len(everything(store)) == 3
    assert len(read) == 3
    records.write("day/1", {"number": 7})
    records.write("day/3", {"number": 3})
    records.remove("day/0")
    assert everything(store) == {"day/1": {"number": 7}, "day/2": {"number": 2}, "day/3": {"number": 3}}
    assert sorted(read[3:]) == ["said/day/1.json", "said/day/3.json"]


@pytest.mark.local_store(reason="a disk's clock of a file: a bucket tells another object by its tag")
def test_a_record_of_the_same_size_and_place_is_read_again(tmp_path: Path, read: list[str]) -> None:
    store = Store(str(tmp_path))
    Records(store, "owls", "said").write("one", {"number": 1})
    assert everything(store) == {"one": {"number": 1}}
    file = tmp_path / "owls" / "said" / "one.json"
    before = file.stat()
    with file.open("r+") as stream:  # the same file, and as long as before
        stream.write('{"number": 2}')
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    assert everything(store) == {"one": {"number": 2}}
    assert len(read) == 2


def test_what_is_no_record_is_left_out_until_it_is_one(tmp_path: Path, read: list[str]) -> None:
    store = Store(str(tmp_path))
    Records(store, "owls", "said").write("one", {"number": 1})
    file = files_at(store.url) / "owls" / "said" / "one.json"
    file.write_text('{"number"')
    assert everything(store) == {}
    assert everything(store) == {}
    assert len(read) == 2
    Records(store, "owls", "said").write("one", {"number": 2})
    assert everything(store) == {"one": {"number": 2}}


def test_stores_are_not_taken_for_each_other(tmp_path: Path, read: list[str]) -> None:
    for place in ("here", "there"):
        Records(Store(str(tmp_path / place)), "owls", "said").write("one", {"place": place})
    for place in ("here", "there"):
        assert everything(Store(str(tmp_path / place))) == {"one": {"place": place}}
    assert len(read) == 2
