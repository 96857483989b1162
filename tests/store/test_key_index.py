"""An index never changes an answer: whatever happens to it, what is found is what a look at all files finds."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import obstore
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.schema import DUPLICATES, Partition, TableSchema
from image_assets.schema.table import IMAGE_ID, SOURCE
from image_assets.store.store import Store
from image_assets.store.tables import key_index, key_segments
from image_assets.store.tables.damage import DamagedFile
from image_assets.store.tables.key_index import IMAGE, ORIGINAL_PARTITION, KeyIndex
from tests.s3_server import S3Server
from tests.store_files import files_at

THINGS = TableSchema("things", "Ids and where they came from.", (IMAGE_ID, SOURCE))
FIRST = dt.date(2026, 11, 1)
# Real ids, two whose numbers are the same, and what only a person could have written.
IDS = [hashlib.sha256(bytes([seed])).hexdigest() for seed in range(6)]
IDS += ["0" * 63 + "1", "0" * 63 + "2", "not an id", ""]


@pytest.fixture(autouse=True)
def small_limits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_index, "_UNCOVERED_FILES", 1)
        patch.setattr(key_index, "_SEGMENTS", 2)
        patch.setattr(key_index, "_SORTED_ROWS", 5)
        patch.setattr(key_segments, "_GROUP_ROWS", 3)
        yield


class Place:
    """A table with its index."""

    def __init__(self, store: Store) -> None:
        self.table = store.table("sample", THINGS)
        self.objects = store.objects("sample", "things_index")
        self.index = KeyIndex(self.table, self.objects, IMAGE)

    def put(self, day: int, ids: list[str]) -> None:
        partition = partition_of(day)
        frame = pl.DataFrame({"image_id": ids, "source": [f"{day}/{place}" for place in range(len(ids))]})
        schema = {"image_id": pl.String, "source": pl.String}
        self.table.replace(partition, [self.table.write_frame(partition, frame.cast(schema))])  # pyright: ignore

    def segments(self) -> list[str]:
        return sorted(meta["path"] for page in obstore.list(self.objects) for meta in page)

    def cover(self) -> None:
        self.index.cover(self.table.snapshot())

    def find(self, *ids: str, besides: int | None = None) -> list[tuple]:
        there = self.table.snapshot() if besides is None else self.table.snapshot().besides(partition_of(besides))
        return sorted(self.index.find(pl.DataFrame({"image_id": ids or IDS}), there, ["source"]).rows())

    def find_plainly(self, *ids: str, besides: int | None = None) -> list[tuple]:
        rows = self.table.scan().filter(pl.col("image_id").is_in(ids or IDS))
        if besides is not None:
            rows = rows.filter(pl.col("date") != partition_of(besides).date)
        return sorted(rows.select("image_id", "source", "date", "category").collect().rows())

    def damage(self, segment: int, share: float, cut: bool) -> None:
        names = self.segments()
        if names:
            path = names[segment % len(names)]
            content = bytearray(obstore.get(self.objects, path).bytes())
            at = int(share * len(content))
            content[at] ^= 16
            obstore.put(self.objects, path, bytes(content[:at] if cut else content))

    def remove(self, segment: int) -> None:
        names = self.segments()
        if names:
            obstore.delete(self.objects, names[segment % len(names)])


def partition_of(day: int) -> Partition:
    return Partition(FIRST + dt.timedelta(days=day), "plant")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Store(str(tmp_path)))


DAY = st.integers(0, 5)
STEP = st.one_of(
    st.tuples(st.just("put"), DAY, st.lists(st.sampled_from(IDS), max_size=5)),
    st.tuples(st.just("cover")),
    st.tuples(st.just("damage"), st.integers(0, 3), st.floats(0, 0.999), st.booleans()),
    st.tuples(st.just("remove"), st.integers(0, 3)),
)


@settings(max_examples=25, deadline=None)
@given(
    filled=st.lists(st.lists(st.sampled_from(IDS), min_size=1, max_size=5), max_size=5),
    steps=st.lists(STEP, max_size=8),
)
def test_whatever_happens_the_answer_is_that_of_a_look_at_all_files(
    filled: list[list[str]], steps: list[tuple]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Store(folder))
        for day, ids in enumerate(filled):
            place.put(day, ids)
        place.cover()
        for name, *arguments in steps:
            getattr(place, name)(*arguments)
            assert place.find() == place.find_plainly()
            assert place.find(IDS[0], besides=0) == place.find_plainly(IDS[0], besides=0)


def test_without_a_table_nothing_is_found(place: Place) -> None:
    assert place.find() == []
    place.cover()
    assert place.segments() == []


def test_covered_files_that_cannot_matter_are_not_read(place: Place) -> None:
    for day in range(4):
        place.put(day, [IDS[day]])
    place.cover()
    expected = place.find_plainly(IDS[0], IDS[3], IDS[4])
    for path in place.table.snapshot().of(partition_of(2)).files["path"]:
        (files_at(place.table.url) / path).unlink()
    assert place.find(IDS[0], IDS[3], IDS[4]) == expected
    with pytest.raises(DamagedFile, match="is missing"):  # the control: the file that has it is read
        place.find(IDS[2])


def test_the_number_of_segments_and_of_uncovered_files_is_bounded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(12):
        place.put(day, [IDS[day % len(IDS)]])
        place.cover()
        assert len(place.segments()) <= 2
    covered = {path for segment in place.index._segments() for path in segment.files}
    assert len(place.table.snapshot().files) - len(covered) <= 1


def test_files_that_left_the_table_leave_the_index_when_it_is_merged(place: Place) -> None:
    for round_number in range(3):
        for day in range(3):
            place.put(day, [f"{round_number} {day}"])
        place.cover()
    (merged,) = place.index._segments()
    assert set(merged.files) == set(place.table.snapshot().files["path"])


def test_a_damaged_segment_is_named_in_the_log_removed_and_made_again(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    for day in range(3):
        place.put(day, [IDS[day]])
    place.cover()
    (segment,) = place.segments()
    place.damage(0, 0.99, cut=False)
    with caplog.at_level(logging.WARNING):
        assert place.find() == place.find_plainly()
    assert segment in caplog.text
    assert "things has a damaged segment" in caplog.text
    assert place.segments() == []
    place.cover()
    assert place.segments() == [segment]


def test_an_index_of_an_earlier_version_is_put_away_and_made_anew(place: Place) -> None:
    """Segments were no Parquet files once: chunks of numbers and places, a footer, its length, named by the footer."""
    for day in range(3):
        place.put(day, [IDS[day]])
    numbers = np.sort(IMAGE.numbers(pl.DataFrame({"image_id": IDS[:3]})).to_numpy())
    chunk = numbers.astype("<u8").tobytes() + np.zeros(3, "<u4").tobytes()
    files = place.table.snapshot().files["path"].to_list()
    footer = json.dumps({"files": files, "rows": 3, "first": [int(numbers[0])], "crc32": [zlib.crc32(chunk)]}).encode()
    earlier = hashlib.sha256(footer).hexdigest()[:32] + ".keys"
    obstore.put(place.objects, earlier, chunk + footer + len(footer).to_bytes(8, "little"))
    assert place.find() == place.find_plainly()
    assert place.segments() == [earlier]  # who only looks changes nothing
    place.cover()
    (segment,) = place.segments()
    assert segment.endswith(".parquet")
    assert place.find() == place.find_plainly()
    (covering,) = place.index._segments()
    assert covering.files == files


def test_a_segment_that_another_run_merges_while_it_is_read_is_looked_for_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(3):
        place.put(day, [IDS[day]])
    place.cover()
    real = key_index.open_segment

    def removed_after_a_look(objects, path: str, size: int):
        segment = real(objects, path, size)
        obstore.delete(objects, path)
        return segment

    monkeypatch.setattr(key_index, "open_segment", removed_after_a_look)
    assert place.find() == place.find_plainly()
    assert place.segments() == []


def test_two_runs_that_cover_the_same_files_do_not_disturb_each_other(place: Place) -> None:
    for day in range(2):
        place.put(day, [IDS[0], IDS[day]])
    place.cover()
    stale = place.index._segments()
    for day in range(2, 4):
        place.put(day, [IDS[day]])
    place.index._merge(stale, set(place.table.snapshot().files["path"]))
    paths = place.table.snapshot().files["path"].to_list()
    key_index.write_segment(place.objects, paths, [place.index._read_rows(paths)])
    assert len(place.segments()) == 2
    assert place.find() == place.find_plainly()
    place.index._merge(place.index._segments(), set(paths))
    (merged,) = place.index._segments()
    assert merged.rows == 5  # each once


def test_duplicates_are_found_by_the_partition_of_their_original(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    table = store.table("sample", DUPLICATES)
    index = KeyIndex(table, store.objects("sample", "duplicates_index"), ORIGINAL_PARTITION)
    for day in range(3):
        rows = pl.DataFrame(
            {
                "image_id": ["a", "b"],
                "source": [f"{day}/a", f"{day}/b"],
                "bytes": [1, 1],
                "original_date": [FIRST, FIRST + dt.timedelta(days=day)],
                "original_category": ["plant", "animal"],
                "original_source": ["x", "y"],
            }
        )
        table.replace(partition_of(day), [table.write_frame(partition_of(day), rows)])
    index.cover(table.snapshot())
    wanted = pl.DataFrame({"original_date": [FIRST], "original_category": ["animal"]})
    assert index.find(wanted, table.snapshot(), ["source"])["source"].to_list() == ["0/b"]
    plants = wanted.with_columns(original_category=pl.lit("plant"))
    assert sorted(index.find(plants, table.snapshot(), ["source"])["source"]) == ["0/a", "1/a", "2/a"]


def test_on_a_bucket_it_is_the_same(s3_server: S3Server) -> None:
    place = Place(Store(f"s3://{s3_server.bucket()}/store", s3_server.storage_options))
    for day in range(4):
        place.put(day, [IDS[day], IDS[0]])
        place.cover()
        assert place.find() == place.find_plainly()
    place.damage(0, 0.99, cut=False)
    assert place.find() == place.find_plainly()
    place.cover()
    assert place.segments()
