"""Importing much at once: a run imports two thousand modules before it does anything."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def much_imported() -> Iterator[None]:
    """Have the collector of garbage rest while much is imported, and pass over what is there then.

    What is imported stays, and the collector would look through all that is there hundreds of times meanwhile: a sixth
    of the time that Dagster takes to import; and once afterwards, a third of a second. Nested ones rest until the
    outermost ends. Whoever began them calls `gc.unfreeze` at the end: `main` of the command line does.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
