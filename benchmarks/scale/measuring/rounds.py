"""Rounds of all measurements, interleaved with whatever is to be compared with them; the fastest of each counts.

What else the machine does can only make a measurement slower, so the fastest round is nearest to what a thing costs.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scale.costs import Measured, of_figures
from benchmarks.scale.measuring.days import Day, day_costs, event_cost, run_day
from benchmarks.scale.measuring.logs import log_costs
from benchmarks.scale.measuring.pairs import pair_cost
from benchmarks.scale.measuring.photos import Photos
from benchmarks.scale.measuring.ray_units import ray_costs, two_workers, worker_costs
from benchmarks.scale.measuring.spent import Spent, by_clock, of_processor
from benchmarks.scale.measuring.units import processes, unit_costs
from image_assets.workers import cores

CATEGORIES = ("plant", "animal", "human")
_UNITS, _SMALL, _LARGE = 800, 100, 600
PHOTOS_NEEDED = len(CATEGORIES) * _LARGE

Said = Callable[[str], None]


@dataclass
class Rounds:
    """What was measured in the rounds so far.

    Args:
        photos: To measure with.
        say: Told what comes next.
    """

    photos: Photos
    say: Said
    units: list[Mapping[str, Spent]] = field(default_factory=list)
    days: list[tuple[Day, Day]] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    def once(self, pool: ProcessPoolExecutor) -> None:
        """One more round."""
        self.say("units")
        self.units.append(unit_costs(self.photos, _UNITS, pool))
        self.say("a small and a large day")
        small, large = (
            run_day(self.photos, name, dict.fromkeys(CATEGORIES, images))
            for name, images in (("small", _SMALL), ("large", _LARGE))
        )
        self.days.append((small, large))
        self.loads.append(os.getloadavg()[0])

    def costs(self, once: Mapping[str, Spent | float]) -> Measured:
        """The costs by the fastest of the rounds.

        Args:
            once: Figures that are not measured in rounds.
        """
        units = fastest(self.units)
        small, large = (reduce(_faster, days) for days in zip(*self.days, strict=True))
        found = {**units, **day_costs(small, large, units, cores()), **once}
        clock, processor = of_figures(by_clock(found), of_processor(found))
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        return Measured(clock, processor, this_machine(), cores(), now, float(np.mean(self.loads)))


def measured(photos: Photos, rounds: int, say: Said) -> Measured:
    """All unit costs."""
    found = Rounds(photos, say)
    with processes() as pool:
        for number in range(rounds):
            found.once(pool)
            say(f"round {number + 1} of {rounds} is over")
    return found.costs(measured_once(photos, say))


def measured_once(photos: Photos, say: Said) -> dict[str, Spent | float]:
    """What is not measured in rounds: logs, pairs of hashes, events, Ray."""
    say("commits as a log grows")
    found: dict[str, Spent | float] = {**log_costs(photos.work)}
    say("pairs of hashes, and events")
    found |= {**pair_cost(), **event_cost()}
    say("a Ray cluster of two workers")
    with two_workers():
        found |= ray_costs()
    say("workers that start")
    return {**found, **worker_costs(photos)}


def fastest(rounds: Sequence[Mapping[str, Spent]]) -> dict[str, Spent]:
    """Of each figure the least, by the clock and of the processor."""
    return {name: np.min([one[name] for one in rounds], axis=0) for name in rounds[0]}


def _faster(one: Day, other: Day) -> Day:
    steps = fastest([one.steps, other.steps])
    return replace(other, spent=np.minimum(one.spent, other.spent), steps=steps)


def this_machine() -> str:
    """What this machine is, in words."""
    return f"{cores()} cores, {_model()}, {platform.system()}, Python {platform.python_version()}"


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def as_said(console: Any) -> Said:
    """Messages to a console, one a line."""
    return lambda text: console.print(f"{dt.datetime.now():%H:%M:%S} {text}", highlight=False)
