"""What a unit, a commit, a run … cost: the figures that the model is fed with, each with its unit and its source.

What belongs here: the figures' names and meanings, and their file. What does not: measuring them (`measure.py`), and
what is published or assumed of machines and stores and not measured (`places.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

COSTS = Path(__file__).with_name("unit-costs.json")


def _figure(unit: str, source: str) -> Any:
    return field(metadata={"unit": unit, "source": source})


_UNITS = "the platform's own units through an engine that takes the time, twice as many photos beside half as many"
_DAYS = "Dagster's records of days by `image-assets run`, small and large ones"


@dataclass(frozen=True)
class UnitCosts:
    """Measured costs. Seconds are those of the clock, on a machine whose load is noted beside them."""

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
    log_commit: float = _figure("seconds a commit", "opening a table for every commit since its last checkpoint")
    log_memory: float = _figure("bytes a file in the log", "a process that has the table open")
    ray_driver: float = _figure("seconds a unit", "units that do nothing on a Ray cluster of two workers")
    ray_unit: float = _figure(
        "seconds a unit", "one unit that does nothing, from its start to its end, on that cluster"
    )
    photo_bytes: float = _figure("bytes an image", "the photos")
    stored_bytes: float = _figure("bytes an image", "the store of a day, less its features and shards")
    feature_bytes: float = _figure("bytes an image", "`image_features` and shards of a day")


@dataclass(frozen=True)
class Measured:
    """Costs, and where and when they were measured.

    Attributes:
        costs: The figures.
        machine: What it was done on.
        date: ISO 8601.
        load: How many processes wanted a processor meanwhile, this one among them: where that is far above the number
            of cores, the machine was busy and seconds are too long.
        rounds: Every figure of each round, to see how they vary.
    """

    costs: UnitCosts
    machine: str
    date: str
    load: float
    rounds: list[dict[str, float]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """What is written."""
        figures = {
            one.name: {"value": getattr(self.costs, one.name), **one.metadata, "rounds": self._of_rounds(one.name)}
            for one in fields(self.costs)
        }
        return {"machine": self.machine, "date": self.date, "load": self.load, "figures": figures}

    def _of_rounds(self, name: str) -> list[float]:
        return [one[name] for one in self.rounds if name in one]


def write_costs(measured: Measured, path: Path = COSTS) -> None:
    """Write measured costs as JSON."""
    path.write_text(json.dumps(measured.as_json(), indent=2) + "\n", encoding="utf-8")


def read_costs(path: Path = COSTS) -> Measured:
    """Measured costs from their file.

    Raises:
        ValueError: a figure is missing, unknown or no number; the message names it.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    found: Mapping[str, Any] = content["figures"]
    wanted = {one.name for one in fields(UnitCosts)}
    if wrong := sorted(wanted ^ set(found)):
        raise ValueError(f"{path}: missing or unknown: {', '.join(wrong)}; measure again by make unit-costs")
    if odd := [name for name, one in found.items() if not isinstance(one["value"], int | float) or one["value"] < 0]:
        raise ValueError(f"{path}: no number of zero or more: {', '.join(odd)}; measure again by make unit-costs")
    values = {name: float(one["value"]) for name, one in found.items()}
    return Measured(UnitCosts(**values), content["machine"], content["date"], content["load"])
