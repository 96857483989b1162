"""S7 of the scorecard: no door crashes, hangs, or raises what it does not say it raises."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.fuzzing.doors import DOORS, Door
from tests.fuzzing.driver import Fault, fuzz
from tests.fuzzing.mutation import mutated
from tests.torture.size import record, rounds_of


# What reads models takes long to import, twice.
@pytest.mark.parametrize("name", [pytest.param(one, marks=[pytest.mark.long] * (one == "models")) for one in DOORS])
def test_damaged_inputs_are_taken_or_refused(name: str) -> None:
    door = DOORS[name]()
    for seed in door.seeds:
        try:
            door.enter(seed)
        except door.refusals:
            assert name == "uploads"  # an empty form is refused
    outcome = fuzz(name, round(rounds_of("S7") * door.share))
    assert outcome.faults == ()
    assert outcome.played == outcome.taken + outcome.refused
    assert min(outcome.taken, outcome.refused) > 0
    counted = {f"{name} taken": outcome.taken, f"{name} refused": outcome.refused}
    record("S7", rounds=outcome.played, **counted)


def test_all_inputs_are_shared_out() -> None:
    assert sum(make().share for make in DOORS.values()) == pytest.approx(1)


def test_the_same_number_gives_the_same_input() -> None:
    seeds = (b"one good input", b"another one")
    assert [mutated(seeds, number) for number in range(200)] == [mutated(seeds, number) for number in range(200)]
    assert len({mutated(seeds, number) for number in range(200)}) > 150


def _enter(content: bytes) -> None:
    if content == mutated((b"seed",), 7):
        raise KeyError("not said")
    if content == mutated((b"seed",), 9):
        os.abort()
    if content == mutated((b"seed",), 11):
        end = time.process_time() + 60
        while time.process_time() < end:
            pass
    if content[:1] == b"s":
        raise ValueError("refused")


def _with_faults() -> Door:
    return Door((b"seed",), _enter, (ValueError,), 1)


@pytest.mark.long
def test_what_crashes_hangs_or_raises_something_else_is_found_and_the_rest_is_played(tmp_path: Path) -> None:
    """The control."""
    outcome = fuzz("planted", 30, {"planted": _with_faults})
    assert outcome.faults == (
        Fault("planted", 7, "KeyError: 'not said'"),
        Fault("planted", 9, "ends the process with status -6"),
        Fault("planted", 11, "hangs for more than 5 seconds"),
    )
    assert (outcome.played, outcome.taken + outcome.refused) == (30, 27)
