"""Segments find what was written into them, and notice every change of their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import obstore
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
# Few numbers, so that some are in many rows, over the ends of chunks; and the ends of what a number can be.
NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 2**63, TOP - 1, TOP])
ROWS = st.lists(st.tuples(NUMBERS, st.integers(0, 6)), max_size=40).map(lambda rows: sorted(set(rows)))
FILES = [f"file-{place}" for place in range(7)]


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_segments, "_CHUNK", 3)
        patch.setattr(key_segments, "_READ_CHUNKS", 2)
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
def test_the_same_content_has_the_same_name_however_it_came(rows: list[tuple[int, int]], pieces: int) -> None:
    segment = written(rows, pieces)
    assert segment.path == written(rows).path
    assert (segment.files, segment.rows) == (FILES, len(rows))


ALL = np.array([0, 1, 2, 2**63, TOP], np.uint64)
SOME = [(number, place) for number in (0, 1, 2, 2**63, TOP) for place in range(2)]


def look_through(store: MemoryStore, path: str) -> None:
    segment = open_segment(store, path, store.head(path)["size"])
    assert segment.places_of(ALL).tolist() == [0, 1]


def test_every_flipped_bit_and_every_cut_is_noticed() -> None:
    store = MemoryStore()
    path = write_segment(store, FILES, [arrays(SOME)])
    sound = bytes(obstore.get(store, path).bytes())
    look_through(store, path)
    damaged = [sound[:at] + bytes([sound[at] ^ 1 << at % 8]) + sound[at + 1 :] for at in range(len(sound))]
    for content in [*damaged, *(sound[:length] for length in range(len(sound)))]:
        obstore.put(store, path, content)
        with pytest.raises(DamagedSegment, match=path):
            look_through(store, path)


def test_a_segment_that_was_removed_is_missing_and_not_damaged() -> None:
    segment = written(SOME)
    obstore.delete(segment.objects, segment.path)
    with pytest.raises(SegmentRemoved):
        segment.places_of(ALL)
    with pytest.raises(SegmentRemoved):
        open_segment(segment.objects, segment.path, 100)
