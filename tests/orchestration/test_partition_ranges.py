"""Several partitions in one run, and some of the assets that are loaded together, as Dagster's own commands ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from image_assets.dataset import DatasetError
from image_assets.definitions import build_resources
from image_assets.environment import PARTITIONS_PER_RUN
from image_assets.ingest.day_book import DayBook
from image_assets.orchestration.automation import daily_job_name
from image_assets.orchestration.partitions import partition_key
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import ARRIVALS, IMAGE_CHIPS, IMAGE_FEATURES, RAW_IMAGES, TABLES, Partition
from tests.boxes.test_run import STAGES
from tests.boxes.test_run import land as land_annotated
from tests.pictures import clouds, land_pictures
from tests.platform import FIRST, SECOND, Platform, small_dataset

PLANTS, ANIMALS = (Partition(FIRST, category) for category in ("plant", "animal"))
RANGE = [Partition(day, category) for day in (FIRST, SECOND) for category in ("animal", "plant")]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """Two days of two categories that have landed."""
    platform = Platform(
        small_dataset(categories={"plant": 0, "animal": 1}, extractor={"kind": "colour_statistics"}), tmp_path
    )
    for kind, category in enumerate(platform.dataset.categories):
        for day, seeds in ((FIRST, range(4)), (SECOND, range(3, 6))):
            land_pictures(platform.landing, str(day), category, kind, seeds, clouds)
    return platform


def run(
    platform: Platform, instance: dg.DagsterInstance, assets: Sequence[str], **which: Any
) -> dg.ExecuteInProcessResult:
    """Run the daily job, or some assets of it."""
    job = platform.definitions().resolve_job_def(daily_job_name(platform.dataset))
    keys = [dg.AssetKey([platform.dataset.name, asset]) for asset in assets]
    return job.execute_in_process(instance=instance, asset_selection=keys or None, raise_on_error=False, **which)


def run_one(
    platform: Platform, instance: dg.DagsterInstance, partition: Partition, *assets: str
) -> dg.ExecuteInProcessResult:
    return run(platform, instance, assets, partition_key=partition_key(partition))


def run_range(
    platform: Platform, instance: dg.DagsterInstance, first: Partition, last: Partition, *assets: str
) -> dg.ExecuteInProcessResult:
    """As Dagster's command line and a backfill do."""
    ends = {"start": first, "end": last}
    tags = {f"dagster/asset_partition_range_{end}": str(partition_key(one)) for end, one in ends.items()}
    return run(platform, instance, assets, tags=tags)


def evaluations(result: dg.ExecuteInProcessResult) -> set[tuple[str, str, str | None]]:
    return {(one.asset_key.path[-1], one.check_name, one.partition) for one in result.get_asset_check_evaluations()}


def row_counts(instance: dg.DagsterInstance, asset: str) -> dict[str | None, object]:
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(["drawn", asset]))
    found = instance.fetch_materializations(wanted, limit=50).records
    return {
        one.partition_key: one.asset_materialization.metadata["dagster/row_count"].value
        for one in found
        if one.asset_materialization
    }


def assert_same(one: Platform, other: Platform) -> None:
    for schema in TABLES:
        if schema.partitioned:
            columns = [name for name in schema.arrow.names if name not in ("content", "thumbnail", "features")]
            rows = [platform.rows(schema).select(columns).sort(columns) for platform in (one, other)]
            assert rows[0].equals(rows[1]), schema.name
    shards = [{path.name for path in platform.files.glob("*/feature_shards/*/*/*")} for platform in (one, other)]
    assert shards[0] == shards[1]


