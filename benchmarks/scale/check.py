"""Simulated beside measured: whole runs of other sizes and shapes than those that costs are taken from.

What belongs here: which runs, how each is told to the model, and whether the two agree. What does not: measuring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.scale.costs import Measured, UnitCosts
from benchmarks.scale.model import simulate
from benchmarks.scale.places import DISK, Design, Nodes, Plan, Work

LIMIT = 0.15
_ONE_PROCESS = Design(runs_at_once=1, runs_of_category=1, process_a_run=False)


@dataclass(frozen=True)
class Shape:
    """A whole run.

    Attributes:
        said: What it is, for people.
        images: Of each category.
        categories: How many.
        unit_images: Of a unit at most; none where the platform's own limit holds.
        workers: Machines of one core of a Ray cluster on which the stages alone are run; 0 for `image-assets run`.
    """

    said: str
    images: int
    categories: int
    unit_images: int | None = None
    workers: int = 0

    def plan(self, cores: int) -> Plan:
        """It as a plan, on a machine of so many cores."""
        total, unit = self.images * self.categories, self.unit_images or 10_001
        if self.workers:
            work = Work(total, 1, self.categories, until_shards=False, orchestrated=False, unit_images=unit)
            nodes = Nodes(self.workers, cores=1, efficiency=1.0, bandwidth=1e12)
        else:
            work = Work(total, 1, self.categories, unit_images=unit)
            nodes = Nodes(1, cores=cores, efficiency=1.0, bandwidth=1e12, cluster=False)
        return Plan(work, nodes, DISK, _ONE_PROCESS)


SHAPES = {
    "one category": Shape("1,200 photos of one category, one machine", 1_200, 1),
    "six categories": Shape("1,200 photos of six categories, one machine", 200, 6),
    "twelve categories": Shape("300 photos of twelve categories, one machine", 25, 12),
    "two workers": Shape("1,200 photos in four units, the stages alone, two Ray workers of one core", 1_200, 1, 300, 2),
}


@dataclass(frozen=True)
class Compared:
    """A run, measured and simulated; seconds by the clock and of the processor.

    Attributes:
        name: Of its shape.
        measured: The fastest round by the clock.
        simulated: From the costs by the clock.
        measured_processor: The least of the rounds.
        simulated_processor: From the costs of the processor.
        rounds: Every measurement: by the clock, of the processor.
    """

    name: str
    measured: float
    simulated: float
    measured_processor: float
    simulated_processor: float
    rounds: Sequence[Sequence[float]]

    @property
    def error(self) -> float:
        """By the clock, as a share of what was measured."""
        return self.simulated / self.measured - 1

    @property
    def processor_error(self) -> float:
        """Of the processor."""
        return self.simulated_processor / self.measured_processor - 1


def compared(rounds: Mapping[str, Sequence[Sequence[float]]], costs: Measured) -> list[Compared]:
    """Hold measured runs against simulated ones.

    Args:
        rounds: By the name of a shape, of each round: seconds by the clock, seconds of the processor.
        costs: Taken from other runs, in the same window.
    """
    return [
        Compared(
            name,
            min(one[0] for one in took),
            simulated(name, costs.clock, costs.cores)[0],
            min(one[1] for one in took),
            simulated(name, costs.processor, costs.cores)[1],
            took,
        )
        for name, took in rounds.items()
    ]


def simulated(name: str, costs: UnitCosts, cores: int) -> tuple[float, float]:
    """Seconds that a shape takes, by the clock and of the processor, by these costs."""
    outcome = simulate(SHAPES[name].plan(cores), costs)
    return outcome.seconds, outcome.processor


def within(found: Sequence[Compared], *, busy: bool) -> bool:
    """Whether all agree within `LIMIT`: by the clock or, where others used the machine, of the processor.

    Nothing measured agrees with nothing.
    """
    return bool(found) and all(abs(one.processor_error if busy else one.error) <= LIMIT for one in found)


def as_json(found: Sequence[Compared], costs: Measured) -> dict[str, Any]:
    """What is written."""
    return {"costs": costs.as_json(), "runs": [asdict(one) for one in found]}


def of_json(content: Mapping[str, Any]) -> list[Compared]:
    """What was written."""
    return [Compared(**one) for one in content["runs"]]
