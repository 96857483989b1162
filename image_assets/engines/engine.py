"""Where units of work run: here, or on a cluster. Stages hand over units and neither know nor care.

A unit is at most 10,001 images. It finds what it needs in the store and leaves a file there, so only names travel
between machines, and a unit gives the same bytes wherever it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from image_assets.workers import Progress, cores

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
    """

    name: str
    size: int
    work: Callable[[int, Progress], R_co]


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


class UnitLost(RuntimeError):
    """A unit was tried several times, and each time the process or the machine that worked on it was gone."""


class LocalEngine:
    """Runs one unit after the other in this process, each on all cores."""

    def run(self, units: Sequence[Unit[R]], progress: Progress) -> list[R]:
        """Do all units; see `Engine`."""
        total = sum(unit.size for unit in units)
        done = 0
        results = []
        for unit in units:
            try:
                results.append(unit.work(cores(), lambda steps, _, before=done: progress(before + steps, total)))
            except Exception as error:
                error.add_note(f"while working on {unit.name}")
                raise
            done += unit.size
            progress(done, total)
        return results
