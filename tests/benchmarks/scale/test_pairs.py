"""What an index of hashes would leave: what is counted and timed is an index that misses no pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.scale.measuring.pairs import BANDS, hashes_of, looked_up, share_left
from tests.pictures import picture


def test_hashes_within_ten_bits_are_within_three_in_one_band() -> None:
    assert sum(BANDS) == 64
    random = np.random.default_rng(0)
    for _ in range(200):
        flipped = sum(1 << int(bit) for bit in random.choice(64, 10, replace=False))
        pair = np.array([0, flipped], np.uint64)
        assert share_left(pair, 10) >= 1
    # The negative control: of those that differ everywhere none is left.
    assert share_left(np.array([0, 2**64 - 1], np.uint64), 10) == 0


def test_what_is_looked_up_is_what_is_counted() -> None:
    """Of all 2 ** 6 hashes of two bits in each band, every pair is within four bits of each band: each is looked at."""
    spread = [sum(1 << place for bit, place in enumerate((0, 1, 21, 22, 42, 43)) if n >> bit & 1) for n in range(64)]
    hashes = np.array(spread, np.uint64)
    assert share_left(hashes, 10) == len(BANDS)
    assert np.all(looked_up(hashes, hashes, 10) >= 0)


def test_pictures_that_are_the_same_are_counted_once(tmp_path: Path) -> None:
    for name, (kind, seed) in {"one": (0, 0), "copy": (0, 0), "other": (1, 0)}.items():
        (tmp_path / f"{name}.jpg").write_bytes(picture(kind, seed))
    assert len(hashes_of(tmp_path)) == 2
