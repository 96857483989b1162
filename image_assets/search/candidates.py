"""Who may be among the nearest: by places on a few axes first, by all numbers of those that are left.

Every image has a least and a most that its cosine can be. Who has a most below the k-th highest least is none of the k
nearest. By places on axes it is known of all images what they can be at most. The most promising are then looked at
with all their numbers, until no other has a most as high as the k-th highest least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np

from image_assets.search.codes import Bounds, Query
from image_assets.search.kept import Day
from image_assets.search.outlook import Outlook
from image_assets.search.products import products
from image_assets.workers import ordered_map

_PIECE_ROWS = 16_384
# So many are looked at with all their numbers first, then so many times more.
_FIRST, _MORE = 1_024, 8
_TOGETHER = 2_048
# Where more than this share is left after so many times, it is as quick to read everything in its order.
_MANY, _TRIES = 0.2, 2


class Span(NamedTuple):
    """Consecutive rows of a day, which is told by its number."""

    day: int
    start: int
    end: int


class Maybe(NamedTuple):
    """Rows that may be among the nearest: the numbers of their days, their rows, and the most that they can be."""

    days: np.ndarray
    rows: np.ndarray
    most: np.ndarray

    @classmethod
    def together(cls, parts: Sequence[Maybe]) -> Maybe:
        """All of several."""
        none = cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        return cls(*(np.concatenate(column) for column in zip(none, *parts, strict=True)))

    def best_first(self, limit: float) -> Maybe:
        """Those whose most is no lower, in its order."""
        kept = np.flatnonzero(self.most >= limit)
        order = kept[np.argsort(-self.most[kept], kind="stable")]
        return Maybe(*(column[order] for column in self))


def candidates(days: Sequence[Day], spans: Sequence[Span], direction: np.ndarray, number: int) -> Maybe:
    """Who may be among the nearest, the most promising first.

    Args:
        days: The index.
        spans: Which of its rows, of days of the direction's width.
        direction: float64 [D].
        number: So many nearest there are to be.
    """
    pieces = [
        Span(day, at, min(at + _PIECE_ROWS, end)) for day, start, end in spans for at in range(start, end, _PIECE_ROWS)
    ]
    by_places = [piece for piece in pieces if days[piece.day].axes is not None]
    others = [piece for piece in pieces if days[piece.day].axes is None]
    look = _Look(days, Query.of(direction), _HighestLeast(number))
    found = list(ordered_map(look.at_all, others))
    if by_places:
        narrowed = _narrowed(look, by_places)
        if narrowed is None:  # nothing was gained: each is to be counted once
            look = _Look(days, look.query, _HighestLeast(number))
            found = list(ordered_map(look.at_all, pieces))
        else:
            found += narrowed
    return Maybe.together(found).best_first(look.highest.limit)


class _HighestLeast:
    """The k highest that cosines are at least, of all rows so far, each of which comes once."""

    def __init__(self, number: int) -> None:
        self.number, self._lock = number, Lock()
        self._highest = np.empty(0)
        self.limit = -np.inf

    def add(self, least: np.ndarray) -> float:
        """Take in those of some rows. Returns the lowest of the k highest; -inf where there are not k yet."""
        with self._lock:
            joined = np.concatenate([self._highest, least[least >= self.limit]])
            if len(joined) >= self.number:
                joined = np.partition(joined, len(joined) - self.number)[-self.number :]
                self.limit = float(joined[0])
            self._highest = joined
            return self.limit


@dataclass(frozen=True)
class _Look:
    """At rows with all their numbers, in bytes: who may be among the nearest by what is known so far."""

    days: Sequence[Day]
    query: Query
    highest: _HighestLeast

    def at_all(self, piece: Span) -> Maybe:
        """Of consecutive rows, which are not copied."""
        segment, some = self.days[piece.day].segment, slice(piece.start, piece.end)
        bounds = self._bounds(segment.codes[some], segment.low[some], segment.step[some], segment.error[some])
        rows = np.arange(piece.start, piece.end)
        return self._kept(np.full(len(rows), piece.day), rows, bounds)

    def at_some(self, chosen: tuple[np.ndarray, np.ndarray]) -> Maybe:
        """Of a few, the numbers of their days, in order, and their rows."""
        of_days, rows = chosen
        codes = np.empty((len(rows), len(self.query.direction)), np.uint8)
        known = np.empty((3, len(rows)), np.float32)
        starts = np.flatnonzero(np.diff(of_days, prepend=-1)).tolist()
        for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            segment, some = self.days[of_days[start]].segment, rows[start:end]
            segment.read_codes(some, codes[start:end])
            for place, one in enumerate((segment.low, segment.step, segment.error)):
                known[place, start:end] = one[some]
        return self._kept(of_days, rows, self._bounds(codes, *known))

    def _bounds(self, codes: np.ndarray, low: np.ndarray, step: np.ndarray, error: np.ndarray) -> Bounds:
        return self.query.bounds(products(codes, self.query.weights), low, step, error)

    def _kept(self, of_days: np.ndarray, rows: np.ndarray, bounds: Bounds) -> Maybe:
        kept = np.flatnonzero(bounds.most >= self.highest.add(bounds.least))
        return Maybe(of_days[kept], rows[kept], bounds.most[kept])


def _narrowed(look: _Look, pieces: Sequence[Span]) -> list[Maybe] | None:
    """Those that are left of pieces of days with axes; None where so many are that all may be read instead."""
    axes = {day.axes.digest: day.axes for day in look.days if day.axes is not None}
    outlooks = {digest: Outlook.of(one, look.query.direction) for digest, one in axes.items()}

    def at_most(piece: Span) -> np.ndarray:
        segment, some = look.days[piece.day].segment, slice(piece.start, piece.end)
        return outlooks[segment.head.axes].most(segment.places[some], segment.bounds[:, some])

    most = np.concatenate(list(ordered_map(at_most, pieces)))
    ends = np.cumsum([piece.end - piece.start for piece in pieces])
    of_days, offsets = np.array([piece.day for piece in pieces]), np.array([piece.end for piece in pieces]) - ends
    found: list[Maybe] = []
    left, size, times = np.arange(len(most)), max(_FIRST, 2 * look.highest.number), 0
    while len(left):
        if times == _TRIES and len(left) > _MANY * len(most):
            return None
        if len(left) > size:
            next_ = left[np.argpartition(most[left], len(left) - size)[-size:]]
            next_.sort()
        else:
            next_ = left
        of = np.searchsorted(ends, next_, side="right")
        chosen = [
            (of_days[of[at : at + _TOGETHER]], (next_ + offsets[of])[at : at + _TOGETHER])
            for at in range(0, len(next_), _TOGETHER)
        ]
        found += ordered_map(look.at_some, chosen)
        most[next_] = -np.inf
        left = left[(most[left] >= look.highest.limit) & (most[left] > -np.inf)]
        size, times = size * _MORE, times + 1
    return found
