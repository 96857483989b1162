"""Which days of which categories were run, as the store keeps it: also of those on which nothing arrived.

A record is written when a partition begins to be loaded and again when it is: so one that was begun and has no end is
known too, in a store whose Dagster home is gone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace

from image_assets.schema import Partition
from image_assets.store.listing import Listing
from image_assets.store.records import NO_RECORD, Records
from image_assets.store.store import Store

DAYS_RUN = "days_run"
"""The folder of a dataset that holds them."""


@dataclass(frozen=True)
class DayRun:
    """The last run of a partition.

    Attributes:
        run_id: Of the run.
        at: When it began to load, UTC; ISO 8601.
        landing: The landing zone that it read.
        listed: Files that had arrived; None where loading did not come to its end.
        unplaced: Names under which something arrived on that day that are no categories of the dataset.
        unplaced_files: How many files these were.
        archives: Provenance of the archives that lay there when it began → bytes.
    """

    run_id: str
    at: str
    landing: str
    listed: int | None = None
    unplaced: tuple[str, ...] = ()
    unplaced_files: int = 0
    archives: Mapping[str, int] = field(default_factory=dict)


class DayBook:
    """The runs of a dataset's partitions.

    Args:
        store: Where they are kept.
        dataset: Whose they are.
        there: What lies in its folder, where that is known already.
    """

    def __init__(self, store: Store, dataset: str, there: Listing | None = None) -> None:
        self._records = Records(store, dataset, DAYS_RUN, there)

    def begin(self, partition: Partition, run_id: str, landing: str) -> DayRun:
        """Note that a partition is being loaded; what is noted."""
        run = DayRun(run_id, _now(), landing)
        self._write(partition, run)
        return run

    def end(self, partition: Partition, run: DayRun) -> None:
        """Note that it is loaded.

        Args:
            partition: Which.
            run: What was noted at its beginning, with all that was found.
        """
        self._write(partition, replace(run, at=_now()))

    def run_of(self, partition: Partition) -> DayRun | None:
        """The last run of a partition; none where it was never run, or by an earlier version."""
        found = self._records.read(_name(partition))
        with suppress(*NO_RECORD):
            return _run(found) if found else None
        return None  # damaged: the next run writes it anew

    def runs(self) -> dict[Partition, DayRun]:
        """The last run of every partition that was run; without those of which the record is damaged."""
        return dict(self._records.parsed(_run_of).values())

    def damaged(self) -> list[str]:
        """The files among the records that are none, below the dataset's folder."""
        return self._records.damaged(_run_of)

    def _write(self, partition: Partition, run: DayRun) -> None:
        content = asdict(run)
        self._records.write(_name(partition), {"run": content.pop("run_id"), **content})


def _name(partition: Partition) -> str:
    return f"{partition.date}/{partition.category}"


def _run_of(name: str, record: dict) -> tuple[Partition, DayRun]:
    day, category = name.split("/")
    return Partition(dt.date.fromisoformat(day), category), _run(record)


def _run(record: dict) -> DayRun:
    unplaced = tuple(record["unplaced"])
    # Earlier versions did not count these, nor name archives.
    files, archives = record.get("unplaced_files", len(unplaced)), dict(record.get("archives", {}))
    return DayRun(record["run"], record["at"], record["landing"], record["listed"], unplaced, files, archives)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
