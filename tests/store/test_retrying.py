"""What is read again, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from obstore.exceptions import GenericError, PreconditionError

from image_assets.store import retrying
from image_assets.store.retrying import read_again


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
