"""Which files of a table hold a key, without reading them all: an index that can be thrown away at any time.

What a table holds is what its Delta snapshot says, and nothing else. The index only spares reading files that cannot
matter: files that it does not cover are read, files that it knows but the snapshot does not have are passed over, and
files that may hold a key are read to make sure. So it may be missing, stale or ahead, and the answer stays the same.
Memory is bounded: segments and files are read piece by piece.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TypeVar

import numpy as np
import polars as pl
from obstore.store import ObjectStore

from image_assets.schema import DUPLICATES, NEAR_DUPLICATES, RAW_IMAGES, TableSchema
from image_assets.store.objects import remove, sizes_below
from image_assets.store.retrying import until_landed
from image_assets.store.store import Store
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.key_segments import (
    SUFFIX,
    DamagedSegment,
    Rows,
    Segment,
    SegmentRemoved,
    open_segment,
    write_segment,
)
from image_assets.workers import chunks, ordered_map

_LOG = logging.getLogger(__name__)

# Fewer files than this are read faster than they are covered by a segment of their own.
_UNCOVERED_FILES = 16
_SEGMENTS = 16
# Rows that are sorted in memory at a time, for a new segment and when segments are merged.
_SORTED_ROWS = 500_000
_READ_ROWS = 16_384
# Waiting for a store takes longer than reading from it, so there are more than one per core.
_READERS = 8
# Segments that an earlier version wrote: what they cover is covered anew.
_EARLIER_SUFFIX = ".keys"

T = TypeVar("T")


@dataclass(frozen=True)
class Key:
    """What a table is looked up by.

    Attributes:
        columns: The columns that make up the key.
        numbers: The keys of a frame's rows as numbers, uint64: equal keys have equal ones, others hardly ever.
    """

    columns: tuple[str, ...]
    numbers: Callable[[pl.DataFrame], pl.Series]


def _leading_digits(frame: pl.DataFrame) -> pl.Series:
    # An id is a SHA-256 already; what is none was put there by hand, and is found all the same.
    digits = frame["image_id"].str.slice(0, 16)
    return digits.str.to_integer(base=16, dtype=pl.UInt64, strict=False).fill_null(0)


def _partition_key(date: str, category: str) -> Key:
    def numbers(frame: pl.DataFrame) -> pl.Series:
        texts = frame.select(pl.concat_str(date, category, separator="|").alias("text"))["text"]
        hashed = {text: int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") for text in texts.unique()}
        return texts.replace_strict(hashed, return_dtype=pl.UInt64)

    return Key((date, category), numbers)


IMAGE = Key(("image_id",), _leading_digits)
HASH = Key(("perceptual_hash",), lambda frame: pl.Series(frame["perceptual_hash"].to_numpy().view("uint64")))
ORIGINAL_PARTITION = _partition_key("original_date", "original_category")
OTHER_PARTITION = _partition_key("other_date", "other_category")


def image_index(store: Store, dataset: str) -> KeyIndex:
    """The loaded images by their ids."""
    return _index(store, dataset, RAW_IMAGES, IMAGE)


def hash_index(store: Store, dataset: str) -> KeyIndex:
    """The loaded images by their perceptual hashes; the numbers are the hashes."""
    return _index(store, dataset, RAW_IMAGES, HASH, "hash_index")


def original_index(store: Store, dataset: str) -> KeyIndex:
    """The duplicates by the partition that holds their original."""
    return _index(store, dataset, DUPLICATES, ORIGINAL_PARTITION)


def lookalike_index(store: Store, dataset: str) -> KeyIndex:
    """The near-duplicates by the partition that holds the other image."""
    return _index(store, dataset, NEAR_DUPLICATES, OTHER_PARTITION)


def _index(store: Store, dataset: str, schema: TableSchema, key: Key, name: str = "index") -> KeyIndex:
    return KeyIndex(store.table(dataset, schema), store.objects(dataset, f"{schema.name}_{name}"), key)


class KeyIndex:
    """An index of a table.

    Args:
        table: The table.
        objects: Where the index is kept; nothing else lies there.
        key: What it is looked up by.
    """

    def __init__(self, table: PartitionedTable, objects: ObjectStore, key: Key) -> None:
        self.table = table
        self._objects = objects
        self._key = key

    def find(self, wanted: pl.DataFrame, there: Snapshot, columns: Sequence[str] = ()) -> pl.DataFrame:
        """The rows that have one of the keys, in no particular order.

        Args:
            wanted: The keys, with the key's columns.
            there: The files to look at.
            columns: Columns that are wanted besides the key's.

        Returns:
            The key's columns, `columns`, date and category.

        Raises:
            DamagedFile: a file of the table is not as it was written.
        """
        names = [*self._key.columns, *columns]
        keys = wanted.select(self._key.columns).unique()
        numbers = np.unique(self._key.numbers(keys).to_numpy())
        files = self._candidates(numbers, there.files) if len(numbers) else there.files.clear()
        look = partial(self._matching, keys=keys, columns=names)
        found = [frame for frames in ordered_map(look, files.iter_rows(named=True), _READERS) for frame in frames]
        schema = self.table.scan_files().select(*names, "date", "category").collect_schema()
        return pl.concat([pl.DataFrame(schema=schema), *found])

    def numbers(self, there: Snapshot) -> Iterator[np.ndarray]:
        """The numbers of all rows, piece by piece, uint64; possibly also some of rows that are not there any more."""
        covered: set[str] = set()
        for segment in self._segments():
            try:
                yield from segment.numbers()
            except SegmentRemoved:
                continue  # what it covered is read below, or comes with the segment that took its place
            except DamagedSegment as damage:
                self._discard(damage)
                continue
            covered.update(segment.files)
        uncovered = [path for path in there.files["path"] if path not in covered]
        yield from ordered_map(self._numbers_in, uncovered, _READERS)

    def cover(self, there: Snapshot) -> None:
        """Bring the index up to date where that is worth it: it then covers all files but a few new ones."""
        with suppress(SegmentRemoved, DamagedSegment):
            self._of_sound_segments(lambda: self._cover(there))

    def _cover(self, there: Snapshot) -> None:
        remove(self._objects, *[path for path, _ in self._listed() if path.endswith(_EARLIER_SUFFIX)])
        segments = self._segments()
        uncovered = _besides(there.files, segments)
        if uncovered.height > _UNCOVERED_FILES:
            files = list(uncovered.select("path", "rows").iter_rows())
            for group in chunks(files, len(files), lambda file: file[1], _SORTED_ROWS):
                paths = [path for path, _ in group]
                write_segment(self._objects, paths, [self._read_rows(paths)])
            segments = self._segments()
        if len(segments) > _SEGMENTS:
            self._merge(segments, set(there.files["path"]))

    def _merge(self, segments: Sequence[Segment], alive: set[str]) -> None:
        """Put one segment in the place of all, without the files that have left the table."""
        files = sorted(alive.intersection(path for segment in segments for path in segment.files))
        merged = write_segment(self._objects, files, _merged_rows(segments, files))
        remove(self._objects, *[segment.path for segment in segments if segment.path != merged])

    def _read_rows(self, paths: Sequence[str]) -> Rows:
        per_file = list(ordered_map(self._numbers_in, paths, _READERS))
        numbers = np.concatenate(per_file)
        places = np.repeat(np.arange(len(paths), dtype=np.uint32), [len(one) for one in per_file])
        order = np.argsort(numbers, kind="stable")
        return numbers[order], places[order]

    def _numbers_in(self, path: str) -> np.ndarray:
        rows = self.table.files.frames(path, self._key.columns, _READ_ROWS)
        numbers = [self._key.numbers(some).to_numpy() for some in rows]
        return np.unique(np.concatenate([np.empty(0, np.uint64), *numbers]))

    def _candidates(self, numbers: np.ndarray, files: pl.DataFrame) -> pl.DataFrame:
        """The files that may hold one of the numbers."""

        def look() -> pl.DataFrame:
            segments = self._segments()
            held = [segment.files[place] for segment in segments for place in segment.places_of(numbers)]
            return pl.concat([_besides(files, segments), files.filter(pl.col("path").is_in(held))]).unique("path")

        try:
            return self._of_sound_segments(look)
        except (SegmentRemoved, DamagedSegment):
            return files

    def _matching(self, file: dict, keys: pl.DataFrame, columns: list[str]) -> list[pl.DataFrame]:
        frames = []
        for batch in self.table.files.frames(file["path"], columns, _READ_ROWS):
            rows = batch.join(keys, on=self._key.columns, how="semi")
            if rows.height:
                frames.append(
                    rows.select(*columns, date=pl.lit(file["date"], pl.Date), category=pl.lit(file["category"]))
                )
        return frames

    def _segments(self) -> list[Segment]:
        """All segments that are sound as far as their footers tell; others are removed."""
        segments = []
        for path, size in self._listed():
            if not path.endswith(SUFFIX):
                continue
            try:
                segments.append(open_segment(self._objects, path, size))
            except SegmentRemoved:
                continue  # what it covered is covered by another segment or read
            except DamagedSegment as damage:
                self._discard(damage)
        return segments

    def _listed(self) -> list[tuple[str, int]]:
        """What lies in the index, with its size in bytes."""
        return [*sizes_below(self._objects).items()]

    def _of_sound_segments(self, work: Callable[[], T]) -> T:
        """Work with the segments, and again with those that are left where one was removed or is damaged."""

        def attempt() -> T:
            try:
                return work()
            except DamagedSegment as damage:
                self._discard(damage)
                raise

        return until_landed(attempt, SegmentRemoved, DamagedSegment)

    def _discard(self, damage: DamagedSegment) -> None:
        _LOG.warning(
            "the index of %s has a damaged segment, which is removed and will be made again: %s", self.table.url, damage
        )
        remove(self._objects, damage.path)


def _besides(files: pl.DataFrame, segments: Sequence[Segment]) -> pl.DataFrame:
    """The files that no segment covers."""
    covered = pl.Series([path for segment in segments for path in segment.files], dtype=pl.String)
    return files.filter(~pl.col("path").is_in(covered.implode()))


def _merged_rows(segments: Sequence[Segment], files: Sequence[str]) -> Iterator[Rows]:
    """The rows of all segments for `files`, ascending. A range of numbers at a time: hashes are spread evenly."""
    place_of = {path: place for place, path in enumerate(files)}
    left = len(files)
    places_in = [np.array([place_of.get(path, left) for path in segment.files], np.uint32) for segment in segments]
    ranges = sum(segment.rows for segment in segments) // _SORTED_ROWS + 1
    bounds = [(number << 64) // ranges for number in range(ranges + 1)]
    for low, high in pairwise(bounds):
        parts = [segment.between(low, high - 1) for segment in segments]
        numbers = np.concatenate([numbers for numbers, _ in parts])
        places = np.concatenate([new[old] for (_, old), new in zip(parts, places_in, strict=True)])
        order = np.lexsort((places, numbers))
        numbers, places = numbers[order], places[order]
        # A file may be in several segments, where two runs covered it at the same time.
        again = np.zeros(len(numbers), bool)
        again[1:] = (numbers[1:] == numbers[:-1]) & (places[1:] == places[:-1])
        kept = ~again & (places != left)
        yield numbers[kept], places[kept]
