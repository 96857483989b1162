"""Partitioned assets are due every day, in the dataset's time zone; Dagster itself says when they are late."""

from __future__ import annotations

import asyncio
import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from image_assets.dataset import DatasetSpec
from image_assets.orchestration.automation import due_every_day
from image_assets.orchestration.partitions import partition_key
from image_assets.schema import Partition
from tests.asset_names import PARTITIONED, REFRESHED, REPORTS
from tests.dagster_internals import CronFreshnessPolicyEvaluator, FreshnessState, LoadingContextForTest, freeze_time
from tests.platform import Platform, small_dataset

BERLIN = ZoneInfo("Europe/Berlin")
KEY = dg.AssetKey(["drawn", "raw_images"])


def dataset(**changes: object) -> DatasetSpec:
    return small_dataset(time_zone="Europe/Berlin", start_day=dt.date(2026, 3, 1), **changes)


def test_every_partitioned_asset_is_due_and_no_other(tmp_path) -> None:
    graph = Platform(dataset(), tmp_path).definitions().resolve_asset_graph()
    policies = {name: graph.get(dg.AssetKey(["drawn", name])).freshness_policy for name in (*PARTITIONED, *REFRESHED)}
    assert policies == dict.fromkeys(PARTITIONED, due_every_day(dataset())) | dict.fromkeys(REFRESHED)
    assert all(graph.get(dg.AssetKey(["drawn", name])).freshness_policy is None for name in REPORTS)


@pytest.mark.parametrize("day", [dt.date(2026, 11, 20), dt.date(2026, 3, 29), dt.date(2026, 10, 25)], ids=str)
def test_a_day_that_was_not_loaded_is_late_from_ten_oclock_until_it_is(tmp_path, day: dt.date) -> None:
    definitions = Platform(dataset(), tmp_path).definitions()
    node = definitions.resolve_asset_graph().get(KEY)

    def at(hour: int, minute: int = 0, days: int = 0) -> dt.datetime:
        return dt.datetime.combine(day + dt.timedelta(days), dt.time(hour, minute), BERLIN)

    with dg.DagsterInstance.ephemeral() as instance:

        def loaded(moment: dt.datetime, of: dt.date) -> None:
            with freeze_time(moment):
                partition = str(partition_key(Partition(of, "plant")))
                instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=partition))

        def state(moment: dt.datetime) -> FreshnessState:
            with freeze_time(moment):
                context = LoadingContextForTest(instance)
                return asyncio.run(CronFreshnessPolicyEvaluator().evaluate_freshness(context, node))

        assert state(at(11)) is FreshnessState.UNKNOWN
        loaded(at(7, 5, -1), day - dt.timedelta(2))
        assert state(at(9, 59)) is FreshnessState.PASS
        assert state(at(10, 1)) is FreshnessState.FAIL
        loaded(at(14), day - dt.timedelta(1))
        assert state(at(14, 1)) is FreshnessState.PASS
        assert state(at(9, 59, 1)) is FreshnessState.PASS
        assert state(at(10, 1, 1)) is FreshnessState.FAIL
        loaded(at(2, 30, 1), day)  # by hand, before the schedule
        assert state(at(10, 1, 1)) is FreshnessState.PASS


@pytest.mark.parametrize("hours", [1, 3, 16])
def test_the_grace_is_set_in_the_dataset_file(hours: int) -> None:
    policy = due_every_day(dataset(freshness_hours=hours))
    assert policy == dg.FreshnessPolicy.cron(f"0 {7 + hours} * * *", dt.timedelta(hours=7 + hours), "Europe/Berlin")
