"""A day is compared with the days just before it and with the first ones; small days together with those before."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from image_assets.health.drift_days import compared_days
from image_assets.settings.quality import Drift

START = dt.date(2026, 9, 7)


def day(number: int) -> dt.date:
    return START + dt.timedelta(days=number)


def numbers(days) -> list[int]:
    return [(one - START).days for one in days]


def chosen(images: dict[int, int], on: int, **spec: object) -> tuple[list[int], list[int], list[int]]:
    days = compared_days({day(one): n for one, n in images.items()}, day(on), Drift.model_validate(spec))
    return numbers(days.pool), numbers(days.window), numbers(days.reference)


def test_a_large_day_stands_for_itself_beside_its_window_and_the_first_days() -> None:
    assert chosen(dict.fromkeys(range(60), 100), 40, window_days=3, reference_days=2) == ([40], [37, 38, 39], [0, 1])


def test_first_days_within_the_window_are_not_compared_twice() -> None:
    images = dict.fromkeys(range(60), 100)
    assert chosen(images, 14)[2] == []
    assert chosen(images, 15)[2] == list(range(14))
    assert chosen(images, 40, reference_days=0)[2] == []


def test_first_days_of_few_images_become_more() -> None:
    assert chosen({0: 30, 5: 30, 9: 30, 12: 30, 20: 500, 60: 100}, 60, reference_days=2)[2] == [0, 5, 9, 12]


def test_a_new_normal_begins_on_the_day_that_is_given() -> None:
    images = dict.fromkeys(range(60), 100)
    assert chosen(images, 50, reference_from=day(20), reference_days=3)[2] == [20, 21, 22]
    assert chosen(images, 50, reference_from=day(50))[2] == []
    assert chosen(images, 50, reference_from=day(40))[2] == []  # all within the window


def test_small_days_are_pooled_and_the_window_lies_before() -> None:
    images = dict.fromkeys(range(60), 30)
    assert chosen(images, 40, window_days=5) == ([37, 38, 39, 40], [32, 33, 34, 35, 36], list(range(14)))
    assert chosen(images, 40, window_days=2)[0] == [38, 39, 40]


def test_a_day_without_images_is_not_compared() -> None:
    assert chosen({0: 100, 1: 100, 2: 0}, 2) == ([], [], [])
    assert chosen({}, 2) == ([], [], [])


@given(
    st.dictionaries(st.integers(0, 60), st.integers(0, 150)),
    st.integers(0, 60),
    st.integers(1, 30),
    st.integers(0, 30),
    st.none() | st.integers(0, 60),
    st.integers(20, 200),
)
def test_whatever_days_hold_the_sides_are_apart_and_no_larger_than_need_be(
    images: dict[int, int], on: int, window_days: int, reference_days: int, first: int | None, enough: int
) -> None:
    reference_from = None if first is None else day(first)
    pool, window, reference = chosen(
        images,
        on,
        window_days=window_days,
        reference_days=reference_days,
        reference_from=reference_from,
        min_images=enough,
    )
    assert bool(pool) == (images.get(on, 0) > 0)
    assert all(images[one] for one in (*pool, *window, *reference))
    assert all(days == sorted(set(days)) for days in (pool, window, reference))
    if not pool:
        return
    assert pool[-1] == on
    assert pool[0] >= on - window_days
    assert sum(images[one] for one in pool[1:]) < enough
    assert all(pool[0] - window_days <= one < pool[0] for one in window)
    assert all((first or 0) <= one < pool[0] for one in reference)
    if reference:
        assert not set(reference) <= set(window)
        assert all(one in reference for one in images if images[one] and reference[0] <= one <= reference[-1])
    later = {one: n for one, n in images.items() if one <= on} | {on + 1: 77}
    spec = {"window_days": window_days, "reference_days": reference_days, "min_images": enough}
    assert chosen(later, on, reference_from=reference_from, **spec) == (pool, window, reference)
