"""What is tried again: requests to a bucket that does not answer, and changes that others were faster with.

A server that is away for seconds is waited for here, request by request. Longer than that, the step is run again: see
`orchestration`, which does so for errors that can pass. Downloads from the web have their own setting, `retries`, in
the dataset file.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError

if TYPE_CHECKING:
    from obstore.store import RetryConfig

T = TypeVar("T")

TRIES = 5
OF_OBSTORE: RetryConfig = {"max_retries": TRIES, "retry_timeout": dt.timedelta(seconds=20)}
"""obstore's `retry_config`."""
OF_BOTO = {"max_attempts": TRIES, "mode": "standard"}
"""botocore's `retries`."""
_REFUSALS = (PermissionError, PermissionDeniedError, UnauthenticatedError, PreconditionError, FileNotFoundError)
_READS = 4
_FIRST_WAIT_SECONDS = 0.2


class Counts:
    """How often something was asked for in this process, from whatever thread: requests, bytes, retries, lost races."""

    def __init__(self) -> None:
        self._lock, self._counts = Lock(), Counter[str]()

    def add(self, name: str, number: int = 1) -> None:
        """Count something."""
        with self._lock:
            self._counts[name] += number

    def so_far(self) -> dict[str, int]:
        """All that was counted until now."""
        with self._lock:
            return dict(self._counts)


COUNTS = Counts()


def read_again(read: Callable[[], bytes]) -> bytes:
    """Read, and read again, with longer and longer waits, after what may pass.

    obstore tries a request again until the answer begins; an answer that breaks off is read again here.
    """

    def counted() -> bytes:
        COUNTS.add("requests")
        content = read()
        COUNTS.add("bytes", len(content))
        return content

    for attempt in range(_READS - 1):
        try:
            return counted()
        except _REFUSALS:
            raise
        except (BaseError, OSError):
            COUNTS.add("retries")
            time.sleep(_FIRST_WAIT_SECONDS * 2**attempt)
    return counted()


def until_landed(
    change: Callable[[], T], *lost: type[Exception], tries: int = TRIES, longest_wait_seconds: float = 0
) -> T:
    """Look, decide and put, and all of that anew where somebody else was faster.

    Args:
        change: All three of them.
        lost: What it raises where what it saw has changed.
        tries: So often at most; then the last of these errors is raised.
        longest_wait_seconds: Between two tries a time up to this is waited, drawn by lot, so that many writers do not
            march in step; shorter at first.
    """
    for attempt in range(1, tries):
        try:
            return change()
        except lost:
            COUNTS.add("lost races")
            time.sleep(random.uniform(0, longest_wait_seconds * min(attempt / 10, 1)))
    return change()
