"""How long a bucket that does not answer is waited for: what every request is given before its error is anybody's.

A server that is away for seconds is waited for here, request by request. Longer than that, the step is run again: see
`orchestration`, which does so for errors that can pass. Downloads from the web have their own setting, `retries`, in
the dataset file; who wants to replace a small file that others replace too looks at it again, and asks anew.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any, TypeVar

from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError

T = TypeVar("T")

TRIES = 5
OF_OBSTORE: Any = {"max_retries": TRIES, "retry_timeout": dt.timedelta(seconds=20)}
"""obstore's `retry_config`."""
OF_BOTO: Any = {"max_attempts": TRIES, "mode": "standard"}
"""botocore's `retries`."""
_REFUSALS = (PermissionError, PermissionDeniedError, UnauthenticatedError, PreconditionError, FileNotFoundError)
_READS = 4
_FIRST_WAIT_SECONDS = 0.2


def read_again(read: Callable[[], T]) -> T:
    """Read, and read again, with longer and longer waits, after what may pass.

    obstore tries a request again until the answer begins; an answer that breaks off is read again here.
    """
    for attempt in range(_READS - 1):
        try:
            return read()
        except _REFUSALS:
            raise
        except (BaseError, OSError):
            time.sleep(_FIRST_WAIT_SECONDS * 2**attempt)
    return read()
