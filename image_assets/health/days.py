"""Which days want a look: what landed and was not run, what failed, what was run and found empty.

What was run is asked of the store, what lies there of the landing zone, where it can be reached.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from image_assets.dataset import DatasetSpec
from image_assets.errors import UsageError
from image_assets.health.late_files import late_partitions
from image_assets.ingest.day_book import DayBook, DayRun
from image_assets.ingest.source import Source
from image_assets.schema import ARRIVALS, Partition
from image_assets.store.listing import Listing
from image_assets.store.store import Store
from image_assets.store.tables.counts import rows_per_partition
from image_assets.wording import no_such

DayState = Literal["landed and not run", "landed since it was run", "run and failed", "not run", "not landed", "empty"]
"""`empty` was run and nothing had arrived; `not run` is said where the landing zone cannot be asked."""
TO_BE_RUN: tuple[DayState, ...] = ("landed and not run", "landed since it was run", "run and failed", "not run")
"""What somebody has to run."""

Landed = dict[dt.date, set[str]]
_ONE_DAY = dt.timedelta(days=1)
# Of days before the first one there may be years, and each that is looked into is a question to the landing zone.
_LOOKED_INTO = 31
HOUR = 7
"""When the daily run starts, in the dataset's time zone."""


@dataclass(frozen=True, order=True)
class OpenDay:
    """A partition that holds no files, whose last run failed, or that got files since, and why."""

    partition: Partition
    state: DayState


@dataclass(frozen=True)
class NeverRun:
    """Days in the landing zone that no run takes, each with a category of the dataset, ascending.

    Attributes:
        before: Before the dataset's `start_day`; of many, those among the last.
        ahead: Days to come, but for those that have begun somewhere on Earth.
    """

    before: tuple[dt.date, ...] = ()
    ahead: tuple[dt.date, ...] = ()

    @property
    def days(self) -> tuple[dt.date, ...]:
        """All of them."""
        return *self.before, *self.ahead


def refuse_unknown(dataset: DatasetSpec, categories: Iterable[str]) -> None:
    """Raise `UsageError` where one is no category of the dataset."""
    for category in categories:
        if category not in dataset.categories:
            raise UsageError(f"dataset {dataset.name}: {no_such('category', category, dataset.categories)}")


def chosen_partitions(dataset: DatasetSpec, day: dt.date, categories: Sequence[str]) -> list[Partition]:
    """The day's partitions, of the categories asked for or of all.

    Raises:
        UsageError: a day that is not over, or before the dataset begins, or an unknown category.
    """
    refuse_unknown(dataset, categories)
    today = dt.datetime.now(dataset.zone).date()
    if day >= today:
        raise UsageError(f"{day} is not over in {dataset.time_zone}; the last complete day is {today - _ONE_DAY}")
    if day < dataset.start_day:
        raise UsageError(f"{day} lies before start_day {dataset.start_day} of dataset {dataset.name}; change it there")
    return [Partition(day, category) for category in categories or dataset.categories]


def landed_days(dataset: DatasetSpec, source: Source, until: dt.date, loaded: Collection[Partition] = ()) -> Landed:
    """The categories of which something lies in the landing zone, by day.

    Args:
        dataset: Whose categories they are.
        source: Where they arrive.
        until: The last day that counts.
        loaded: Partitions that hold files: days of which all are among these are not looked into.

    Raises:
        SourceError: the landing zone cannot be listed.
    """
    days = [day for day in source.days() if dataset.start_day <= day <= until]
    wanted = [day for day in days if any(Partition(day, category) not in loaded for category in dataset.categories)]
    return {day: set(source.categories(day)) & set(dataset.categories) for day in wanted}


