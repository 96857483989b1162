from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.classifier.training.split import held_out
from tests.classifier.synthetic import image_ids

ids = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(st.lists(ids, max_size=30, unique=True), st.floats(0, 1), st.randoms())
def test_side_depends_on_the_id_alone(all_ids, share, random):
    sides = dict(zip(all_ids, held_out(all_ids, share).tolist(), strict=True))
    some = random.sample(all_ids, random.randint(0, len(all_ids)))
    assert held_out(some, share).tolist() == [sides[one] for one in some]


@given(st.lists(ids, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_larger_share_keeps_what_a_smaller_one_held_out(all_ids, one, other):
    small, large = held_out(all_ids, min(one, other)), held_out(all_ids, max(one, other))
    assert not np.any(small & ~large)


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
@pytest.mark.parametrize("classes", [1, 10])
def test_every_class_gets_the_share_up_to_chance(share, classes):
    sides = held_out(image_ids(20_000), share)
    for part in np.array_split(sides, classes):
        assert abs(part.sum() - len(part) * share) < 5 * math.sqrt(len(part) * share * (1 - share))


def test_head_of_a_sorted_table_holds_both_sides():
    # Where the leading digits decided, it would be held-out images only.
    assert 200 < held_out(sorted(image_ids(20_000))[:1000], 0.25).sum() < 300


def test_bounds():
    def one(last: int) -> str:
        return "f" * 51 + f"{last:013x}"

    quarter = 16**13 // 4
    assert held_out([one(0), one(quarter - 1), one(quarter), one(16**13 - 1)], 0.25).tolist() == [
        True,
        True,
        False,
        False,
    ]
    assert held_out([one(0)], 0).tolist() == [False]
    assert held_out([one(16**13 - 1)], 1).tolist() == [True]
    assert held_out([], 0.25).shape == (0,)


def test_series_and_list_agree():
    some = image_ids(50)
    assert held_out(pl.Series(some), 0.3).tolist() == held_out(some, 0.3).tolist()


@pytest.mark.parametrize("wrong", ["", "abc", "F" * 64, "g" * 64, "0" * 65, "0" * 63 + "\n", None])
def test_other_ids_are_refused_by_row(wrong):
    with pytest.raises(ValueError, match=r"1 of 3 image ids .* in row 1"):
        held_out(pl.Series([image_ids(1)[0], wrong, image_ids(2)[1]], dtype=pl.String), 0.25)
