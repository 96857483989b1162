"""The health of a dataset: how recent its data is, what its checks say, how much it takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from image_assets.answers.arrivals import Arrivals, arrivals_of
from image_assets.dataset import DatasetSpec
from image_assets.health.accounting import accounts_of
from image_assets.health.acknowledged import Acknowledgement, Acknowledgements, holding
from image_assets.health.check_book import CheckState, CheckStatus, OfCheck, count_states, never_checked
from image_assets.health.days import TO_BE_RUN, NeverRun, OpenDay
from image_assets.health.volume import missing_days
from image_assets.ingest.day_book import DayBook
from image_assets.ingest.source import Source
from image_assets.schema import TABLES, Partition
from image_assets.store.listing import Listing
from image_assets.store.store import Store
from image_assets.store.tables.counts import table_bytes


@dataclass(frozen=True)
class CategoryHealth:
    """One category.

    Attributes:
        last_day: The last day on which files arrived; None where none ever did.
        last_run: The last day that was loaded, files or none; None where that is not known.
        days_behind: Days from the last run (where not known, the last day) to the day that is due; None where nothing
            was ever loaded.
        images: Images loaded.
        quarantine_rate: Quarantined ÷ listed, over all days; 0 where nothing was listed.
        quarantine_rate_last_day: The same of the last day.
        stopped: The first of the latest days on which nothing arrived although it normally does; None where the last
            of these days is not the one that is due.
        drift: The worst state of the drift checks on the last day that they looked at; None where there are none.
    """

    category: str
    last_day: dt.date | None
    last_run: dt.date | None
    days_behind: int | None
    images: int
    quarantine_rate: float
    quarantine_rate_last_day: float
    stopped: dt.date | None
    drift: CheckStatus | None

    @property
    def is_fresh(self) -> bool:
        """Whether the day that is due is there."""
        return self.days_behind is not None and self.days_behind <= 0


@dataclass(frozen=True)
class FolderSize:
    """What a folder of the dataset takes, bytes: on the store, and of that in use (None where all of it is)."""

    name: str
    stored: int
    in_use: int | None


@dataclass(frozen=True)
class Health:
    """The health of a dataset.

    Attributes:
        due: The latest day whose data is due.
        checks: None where none has been evaluated.
        open_days: Days and categories that want a look, and why.
        landing: Why the landing zone was not asked; empty where it was.
        misnamed: Its folders that mean a day and are named otherwise.
        never_run: Its days that no run takes.
        never_checked: Days and categories that hold images at which no check has looked.
        acknowledged: What somebody said of checks that did not pass; it makes none of them better.
        beside_days: What lies in the landing zone in no day, and is meant to be in one.
    """

    dataset: str
    due: dt.date
    categories: list[CategoryHealth]
    checks: list[CheckState] | None
    sizes: list[FolderSize]
    open_days: Sequence[OpenDay]
    landing: str = ""
    misnamed: Mapping[str, dt.date] = field(default_factory=dict)
    never_run: NeverRun = field(default_factory=NeverRun)
    never_checked: Sequence[Partition] = ()
    acknowledged: Mapping[OfCheck, Acknowledgement] = field(default_factory=dict)
    beside_days: Sequence[str] = ()

    @property
    def stale(self) -> list[str]:
        """The categories whose data is late."""
        return [one.category for one in self.categories if not one.is_fresh]

    @property
    def to_be_run(self) -> list[OpenDay]:
        """What somebody has to run: it landed, failed, or nobody knows."""
        return [one for one in self.open_days if one.state in TO_BE_RUN]

    @property
    def not_passed(self) -> list[CheckState]:
        """What its checks found wrong, or did not come to."""
        return [one for one in self.checks or () if one.state not in ("passed", "not evaluated")]

    @property
    def stopped(self) -> list[str]:
        """The categories of which nothing arrives any more, each with the day since when."""
        return [f"{one.category} since {one.stopped}" for one in self.categories if one.stopped]

    @property
    def stored(self) -> int:
        """Bytes on the store."""
        return sum(size.stored for size in self.sizes)

    def acknowledgement(self, check: CheckState) -> Acknowledgement | None:
        """What somebody said of what a check found; None where nobody did."""
        return self.acknowledged.get(check.identity)

    def _not_passed(self, check: CheckState) -> dict[str, Any]:
        said = self.acknowledgement(check)
        return {"check": str(check), "state": check.state, "acknowledged": said.as_json() if said else None}

    def as_json(self) -> dict[str, Any]:
        """The entries of `image-assets status --json`."""
        return {
            "due": str(self.due),
            "categories": {
                one.category: {
                    "last_day": str(one.last_day) if one.last_day else None,
                    "last_run": str(one.last_run) if one.last_run else None,
                    "days_behind": one.days_behind,
                    "fresh": one.is_fresh,
                    "images": one.images,
                    "quarantine_rate": round(one.quarantine_rate, 6),
                    "quarantine_rate_last_day": round(one.quarantine_rate_last_day, 6),
                    "stopped": str(one.stopped) if one.stopped else None,
                    "drift": one.drift,
                }
                for one in self.categories
            },
            "checks": None
            if self.checks is None
            else {
                **count_states(self.checks),
                "not_passed": [self._not_passed(one) for one in self.checks if one.state != "passed"],
            },
            "open_days": [{**one.partition.as_json(), "state": one.state} for one in self.open_days],
            "landing_not_asked": self.landing or None,
            "misnamed_days": {name: str(day) for name, day in self.misnamed.items()},
            "beside_days": list(self.beside_days),
            "days_before_start": [str(day) for day in self.never_run.before],
            "days_to_come": [str(day) for day in self.never_run.ahead],
            "never_checked": [one.as_json() for one in self.never_checked],
            "storage": {size.name: {"bytes": size.stored, "bytes_in_use": size.in_use} for size in self.sizes},
        }


def health_of(
    dataset: DatasetSpec,
    store: Store,
    checks: Sequence[CheckState],
    now: dt.datetime | None = None,
    source: Source | None = None,
) -> Health:
    """Gather the health of a dataset.

    Args:
        dataset: The dataset.
        store: Where its tables are.
        checks: What its checks last found, the worst first.
        now: The present, with a time zone.
        source: Where images arrive; None where that is not known, then what landed is not either.
    """
    there = Listing.of(store, dataset.name)
    return health_of_listed(dataset, store, checks, arrivals_of(dataset, store, source, now, there), there)


def health_of_listed(
    dataset: DatasetSpec, store: Store, checks: Sequence[CheckState], arrivals: Arrivals, there: Listing
) -> Health:
    """The same of a dataset whose folder was listed.

    Args:
        dataset: The dataset.
        store: Where its tables are.
        checks: What its checks last found, the worst first.
        arrivals: What arrived.
        there: What lies in the dataset's folder.
    """
    rows = accounts_of(store, dataset.name, there).rows
    runs = _last_runs(DayBook(store, dataset.name, there))
    drift = [one for one in checks if "drift" in one.check]
    categories = [
        _category(dataset, rows.filter(pl.col("category") == name), name, runs.get(name), arrivals.due, drift)
        for name in dataset.categories
    ]
    return Health(
        dataset.name,
        arrivals.due,
        [_unless_to_be_run(one, arrivals.open_days) for one in categories],
        list(checks) or None,
        _sizes(dataset, store, there),
        arrivals.open_days,
        arrivals.landing,
        arrivals.misnamed,
        arrivals.never_run,
        never_checked(store, dataset.name, checks),
        holding(Acknowledgements(store, dataset.name, there).all(), checks),
        arrivals.beside_days,
    )


def _unless_to_be_run(category: CategoryHealth, days: Sequence[OpenDay]) -> CategoryHealth:
    """Nothing has stopped where it only was not run."""
    if category.stopped is None:
        return category
    first = Partition(category.stopped, category.category)
    waiting = any(one.partition == first and one.state in TO_BE_RUN for one in days)
    return replace(category, stopped=None) if waiting else category


def _category(
    dataset: DatasetSpec,
    rows: pl.DataFrame,
    category: str,
    last_run: dt.date | None,
    due: dt.date,
    checks: Sequence[CheckState],
) -> CategoryHealth:
    listed = rows.filter(pl.col("listed") > 0).sort("date")
    last_day = listed["date"][-1] if listed.height else None
    recent = max((day for day in (last_day, last_run) if day), default=None)
    return CategoryHealth(
        category,
        last_day,
        last_run,
        (due - recent).days if recent else None,
        int(rows["loaded"].sum()),
        _rate(listed),
        _rate(listed.tail(1)),
        _stopped(dataset, listed, due),
        _drift(category, checks),
    )


def _stopped(dataset: DatasetSpec, listed: pl.DataFrame, due: dt.date) -> dt.date | None:
    counts = dict(listed.select("date", "listed").iter_rows())
    missing = set(missing_days(counts, due, dataset.volume))
    if due not in missing:
        return None
    return min(day for day in missing if day > max(day for day, files in counts.items() if files and day < due))


def _rate(rows: pl.DataFrame) -> float:
    pictures = int(rows["listed"].sum()) - int(rows["companions"].sum())
    return int(rows["quarantined"].sum()) / pictures if pictures else 0.0


def _drift(category: str, checks: Sequence[CheckState]) -> CheckStatus | None:
    """Of the checks of drift, the worst first, what those of its last day say."""
    found = [one for one in checks if one.partition and one.partition.category == category]
    latest = max((one.partition.date for one in found if one.partition), default=None)
    return next((one.state for one in found if one.partition and one.partition.date == latest), None)


def _last_runs(book: DayBook) -> dict[str, dt.date]:
    """The last day of every category that was loaded, whether anything had arrived or not."""
    days: dict[str, dt.date] = {}
    for partition, run in book.runs().items():
        if run.listed is not None:
            days[partition.category] = max(partition.date, days.get(partition.category, partition.date))
    return days


def _sizes(dataset: DatasetSpec, store: Store, there: Listing) -> list[FolderSize]:
    stored = {path: one.bytes for path, one in there.objects.items() if "/" not in path}
    stored |= {folder: sum(one.bytes for one in lying.values()) for folder, lying in there.folders.items()}
    in_use = {schema.name: table_bytes(store, dataset.name, schema) for schema in TABLES if schema.name in stored}
    return [FolderSize(name, number, in_use.get(name)) for name, number in sorted(stored.items())]
