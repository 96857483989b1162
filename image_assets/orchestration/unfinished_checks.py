"""Which checks a run planned and never came to: Dagster knows of them, and the store does not."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from image_assets.health.check_book import CheckBook, CheckState
from image_assets.ingest.day_book import DayBook
from image_assets.schema import partition_of
from image_assets.store.store import Store


def unfinished_checks(
    instance: dg.DagsterInstance, store: Store, dataset: str, keys: Sequence[dg.AssetCheckKey]
) -> list[CheckState]:
    """What a run planned last and did not evaluate; not of one that went well, as before the first model.

    Args:
        instance: Where runs are recorded.
        store: What it knows of: runs of other stores in the same home are left out.
        dataset: The dataset's name.
        keys: Its checks.
    """
    of_checks = {one.run_id for one in CheckBook(store, dataset).states()}
    known = of_checks | {run.run_id for run in DayBook(store, dataset).runs().values()}
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
