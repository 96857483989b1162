"""The parts of the simulation against what can be worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale.queues import Prefix, Slots, Table, waves


def seconds_of(places: int, *works: tuple[Any, ...]) -> tuple[float, Slots]:
    environment = simpy.Environment()
    slots = Slots(environment, places)
    environment.run(environment.all_of([environment.process(slots.run(*work)) for work in works]))
    return environment.now, slots


@given(st.integers(0, 400), st.integers(1, 50), st.floats(0.01, 100))
def test_units_of_one_length_take_as_many_waves_as_places_make_necessary(units: int, places: int, each: float) -> None:
    seconds, slots = seconds_of(places, (units, each))
    assert seconds == pytest.approx(math.ceil(units / places) * each)
    assert waves(units, places) == math.ceil(units / places)
    assert slots.busy == pytest.approx(units * each)


def test_one_place_is_a_queue() -> None:
    assert seconds_of(1, (3, 2.0), (5, 1.0))[0] == pytest.approx(3 * 2 + 5 * 1)


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(1, 60), st.floats(0.1, 5)), min_size=1, max_size=5))
def test_no_work_is_lost_and_no_place_is_idle_while_some_waits(places: int, works: list[tuple[int, float]]) -> None:
    seconds, slots = seconds_of(places, *works)
    work, longest = sum(units * each for units, each in works), max(each for _, each in works)
    assert slots.busy == pytest.approx(work)
    # Graham's bound of any schedule that leaves no place idle.
    assert work / places <= seconds * (1 + 1e-9)
    assert seconds <= work / places + longest * (1 - 1 / places) + 1e-9


def test_two_that_wait_share_what_is_free() -> None:
    assert seconds_of(4, (4, 1.0), (4, 1.0))[0] == pytest.approx(2.0)
    # Both get half: neither waits for the other to be over.
    environment = simpy.Environment()
    slots, ends = Slots(environment, 2), {}

    def told(name: str, units: int) -> object:
        yield from slots.run(units, 1.0)
        ends[name] = environment.now

    for name, units in (("long", 10), ("short", 2)):
        environment.process(told(name, units))  # pyright: ignore[reportArgumentType]
    environment.run()
    assert ends["short"] < ends["long"] == pytest.approx(6.0)


def test_a_prefix_answers_at_its_rate() -> None:
    environment = simpy.Environment()
    prefix = Prefix(environment, 100)
    assert [prefix.ask(200), prefix.ask(100)] == [2.0, 3.0]
    environment.run(environment.timeout(10))
    assert prefix.ask(100) == 1.0
    assert Prefix(environment, math.inf).ask(1e12) == 0


def commits(writers: int, look: float | None, seconds: float = 2.0) -> tuple[float, Table]:
    environment = simpy.Environment()
    table = Table(environment)
    looked = None if look is None else lambda: look
    began = [environment.process(table.commit(3, lambda _: seconds, looked)) for _ in range(writers)]
    environment.run(environment.all_of(began))
    return environment.now, table


def test_commits_of_a_table_come_one_after_the_other() -> None:
    seconds, table = commits(7, None)
    assert seconds == 14.0
    assert (table.version, table.files, table.lost) == (7, 21, 0)


def test_who_meets_another_commit_looks_again() -> None:
    seconds, table = commits(3, look=5.0)
    # All look at version 0; two look again, one of them twice. What they look at meanwhile is old.
    assert (table.version, table.lost) == (3, 3)
    assert seconds == 3 * (5.0 + 2.0)


def test_a_table_saturates_at_its_rate() -> None:
    busy = [table.busy / seconds for seconds, table in (commits(writers, None, 0.5) for writers in (1, 10, 100))]
    assert busy == [1.0, 1.0, 1.0]
    assert commits(100, None, 0.5)[0] / 100 == 0.5


@given(st.integers(1, 60), st.integers(1, 20), st.floats(0.1, 5), st.floats(0.1, 5))
def test_every_place_that_is_new_begins_once(units: int, places: int, each: float, begin: float) -> None:
    environment, had = simpy.Environment(), list[int]()
    slots = Slots(environment, places)

    def told() -> object:
        had.append((yield from slots.run(units, each, begin=begin)))

    environment.process(told())  # pyright: ignore[reportArgumentType]
    environment.run()
    assert had == [min(units, places)]
    assert slots.busy == pytest.approx(units * each + min(units, places) * begin)


def test_without_a_beginning_nothing_is_longer() -> None:
    assert seconds_of(3, (7, 2.0, lambda _: 0.0, 0.0))[0] == seconds_of(3, (7, 2.0))[0] == pytest.approx(6.0)
    # The first of three waves begins on all places, the others find them begun.
    assert seconds_of(3, (7, 2.0, lambda _: 0.0, 5.0))[0] == pytest.approx(6.0 + 5.0)
