"""What is tried again: a step whose error can pass by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from deltalake.exceptions import DeltaError
from obstore.exceptions import BaseError as ObjectStoreError
from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from image_assets.errors import CanPass
from image_assets.store.trouble import trouble_of

_RETRIES = 3
_RETRY_SECONDS = 10
# Of the libraries' own errors, those that can pass; but for what is a refusal.
_CAN_PASS = (CanPass, OSError, ObjectStoreError, DeltaError)
_NO_SUCH = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
_REFUSALS = (*_NO_SUCH, PermissionError, PermissionDeniedError, UnauthenticatedError)


@contextmanager
def retried() -> Iterator[None]:
    """Within a step: have Dagster run it again, up to three times, after an error that can pass by itself.

    A disk or bucket that is away for a moment, a file that was still being copied, a commit lost against another:
    these pass. What is wrong with the data or the settings does not, nor a right that is missing, a full disk or a
    file of the store that is gone: it ends the step at once. A retry policy could not tell the two apart; besides,
    Dagster applies it to interrupts too, so that Ctrl-C would start the step again.
    """
    try:
        yield
    except _CAN_PASS as error:
        trouble = None if isinstance(error, CanPass) else trouble_of(error)
        if isinstance(error, _REFUSALS) or (trouble is not None and not trouble.can_pass):
            raise
        raise dg.RetryRequested(max_retries=_RETRIES, seconds_to_wait=_RETRY_SECONDS) from error
