"""Which resource is short: the one that, were it there without end, would save most of the time.

A resource that is always busy may still hold nobody up, and one that is not may: so each is given without end, and the
plan is done again.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.scale.costs import UnitCosts
from benchmarks.scale.model import RESOURCES, simulate
from benchmarks.scale.places import Plan

LEAST = 0.02
"""A resource that saves less of the time is not short."""

MEANINGS = {
    "cores": "cores of the nodes",
    "bandwidth": "bandwidth between nodes and the object store",
    "latency": "waiting for single objects of the landing zone",
    "requests": "requests a second of a prefix of the object store",
    "listing": "listing the landing zone",
    "driver": "the driver: what one process does for every image",
    "pairs": "comparing every hash with all others",
    "serial": "checks, near-duplicates and shards, by one process a partition",
    "commits": "commits, which one table takes one after the other",
    "runs": "how many runs the queue lets through at once",
}


@dataclass(frozen=True)
class Shortage:
    """A resource and the share of the time that it would save; no resource where none saves `LEAST`."""

    resource: str | None
    saves: float

    @property
    def meaning(self) -> str:
        """In words."""
        return MEANINGS[self.resource] if self.resource else "nothing by itself"


def shortages(plan: Plan, costs: UnitCosts) -> list[Shortage]:
    """All resources that are short, the one that saves most first."""
    seconds = simulate(plan, costs).seconds
    saved = [Shortage(name, 1 - simulate(plan, costs, [name]).seconds / seconds) for name in RESOURCES]
    return sorted((one for one in saved if one.saves >= LEAST), key=lambda one: -one.saves)


def first_short(plan: Plan, costs: UnitCosts) -> Shortage:
    """The resource that is short first."""
    return next(iter(shortages(plan, costs)), Shortage(None, 0.0))
