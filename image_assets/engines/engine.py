"""Where units of work run: here, or on a cluster. Stages hand over units and neither know nor care.

A unit is at most 10,001 images. It finds what it needs in the store and leaves a file there, so only names travel
between machines, and a unit gives the same bytes wherever it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Generic, Protocol, TypeVar

from image_assets.errors import CanPass, Explained
from image_assets.memory import memory_of_machine
from image_assets.workers import Progress, cores

UNIT_FILES = 10_001
"""The most files that a unit takes."""
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True)
class Unit(Generic[R_co]):
    """A piece of work that can be done anywhere, and again.

    Attributes:
        name: What people know it by, for errors.
        size: How many steps of progress it is.
        work: Given the number of threads to use and a function to report progress to. It can be pickled where an
            engine sends it away.
        memory: The most bytes of memory that it takes; 0 where that is not known. Units that say so may run beside each
            other on one machine, as many as fit.
        gpus: How many GPUs it needs, or what share of one.
    """

    name: str
    size: int
    work: Callable[[int, Progress], R_co]
    memory: int = 0
    gpus: float = 0


class Engine(Protocol):
    """Runs units."""

    def run(self, units: Sequence[Unit[R]], progress: Progress) -> list[R]:
        """Do all units and give their results in the order of the units.

        Args:
            units: The work.
            progress: Told the steps done and the sum of all units' sizes.

        Raises:
            Exception: what a unit raised, with a note that names the unit.
            UnitLost: a unit's worker died again and again.
            UnitTooLarge: a unit needs more memory or GPUs than any machine has; then none is begun.
            EngineAway: there is no cluster where one is said to be; then none is begun either.
        """
        ...


def finished_or_made(
    units: Sequence[Unit[R]], finished: Sequence[R | None], engine: Engine, progress: Progress
) -> list[R]:
    """Do the units that are not finished yet, and give the results of all in the order of the units.

    Args:
        units: The work.
        finished: What is there of each unit already, from a run before; None where nothing is.
        engine: What does the others.
        progress: Told the steps done, those of finished units among them, and the sum of all units' sizes.

    Raises:
        UnitLost: as `Engine.run`.
    """
    missing = [unit for unit, there in zip(units, finished, strict=True) if there is None]
    total = sum(unit.size for unit in units)
    before = total - sum(unit.size for unit in missing)
    if units:
        progress(before, total)
    made = iter(engine.run(missing, lambda done, _: progress(before + done, total)))
    return [next(made) if there is None else there for there in finished]


class EngineAway(CanPass, Explained, RuntimeError):
    """What runs units cannot be reached."""


class EngineMissing(Explained, RuntimeError):
    """What an engine needs is not installed; the message says what to install."""


class UnitLost(Explained, RuntimeError):
    """A unit was tried several times, and each time the process or the machine that worked on it was gone."""


class UnitTooLarge(Explained, RuntimeError):
    """A unit needs more than any machine has that it could run on: waiting would not help."""


class _Stopped(RuntimeError):
    """Another unit has failed, or the run was stopped: what this one makes would not be used."""


@dataclass(frozen=True)
class LocalEngine:
    """Runs units in this process: one after the other, each on all cores.

    Units that say how much memory they take share the cores instead, as many at once as fit into it. Those that need a
    GPU have it one after the other.

    Attributes:
        memory: Bytes that units may take together; default: what this machine has for a process.
    """

    memory: int = field(default_factory=memory_of_machine)

    def run(self, units: Sequence[Unit[R]], progress: Progress) -> list[R]:
        """Do all units; see `Engine`."""
        for unit in units:
            if unit.memory > self.memory:
                raise UnitTooLarge(f"{unit.name} needs {unit.memory:,} bytes of memory; there are {self.memory:,} here")
        at_once = self._at_once(units)
        threads, board = max(1, cores() // at_once), _Board(units, progress)
        if at_once == 1:
            return [board.done(number, unit, threads) for number, unit in enumerate(units)]
        with ThreadPoolExecutor(at_once, thread_name_prefix="unit") as pool, board.stopped_on_error():
            begun = [pool.submit(board.done, number, unit, threads) for number, unit in enumerate(units)]
            wait(begun, return_when=FIRST_EXCEPTION)
            if board.error is not None:
                raise board.error
            return [one.result() for one in begun]

    def _at_once(self, units: Sequence[Unit]) -> int:
        if not units or any(unit.memory == 0 or unit.gpus for unit in units):
            return 1
        return max(1, min(cores(), len(units), self.memory // max(unit.memory for unit in units)))


class _Board:
    """Where the units of a run leave how far they are, and learn that they need not go on."""

    def __init__(self, units: Sequence[Unit], progress: Progress) -> None:
        self._progress, self._total = progress, sum(unit.size for unit in units)
        self._steps = [0] * len(units)
        self._lock, self._stopped = Lock(), Event()
        self.error: Exception | None = None

    def done(self, number: int, unit: Unit[R], threads: int) -> R:
        """Do one unit."""
        if self._stopped.is_set():
            raise _Stopped
        try:
            result = unit.work(threads, lambda steps, _: self._told(number, steps))
        except _Stopped:
            raise
        except Exception as error:
            error.add_note(f"while working on {unit.name}")
            self.error = self.error or error
            self._stopped.set()
            raise
        self._told(number, unit.size)
        return result

    def _told(self, number: int, steps: int) -> None:
        if self._stopped.is_set():
            raise _Stopped
        with self._lock:
            self._steps[number] = steps
            self._progress(sum(self._steps), self._total)

    @contextmanager
    def stopped_on_error(self) -> Iterator[None]:
        """Leave nothing running behind a failed or interrupted run."""
        try:
            yield
        except BaseException:
            self._stopped.set()
            raise
