"""What is waited for: cores that units take, a prefix that answers so many requests a second, a table's next version.

What belongs here: the kinds of resource, by themselves. What does not: what the platform does with them (`model.py`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, Any]
_EPSILON = 1e-12


class Slots:
    """Places on which units of equal length run, a whole wave of them as one event: many nodes stay cheap to simulate.

    Several that wait share what becomes free equally.

    Args:
        environment: SimPy's.
        places: How many units run at once.
    """

    def __init__(self, environment: simpy.Environment, places: int) -> None:
        self._environment, self.places, self._free = environment, places, places
        self._waiting: deque[tuple[int, simpy.Event]] = deque()
        self.busy = 0.0
        """Seconds that places were taken, summed over them."""

    def run(
        self, units: int, seconds: float, wave: Callable[[int], float] = lambda _: 0.0, begin: float = 0.0
    ) -> Steps:
        """Do units of so many seconds each; over when all are. Gives how many places it had at once, at most.

        Args:
            units: How many.
            seconds: Of each.
            wave: Told of units that begin together, when they can end at the earliest, in seconds from now: what else
                they wait for.
            begin: Seconds more of a unit on a place that this call has not had before.
        """
        under_way, ended = units, self._environment.event()
        running = most = 0

        def over(taken: int, took: float) -> None:
            nonlocal under_way, running
            under_way -= taken
            running -= taken
            self.busy += taken * took
            self._free += taken
            self._share_out()
            if not under_way:
                ended.succeed()

        while units:
            taken = yield self._take(units)
            units -= taken
            running += taken
            new = max(0, running - most)
            most += new
            for some, longest in _parted(taken, new, seconds, begin):
                took = max(longest, wave(some))
                # A callback and not a process of SimPy's own, of which there would be millions.
                self._environment.timeout(took).callbacks.append(lambda _, taken=some, took=took: over(taken, took))
        if under_way:
            yield ended
        return most

    def _take(self, wanted: int) -> simpy.Event:
        event = self._environment.event()
        self._waiting.append((wanted, event))
        self._share_out()
        return event

    def _share_out(self) -> None:
        while self._free and self._waiting:
            wanted, event = self._waiting.popleft()
            given = min(wanted, math.ceil(self._free / (len(self._waiting) + 1)))
            self._free -= given
            event.succeed(given)


def _parted(taken: int, new: int, seconds: float, begin: float) -> list[tuple[int, float]]:
    """Units that begin together, as those on new places and the others: how many, and seconds of each."""
    if not begin or not new:
        return [(taken, seconds)]
    return [(new, seconds + begin), *([(taken - new, seconds)] if taken > new else [])]


class Prefix:
    """A part of the object store that answers so many requests a second.

    Args:
        environment: SimPy's.
        rate: Requests a second; may be infinite.
    """

    def __init__(self, environment: simpy.Environment, rate: float) -> None:
        self._environment, self._rate, self._free_at = environment, rate, 0.0
        self.requests = 0.0

    def ask(self, requests: float) -> float:
        """Put so many requests behind those that are there: seconds from now until the last is answered."""
        self.requests += requests
        self._free_at = max(self._environment.now, self._free_at) + requests / self._rate
        return self._free_at - self._environment.now


class Table:
    """A table that one commit at a time lands in, on the version that it was made for.

    Who has looked at an earlier version looks again: that is how any two commits of `raw_images` conflict.

    Args:
        environment: SimPy's.
    """

    def __init__(self, environment: simpy.Environment) -> None:
        self._environment, self._lock = environment, simpy.Resource(environment, 1)
        self.version, self.files, self.lost = 0, 0, 0
        self.busy = 0.0

    def commit(self, files: int, seconds: Callable[[Table], float], look: Callable[[], float] | None = None) -> Steps:
        """Add files.

        Args:
            files: How many.
            seconds: That a commit takes.
            look: Seconds of looking at the table before a commit, which must not be another version then; none where
                what others commit does not matter.
        """
        while True:
            seen = self.version
            if look is not None:
                yield self._environment.timeout(look())
            with self._lock.request() as mine:
                yield mine
                if look is not None and seen != self.version:
                    self.lost += 1
                    continue
                took = seconds(self)
                yield self._environment.timeout(took)
                self.busy += took
                self.version += 1
                self.files += files
                return


def waves(units: int, places: int) -> int:
    """How many waves units make on so many places."""
    return math.ceil(units / places - _EPSILON)
