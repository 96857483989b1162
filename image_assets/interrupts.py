"""Being told to stop: SIGTERM, as service managers and schedulers send it, ends a command as Ctrl-C does."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the signal's number."""
_MANY = 4096


@dataclass
class Interrupt:
    """What ended a command before its end.

    Attributes:
        told: Where the system notes the signals that came, a byte with its number for each.
    """

    told: int | None = None

    @property
    def status(self) -> int:
        """The exit status for it: 143 where SIGTERM came, else 130."""
        came = b""
        with suppress(BlockingIOError):
            came = os.read(self.told, _MANY) if self.told is not None else b""
        return 128 + signal.SIGTERM if signal.SIGTERM in came else INTERRUPTED


@contextmanager
def terminated_as_interrupted() -> Iterator[Interrupt]:
    """Within it, SIGTERM raises `KeyboardInterrupt`, which everything on the way up already knows.

    Which signal it was is asked of the system: while a run is going on, Dagster handles both in its own way, and leaves
    to SIGTERM afterwards what Ctrl-C does. Where Ctrl-C is ignored, as shells have it of what they put into the
    background, it stays so, and SIGTERM is not.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Interrupt()  # only the main thread may say what a signal does
        return

    def terminate(number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGTERM:
            raise KeyboardInterrupt

    told, telling = os.pipe()
    for end in (told, telling):
        os.set_blocking(end, False)
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, terminate)}
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, terminate)
    told_before = signal.set_wakeup_fd(telling)
    try:
        yield Interrupt(told)
    finally:
        signal.set_wakeup_fd(told_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(told)
        os.close(telling)
