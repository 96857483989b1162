"""Importing much at once: a run imports two thousand modules before it does anything."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def much_imported() -> Iterator[None]:
    """Have the collector of garbage rest while much is imported.

    What is imported stays, and the collector would look through all that is there hundreds of times meanwhile: a sixth
    of the time that Dagster takes to import. Nested ones rest until the outermost ends.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
