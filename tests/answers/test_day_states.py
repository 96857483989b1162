"""One state of a day: the worst of all that is known, and nothing that is missing looks well."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.answers.day_states import STATES, DayState, OneDay, day_states
from image_assets.answers.health import CategoryHealth, Health
from image_assets.answers.other_features import OtherFeatures
from image_assets.answers.status import Status
from image_assets.health.check_book import CheckState, CheckStatus
from image_assets.health.days import TO_BE_RUN, OpenDay
from image_assets.health.days import DayState as Open
from image_assets.schema import Partition

MONDAY = dt.date(2026, 11, 2)
PLANT = Partition(MONDAY, "plant")
_ANY = st.lists(st.sampled_from(get_args(CheckStatus)), max_size=6)


def states(*checks: CheckState, open_days: tuple[OpenDay, ...] = (), running: frozenset[str] = frozenset()):
    health = Health("drawn", MONDAY, [], list(checks) or None, [], list(open_days))
    found = day_states(Status((), health, ()), running)
    return {one.partition: one for one in found}


def check(state: CheckStatus, name: str = "a", at: Partition | None = PLANT, run: str = "r") -> CheckState:
    return CheckState("raw_images", name, at, state, f"{state} it is", run)


def test_a_day_with_images_that_no_check_looked_at_is_not_well_and_says_what_to_do() -> None:
    health = Health("drawn", MONDAY, [], None, [], [], never_checked=[PLANT])
    (_, one) = day_states(Status((), health, ()))
    assert (one.partition, one.state) == (PLANT, "not evaluated")
    said = f"no check has looked at it (image-assets run --day {MONDAY} --category plant --checks-only)"
    assert [cause.said for cause in one.causes] == [said]


def test_a_day_whose_features_are_of_another_extractor_is_to_be_run() -> None:
    health = Health("drawn", MONDAY, [], [check("passed")], [], [])
    (_, one) = day_states(Status((), health, (), other_features=OtherFeatures({PLANT: 16})))
    assert (one.partition, one.state) == (PLANT, "to be run")
    said = f"16 images; run it again (image-assets run --day {MONDAY} --category plant)"
    assert [(cause.what, cause.said) for cause in one.causes] == [("features of another extractor", said)]
    assert one.wanting
    (_, none) = day_states(Status((), health, (), other_features=OtherFeatures()))
    assert none.state == "passed"


def of(*checks: CheckState, **more: object) -> OneDay:
    return states(*checks, **more)[PLANT]  # pyright: ignore[reportArgumentType]


@given(found=_ANY)
def test_the_worst_wins_and_what_passed_alone_is_passed(found: list[CheckStatus]) -> None:
    one = states(*(check(state, str(number)) for number, state in enumerate(found))).get(PLANT)
    if one is None:
        assert not found
        return
    bad = [state for state in ("failed", "unfinished", "warned") if state in found]
    expected = bad[0] if bad else "passed" if "passed" in found else "not evaluated"
    assert one.state == expected
    assert sum(one.checks.values()) == len(found)
    assert [cause.state for cause in one.causes] == sorted((s for s in found if s != "passed"), key=STATES.index)


def test_what_was_not_evaluated_is_told_from_what_passed() -> None:
    assert of(check("not evaluated")).state == "not evaluated"
    one = of(check("not evaluated"), check("passed", "b"))
    assert (one.state, [cause.state for cause in one.causes]) == ("passed", ["not evaluated"])


@pytest.mark.parametrize("state", get_args(Open))
def test_a_day_that_is_open_never_passes(state: Open) -> None:
    expected: DayState = "failed" if state == "run and failed" else "to be run" if state in TO_BE_RUN else "nothing"
    one = of(open_days=(OpenDay(PLANT, state),))
    assert one.state == expected
    (cause,) = one.causes
    assert (cause.what, cause.since) == (state, MONDAY)
    assert ("image-assets run --day 2026-11-02 --category plant" in cause.said) == (expected != "nothing")
    if expected != "nothing":
        assert of(check("passed"), open_days=(OpenDay(PLANT, state),)).state == expected


def test_what_a_run_has_not_come_to_yet_is_no_failure() -> None:
    assert of(check("unfinished", run="r")).state == "unfinished"
    assert of(check("unfinished", run="r"), running=frozenset({"r"})).state == "running"
    failed = OpenDay(PLANT, "run and failed")
    assert of(open_days=(failed,), running=frozenset({"r"})).state == "failed"
    assert of(open_days=(failed,), running=frozenset({"r", str(PLANT)})).state == "running"
    assert of(check("failed", "b"), check("unfinished", run="r"), running=frozenset({"r"})).state == "failed"


def test_since_when_is_the_first_of_the_days_that_follow_each_other() -> None:
    days = [Partition(MONDAY + dt.timedelta(days=number), "plant") for number in range(5)]
    found = states(
        *(
            check(state, at=day)
            for day, state in zip(days, ("failed", "passed", "warned", "failed", "failed"), strict=True)
        ),
        check("failed", at=Partition(days[4].date, "animal")),
    )
    assert found[days[0]].causes[0].since == days[0].date
    assert found[days[4]].causes[0].since == days[2].date
    assert found[Partition(days[4].date, "animal")].causes[0].since == days[4].date


def test_a_category_that_is_late_is_no_well_day() -> None:
    behind = CategoryHealth("plant", MONDAY, MONDAY, 2, 1, 0.0, 0.0, None, None)
    due = Partition(MONDAY + dt.timedelta(days=2), "plant")
    found = _of_categories(due.date, behind)
    assert (found[due].state, found[due].causes[0].what) == ("warned", "late")
    assert found[due].causes[0].since == MONDAY + dt.timedelta(days=1)
    fresh = dataclasses.replace(behind, days_behind=0)
    assert due not in _of_categories(due.date, fresh)
    never = dataclasses.replace(behind, last_day=None, last_run=None, days_behind=None)
    assert _of_categories(due.date, never)[due].state == "warned"


def _of_categories(due: dt.date, one: CategoryHealth) -> dict[Partition | None, OneDay]:
    health = Health("drawn", due, [one], None, [], [])
    return {found.partition: found for found in day_states(Status((), health, ()))}


def test_the_whole_dataset_comes_first_and_without_checks_nothing_passed() -> None:
    assert list(states()) == [None]
    assert states()[None].state == "nothing"
    assert states(check("warned", at=None))[None].state == "warned"
