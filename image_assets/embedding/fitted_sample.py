"""Which images the map is made of, where they are too many: some of every category and group of lookalikes."""

from __future__ import annotations

import hashlib

import numpy as np


def fitted_sample(ids: np.ndarray, labels: np.ndarray, groups: np.ndarray, wanted: int, seed: int) -> np.ndarray:
    """Choose images so that small categories keep their place on the map, and lookalikes do not fill it.

    Half of the places are shared out evenly among the categories, the other half by how many images they have beyond
    that: a category of few is in whole. Within a category every group of lookalikes is taken once before any is taken
    twice. What is left to choose, a digest of seed and id decides, so that the order of the rows makes no difference,
    and a later sample has most of the same images.

    Args:
        ids: bytes [N], distinct.
        labels: Of their categories, int [N].
        groups: A number for every group of lookalikes, int [N]; -1: like no other.
        wanted: How many at most.
        seed: Another one gives another sample.

    Returns:
        Rows, int64, in ascending order of the ids.
    """
    if len(ids) <= wanted:
        return np.argsort(ids, kind="stable")
    drawn = np.array([_draw(one, seed) for one in ids.tolist()], dtype=np.uint64)
    alone = np.flatnonzero(groups < 0)
    groups = groups.astype(np.int64)
    groups[alone] = groups.max(initial=0) + 1 + np.arange(len(alone))
    before = _earlier_in_group(labels, groups, drawn)
    order = np.lexsort((drawn, before, labels))
    _, first, counts = np.unique(labels[order], return_index=True, return_counts=True)
    quotas = shares(counts, wanted)
    rows = np.concatenate([order[begin : begin + quota] for begin, quota in zip(first, quotas, strict=True)])
    return rows[np.argsort(ids[rows], kind="stable")]


def shares(counts: np.ndarray, wanted: int) -> np.ndarray:
    """How many of each category are taken, int64 [K]: half evenly, half by size; never more than there are.

    Args:
        counts: How many there are, int [K], each at least 1.
        wanted: How many together; all where they are no more.
    """
    counts = counts.astype(np.int64)
    if counts.sum() <= wanted:
        return counts
    even = np.minimum(counts, max(wanted // (2 * len(counts)), 1))
    if even.sum() > wanted:  # more categories than places: the largest ones
        largest = np.argsort(-counts, kind="stable")[:wanted]
        return np.isin(np.arange(len(counts)), largest).astype(np.int64)
    rest = counts - even
    exact = rest * (wanted - even.sum()) / rest.sum()
    given = even + exact.astype(np.int64)
    missing = wanted - int(given.sum())
    given[np.argsort(-(exact % 1), kind="stable")[:missing]] += 1
    return given


def _earlier_in_group(labels: np.ndarray, groups: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """How many of its own category and group were drawn before each."""
    order = np.lexsort((drawn, groups, labels))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (labels[order][1:] != labels[order][:-1]) | (groups[order][1:] != groups[order][:-1])
    begins = np.flatnonzero(new)
    position = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
    before = np.empty(len(order), dtype=np.int64)
    before[order] = position
    return before


def _draw(image_id: bytes, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed} ".encode() + image_id, digest_size=8).digest(), "little")
