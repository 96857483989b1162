"""What is printed into a pipe that nobody reads any more, as in `image-assets status | head`: no error, and an end."""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress

NOBODY_READS = 128 + signal.SIGPIPE
"""Exit status then, as that of other programs."""


def left_by_reader(error: BaseException) -> bool:
    """Whether an error is that nobody reads stdout any more; what is still to be written there then goes nowhere."""
    # Rich makes an exit of it.
    cause = error.__context__ if isinstance(error, SystemExit) else error
    if not (isinstance(cause, BrokenPipeError) and _reader_left()):
        return False
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDOUT)
    os.close(nowhere)
    with suppress(OSError):
        sys.stdout.flush()
    return True


_STDOUT = 1


def _reader_left() -> bool:
    pipe = select.poll()
    pipe.register(_STDOUT, 0)
    # Rich has stdout lead nowhere before it ends the program; then there is nothing to ask.
    return bool(pipe.poll(0)) or os.path.samestat(os.fstat(_STDOUT), os.stat(os.devnull))
