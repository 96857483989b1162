"""The status of a dataset at this moment, with what Dagster has recorded of runs: for the command and the console.

Dagster takes seconds to load: it is asked only where a run may have left something.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from image_assets.alerts.waiting import WaitingAlerts
from image_assets.answers.arrivals import Arrivals, arrivals_of
from image_assets.answers.latest import Latest
from image_assets.answers.now import Now
from image_assets.answers.status import status_of_listed
from image_assets.dataset import DatasetSpec
from image_assets.health.check_book import CheckState, latest_states
from image_assets.ingest.day_book import DayBook, DayRun
from image_assets.ingest.registry import source_of
from image_assets.ingest.source import Source
from image_assets.orchestration.home_files import every_check_came_to_an_end
from image_assets.orchestration.waiting_alerts import LedgerUnreadable, waiting_alerts
from image_assets.places import home_of
from image_assets.schema import Partition
from image_assets.store.listing import Listing
from image_assets.store.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

_WILL_RETRY = "dagster/will_retry"
_UNDER_WAY = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
_LATEST: Latest[Now] = Latest()
_ARRIVED: Latest[Arrivals] = Latest()


@dataclass(frozen=True)
class _Recorded:
    """What Dagster has recorded beside what the store knows."""

    unfinished: list[CheckState] = field(default_factory=list)
    unknown: tuple[str, ...] = ()
    running: frozenset[str] = frozenset()


def current_status(dataset: DatasetSpec, store: Store, landing: str | None, landing_seconds: int = 0) -> Now:
    """Gather it; what was gathered last is given again where all that it was gathered from is the same.

    The dataset's folder is listed each time, and the landing zone and Dagster's records are asked, unless it is said
    that what the landing zone answered holds for a while.

    Args:
        dataset: The dataset.
        store: Where its tables are, and beside a local one, unless `DAGSTER_HOME` says otherwise, Dagster's records.
        landing: Where images arrive; None: where the last run found them.
        landing_seconds: For so long what the landing zone answered holds, while the store is the same: tens of
            thousands of files take it a second.
    """
    there = Listing.of(store, dataset.name)
    runs = DayBook(store, dataset.name, there).runs()
    recorded = _recorded(dataset, store, runs)
    source = _source(dataset, runs, landing)

    def ask() -> Arrivals:
        return arrivals_of(dataset, store, source, there=there)

    asked_of = (dataset, there, landing, int(time.monotonic()) // (landing_seconds or 1))
    arrivals = _ARRIVED.get((store.url, dataset.name), asked_of, ask) if landing_seconds else ask()
    waiting, alerts_unknown = _waiting(dataset, store)

    def gather() -> Now:
        checks = latest_states(store, dataset, recorded.unfinished, there)
        status = status_of_listed(dataset, store, checks, arrivals, there)
        return Now(dataset, store, there, status, recorded.unknown, recorded.running, waiting, alerts_unknown)

    known = (dataset, there, recorded, arrivals, waiting, alerts_unknown)
    return _LATEST.get((store.url, dataset.name), known, gather)


def _recorded(dataset: DatasetSpec, store: Store, runs: Mapping[Partition, DayRun]) -> _Recorded:
    home = home_of(store.url)
    begun = {str(at): run.run_id for at, run in runs.items() if run.listed is None}
    if home is None or (not begun and every_check_came_to_an_end(home)):
        return _Recorded()

    from image_assets.asset_checks import check_keys, checks_of
    from image_assets.orchestration.dagster_home import HomeReadOnly, existing_instance
    from image_assets.orchestration.unfinished_checks import unfinished_checks

    try:
        instance = existing_instance(store.url)
    except HomeReadOnly as error:
        return _Recorded(unknown=(f"{error}; checks that a run planned and never came to are not told",))
    if instance is None:
        return _Recorded()
    try:
        unfinished = unfinished_checks(instance, store, dataset.name, check_keys(checks_of(dataset)))
        return _Recorded(unfinished, running=_running(instance, begun, unfinished))
    finally:
        instance.dispose()


def _waiting(dataset: DatasetSpec, store: Store) -> tuple[tuple[WaitingAlerts, ...], str]:
    try:
        return waiting_alerts(dataset, store.url), ""
    except LedgerUnreadable as error:
        return (), str(error)


def _running(instance: DagsterInstance, begun: dict[str, str], unfinished: list[CheckState]) -> frozenset[str]:
    asked = {*begun.values(), *(one.run_id for one in unfinished)}
    under_way = {run_id for run_id in asked if _is_under_way(instance.get_run_by_id(run_id))}
    return frozenset({*under_way, *(at for at, run_id in begun.items() if run_id in under_way)})


def _is_under_way(run: DagsterRun | None) -> bool:
    if run is None:
        return False
    retried = run.status.value == "FAILURE" and run.tags.get(_WILL_RETRY) == "true"
    return retried or run.status.value in _UNDER_WAY


def _source(dataset: DatasetSpec, runs: Mapping[Partition, DayRun], landing: str | None) -> Source | None:
    """Where images arrive: as was said, or where the last run found it."""
    place = landing
    if not place:
        place = max(runs.values(), key=lambda run: run.at).landing if runs else ""
    return source_of(dataset, place) if place else None
