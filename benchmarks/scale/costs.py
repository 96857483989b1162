"""What a unit, a commit, a run … cost: the figures that the model is fed with, each with its unit and its source.

What belongs here: the figures' names and meanings, and their file. What does not: measuring them (`measure.py`), and
what is published or assumed of machines and stores and not measured (`places.py`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

COSTS = Path(__file__).with_name("unit-costs.json")
BUSY = 1.25
"""Above so many processes for each core that want it, what the clock says is not gone by."""


def _figure(unit: str, source: str) -> Any:
    return field(metadata={"unit": unit, "source": source})


_UNITS = "the platform's own units through an engine that takes the time, twice as many photos beside half as many"
_WORKERS = (
    "what a worker of a driver that has just come to a Ray cluster has taken of the processor, in both columns: two "
    "workers, their driver and their head are on these cores"
)
_DAYS = "Dagster's records of days by `image-assets run`, small and large ones"


@dataclass(frozen=True)
class UnitCosts:
    """Measured costs: seconds are those of the clock or those of the processor, see `Measured`."""

    hash_thread: float = _figure("core seconds an image", f"{_UNITS}; one process with a thread per core")
    load_thread: float = _figure("core seconds an image", f"{_UNITS}; one process with a thread per core")
    extract_thread: float = _figure("core seconds an image", f"{_UNITS}; one process with a thread per core")
    hash_process: float = _figure("core seconds an image", f"{_UNITS}; a process of one thread per core")
    load_process: float = _figure("core seconds an image", f"{_UNITS}; a process of one thread per core")
    extract_process: float = _figure("core seconds an image", f"{_UNITS}; a process of one thread per core")
    list_image: float = _figure("seconds an image", "`DayFolders.list_files` of a folder")
    load_driver: float = _figure("seconds an image", "`ingest_partition` of small images without its units")
    extract_driver: float = _figure("seconds an image", "`extract_units` without its units")
    load_partition: float = _figure("seconds a partition", f"step raw_images less what its images cost; {_DAYS}")
    extract_partition: float = _figure("seconds a partition", f"step image_features likewise; {_DAYS}")
    load_call: float = _figure("seconds a partition", "`ingest_partition` of few small images")
    extract_call: float = _figure("seconds a partition", "`extract_units` and the commit of few small images")
    checks_partition: float = _figure("seconds a partition", f"all steps of checks; {_DAYS}")
    checks_image: float = _figure("seconds an image", f"all steps of checks; {_DAYS}")
    near_partition: float = _figure("seconds a partition", f"step near_duplicates; {_DAYS}")
    near_image: float = _figure("seconds an image", f"step near_duplicates; {_DAYS}")
    near_pair: float = _figure("core seconds a pair", "`pairs_within` of generated hashes")
    shards_partition: float = _figure("seconds a partition", f"step feature_shards; {_DAYS}")
    shards_image: float = _figure("seconds an image", f"step feature_shards; {_DAYS}")
    process_start: float = _figure("seconds a process", f"the process less its runs; {_DAYS}")
    run_overhead: float = _figure("seconds a run", f"runs less their steps; {_DAYS}")
    run_events: float = _figure("events a run", f"rows of the event log; {_DAYS}")
    run_bytes: float = _figure("bytes a run", f"Dagster's home; {_DAYS}")
    event_seconds: float = _figure("seconds an event", "events stored one after the other in SQLite")
    commit_base: float = _figure("seconds a commit", "`PartitionedTable.replace` as the log grows")
    commit_file: float = _figure("seconds a file in the log", "`PartitionedTable.replace` as the log grows")
    commit_added: float = _figure("seconds a file added", "one commit of many files")
    checkpoint_file: float = _figure("seconds a file in the log", "commits that write a checkpoint, less others")
    open_file: float = _figure("seconds a file in the log", "opening a table anew as the log grows")
    log_commit: float = _figure("seconds a commit", "opening a table anew, for every commit since its last checkpoint")
    log_memory: float = _figure("bytes a file in the log", "a process that has the table open")
    ray_driver: float = _figure("seconds a unit", "units that do nothing on a Ray cluster of two workers")
    ray_call: float = _figure("seconds a stage", "a unit that does nothing by itself, less what it costs among many")
    worker_start: float = _figure(
        "seconds a worker", f"{_WORKERS}; before its first unit, and more in it than in later ones"
    )
    worker_model: float = _figure("seconds a worker", f"{_WORKERS}; more in the first unit of extraction")
    photo_bytes: float = _figure("bytes an image", "the photos")
    stored_bytes: float = _figure("bytes an image", "the store of a day, less its features and shards")
    feature_bytes: float = _figure("bytes an image", "`image_features` and shards of a day")


@dataclass(frozen=True)
class Measured:
    """Costs, and where and when they were measured.

    Attributes:
        clock: The figures with seconds by the clock.
        processor: With seconds of the processor: what the same takes where nothing waits, neither for a disk nor for
            others that use the machine.
        machine: What it was done on.
        cores: That it has.
        date: ISO 8601.
        load: How many processes wanted a core, on average.
    """

    clock: UnitCosts
    processor: UnitCosts
    machine: str
    cores: int
    date: str
    load: float

    @property
    def busy(self) -> bool:
        """Whether others used the machine so much that the clock tells of them."""
        return self.load > BUSY * self.cores

    @property
    def costs(self) -> UnitCosts:
        """Those to go by: of the clock, or where the machine was busy of the processor."""
        return self.processor if self.busy else self.clock

    def as_json(self) -> dict[str, Any]:
        """What is written."""
        figures = {
            one.name: {
                "clock": getattr(self.clock, one.name),
                "processor": getattr(self.processor, one.name),
                **one.metadata,
            }
            for one in fields(UnitCosts)
        }
        about = {"machine": self.machine, "cores": self.cores, "date": self.date, "load": self.load}
        return {**about, "figures": figures}


def of_figures(clock: Mapping[str, float], processor: Mapping[str, float]) -> tuple[UnitCosts, UnitCosts]:
    """Costs of figures by their names.

    Raises:
        ValueError: one is missing, unknown or no number of zero or more; the message names it.
    """
    wanted = {one.name for one in fields(UnitCosts)}
    for figures in (clock, processor):
        if wrong := sorted(wanted ^ set(figures)):
            raise ValueError(f"missing or unknown: {', '.join(wrong)}; measure again by make unit-costs")
        odd = [name for name, one in figures.items() if not isinstance(one, int | float) or not 0 <= one < math.inf]
        if odd:
            raise ValueError(f"no number of zero or more: {', '.join(odd)}; measure again by make unit-costs")
    return UnitCosts(**clock), UnitCosts(**processor)


def write_costs(measured: Measured, path: Path = COSTS) -> None:
    """Write measured costs as JSON."""
    path.write_text(json.dumps(measured.as_json(), indent=2) + "\n", encoding="utf-8")


def read_costs(path: Path = COSTS) -> Measured:
    """Measured costs from their file. Raises `ValueError` as `of_figures`."""
    return measured_of(json.loads(path.read_text(encoding="utf-8")))


def measured_of(content: Mapping[str, Any]) -> Measured:
    """Measured costs from what `Measured.as_json` gave. Raises `ValueError` as `of_figures`."""
    figures = content["figures"]
    costs = of_figures(*({name: one[by] for name, one in figures.items()} for by in ("clock", "processor")))
    return Measured(*costs, *(content[name] for name in ("machine", "cores", "date", "load")))
