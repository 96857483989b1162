"""The index of a dataset's features: a file for every day, in a folder that can be thrown away at any time.

What there is to be found is what the table says, and nothing else. A file is named by the digest of what it was made
of, the table's files of its day, so that a day that came, changed or left is another file or none; what is missing or
damaged is made again. Only rows of one extractor are in it: others cannot be compared with them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

import polars as pl

from image_assets.alone import alone
from image_assets.errors import CanPass
from image_assets.features.table import feature_matrix
from image_assets.search.segments import SUFFIX, Batch, DamagedSegment, Head, Part, Segment, open_segment, write_segment
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.whole_files import remove_unfinished
from image_assets.workers import ordered_map

_LOG = logging.getLogger(__name__)
_FORMAT = 1
_BATCH_ROWS = 2_048
_NARROW_ROWS = 65_536


class IndexBusy(CanPass, RuntimeError):
    """The index is being brought up to date by another thread, which takes longer than somebody would wait."""


class IndexEnding(RuntimeError):
    """Whoever has the index ends, so that no more of it is made."""


@dataclass(frozen=True)
class Day:
    """An open file of the index, and the day that it is of."""

    date: dt.date
    segment: Segment


class KeptIndex:
    """The files of the index, opened, and made where they are not there. Any number of threads may ask.

    Args:
        table: The table `image_features`.
        folder: Where they are; nothing else lies there.
        extractor: Digest of the one whose features they have.
        rooted: See `directions`.
        ending: Once it is set, no more is made.
    """

    def __init__(
        self, table: PartitionedTable, folder: Path, extractor: str, rooted: bool, ending: Event | None = None
    ) -> None:
        self._table, self._folder = table, folder
        self._extractor, self._rooted = extractor, rooted
        self._lock, self._ending = Lock(), ending or Event()
        self._of: pl.DataFrame | None = None
        self._days: dict[str, Day] = {}

    def days(self, patience: float | None = None) -> list[Day]:
        """All files, up to date, in the order of their days.

        Args:
            patience: So many seconds it is waited for another thread that makes them; None: as long as it takes.

        Raises:
            IndexBusy: it took longer.
            IndexEnding: it was to end meanwhile; the days that are whole stay.
            OSError: the folder cannot be written.
            DamagedFile: a file of the table is not as it was written.
        """
        with self._alone(patience):
            there = self._table.snapshot().files
            if self._of is None or not there.equals(self._of):
                self._folder.mkdir(parents=True, exist_ok=True)
                with alone(self._folder):  # another process that makes the same files is waited for, not doubled
                    self._bring_up_to_date(there)
            return list(self._days.values())

    def give_up(self, damaged: Path) -> None:
        """Remove a file that is not as it was written: it is made again by whoever asks next."""
        _LOG.warning("%s is damaged and will be made again", damaged)
        with self._alone(None):
            damaged.unlink(missing_ok=True)
            self._days.pop(damaged.stem, None)
            self._of = None

    @contextmanager
    def _alone(self, patience: float | None) -> Iterator[None]:
        if not self._lock.acquire(timeout=-1 if patience is None else patience):
            raise IndexBusy("the index of the images' features is being made; ask again in a moment")
        try:
            yield
        finally:
            self._lock.release()

    def _bring_up_to_date(self, there: pl.DataFrame) -> None:
        wanted = {self._name(files): files for files in there.sort("date", "category", "path").partition_by("date")}
        # Each holds some hundred megabytes while it is made.
        opened = ordered_map(lambda item: self._day(*item), wanted.items(), workers=2, waiting_per_worker=1)
        self._days = dict(zip(wanted, opened, strict=True))
        self._of = there
        remove_unfinished(self._folder)
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path.stem not in wanted:
                path.unlink(missing_ok=True)

    def _name(self, files: pl.DataFrame) -> str:
        made_of = [_FORMAT, self._extractor, self._rooted, *map(list, files.cast({"date": pl.String}).rows())]
        return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]

    def _day(self, name: str, files: pl.DataFrame) -> Day:
        date, path = files["date"][0], self._folder / f"{name}{SUFFIX}"
        if name in self._days:
            return self._days[name]
        try:
            return Day(date, open_segment(path))
        except DamagedSegment as damage:
            if path.exists():
                _LOG.warning("the index has a damaged file, which is made again: %s", damage)
        write_segment(path, self._head(files), self._batches(files["path"].to_list()), self._rooted)
        return Day(date, open_segment(path))

    def _head(self, files: pl.DataFrame) -> Head:
        """What a day will have: who has read it once knows how much there is to write."""
        counts: dict[str, int] = {}
        longest, width = 1, 0
        for path, category in files.select("path", "category").iter_rows():
            counts.setdefault(category, 0)
            for rows in self._rows(path, ["image_id"], _NARROW_ROWS):
                counts[category] += rows.height
                longest = max(longest, int(rows["image_id"].str.len_bytes().max() or 0))  # pyright: ignore[reportArgumentType]
        for path in files["path"] if sum(counts.values()) else ():
            first = next(self._rows(path, ["features"], 1), None)
            if first is not None:
                width = first["features"].list.len()[0]
                break
        return Head(sum(counts.values()), width, longest, _parts(counts))

    def _batches(self, paths: Sequence[str]) -> Iterator[Batch]:
        for path in paths:
            for rows in self._rows(path, ["image_id", "features"], _BATCH_ROWS):
                yield Batch(rows["image_id"].to_list(), feature_matrix(rows))

    def _rows(self, path: str, columns: Sequence[str], most: int) -> Iterator[pl.DataFrame]:
        """The rows of a file of the table that are of the extractor, in batches that are not empty."""
        for rows in self._table.files.frames(path, [*columns, "extractor"], most):
            if self._ending.is_set():
                raise IndexEnding("the index is not made any further")
            kept = rows.filter(pl.col("extractor") == self._extractor)
            if kept.height:
                yield kept


def _parts(counts: Mapping[str, int]) -> tuple[Part, ...]:
    at, found = 0, []
    for category, rows in counts.items():
        found.append(Part(category, at, at + rows))
        at += rows
    return tuple(found)
