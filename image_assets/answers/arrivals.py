"""What is due, and what of it has not come or was not run? Asked of the landing zone each time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from obstore.exceptions import BaseError as ObjectStoreError

from image_assets.dataset import DatasetSpec
from image_assets.health.days import NeverRun, OpenDay, days_never_run, due_day, known_partitions, open_days
from image_assets.ingest.source import Source, SourceError
from image_assets.store.listing import Listing
from image_assets.store.store import Store

_NOT_KNOWN = "where it is, is not known"


@dataclass(frozen=True)
class Arrivals:
    """What arrived, held against what was run.

    Attributes:
        due: The latest day whose data is due.
        open_days: Days and categories that want a look, and why.
        landing: Why the landing zone was not asked; empty where it was.
        misnamed: Its folders that mean a day and are named otherwise.
        never_run: Its days that no run takes.
        beside_days: What lies in it in no day, and is meant to be in one.
    """

    due: dt.date
    open_days: Sequence[OpenDay]
    landing: str = ""
    misnamed: Mapping[str, dt.date] = field(default_factory=dict)
    never_run: NeverRun = field(default_factory=NeverRun)
    beside_days: Sequence[str] = ()


def arrivals_of(
    dataset: DatasetSpec,
    store: Store,
    source: Source | None,
    now: dt.datetime | None = None,
    there: Listing | None = None,
) -> Arrivals:
    """Ask for it.

    Args:
        dataset: The dataset.
        store: What was run is asked of it.
        source: Where images arrive; None where that is not known, then what landed is not either.
        now: The present, with a time zone.
        there: What lies in the dataset's folder, where that is known already.
    """
    now = now or dt.datetime.now(dt.UTC)
    due = due_day(dataset, now)
    if source is None:
        return Arrivals(due, open_days(dataset, store, None, due, there), _NOT_KNOWN)
    try:
        found = open_days(dataset, store, source, due, there)
        never = days_never_run(dataset, source, now, known_partitions(dataset, store, there))
        beside = source.beside_days(dataset.categories)
        return Arrivals(due, found, misnamed=source.misnamed(), never_run=never, beside_days=beside)
    except (SourceError, ObjectStoreError, OSError) as error:
        return Arrivals(due, open_days(dataset, store, None, due, there), str(error))
