"""What the ingest assets tell of a load besides the rows."""

from __future__ import annotations

import dagster as dg

from image_assets.health.days import chosen_partitions
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import run_day
from tests.pictures import land_pictures, picture
from tests.platform import FIRST, Platform


def test_a_folder_that_is_no_category_is_warned_of_once_and_seen_in_the_metadata(damaged: Platform) -> None:
    land_pictures(damaged.landing, str(FIRST), "Plants", 0, range(1))
    (damaged.landing / str(FIRST) / "in no folder.png").write_bytes(picture(0, 1))
    with dg.DagsterInstance.ephemeral() as instance:
        partitions = chosen_partitions(damaged.dataset, FIRST, ["plant", "animal"])
        result = run_day(JobRunner(damaged.definitions(), instance), damaged.dataset, partitions, refresh=False)
        event = instance.get_latest_materialization_event(dg.AssetKey(["drawn", "arrivals"]))
    assert [warning for warning in result.warnings if "not loaded: Plants, in no folder.png; rename" in warning] == [
        "2026-11-03: these are no categories of drawn and are not loaded: Plants, in no folder.png; rename folders or "
        "add the categories to the dataset file, and put files into a category's folder"
    ]
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["unknown categories"].value == "Plants, in no folder.png"
