"""The exact nearest of all images: bytes say which may be among them, and features which are.

Every image has a least and a most that its cosine can be. Who has a most below the k-th highest least is none of the k
nearest. Of the others the features are read, the most promising first, until no most is as high as the k-th cosine.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np
import polars as pl

from image_assets.schema import Partition
from image_assets.search.codes import Query
from image_assets.search.kept import Day
from image_assets.search.likeness import directions, likenesses
from image_assets.search.products import products
from image_assets.workers import ordered_map

FOUND = {"image_id": pl.String, "date": pl.Date, "category": pl.String, "similarity": pl.Float32}
"""Columns of what is found."""
_PIECE_ROWS = 8_192
_FIRST_READ, _MOST_READ = 64, 1_024

Within = Callable[[Partition], bool]


@dataclass(frozen=True)
class Wish:
    """What is looked for.

    Attributes:
        number: So many images at most.
        within: Whether those of a partition may be among them; None: all may.
        besides: Ids of images that are none of them.
    """

    number: int
    within: Within | None = None
    besides: Collection[str] = ()

    def allows(self, partition: Partition) -> bool:
        """Whether images of a partition may be among them."""
        return self.within is None or self.within(partition)


class _Piece(NamedTuple):
    day: int
    start: int
    end: int


class _Maybe(NamedTuple):
    """Rows that may be among the nearest: the numbers of their days, their rows, and the most that they can be."""

    days: np.ndarray
    rows: np.ndarray
    most: np.ndarray


def nearest(days: Sequence[Day], direction: np.ndarray, wish: Wish, rooted: bool) -> pl.DataFrame:
    """The images with the highest cosines, ties by their ids.

    Args:
        days: The index.
        direction: float64 [D], see `directions`; days of another width are left out.
        wish: How many, and which.
        rooted: See `directions`.

    Returns:
        Columns as in `FOUND`, the most similar first.

    Raises:
        DamagedSegment: a file of the index is not as it was written.
    """
    number = wish.number + len(wish.besides)
    pieces = [
        _Piece(place, start, min(start + _PIECE_ROWS, part.end))
        for place, day in enumerate(days)
        if day.segment.head.width == len(direction)
        for part in _joined(day, wish)
        for start in range(part.start, part.end, _PIECE_ROWS)
    ]
    maybe = _candidates(days, pieces, Query.of(direction), number)
    best = pl.DataFrame(schema=FOUND)
    at, size = 0, _FIRST_READ
    while at < len(maybe.most) and (best.height < wish.number or maybe.most[at] >= best["similarity"][-1]):
        some = _Maybe(*(column[at : at + size] for column in maybe))
        rows = _read(days, some, direction, rooted)
        kept = rows.filter(~pl.col("image_id").is_in(list(wish.besides)))
        best = top([best, kept], wish.number)
        at, size = at + size, min(size * 2, _MOST_READ)
    return best


def top(frames: Sequence[pl.DataFrame], number: int) -> pl.DataFrame:
    """The most similar of rows as in `FOUND`."""
    return pl.concat(frames).sort("similarity", "image_id", descending=[True, False]).head(number)


class _Span(NamedTuple):
    start: int
    end: int


def _joined(day: Day, wish: Wish) -> list[_Span]:
    """The rows of a day that are asked for: parts that follow each other are read as one."""
    spans: list[_Span] = []
    for part in day.segment.head.parts:
        if part.start == part.end or not wish.allows(Partition(day.date, part.category)):
            continue
        if spans and spans[-1].end == part.start:
            spans[-1] = _Span(spans[-1].start, part.end)
        else:
            spans.append(_Span(part.start, part.end))
    return spans


class _HighestLeast:
    """The k highest that cosines are at least, of all pieces so far."""

    def __init__(self, number: int) -> None:
        self._number, self._lock = number, Lock()
        self._highest = np.empty(0)
        self.limit = -np.inf

    def add(self, least: np.ndarray) -> float:
        """Take in those of a piece. Returns the lowest of the k highest; -inf where there are not k yet."""
        with self._lock:
            joined = np.concatenate([self._highest, least[least >= self.limit]])
            if len(joined) >= self._number:
                joined = np.partition(joined, len(joined) - self._number)[-self._number :]
                self.limit = float(joined[0])
            self._highest = joined
            return self.limit


def _candidates(days: Sequence[Day], pieces: Sequence[_Piece], query: Query, number: int) -> _Maybe:
    """Who may be among the nearest, the most promising first."""
    highest = _HighestLeast(number)

    def look(piece: _Piece) -> _Maybe:
        segment, some = days[piece.day].segment, slice(piece.start, piece.end)
        found = products(segment.codes[some], query.weights)
        bounds = query.bounds(found, segment.low[some], segment.step[some], segment.error[some])
        rows = np.flatnonzero(bounds.most >= highest.add(bounds.least))
        return _Maybe(np.full(len(rows), piece.day), rows + piece.start, bounds.most[rows])

    parts = [_Maybe(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)), *ordered_map(look, pieces)]
    days_, rows, most = (np.concatenate(column) for column in zip(*parts, strict=True))
    kept = np.flatnonzero(most >= highest.limit)
    order = kept[np.argsort(-most[kept], kind="stable")]
    return _Maybe(days_[order], rows[order], most[order])


def _read(days: Sequence[Day], some: _Maybe, direction: np.ndarray, rooted: bool) -> pl.DataFrame:
    """Rows as in `FOUND`."""
    image_ids: list[str] = []
    dates: list[dt.date] = []
    categories: list[str] = []
    features = [np.empty((0, len(direction)), np.float32)]
    for place in np.unique(some.days).tolist():
        day, rows = days[place], np.sort(some.rows[some.days == place])
        parts = day.segment.head.parts
        of = np.searchsorted([part.end for part in parts], rows, side="right")
        image_ids += day.segment.image_ids(rows)
        dates += [day.date] * len(rows)
        categories += [parts[one].category for one in of.tolist()]
        features.append(day.segment.features(rows))
    cosines = likenesses(directions(np.concatenate(features), rooted), direction)
    columns = {"image_id": image_ids, "date": dates, "category": categories, "similarity": cosines}
    return pl.DataFrame(columns, schema=FOUND)
