"""Which units of a run are under way on a cluster, and which of them again.

What belongs here: the window of units that are begun, so that a million wait in the driver as numbers and not in the
cluster as tasks; and copies of units that take far longer than others did, as on a machine that is slow: a unit gives
the same bytes wherever it runs, so the first copy that ends counts. What does not: anything of Ray; it is told how a
unit is begun, waited for and asked for its result.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import inf
from statistics import median
from typing import Generic, TypeVar

from image_assets.engines.engine import Unit

R = TypeVar("R")
Ref = TypeVar("Ref", bound=Hashable)

LATE_SECONDS = 10.0
"""No unit is begun a second time before it has run for so long."""
LATE_TIMES = 2.0
"""Nor before it has taken so many times what is usual for each step, of those that ended last."""
_LAST, _SEVERAL = 101, 20
# It takes a moment until a unit that has begun is heard of.
_UNHEARD_SECONDS = 3.0


class Flight(Generic[R, Ref]):
    """The units of a run, from the first that is begun to the last that ended.

    Args:
        units: All of them.
        start: Begins a unit, by its place among them, and gives what stands for it; told whether it is a copy, which
            must not wait behind the first.
        result: What a unit that ended gave; raises what it raised.
        clock: Seconds, of any beginning.
    """

    def __init__(
        self,
        units: Sequence[Unit[R]],
        start: Callable[[int, bool], Ref],
        result: Callable[[Ref, Unit[R]], R],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = sum(unit.size for unit in units)
        self._copied_at: dict[int, float] = {}
        self._twice: set[int] = set()
        self._units, self._start, self._result, self._clock = units, start, result, clock
        self._next = 0
        self._refs: dict[Ref, int] = {}
        self._results: dict[int, R] = {}
        self._waiting_since: dict[int, float] = {}  # of all under way, also once they have begun
        self._begun: dict[int, float] = {}
        self._steps = 0
        self._paces: deque[float] = deque(maxlen=_LAST)  # seconds for a step, of units that ended
        self._ended_at: deque[float] = deque(maxlen=_LAST)
        self._freed: deque[float] = deque()  # when places became free a moment ago

    @property
    def refs(self) -> list[Ref]:
        """What stands for the units that are under way, those that were begun first first."""
        return list(self._refs)

    @property
    def copied(self) -> AbstractSet[int]:
        """The numbers of the units that were begun more than once."""
        return self._copied_at.keys()

    @property
    def seconds_between(self) -> float:
        """How long it takes from the end of one unit to that of the next, of those that ended last; without end before
        several have.
        """
        times = self._ended_at
        return (times[-1] - times[0]) / (len(times) - 1) if len(times) >= _SEVERAL else inf

    @property
    def all_ended(self) -> bool:
        """Whether every unit has its result."""
        return len(self._results) == len(self._units)

    @property
    def results(self) -> list[R]:
        """The results, in the order of the units, once all ended."""
        return [self._results[number] for number in range(len(self._units))]

    def begin(self, window: int) -> None:
        """Begin units until so many are under way."""
        while self._next < len(self._units) and len(self._refs) < window:
            self._refs[self._start(self._next, False)] = self._next
            self._waiting_since[self._next] = self._clock()
            self._next += 1

    def take(self, ended: Sequence[Ref]) -> list[int]:
        """Take the results of what has ended.

        Returns:
            The numbers of the units that ended by it.

        Raises:
            Exception: what a unit raised of which no other copy is under way.
        """
        now, numbers = self._clock(), []
        for ref in ended:
            number = self._refs.pop(ref, None)
            if number is None:  # its other copy was faster
                continue
            unit = self._units[number]
            try:
                self._results[number] = self._result(ref, unit)
            except Exception:  # whatever it was: while its other copy goes on, nothing has failed
                if number in self._refs.values():
                    continue
                raise
            if number in self.copied:
                self._refs = {one: other for one, other in self._refs.items() if other != number}
            self._steps += unit.size
            took = now - self._begun.pop(number, now)
            del self._waiting_since[number]
            self._paces.append(took / max(1, unit.size))
            self._ended_at.append(now)
            self._freed.append(now)
            numbers.append(number)
        self._freed_since(now - _UNHEARD_SECONDS)
        return numbers

    def steps(self, told: Mapping[int, tuple[int, float]]) -> int:
        """How many steps are done.

        Args:
            told: By the number of a unit how many of its steps are done, and for how many seconds it has run.
        """
        now, under_way = self._clock(), set(self._refs.values())
        for number, (_, age) in told.items():
            if number in under_way:
                self._begun.setdefault(number, now - age)
        return self._steps + sum(done for number, (done, _) in told.items() if number in under_way)

    def begin_copies(self, slots: int) -> None:
        """Begin units that are late once more, where nothing else is to be begun and places are free.

        Args:
            slots: How many units can run at once.
        """
        if self._next < len(self._units) or not self._paces:
            return
        now, pace = self._clock(), median(self._paces)
        self._begin_second_copies(now, pace)
        # A cluster may have put a unit behind one that is late, though places are free elsewhere.
        free = slots - len(self._begun) - sum(number in self._begun for number in self.copied) - self._just_taken(now)
        for number in [one for one in self._refs.values() if one not in self.copied]:
            if free <= 0:
                return
            expected = self._expected(number, pace)
            begun = self._begun.get(number)
            late = now - begun > expected if begun is not None else now - self._waiting_since[number] > LATE_SECONDS
            if late:
                self._begin_copy(number, now)
                free -= 1

    def _just_taken(self, now: float) -> int:
        """Places in which a unit has ended a moment ago, and one that waited has begun without being heard of yet."""
        waiting = sum(number not in self._begun for number in set(self._refs.values()))
        return min(len(self._freed_since(now - _UNHEARD_SECONDS)), waiting)

    def _freed_since(self, since: float) -> deque[float]:
        while self._freed and self._freed[0] <= since:
            self._freed.popleft()
        return self._freed

    def _begin_second_copies(self, now: float, pace: float) -> None:
        """Once more, whatever is free: a copy may have been put behind the very unit that is late, and wait for it."""
        for number in [one for one in dict.fromkeys(self._refs.values()) if one in self.copied - self._twice]:
            if now - self._copied_at[number] > self._expected(number, pace):
                self._twice.add(number)
                self._begin_copy(number, now)

    def _begin_copy(self, number: int, now: float) -> None:
        self._copied_at[number] = now
        self._refs[self._start(number, True)] = number

    def _expected(self, number: int, pace: float) -> float:
        """Seconds that a unit may take before it is late."""
        return max(LATE_SECONDS, LATE_TIMES * pace * max(1, self._units[number].size))