def days_never_run(dataset: DatasetSpec, source: Source, now: dt.datetime, run: Collection[Partition] = ()) -> NeverRun:
    """Days that were mistyped, as by the year, or for which the dataset file begins too late.

    Args:
        dataset: Whose days they are.
        source: Where they arrive.
        now: The present, with a time zone.
        run: Partitions that were run, as before `start_day` was set later: days of which all are among these are not
            told.

    Raises:
        SourceError: the landing zone cannot be listed.
    """
    days, begun = source.days(), now.astimezone(dataset.zone).date() + _ONE_DAY
    before = [day for day in days if day < dataset.start_day][-_LOOKED_INTO:]
    ahead = [day for day in days if day > begun][:_LOOKED_INTO]
    names = {day: set(dataset.categories) & set(source.categories(day)) for day in (*before, *ahead)}
    ours = {day for day, found in names.items() if any(Partition(day, name) not in run for name in found)}
    return NeverRun(*(tuple(day for day in some if day in ours) for some in (before, ahead)))


def open_days(
    dataset: DatasetSpec,
    store: Store,
    source: Source | None,
    until: dt.date,
    there: Listing | None = None,
    *,
    with_late: bool = True,
) -> list[OpenDay]:
    """The partitions up to a day that want a look, in their order; from the first day that anything is known of.

    They are not loaded, their last run failed, or they got files since; the last as far as `late_files` looks.

    Args:
        dataset: Whose days they are.
        store: What was run is asked of it.
        source: What landed is asked of it; None where it is not known.
        until: The last day.
        there: What lies in the dataset's folder, where that is known already.
        with_late: Whether to look for what came late.

    Raises:
        SourceError: the landing zone cannot be listed.
    """
    loaded, runs = loaded_partitions(dataset, store), DayBook(store, dataset.name, there).runs()
    landed = None if source is None else landed_days(dataset, source, until, loaded)
    late = late_partitions(dataset, store, source, until, runs) if source is not None and with_late else set()
    known = {one.date for one in (*loaded, *runs)} | {day for day, categories in (landed or {}).items() if categories}
    first = max(dataset.start_day, min(known, default=until + _ONE_DAY))
    days = [first + number * _ONE_DAY for number in range((until - first).days + 1)]
    found = []
    for partition in (Partition(day, category) for day in days for category in dataset.categories):
        lies_there = None if landed is None else partition.category in landed.get(partition.date, ())
        state = _state(partition in loaded, runs.get(partition), lies_there)
        state = state or ("landed since it was run" if partition in late else None)
        if state is not None:
            found.append(OpenDay(partition, state))
    return found


def never_run(dataset: DatasetSpec, store: Store, source: Source, until: dt.date) -> list[Partition]:
    """The partitions up to a day that landed and were never run, the oldest first. Raises as `open_days`."""
    found = open_days(dataset, store, source, until, with_late=False)
    return [one.partition for one in found if one.state == "landed and not run"]


def got_files_since(dataset: DatasetSpec, store: Store, source: Source, until: dt.date) -> list[Partition]:
    """The partitions up to a day that got files after they were run, the oldest first. Raises as `open_days`."""
    found = open_days(dataset, store, source, until)
    return [one.partition for one in found if one.state == "landed since it was run"]


def loaded_partitions(dataset: DatasetSpec, store: Store) -> set[Partition]:
    """The partitions of which files were listed."""
    rows = rows_per_partition(store, dataset.name, ARRIVALS)
    return {Partition(day, category) for day, category in rows.select("date", "category").iter_rows()}


def known_partitions(dataset: DatasetSpec, store: Store, there: Listing | None = None) -> set[Partition]:
    """The partitions of which files were listed, or of which it is known that they were run, whatever came of it."""
    return loaded_partitions(dataset, store) | set(DayBook(store, dataset.name, there).runs())


def _state(is_loaded: bool, run: DayRun | None, lies_there: bool | None) -> DayState | None:
    if run is not None and run.listed is None:
        return "run and failed"
    if is_loaded:
        return None
    if run is not None:
        return "landed since it was run" if lies_there else "empty"
    if lies_there is None:
        return "not run"
    return "landed and not run" if lies_there else "not landed"


def due_day(dataset: DatasetSpec, now: dt.datetime) -> dt.date:
    """The latest day whose data is due at that moment: yesterday, before today's deadline the day before."""
    there = now.astimezone(dataset.zone)
    before_deadline = there.hour < HOUR + dataset.freshness_hours
    return there.date() - dt.timedelta(days=2 if before_deadline else 1)
