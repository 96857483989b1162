"""One rule for all checks: an ERROR blocks or says why not, and makes the run fail; a WARN never blocks."""

import pytest

from image_assets.asset_checks import all_checks
from image_assets.asset_checks.check import ERROR, WARN, Check, Outcome, Subject, check
from image_assets.health.day_result import CheckResult, DayResult


@pytest.mark.parametrize("one", all_checks(), ids=lambda one: one.name)
def test_an_error_blocks_or_says_why_not(one: Check) -> None:
    if one.severity is ERROR:
        assert one.blocking != bool(one.not_blocking_because)
    else:
        assert not one.blocking


def test_a_warning_that_says_why_it_does_not_block_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="never blocks"):

        @check("Nothing is odd.", severity=WARN, not_blocking_because="it is a warning")
        def nothing_odd(_: Subject) -> Outcome:
            return Outcome(True)


def _failed(severity: str, *, blocking: bool) -> DayResult:
    return DayResult(checks=[CheckResult("raw_images", "some", None, False, severity, blocking, "")])


def test_an_error_that_blocks_nothing_makes_the_run_fail_but_holds_nothing_back() -> None:
    result = _failed("ERROR", blocking=False)
    assert (result.ok, result.sound) == (False, True)


def test_a_warning_does_neither() -> None:
    result = _failed("WARN", blocking=False)
    assert (result.ok, result.sound) == (True, True)


def test_a_blocking_error_does_both() -> None:
    result = _failed("ERROR", blocking=True)
    assert (result.ok, result.sound) == (False, False)
