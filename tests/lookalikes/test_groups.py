from __future__ import annotations

import datetime as dt

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from image_assets.lookalikes.groups import duplicate_groups
from tests.lookalikes.pairs import PAIRS

Image = tuple[int, str]


def name(image: int) -> str:
    return f"{image:02d}"


def pairs_of(pairs: list[tuple[int, int]]) -> pl.DataFrame:
    """Pairs of images of which the number says the day too: later ones arrive later."""
    day = [
        (dt.date(2026, 1, 1) + dt.timedelta(days=a // 3), dt.date(2026, 1, 1) + dt.timedelta(days=b // 3))
        for a, b in pairs
    ]
    return pl.DataFrame(
        {
            "image_id": [name(a) for a, _ in pairs],
            "date": [a for a, _ in day],
            "category": ["plant"] * len(pairs),
            "other_id": [name(b) for _, b in pairs],
            "other_date": [b for _, b in day],
            "other_category": ["plant"] * len(pairs),
        },
        schema=PAIRS,
    )


def groups_of(pairs: list[tuple[int, int]]) -> dict[str, str]:
    found = duplicate_groups(pairs_of(pairs))
    return dict(found.select("image_id", "group_id").iter_rows())


def by_hand(pairs: list[tuple[int, int]]) -> dict[str, str]:
    leader = {image: image for pair in pairs for image in pair}
    for _ in leader:
        for a, b in pairs:
            leader[a] = leader[b] = min(leader[a], leader[b])
    return {name(image): name(first) for image, first in leader.items()}


some_pairs = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)).filter(lambda pair: pair[0] != pair[1]))


@given(pairs=some_pairs, order=st.randoms())
def test_whoever_is_like_a_member_is_a_member_and_the_first_one_names_the_group(pairs, order) -> None:
    expected = by_hand(pairs)
    assert groups_of(pairs) == expected
    again = [*pairs, *((b, a) for a, b in pairs)]
    order.shuffle(again)
    assert groups_of(again) == expected


@given(pairs=some_pairs, later=st.lists(st.tuples(st.integers(0, 15), st.integers(16, 25))))
def test_later_days_rename_no_group_but_one_that_they_join_to_an_older_one(pairs, later) -> None:
    before, after = groups_of(pairs), groups_of(pairs + later)
    for image, group in before.items():
        assert after[image] <= group
    joined = {after[name(a)] for a, _ in later if name(a) in before}
    assert all(after[image] == group for image, group in before.items() if after[image] not in joined)
