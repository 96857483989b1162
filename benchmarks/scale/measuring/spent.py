"""What something took, by the clock and of the processor at once.

Where others use the machine too, the clock tells of them as well, and seconds of the processor hardly do. Both are kept
in one array, `[seconds by the clock, seconds of the processor]`, so that what is worked out of one is of the other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import psutil

Spent = np.ndarray
"""float64 [2]: seconds by the clock, seconds of the processor."""


def now() -> Spent:
    """What the clock says, and what this process and those that it has begun have taken of the processor until now."""
    me = psutil.Process()
    own = me.cpu_times()
    processor = own.user + own.system + own.children_user + own.children_system
    return np.array([time.perf_counter(), processor + living(me)])


def living(process: psutil.Process) -> float:
    """Seconds of the processor of the processes that one has begun and that are still there."""
    total = 0.0
    for child in process.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.Error:  # it has ended; then it counts with its parent
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


class ProcessLost(RuntimeError):
    """A process has ended of which nobody knows any more what it took; the message says which."""


@contextmanager
def none_ends() -> Iterator[None]:
    """See that what is measured meanwhile is whole: processes that were there at the beginning are there at the end.

    What a process took counts with its parent when that has waited for it. Ray waits for no worker, so that one which
    ends takes its seconds with it, and `now` goes back by them.

    Raises:
        ProcessLost: one has ended.
    """
    there = psutil.Process().children(recursive=True)
    names = {process.pid: process.name() for process in there}
    yield
    if gone := [names[process.pid] for process in there if not process.is_running()]:
        raise ProcessLost(f"{', '.join(gone)} ended meanwhile, and what it took is not known: measure again")


def core_seconds(spent: Spent, cores: int) -> Spent:
    """Of work that had so many cores: by the clock all of them were taken."""
    return spent * np.array([cores, 1])


def on_cores(core: Spent, cores: int) -> Spent:
    """The other way round: what work of so many core seconds takes on so many cores."""
    return core / np.array([cores, 1])


def positive(spent: Spent) -> Spent:
    """Differences of what was measured, where they are not below nothing."""
    return np.maximum(0.0, spent)


def by_clock(found: Mapping[str, Spent | float]) -> dict[str, float]:
    """The figures by the clock; those that are no times are the same either way."""
    return {name: float(np.atleast_1d(one)[0]) for name, one in found.items()}


def of_processor(found: Mapping[str, Spent | float]) -> dict[str, float]:
    """The figures of the processor."""
    return {name: float(np.atleast_1d(one)[-1]) for name, one in found.items()}
