"""What the checks last found: from the store, and from Dagster what was planned there and never came to an end."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from image_assets.health.check_book import CheckBook, CheckState
from image_assets.ingest.day_book import DayBook
from image_assets.schema import partition_of
from image_assets.store.store import Store


def check_states(
    store: Store, dataset: str, keys: Sequence[dg.AssetCheckKey], instance: dg.DagsterInstance | None = None
) -> list[CheckState]:
    """The latest evaluation of every check and partition; what was never evaluated is left out.

    Args:
        store: Where they are kept.
        dataset: The dataset's name.
        keys: Its checks.
        instance: Where runs are recorded: of runs that this store knows, what they planned and never evaluated is
            unfinished. Runs of other stores in the same home are left out.
    """
    found = CheckBook(store, dataset).states([(key.asset_key.path[-1], key.name) for key in keys])
    states = {(one.asset, one.check, one.partition): one for one in found}
    if instance is not None:
        known = {one.run_id for one in found} | {run.run_id for run in DayBook(store, dataset).runs().values()}
        for one in _unfinished(instance, keys, known):
            states[one.asset, one.check, one.partition] = one
    return sorted(states.values(), key=_order)


def _unfinished(instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey], known: set[str]) -> list[CheckState]:
    """What a run planned and did not evaluate; not of one that went well, as before the first model."""
    states = []
    for info in instance.event_log_storage.get_asset_check_partition_info(list(keys)):
        run_id = info.latest_planned_run_id
        if info.latest_execution_status.value != "PLANNED" or run_id not in known:
            continue
        run = instance.get_run_by_id(run_id)
        if run is None or run.status is dg.DagsterRunStatus.SUCCESS:
            continue
        partition = partition_of(info.partition_key) if info.partition_key else None
        asset = info.check_key.asset_key.path[-1]
        states.append(CheckState(asset, info.check_key.name, partition, "unfinished", run_id=run_id))
    return states


def _order(one: CheckState) -> tuple[int, int, str, str, str]:
    """Worst first, then the latest days."""
    worst = {"failed": 0, "warned": 1, "unfinished": 2, "not evaluated": 3, "passed": 4}[one.state]
    day, category = (-one.partition.date.toordinal(), one.partition.category) if one.partition else (0, "")
    return worst, day, category, one.asset, one.check
