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
from itertools import islice
from pathlib import Path
from threading import Event, Lock

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from image_assets.alone import alone
from image_assets.errors import CanPass
from image_assets.features.table import feature_matrix
from image_assets.search.axes import AXES_SUFFIX, Axes, axes_of, fitted, load_axes
from image_assets.search.layout import Batch, DamagedSegment, Head, Part
from image_assets.search.likeness import directions
from image_assets.search.segments import SUFFIX, Segment, open_segment, write_segment
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.whole_files import remove_unfinished
from image_assets.workers import ordered_map

_LOG = logging.getLogger(__name__)
_FORMAT = 2
_BATCH_ROWS = 2_048
_NARROW_ROWS = 65_536
# Of so many images all are read in a few milliseconds, without axes. Then these are fitted to some rows of some files.
_ENOUGH, _FITTED_ROWS, _FITTED_FILES = 16_384, 8_192, 256


class IndexBusy(CanPass, RuntimeError):
    """The index is being brought up to date by another thread, which takes longer than somebody would wait."""


class IndexEnding(RuntimeError):
    """Whoever has the index ends, so that no more of it is made."""


@dataclass(frozen=True)
class Day:
    """An open file of the index, the day that it is of, and the axes that its places are on, if it has any."""

    date: dt.date
    segment: Segment
    axes: Axes | None = None


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
        self._axes: Axes | None = None

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
        with threadpool_limits(1, "blas"):  # two days are made at a time, and more threads would wait for each other
            self._days = self._made(there)
        self._of = there
        remove_unfinished(self._folder)
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path.stem not in self._days:
                path.unlink(missing_ok=True)

    def _made(self, there: pl.DataFrame) -> dict[str, Day]:
        self._axes = self._axes_of(there)
        wanted = {self._name(files): files for files in there.sort("date", "category", "path").partition_by("date")}
        # Each holds some hundred megabytes while it is made.
        opened = ordered_map(lambda item: self._day(*item), wanted.items(), workers=2, waiting_per_worker=1)
        return dict(zip(wanted, opened, strict=True))

    def _name(self, files: pl.DataFrame) -> str:
        of_axes = self._axes.digest if self._axes is not None else ""
        made_of = [_FORMAT, self._extractor, self._rooted, of_axes, *map(list, files.cast({"date": pl.String}).rows())]
        return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]

    def _day(self, name: str, files: pl.DataFrame) -> Day:
        date, path = files["date"][0], self._folder / f"{name}{SUFFIX}"
        if name in self._days:
            return self._days[name]
        try:
            return self._opened(date, path)
        except DamagedSegment as damage:
            if path.exists():
                _LOG.warning("the index has a damaged file, which is made again: %s", damage)
        head = self._head(files)
        axes = self._axes if head.places else None
        write_segment(path, head, self._batches(files["path"].to_list()), self._rooted, axes)
        return self._opened(date, path)

    def _opened(self, date: dt.date, path: Path) -> Day:
        segment = open_segment(path)
        return Day(date, segment, self._axes if segment.head.places else None)

    def _axes_of(self, there: pl.DataFrame) -> Axes | None:
        """Those that are kept; fitted where none are, and None of few images or narrow features.

        They stay whatever comes later: others would have everything made anew, and none makes an answer wrong.
        """
        made_of = json.dumps([_FORMAT, self._extractor, self._rooted]).encode()
        path = self._folder / f"{hashlib.sha256(made_of).hexdigest()[:32]}{AXES_SUFFIX}"
        for other in self._folder.glob(f"*{AXES_SUFFIX}"):
            if other != path:
                other.unlink(missing_ok=True)
        kept = load_axes(path)
        if kept is not None or there["rows"].sum() < _ENOUGH:
            return kept
        if path.exists():
            _LOG.warning("the index has damaged axes, which are made again: %s", path)
        axes = self._fitted(there.sort("date", "category", "path")["path"])
        if axes is not None:
            axes.save(path)
        return axes

    def _fitted(self, paths: pl.Series) -> Axes | None:
        paths = paths.gather_every(-(-len(paths) // _FITTED_FILES))
        rows = -(-_FITTED_ROWS // len(paths))
        some = [feature_matrix(first) for path in paths for first in islice(self._rows(path, ["features"], rows), 1)]
        alike = [one for one in some if one.shape[1] == some[0].shape[1]]
        count = axes_of(alike[0].shape[1]) if alike else 0
        return fitted(directions(np.concatenate(alike), self._rooted), count) if count else None

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
        axes = self._axes if self._axes is not None and self._axes.rows.shape[1] == width else None
        placed = ("", 0) if axes is None else (axes.digest, len(axes.rows))
        return Head(sum(counts.values()), width, longest, _parts(counts), *placed)

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
