"""Segments find what was written into them, and notice every change of their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise, product
from typing import Any

import numpy as np
import obstore
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from image_assets.store.tables import key_segments
from image_assets.store.tables.key_segments import (
    DamagedSegment,
    Rows,
    Segment,
    SegmentRemoved,
    open_segment,
    write_segment,
)

TOP = 2**64 - 1
# Few numbers, so that some are in many rows, over the ends of row groups; and the ends of what a number can be.
NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 2**63, TOP - 1, TOP])
ROWS = st.lists(st.tuples(NUMBERS, st.integers(0, 6)), max_size=40).map(lambda rows: sorted(set(rows)))
FILES = [f"file-{place}" for place in range(7)]


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_segments, "_GROUP_ROWS", 3)
        patch.setattr(key_segments, "_READ_GROUPS", 2)
        patch.setattr(key_segments, "_TAIL_BYTES", 100)
        yield


def arrays(rows: list[tuple[int, int]]) -> Rows:
    return np.array([number for number, _ in rows], np.uint64), np.array([place for _, place in rows], np.uint32)


def written(rows: list[tuple[int, int]], pieces: int = 1) -> Segment:
    store = MemoryStore()
    cut = [len(rows) * piece // pieces for piece in range(pieces + 1)]
    parts = [arrays(rows[start:end]) for start, end in pairwise(cut)]
    path = write_segment(store, FILES, parts)
    return open_segment(store, path, store.head(path)["size"])


@given(rows=ROWS, wanted=st.sets(NUMBERS))
def test_the_files_of_a_number_are_found(rows: list[tuple[int, int]], wanted: set[int]) -> None:
    numbers = np.array(sorted(wanted), np.uint64)
    expected = sorted({place for number, place in rows if number in wanted})
    assert written(rows).places_of(numbers).tolist() == expected


@given(rows=ROWS, low=NUMBERS, high=NUMBERS)
def test_the_rows_of_a_range_are_found(rows: list[tuple[int, int]], low: int, high: int) -> None:
    low, high = sorted((low, high))
    numbers, places = written(rows).between(low, high)
    assert list(zip(numbers.tolist(), places.tolist(), strict=True)) == [row for row in rows if low <= row[0] <= high]


@given(rows=ROWS, pieces=st.integers(1, 5))
def test_all_that_was_written_is_there_in_whatever_pieces_it_came(rows: list[tuple[int, int]], pieces: int) -> None:
    segment = written(rows, pieces)
    numbers, places = segment.between(0, TOP)
    assert list(zip(numbers.tolist(), places.tolist(), strict=True)) == rows
    assert [number for some in segment.numbers() for number in some.tolist()] == [number for number, _ in rows]
    assert (segment.files, segment.rows) == (FILES, len(rows))
    assert segment.path == written(rows, pieces).path


def test_row_groups_without_a_number_are_not_read() -> None:
    store = MemoryStore()
    path = write_segment(store, FILES, [arrays([(number, 0) for number in range(9)])])
    content = bytearray(obstore.get(store, path).bytes())
    content[content.index((4).to_bytes(8, "little"))] ^= 1  # in the second of three
    obstore.put(store, path, bytes(content))
    segment = open_segment(store, path, len(content))
    assert segment.places_of(np.array([1, 7, 100], np.uint64)).tolist() == [0]
    assert segment.between(6, TOP)[0].tolist() == [6, 7, 8]
    with pytest.raises(DamagedSegment, match=path):  # the control: the one that may have it is read
        segment.places_of(np.array([4], np.uint64))


def test_any_reader_of_parquet_reads_a_segment() -> None:
    store = MemoryStore()
    path = write_segment(store, FILES, [arrays([(1, 0), (TOP, 6)])])
    frame = pl.read_parquet(bytes(obstore.get(store, path).bytes()))
    assert frame.rows() == [(1, 0), (TOP, 6)]
    assert frame.columns == ["number", "place"]


SOME = [(number * 0x0123456789ABCDEF, number % 6) for number in range(1, 11)]


def look_through(store: MemoryStore, path: str) -> list[list[int]]:
    segment = open_segment(store, path, store.head(path)["size"])
    return [rows.tolist() for rows in (*segment.between(0, TOP), segment.places_of(arrays(SOME)[0]))]


def test_every_cut_and_every_flipped_bit_that_matters_is_noticed() -> None:
    """Of what is written beside the rows, readers do not look at every bit: such a bit changes no answer."""
    store = MemoryStore()
    path = write_segment(store, FILES, [arrays(SOME)])
    sound = bytes(obstore.get(store, path).bytes())
    answer = look_through(store, path)
    metadata = pq.read_metadata(pa.BufferReader(sound))
    matters = set(range(len(sound) - 8 - metadata.serialized_size, len(sound)))
    for group, column in product(range(metadata.num_row_groups), range(2)):
        chunk = metadata.row_group(group).column(column)  # ends with the values, 8 or 4 bytes each
        end = chunk.data_page_offset + chunk.total_compressed_size
        matters |= set(range(end - chunk.num_values * (8, 4)[column], end))
    for at in range(len(sound)):
        obstore.put(store, path, sound[:at] + bytes([sound[at] ^ 1 << at % 8]) + sound[at + 1 :])
        if at in matters:
            with pytest.raises(DamagedSegment, match=path):
                look_through(store, path)
        else:
            with suppress(DamagedSegment):
                assert look_through(store, path) == answer
    for length in range(len(sound)):
        obstore.put(store, path, sound[:length])
        with pytest.raises(DamagedSegment, match=path):
            look_through(store, path)


def test_without_checksums_of_pages_a_flipped_bit_would_be_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: what notices it is the checksum."""
    store = MemoryStore()
    path = write_segment(store, FILES, [arrays([(1, 0), (2, 0), (9, 0)])])
    sound = bytes(obstore.get(store, path).bytes())
    obstore.put(store, path, sound.replace((2).to_bytes(8, "little"), (3).to_bytes(8, "little"), 1))
    with pytest.raises(DamagedSegment, match="CRC"):
        look_through(store, path)
    real = pq.ParquetFile

    def trusting(*arguments: Any, page_checksum_verification: bool, **settings: Any) -> Any:
        del page_checksum_verification
        return real(*arguments, **settings)

    monkeypatch.setattr(pq, "ParquetFile", trusting)
    assert look_through(store, path)[0] == [1, 3, 9]


def test_a_segment_that_was_removed_is_missing_and_not_damaged() -> None:
    store = MemoryStore()
    path = write_segment(store, FILES, [arrays(SOME)])
    segment = open_segment(store, path, store.head(path)["size"])
    obstore.delete(store, path)
    with pytest.raises(SegmentRemoved):
        segment.places_of(arrays(SOME)[0])
    with pytest.raises(SegmentRemoved):
        open_segment(store, path, 100)
