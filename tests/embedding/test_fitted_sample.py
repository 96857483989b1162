"""What a map is made of: of every category some, and of every group of lookalikes one."""

from __future__ import annotations

import numpy as np
import pytest

from image_assets.embedding.fitted_sample import fitted_sample, shares

IDS = np.array([f"{n:04}" for n in range(1_000)], dtype=np.bytes_)
LABELS = np.where(np.arange(1_000) < 980, 0, 1)
ALONE = np.full(1_000, -1)


def test_a_small_category_is_in_whole_and_evenly_spread_rows_would_lose_most_of_it() -> None:
    rows = fitted_sample(IDS, LABELS, ALONE, 100, 0)
    assert len(rows) == 100
    assert (LABELS[rows] == 1).sum() == 20
    assert (LABELS[::10] == 1).sum() == 2


def test_a_group_of_lookalikes_is_there_once_before_any_is_there_twice() -> None:
    groups = np.where(np.arange(1_000) < 900, 7, -1)
    rows = fitted_sample(IDS, LABELS, groups, 200, 0)
    assert (groups[rows] == -1).sum() == 100
    few = fitted_sample(IDS, LABELS, groups, 100, 0)
    assert (groups[few] == 7).sum() <= 1


def test_the_order_of_the_rows_makes_no_difference_and_the_seed_does() -> None:
    shuffled = np.random.default_rng(0).permutation(1_000)
    chosen = fitted_sample(IDS, LABELS, ALONE, 100, 0)
    again = fitted_sample(IDS[shuffled], LABELS[shuffled], ALONE, 100, 0)
    assert IDS[chosen].tolist() == IDS[shuffled][again].tolist()
    assert IDS[chosen].tolist() != IDS[fitted_sample(IDS, LABELS, ALONE, 100, 1)].tolist()


def test_a_later_sample_has_most_of_the_same_images() -> None:
    more = np.array([f"{n:04}" for n in range(1_100)], dtype=np.bytes_)
    labels = np.concatenate([LABELS, np.zeros(100, dtype=int)])
    before = set(IDS[fitted_sample(IDS, LABELS, ALONE, 100, 0)].tolist())
    after = set(more[fitted_sample(more, labels, np.full(1_100, -1), 100, 0)].tolist())
    assert len(before & after) > 80


def test_all_are_taken_where_they_are_no_more_than_wanted() -> None:
    assert fitted_sample(IDS[:50][::-1], LABELS[:50], ALONE[:50], 100, 0).tolist() == list(range(50))[::-1]


@pytest.mark.parametrize(
    ("counts", "wanted", "found"),
    [
        ([10, 20], 100, [10, 20]),
        ([1_000, 5], 100, [95, 5]),
        ([500, 500], 100, [50, 50]),
        ([700, 300, 10], 100, [57, 33, 10]),
        ([3, 9, 1], 2, [1, 1, 0]),
    ],
)
def test_half_is_shared_evenly_and_half_by_size(counts: list[int], wanted: int, found: list[int]) -> None:
    assert shares(np.array(counts), wanted).tolist() == found
