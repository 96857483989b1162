"""The exact nearest of all images: bytes say which may be among them, and features which are.

Of those that may be, the features are read, the most promising first, until none can be as near as the k-th is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.schema import Partition
from image_assets.search.candidates import Maybe, Span, candidates
from image_assets.search.kept import Day
from image_assets.search.likeness import directions, likenesses

FOUND = {"image_id": pl.String, "date": pl.Date, "category": pl.String, "similarity": pl.Float32}
"""Columns of what is found."""
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
    spans = _spans(days, len(direction), wish)
    maybe = candidates(days, spans, direction, wish.number + len(wish.besides))
    best = pl.DataFrame(schema=FOUND)
    at, size = 0, _FIRST_READ
    while at < len(maybe.most) and (best.height < wish.number or maybe.most[at] >= best["similarity"][-1]):
        some = Maybe(*(column[at : at + size] for column in maybe))
        rows = _read(days, some, direction, rooted)
        kept = rows.filter(~pl.col("image_id").is_in(list(wish.besides)))
        best = top([best, kept], wish.number)
        at, size = at + size, min(size * 2, _MOST_READ)
    return best


def top(frames: Sequence[pl.DataFrame], number: int) -> pl.DataFrame:
    """The most similar of rows as in `FOUND`."""
    return pl.concat(frames).sort("similarity", "image_id", descending=[True, False]).head(number)


def _read(days: Sequence[Day], some: Maybe, direction: np.ndarray, rooted: bool) -> pl.DataFrame:
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


def _spans(days: Sequence[Day], width: int, wish: Wish) -> list[Span]:
    """The rows that are asked for, of days of a width: parts that follow each other are read as one."""
    spans: list[Span] = []
    for place, day in enumerate(days):
        for part in day.segment.head.parts if day.segment.head.width == width else ():
            if part.start == part.end or not wish.allows(Partition(day.date, part.category)):
                continue
            if spans and spans[-1].day == place and spans[-1].end == part.start:
                spans[-1] = Span(place, spans[-1].start, part.end)
            else:
                spans.append(Span(place, part.start, part.end))
    return spans
