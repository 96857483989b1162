"""The status of a dataset at this moment, with what Dagster has recorded of runs: for the command and the console.

Dagster takes seconds to load: it is asked only where a run may have left something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from image_assets.answers.status import Status, status_of
from image_assets.dataset import DatasetSpec
from image_assets.health.check_book import CheckState, latest_states
from image_assets.ingest.day_book import DayBook
from image_assets.ingest.registry import source_of
from image_assets.ingest.source import Source
from image_assets.orchestration.home_files import every_check_came_to_an_end
from image_assets.places import home_of
from image_assets.store.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

_WILL_RETRY = "dagster/will_retry"
_UNDER_WAY = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")


@dataclass(frozen=True)
class CurrentStatus:
    """What is known now.

    Attributes:
        status: The answer.
        unknown: What is not known, and why: a line each.
        running: Runs that are not over or will be tried again, by id; of a partition that such a run has begun to load
            also the partition, as text.
    """

    status: Status
    unknown: tuple[str, ...]
    running: frozenset[str]


@dataclass(frozen=True)
class _Recorded:
    """What Dagster has recorded beside what the store knows."""

    unfinished: list[CheckState] = field(default_factory=list)
    unknown: tuple[str, ...] = ()
    running: frozenset[str] = frozenset()


def current_status(dataset: DatasetSpec, store: Store, landing: str | None) -> CurrentStatus:
    """Gather it.

    Args:
        dataset: The dataset.
        store: Where its tables are, and beside a local one, unless `DAGSTER_HOME` says otherwise, Dagster's records.
        landing: Where images arrive; None: where the last run found them.
    """
    recorded = _recorded(dataset, store)
    checks = latest_states(store, dataset, recorded.unfinished)
    status = status_of(dataset, store, checks, _source(dataset, store, landing))
    return CurrentStatus(status, recorded.unknown, recorded.running)


def _recorded(dataset: DatasetSpec, store: Store) -> _Recorded:
    home = home_of(store.url)
    begun = {str(at): run.run_id for at, run in DayBook(store, dataset.name).runs().items() if run.listed is None}
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


def _running(instance: DagsterInstance, begun: dict[str, str], unfinished: list[CheckState]) -> frozenset[str]:
    asked = {*begun.values(), *(one.run_id for one in unfinished)}
    under_way = {run_id for run_id in asked if _is_under_way(instance.get_run_by_id(run_id))}
    return frozenset({*under_way, *(at for at, run_id in begun.items() if run_id in under_way)})


def _is_under_way(run: DagsterRun | None) -> bool:
    if run is None:
        return False
    retried = run.status.value == "FAILURE" and run.tags.get(_WILL_RETRY) == "true"
    return retried or run.status.value in _UNDER_WAY


def _source(dataset: DatasetSpec, store: Store, landing: str | None) -> Source | None:
    """Where images arrive: as was said, or where the last run found it."""
    place = landing
    if not place:
        runs = DayBook(store, dataset.name).runs().values()
        place = max(runs, key=lambda run: run.at).landing if runs else ""
    return source_of(dataset, place) if place else None