@pytest.mark.long
def test_a_range_in_one_run_gives_what_one_run_for_each_partition_gives(
    platform: Platform, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    by_one = platform.copy_to(tmp_path / "by one")
    checked = set()
    for partition in RANGE:
        result = run_one(by_one, instance, partition)
        assert result.success
        checked |= evaluations(result)
    assert {partition for _, _, partition in checked} == {str(partition_key(partition)) for partition in RANGE}
    with dg.DagsterInstance.ephemeral() as other:
        result = run_range(platform, other, PLANTS, Partition(SECOND, "animal"))
        assert result.success
        assert evaluations(result) == checked
        for asset in ("arrivals", "raw_images", "image_features", "near_duplicates", "predictions"):
            assert row_counts(other, asset) == row_counts(instance, asset)
            assert len(row_counts(other, asset)) == len(RANGE)
    assert_same(platform, by_one)
    assert list(platform.files.glob("*/feature_shards/*/*/*"))


def test_a_range_of_annotated_images_gives_their_boxes_and_chips_too(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    source = {"kind": "coco", "fields": ["family"], "missing_share": 0.1}
    source["categories_from"] = {"owl": ["Strigidae"], "duck": ["Anatidae"]}
    dataset = small_dataset(
        name="birds", categories={"owl": 0, "duck": 1}, source=source, extractor={"kind": "colour_statistics"}
    )
    platform = Platform(dataset, tmp_path / "range")
    land_annotated(platform)
    by_one = platform.copy_to(tmp_path / "by one")
    for category in ("owl", "duck"):
        assert run_one(by_one, instance, Partition(FIRST, category), *STAGES).success
    assert run_range(platform, instance, Partition(FIRST, "owl"), Partition(FIRST, "duck"), *STAGES).success
    assert platform.rows(IMAGE_CHIPS)["category"].n_unique() == 2
    assert_same(platform, by_one)


def test_what_a_check_stops_in_one_partition_is_made_of_none_of_the_range(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    for number in range(4):
        (platform.landing / str(FIRST) / "animal" / f"{number}.png").write_text(f"<html>{number}</html>")
    result = run_range(platform, instance, PLANTS, ANIMALS)
    assert not result.success
    failed = {
        (one.check_name, one.partition)
        for one in result.get_asset_check_evaluations()
        if not one.passed and one.blocking and one.severity is dg.AssetCheckSeverity.ERROR
    }
    assert failed == {("quarantine_rate", str(partition_key(ANIMALS)))}
    assert platform.rows(RAW_IMAGES, PLANTS).height == 4
    assert platform.rows(IMAGE_FEATURES).is_empty()


def test_the_partition_that_ends_a_range_is_named_and_those_before_it_are_kept(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    assert run_range(platform, instance, PLANTS, ANIMALS).success
    for file in (platform.landing / str(FIRST) / "animal").rglob("*.png"):
        file.unlink()
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(4, 5), clouds)
    result = run_range(platform, instance, PLANTS, ANIMALS)
    assert not result.success
    said = [entry.user_message for entry in instance.all_logs(result.run_id) if "would be left" in entry.user_message]
    assert said[0].startswith(f"{ANIMALS}: 4 images of it are loaded")
    assert platform.rows(RAW_IMAGES, ANIMALS).height == 4


@pytest.mark.parametrize("turned", [(ANIMALS, PLANTS), (Partition(SECOND, "plant"), PLANTS)])
def test_a_range_of_nothing_is_no_success(
    platform: Platform, instance: dg.DagsterInstance, turned: tuple[Partition, Partition]
) -> None:
    result = run_range(platform, instance, *turned)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "comes after that of its end; turn them around" in str(failure.step_failure_data)


def test_arrivals_alone_are_listed_and_nothing_is_loaded(platform: Platform, instance: dg.DagsterInstance) -> None:
    result = run_one(platform, instance, PLANTS, "arrivals")
    assert result.success
    assert platform.rows(ARRIVALS).height == 4
    assert platform.rows(RAW_IMAGES).is_empty()
    assert row_counts(instance, "arrivals") == {str(partition_key(PLANTS)): 4}
    assert row_counts(instance, "raw_images") == {}
    assert DayBook(platform.store, platform.dataset.name).runs() == {}


def test_arrivals_alone_do_not_shrink_to_fewer_than_what_is_loaded(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    assert run_one(platform, instance, PLANTS, "arrivals", "raw_images").success
    for file in (platform.landing / str(FIRST) / "plant").rglob("*.png"):
        file.unlink()
    assert not run_one(platform, instance, PLANTS, "arrivals").success
    assert platform.rows(ARRIVALS).height == 4


def test_what_is_made_together_is_told_whichever_was_asked_for(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    result = run_one(platform, instance, PLANTS, "raw_images")
    assert result.success
    for asset in ("arrivals", "raw_images", "duplicates", "quarantine"):
        assert row_counts(instance, asset).keys() == {str(partition_key(PLANTS))}
    assert {asset for asset, _, _ in evaluations(result)} == {"raw_images"}


@pytest.mark.parametrize("asset", ["duplicates", "quarantine"])
def test_nothing_is_loaded_without_the_checks_of_raw_images(
    platform: Platform, instance: dg.DagsterInstance, asset: str
) -> None:
    result = run_one(platform, instance, PLANTS, asset)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "made with raw_images: choose it too" in str(failure.step_failure_data)
    assert platform.rows(ARRIVALS).is_empty()


@pytest.mark.parametrize("said", ["0", "-1", "many", "1.5"])
def test_a_number_of_partitions_of_a_run_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv(PARTITIONS_PER_RUN.name, said)
    with pytest.raises(DatasetError, match=f"{PARTITIONS_PER_RUN.name}={said}: expected a number of partitions"):
        build_resources(LandingResource(url="landing"), StoreResource(url="store"))


def test_a_backfill_is_one_run_or_as_many_as_the_environment_says(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def most() -> int | None:
        job = platform.definitions().resolve_job_def(daily_job_name(platform.dataset))
        return job.backfill_policy.max_partitions_per_run

    assert most() is None
    monkeypatch.setenv(PARTITIONS_PER_RUN.name, "1")
    assert most() == 1
