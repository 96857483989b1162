"""A check that ends in an error ends its run; what was found before it is told all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from image_assets.asset_checks.check import Outcome, Subject, asset_checks_of, check
from image_assets.health.check_book import CheckBook
from image_assets.orchestration.partitions import partition_key, partitions_of
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.store import StoreResource
from image_assets.schema import Partition
from image_assets.store.store import Store
from tests.platform import FIRST, small_dataset

ANIMALS, PLANTS = (Partition(FIRST, category) for category in ("animal", "plant"))
RANGE = {f"dagster/asset_partition_range_{end}": str(partition_key(ANIMALS)) for end in ("start", "end")} | {
    "dagster/asset_partition_range_end": str(partition_key(PLANTS))
}


@check("Nothing is wrong.")
def before_it(subject: Subject) -> Outcome:
    return Outcome(passed=True)


@check("Plants cannot be read.")
def error_of_plants(subject: Subject) -> Outcome:
    if subject.checked_partition == PLANTS:
        raise OSError("the disk is away")
    return Outcome(passed=True)


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ({"partition_key": partition_key(PLANTS)}, {(PLANTS, "before_it")}),
        (
            {"tags": RANGE},
            {(ANIMALS, "before_it"), (ANIMALS, "error_of_plants"), (PLANTS, "before_it")},
        ),
    ],
)
def test_what_was_found_before_the_error_is_told(
    which: dict[str, Any], told: set[tuple[Partition, str]], tmp_path: Path
) -> None:
    dataset = small_dataset(categories={"animal": 0, "plant": 1})

    @dg.asset(
        key=[dataset.name, "raw_images"],
        partitions_def=partitions_of(dataset),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def raw_images() -> None: ...

    checks = asset_checks_of(dataset, "raw_images", [before_it, error_of_plants], partitioned=True)
    resources = {"store": StoreResource(url=str(tmp_path)), "extractors": ExtractorResource()}
    job = dg.Definitions(
        [raw_images], asset_checks=[checks], resources=resources
    ).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        run = job.execute_in_process(instance=instance, raise_on_error=False, **which)
    assert not run.success
    places = {str(partition_key(one)): one for one in (ANIMALS, PLANTS)}
    assert {(places[str(one.partition)], one.check_name) for one in run.get_asset_check_evaluations()} == told
    kept = CheckBook(Store(str(tmp_path)), dataset.name).states(
        [("raw_images", "before_it"), ("raw_images", "error_of_plants")]
    )
    states = {(one.partition, one.check): one.state for one in kept}
    assert states[PLANTS, "error_of_plants"] == "unfinished"
    assert {one for one, state in states.items() if state == "passed"} == told
