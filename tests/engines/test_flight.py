"""The units of a run on a cluster, without one: how many are begun, which are begun twice, and which copy counts."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.engines.engine import Unit
from image_assets.engines.flight import LATE_SECONDS, Flight
from image_assets.workers import Progress


def nothing(threads: int, progress: Progress) -> str:
    return ""


class Cluster:
    """Where units are begun and end when the test says so."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.now = 0.0
        self.begun: list[int] = []
        self.failing: set[str] = set()
        units = [Unit(str(number), size, nothing) for number, size in enumerate(sizes)]
        self.flight: Flight[str, str] = Flight(units, self._start, self._result, lambda: self.now)

    def _start(self, number: int, is_copy: bool) -> str:
        assert is_copy == (number in self.begun)
        self.begun.append(number)
        return f"{number}#{self.begun.count(number)}"

    def _result(self, ref: str, unit: Unit[str]) -> str:
        if ref in self.failing:
            raise FileNotFoundError(ref)
        return ref


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 7), st.randoms())
def test_every_unit_is_begun_once_and_no_more_at_a_time_than_the_window(sizes, window, random) -> None:
    cluster = Cluster(sizes)
    flight = cluster.flight
    while not flight.all_ended:
        flight.begin(window)
        under_way = flight.refs
        assert 0 < len(under_way) <= window
        flight.take(random.sample(under_way, random.randint(1, len(under_way))))
    assert cluster.begun == list(range(len(sizes)))
    assert flight.results == [f"{number}#1" for number in range(len(sizes))]
    assert flight.steps({}) == flight.total == sum(sizes)


def late(cluster: Cluster) -> Flight[str, str]:
    """Two units of ten seconds each ended; the third has run for a minute."""
    flight = cluster.flight
    flight.begin(3)
    flight.steps({0: (0, 0.0), 1: (0, 0.0), 2: (0, 0.0)})
    cluster.now = 10.0
    assert flight.take(["0#1", "1#1"]) == [0, 1]
    cluster.now = 60.0
    return flight


def test_a_unit_that_is_late_is_begun_once_more_and_the_first_copy_counts() -> None:
    cluster = Cluster([5, 5, 5])
    flight = late(cluster)
    flight.begin_copies(slots=2)
    flight.begin_copies(slots=2)
    assert flight.refs == ["2#1", "2#2"]
    assert flight.take(["2#2"]) == [2]
    assert flight.all_ended
    assert flight.take(["2#1"]) == []
    assert flight.results[2] == "2#2"
    assert flight.steps({2: (3, 1.0)}) == 15


def test_a_copy_that_is_late_too_is_begun_once_more_and_no_more_often() -> None:
    """As where the cluster has put it behind the very unit that is late."""
    cluster = Cluster([5, 5, 5])
    flight = late(cluster)
    flight.begin_copies(slots=2)
    cluster.now += 20.0
    flight.begin_copies(slots=2)
    assert flight.refs == ["2#1", "2#2"]
    cluster.now += 0.1
    flight.begin_copies(slots=2)
    assert flight.refs == ["2#1", "2#2", "2#3"]
    cluster.now += 1_000.0
    flight.begin_copies(slots=9)
    assert flight.refs == ["2#1", "2#2", "2#3"]
    assert flight.take(["2#3"]) == [2]
    assert flight.all_ended


def test_a_unit_that_never_begins_though_places_are_free_is_begun_once_more() -> None:
    cluster = Cluster([5, 5, 5, 5])
    flight = cluster.flight
    flight.begin(4)
    flight.steps({0: (0, 0.0), 2: (0, 0.0)})
    cluster.now = LATE_SECONDS
    flight.take(["0#1"])
    flight.begin_copies(slots=2)
    # The place of what ended just now was given to one of the others, which will be heard of.
    assert flight.refs == ["1#1", "2#1", "3#1"]
    cluster.now += 3
    flight.begin_copies(slots=1)
    assert flight.refs == ["1#1", "2#1", "3#1"]
    flight.begin_copies(slots=2)
    assert flight.refs == ["1#1", "2#1", "3#1", "1#2"]


def test_how_often_units_end_is_known_once_several_have() -> None:
    cluster = Cluster([1] * 200)
    cluster.flight.begin(200)
    for number in range(200):
        cluster.now += 7.0 if number < 50 else 0.5
        assert (cluster.flight.seconds_between == inf) == (number < 20)
        cluster.flight.take([f"{number}#1"])
    # Of the last: what was long ago says nothing.
    assert cluster.flight.seconds_between == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("size", "slots", "now"),
    [(5, 1, 60.0), (5, 2, 19.9), (50, 2, 60.0)],
    ids=["no place is free", "it is not late yet", "it is larger than the others"],
)
def test_where_there_is_no_need_for_a_copy_none_is_begun(size: int, slots: int, now: float) -> None:
    cluster = Cluster([5, 5, size])
    flight = late(cluster)
    cluster.now = now
    flight.begin_copies(slots)
    assert flight.refs == ["2#1"]


def test_quick_units_are_not_begun_twice_for_being_a_little_slower() -> None:
    cluster = Cluster([1, 1])
    flight = cluster.flight
    flight.begin(2)
    flight.steps({0: (0, 0.0), 1: (0, 0.0)})
    cluster.now = 0.1
    flight.take(["0#1"])
    cluster.now = LATE_SECONDS - 0.1
    flight.begin_copies(5)
    assert flight.refs == ["1#1"]
    cluster.now = LATE_SECONDS + 0.1
    flight.begin_copies(5)
    assert flight.refs == ["1#1", "1#2"]


def test_a_copy_that_fails_is_no_error_while_the_other_goes_on() -> None:
    cluster = Cluster([5, 5, 5])
    flight = late(cluster)
    flight.begin_copies(slots=2)
    cluster.failing = {"2#1"}
    assert flight.take(["2#1"]) == []
    assert not flight.all_ended
    cluster.failing = {"2#2"}
    with pytest.raises(FileNotFoundError, match="2#2"):
        flight.take(["2#2"])
