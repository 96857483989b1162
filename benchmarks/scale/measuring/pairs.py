"""What it takes to compare a pair of hashes, and what an exact index would leave of all pairs.

The index is one of bands: two hashes of 64 bits that differ in at most ten of them differ in at most three bits of one
of three bands, so whoever is looked for in the band with up to three bits flipped is found (multi-index hashing:
Norouzi, Punjani and Fleet, Fast search in Hamming space with multi-index hashing, CVPR 2012).
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.extraction.inputs import PHOTOS
from benchmarks.scale.measuring.spent import Spent, core_seconds, now
from image_assets.images.decode import Limits, decode
from image_assets.images.metrics import measure
from image_assets.lookalikes.hash_search import pairs_within
from image_assets.settings.quality import NearDuplicates
from image_assets.workers import cores

BANDS = (21, 21, 22)
"""Bits of each."""
_NEW, _KNOWN = 2_000, 400_000
_INDEXED = 4_000_000
_PHOTOS = 900
_AT_ONCE = 64


def pair_cost() -> dict[str, Spent]:
    """Core seconds of a pair, of generated hashes."""
    random = np.random.default_rng(0)
    new, known = (random.integers(0, 2**63, count, np.uint64) for count in (_NEW, _KNOWN))
    distance = NearDuplicates().distance
    began = now()
    pairs_within(new, [known], distance)
    return {"near_pair": core_seconds(now() - began, cores()) / (_NEW * _KNOWN)}


def hashes_of(photos: Path) -> np.ndarray:
    """The hashes of pictures that differ, uint64."""
    files = sorted(path for path in photos.rglob("*.jp*g") if path.is_file())[:_PHOTOS]
    hashes = [measure(decode(path.read_bytes(), Limits()).pixels).perceptual_hash for path in files]
    return np.unique(np.array(hashes, np.int64).view(np.uint64))


def share_left(hashes: np.ndarray, distance: int) -> float:
    """How many pairs of all an index of bands has to look at; one that it finds in two bands it looks at twice."""
    differing = (hashes[:, None] ^ hashes[None, :])[np.triu_indices(len(hashes), 1)]
    flips = distance // len(BANDS)
    return float(sum((np.bitwise_count(_band(differing, at)) <= flips).mean() for at in range(len(BANDS))))


def looked_up(new: np.ndarray, known: np.ndarray, distance: int) -> Spent:
    """Core seconds for a pair that an index of bands leaves, looking for its place included, and making it not."""
    spent, pairs = np.zeros(2), 0
    for at, width in enumerate(BANDS):
        ordered, first = _index(known, at)
        flipped = _flips(width, distance // len(BANDS))
        began = now()
        for start in range(0, len(new), _AT_ONCE):
            pairs += _look(new[start : start + _AT_ONCE], at, flipped, (ordered, first), distance)
        spent += now() - began
    return spent / pairs


def _band(hashes: np.ndarray, at: int) -> np.ndarray:
    lower = np.uint64(sum(BANDS[:at]))
    return (hashes >> lower) & np.uint64((1 << BANDS[at]) - 1)


def _index(known: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes by a band, and where those of each of its values begin."""
    band = _band(known, at).astype(np.int64)
    first = np.zeros((1 << BANDS[at]) + 1, np.int64)
    np.cumsum(np.bincount(band, minlength=1 << BANDS[at]), out=first[1:])
    return known[np.argsort(band, kind="stable")], first


def _flips(width: int, most: int) -> np.ndarray:
    """What a band is changed by: each choice of at most so many of its bits."""
    chosen = (bits for count in range(most + 1) for bits in combinations(range(width), count))
    return np.array([sum(1 << bit for bit in bits) for bits in chosen], np.int64)


def _look(new: np.ndarray, at: int, flips: np.ndarray, index: tuple[np.ndarray, np.ndarray], distance: int) -> int:
    """Look at all pairs that a band leaves; how many they were."""
    ordered, first = index
    places = (_band(new, at).astype(np.int64)[:, None] ^ flips[None, :]).ravel()
    begin, count = first[places], first[places + 1] - first[places]
    of_each = count.reshape(len(new), -1).sum(axis=1)
    ends = np.cumsum(count)
    candidates = ordered[np.arange(ends[-1]) + np.repeat(begin - ends + count, count)]
    np.flatnonzero(np.bitwise_count(candidates ^ np.repeat(new, of_each)) <= distance)
    return len(candidates)


def main() -> None:
    """Say what an index would leave of the photos' pairs, and what a pair costs either way."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.measuring.pairs", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder of JPEG files, at any depth")
    share = share_left(hashes_of(parser.parse_args().photos), NearDuplicates().distance)
    random = np.random.default_rng(0)
    new, known = (random.integers(0, 2**63, count, np.uint64) for count in (_NEW, _INDEXED))
    left, all_pairs = looked_up(new, known, NearDuplicates().distance)[-1], pair_cost()["near_pair"][-1]
    text = f"{share:.2%} of all pairs, each {left / all_pairs:.0f} times as long: {share * left / all_pairs:.2f}"
    Console().print(text, highlight=False)


if __name__ == "__main__":
    main()
