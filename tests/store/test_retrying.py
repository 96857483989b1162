"""What is read again, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.exceptions import GenericError, PreconditionError

from image_assets.store import retrying
from image_assets.store.retrying import COUNTS, read_again, until_landed


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_FIRST_WAIT_SECONDS", 0)


def failing_with(errors: Sequence[Exception]) -> Callable[[], bytes]:
    left = list(errors)

    def read() -> bytes:
        if left:
            raise left.pop(0)
        return b"content"

    return read


def test_an_answer_that_breaks_off_is_read_again() -> None:
    assert read_again(failing_with([GenericError("the body broke off"), OSError("reset")])) == b"content"


def test_what_stays_away_is_told_after_four_times() -> None:
    errors = [OSError(str(number)) for number in range(9)]
    with pytest.raises(OSError, match="3"):
        read_again(failing_with(errors))


@pytest.mark.parametrize("refusal", [PermissionError("no"), PreconditionError("another"), FileNotFoundError("gone")])
def test_a_refusal_is_told_at_once(refusal: Exception) -> None:
    with pytest.raises(type(refusal)):
        read_again(failing_with([refusal]))


def counted_of(work: Callable[[], object]) -> dict[str, int]:
    before = COUNTS.so_far()
    work()
    found = {name: number - before.get(name, 0) for name, number in COUNTS.so_far().items()}
    return {name: number for name, number in found.items() if number}


def test_requests_bytes_and_retries_are_counted() -> None:
    errors = [GenericError("the body broke off"), OSError("reset")]
    assert counted_of(lambda: read_again(failing_with(errors))) == {"requests": 3, "retries": 2, "bytes": 7}
    assert counted_of(lambda: read_again(failing_with([]))) == {"requests": 1, "bytes": 7}


class _Lost(Exception):
    pass


@given(losses=st.integers(0, 8), tries=st.integers(1, 6))
def test_a_change_is_made_anew_until_it_lands_or_was_lost_too_often(losses: int, tries: int) -> None:
    errors = [_Lost(str(number)) for number in range(losses)]

    def change() -> None:
        if losses < tries:
            assert until_landed(failing_with(errors), _Lost, tries=tries) == b"content"
        else:
            with pytest.raises(_Lost, match=str(tries - 1)):
                until_landed(failing_with(errors), _Lost, tries=tries)

    lost = min(losses, tries - 1)
    assert counted_of(change) == ({"lost races": lost} if lost else {})


def test_what_is_no_lost_race_is_told_at_once() -> None:
    with pytest.raises(OSError, match="full"):
        until_landed(failing_with([OSError("full")]), _Lost)
