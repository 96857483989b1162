"""Of pictures that look alike one is kept, of all others every one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from image_assets.lookalikes.bursts import one_of_each


def kept(hashes: list[int], distance: int) -> list[bool]:
    return one_of_each(np.array(hashes, np.uint64), distance).tolist()


def test_the_first_of_each_is_kept_and_whoever_looks_like_a_lookalike_is_one() -> None:
    far = 2**64 - 1
    assert kept([0b1, far, 0b111, 0b11111, far, 0b1], 2) == [True, True, False, False, False, False]
    assert kept([0b1, far, 0b111, 0b11111, far, 0b1], 0) == [True, True, True, True, False, False]
    assert kept([], 10) == []


@given(st.lists(st.integers(0, 255), max_size=30), st.integers(0, 4))
def test_what_is_kept_are_different_pictures_and_each_picture_has_one(hashes: list[int], distance: int) -> None:
    groups: list[set[int]] = []
    for one in set(hashes):
        near = [group for group in groups if any((one ^ other).bit_count() <= distance for other in group)]
        groups = [group for group in groups if group not in near] + [{one}.union(*near)]
    found = [one for one, is_kept in zip(hashes, kept(hashes, distance), strict=True) if is_kept]
    assert [sum(one in group for one in found) for group in groups] == [1] * len(groups)
