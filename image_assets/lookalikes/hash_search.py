"""Which 64-bit hashes are within a few bits of each other: exact, with bounded memory, by looking at all pairs.

An exclusive or and a count of bits take less than a nanosecond for a pair, so that 10,000 new hashes are compared with
a million in seconds; an index of bands finds nothing more and, at the distances that matter here, has to look at a
large part of the pairs too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from image_assets.workers import ordered_map

# What is compared at a time: the exclusive ors of 16 × 8,192 pairs are 1 MB, which stays in a core's cache.
_NEW, _KNOWN = 16, 8_192


class HashPairs(NamedTuple):
    """Pairs of hashes that are alike.

    Attributes:
        new: uint64 [P], one of the new hashes.
        known: uint64 [P], one of the known hashes.
        distance: uint8 [P], the number of bits in which they differ.
    """

    new: np.ndarray
    known: np.ndarray
    distance: np.ndarray


def pairs_within(new: np.ndarray, known: Iterable[np.ndarray], distance: int) -> HashPairs:
    """All pairs of a new and a known hash that differ in at most `distance` bits, each pair of values once.

    Args:
        new: uint64 [N].
        known: Pieces of any length, uint64; held in memory one after the other.
        distance: 0 … 64.
    """
    wanted = np.unique(new)
    compare = partial(_compare, wanted, distance)
    found = [pairs for pairs in ordered_map(compare, _pieces(known), waiting_per_worker=2) if len(pairs.new)]
    if not found:
        return HashPairs(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.uint8))
    both = np.stack([np.concatenate([p.new for p in found]), np.concatenate([p.known for p in found])])
    both, first = np.unique(both, axis=1, return_index=True)
    return HashPairs(both[0], both[1], np.concatenate([p.distance for p in found])[first])


def _pieces(known: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for part in known:
        for start in range(0, len(part), _KNOWN):
            yield np.unique(part[start : start + _KNOWN])


def _compare(new: np.ndarray, distance: int, known: np.ndarray) -> HashPairs:
    shape = (_NEW, len(known))
    differing, bits, near = np.empty(shape, np.uint64), np.empty(shape, np.uint8), np.empty(shape, bool)
    hits = [HashPairs(new[:0], known[:0], bits[0, :0])]
    for start in range(0, len(new), _NEW):
        rows = new[start : start + _NEW]
        count = len(rows)
        np.bitwise_xor(rows[:, None], known[None, :], out=differing[:count])
        np.bitwise_count(differing[:count], out=bits[:count])
        np.less_equal(bits[:count], distance, out=near[:count])
        at, beside = np.divmod(np.flatnonzero(near[:count]), len(known))
        if len(at):
            hits.append(HashPairs(rows[at], known[beside], bits[at, beside]))
    return HashPairs(*(np.concatenate(column) for column in zip(*hits, strict=True)))
