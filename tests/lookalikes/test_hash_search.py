from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from image_assets.lookalikes.hash_search import pairs_within

# Few bits, so that hashes meet; the highest one too, where signed and unsigned part.
hashes = st.lists(st.sampled_from([0, 1, 2, 3, 7, 15, 2**63, 2**63 + 1, 2**64 - 1, 2**40]), max_size=40)


def by_hand(new: list[int], known: list[int], distance: int) -> set[tuple[int, int, int]]:
    pairs = {(a, b, (a ^ b).bit_count()) for a in new for b in known}
    return {pair for pair in pairs if pair[2] <= distance}


@given(new=hashes, known=hashes, distance=st.integers(0, 64), cut=st.integers(0, 40))
def test_all_pairs_are_found_however_the_known_ones_are_cut(
    new: list[int], known: list[int], distance: int, cut: int
) -> None:
    parts = [np.array(part, np.uint64) for part in (known[:cut], known[cut:])]
    found = pairs_within(np.array(new, np.uint64), parts, distance)
    listed = list(zip(found.new.tolist(), found.known.tolist(), found.distance.tolist(), strict=True))
    assert len(listed) == len(set(listed))
    assert set(listed) == by_hand(new, known, distance)


def test_pairs_are_found_across_the_borders_of_what_is_compared_at_a_time() -> None:
    random = np.random.default_rng(0)
    new, known = (random.integers(0, 2**64, count, np.uint64) for count in (70, 20_000))
    for at in (0, 8_191, 8_192, 19_999):
        known[at] = new[at % 70] ^ np.uint64(0b101)
    found = pairs_within(new, [known], 4)
    expected = {(int(new[at % 70]), int(known[at]), 2) for at in (0, 8_191, 8_192, 19_999)}
    assert set(zip(found.new.tolist(), found.known.tolist(), found.distance.tolist(), strict=True)) == expected
