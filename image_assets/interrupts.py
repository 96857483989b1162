"""Being told to stop: SIGTERM, as service managers and schedulers send it, ends a command as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the signal's number."""


@dataclass
class Interrupt:
    """What ends a command before its end: `status` is the exit status for it."""

    status: int = INTERRUPTED


@contextmanager
def terminated_as_interrupted() -> Iterator[Interrupt]:
    """Within it, SIGTERM raises `KeyboardInterrupt`, which everything on the way up already knows."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt  # only the main thread may say what a signal does
        return

    def terminate(number: int, frame: FrameType | None) -> None:
        del frame
        interrupt.status = 128 + number
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGTERM, before)
