"""Real runs: what a failing check stops and what not, what is recorded of it, and days on which nothing arrives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg
import pytest

from image_assets.asset_checks import checks_of, feature_shards, image_features, raw_images
from image_assets.asset_checks.check import Check, checks_in
from image_assets.dataset import DatasetSpec
from image_assets.definitions import build_definitions, build_resources
from image_assets.health.day_result import DayResult
from image_assets.ingest.source import Listing, Source, SourceFile, Unplaced
from image_assets.orchestration.partitions import partition_key
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import run_day
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition, partition_of
from image_assets.shards.manifest import ShardManifest, read_manifest, shards_prefix
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.workers import Progress
from tests.asset_checks.faults import PLANT, failing
from tests.asset_names import REFRESHED, REPORTS
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform, small_dataset

ANIMAL, HUMAN = Partition(FIRST, "animal"), Partition(FIRST, "human")
# Runs are shared by the tests of this module, hence by one process.


@dataclass(frozen=True)
class RepeatingSource:
    """A source that lists the first plant twice, as a listing does that gets one page again."""

    source: Source

    def days(self) -> list[dt.date]:
        return self.source.days()

    def categories(self, day: dt.date) -> list[str]:
        return self.source.categories(day)

    def misnamed(self) -> dict[str, dt.date]:
        return self.source.misnamed()

    def beside_days(self, categories: Collection[str]) -> list[str]:
        return self.source.beside_days(categories)

    def unplaced(self, day: dt.date, categories: Collection[str]) -> Unplaced:
        return self.source.unplaced(day, categories)

    def fetch(self, day: dt.date, category: str, progress: Progress) -> None:
        self.source.fetch(day, category, progress)

    def list_files(self, day: dt.date, category: str) -> Listing:
        listing = self.source.list_files(day, category)
        again = listing.files[:1] if category == "plant" else ()
        return Listing((*again, *listing.files), listing.ignored)

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        return self.source.read(file, max_bytes)


class RepeatingLanding(LandingResource):
    def source(self, dataset: DatasetSpec) -> Source:
        return RepeatingSource(super().source(dataset))


@dataclass(frozen=True)
class Ran:
    """A platform, what its last run gave, and the instance that recorded it."""

    platform: Platform
    result: DayResult
    instance: dg.DagsterInstance

    def made(self, asset: str) -> list[Partition]:
        """The partitions of an asset that were materialised."""
        key = dg.AssetKey([self.platform.dataset.name, asset])
        records = self.instance.fetch_materializations(key, limit=100).records
        return sorted(partition_of(str(record.partition_key)) for record in records)

    def failed(self) -> list[str]:
        return [str(check) for check in self.result.checks if not check.passed]

    def evaluations(self, asset: str, check: Check, partition: Partition) -> list[dg.AssetCheckEvaluation]:
        """What the instance recorded of a check of a partition."""
        key = dg.AssetCheckKey(dg.AssetKey([self.platform.dataset.name, asset]), check.name)
        records = self.instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
        events = [record.event.dagster_event for record in records if record.event]
        found = [event.event_specific_data for event in events if event]
        return [
            one
            for one in found
            if isinstance(one, dg.AssetCheckEvaluation) and one.partition == partition_key(partition)
        ]


@contextmanager
def ran(platform: Platform, partitions: Sequence[Partition], landing: LandingResource | None = None) -> Iterator[Ran]:
    store = StoreResource(url=platform.store.url)
    resources = build_resources(landing or LandingResource(url=str(platform.landing)), store)
    definitions = build_definitions([platform.dataset], resources)
    with dg.instance_for_test() as instance:
        yield Ran(platform, run_day(JobRunner(definitions, instance), platform.dataset, partitions), instance)


def products(platform: Platform, partition: Partition) -> tuple[list[WrittenFile], ShardManifest | None]:
    """What was made of the images of a partition: the files of its features, and its shards' manifest."""
    features = platform.store.table(platform.dataset.name, IMAGE_FEATURES).partition_files(partition)
    return features, read_manifest(platform.store.objects(), shards_prefix(platform.dataset, partition))


def model(platform: Platform) -> bytes:
    return (platform.files / platform.dataset.name / "classifier" / "champion.json").read_bytes()


# Blocking checks of raw_images fail for the plants and for the animals, of which a third is broken


@pytest.fixture(scope="module")
def stopped(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    platform = loaded_platform.copy_to(tmp_path_factory.mktemp("stopped"))
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(90, 91))
    for number in range(9):
        (platform.landing / str(FIRST) / "animal" / f"error {number}.jpg").write_text(f"<html>404 {number}</html>")
    land_pictures(platform.landing, str(FIRST), "animal", 1, range(90, 91))
    with ran(platform, [PLANT, ANIMAL, HUMAN], RepeatingLanding(url=str(platform.landing))) as run:
        yield run


def test_a_failing_blocking_check_stops_its_partition(stopped: Ran, loaded_platform: Platform) -> None:
    assert PLANT in stopped.made("raw_images")
    assert stopped.platform.rows(RAW_IMAGES, PLANT).height == 17
    assert PLANT not in stopped.made("image_features")
    assert PLANT not in stopped.made("feature_shards")
    # What was there stays as it was, and is whole.
    assert products(stopped.platform, PLANT) == products(loaded_platform, PLANT)
    assert failing(stopped.platform, checks_in(feature_shards), PLANT) == set()


def test_other_partitions_of_the_day_go_on(stopped: Ran) -> None:
    assert stopped.made("image_features") == [HUMAN]
    assert stopped.made("feature_shards") == [HUMAN]


def test_nothing_is_made_of_the_whole_dataset(stopped: Ran, loaded_platform: Platform) -> None:
    assert not stopped.result.ok
    assert not stopped.result.refreshed
    assert stopped.made("classifier") == []
    assert stopped.made("embedding") == []
    assert model(stopped.platform) == model(loaded_platform)


def test_the_result_names_the_checks_that_failed(stopped: Ran) -> None:
    assert stopped.failed() == [
        "raw_images/every_arrival_accounted_for [2026-11-03 plant]",
        "raw_images/quarantine_rate [2026-11-03 animal]",
    ]
    assert [check.blocking for check in stopped.result.checks if not check.passed] == [True, True]
    # A check that fails is a finding and no error of the run.
    assert stopped.result.errors == []


def test_a_failed_check_is_not_tried_again(stopped: Ran) -> None:
    evaluations = stopped.evaluations("raw_images", raw_images.every_arrival_accounted_for, PLANT)
    assert [one.passed for one in evaluations] == [False]


def test_the_instance_records_partition_figures_and_what_to_do(stopped: Ran) -> None:
    (found,) = stopped.evaluations("raw_images", raw_images.every_arrival_accounted_for, PLANT)
    assert found.blocking
    assert found.severity == dg.AssetCheckSeverity.ERROR
    figures = {name: found.metadata[name].value for name in ("listed", "loaded", "duplicates", "quarantined")}
    assert figures == {"listed": 22, "loaded": 17, "duplicates": 2, "quarantined": 3}
    assert "Run this partition again" in str(found.metadata["what to do"].value)
    assert found.description == found.metadata["what to do"].value
    assert "| `duplicates, loaded` |" in str(found.metadata["sample"].value)
    (loaded,) = stopped.evaluations("raw_images", raw_images.ids_loaded_once, PLANT)
    assert loaded.passed
    assert {name: value.value for name, value in loaded.metadata.items()} == {
        "ids": 17,
        "twice here": 0,
        "loaded elsewhere too": 0,
    }


def test_too_much_garbage_publishes_nothing_and_trains_nothing(stopped: Ran, loaded_platform: Platform) -> None:
    (found,) = stopped.evaluations("raw_images", raw_images.quarantine_rate, ANIMAL)
    assert not found.passed
    assert found.blocking
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert found.metadata["rate"].value == round(9 / 26, 4)
    assert found.metadata["limit"].value == 0.3
    assert "not_an_image" in str(found.metadata["sample"].value)
    assert ANIMAL not in stopped.made("image_features")
    assert products(stopped.platform, ANIMAL) == products(loaded_platform, ANIMAL)


def test_what_is_found_in_a_sound_partition_stops_nothing(stopped: Ran) -> None:
    for asset, checks in (("image_features", checks_in(image_features)), ("feature_shards", checks_in(feature_shards))):
        for check in checks:
            assert [one.passed for one in stopped.evaluations(asset, check, HUMAN)] == [True], check.name


def test_every_check_says_in_plain_words_what_holds(stopped: Ran) -> None:
    graph = stopped.platform.definitions().resolve_asset_graph()
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert len(specs) == sum(len(checks.check_keys) for checks in checks_of(stopped.platform.dataset))
    for spec in specs:
        assert spec.description, spec.name
        assert spec.description[0].isupper(), spec.name
        assert spec.description.endswith("."), spec.name
        assert (spec.partitions_def is None) == (spec.asset_key.path[-1] in (*REFRESHED, *REPORTS))


@pytest.mark.long
def test_the_next_sound_run_puts_it_right(stopped: Ran, tmp_path) -> None:
    platform = stopped.platform.copy_to(tmp_path)
    with ran(platform, [PLANT]) as again:
        assert again.failed() == []
        assert again.result.ok
        assert again.result.refreshed
        assert again.made("feature_shards") == [PLANT]
        assert platform.rows(IMAGE_FEATURES, PLANT).height == 17
        assert model(platform) != model(stopped.platform)


# Nothing arrived


NAMES = {
    checks.node_def.name.split("__")[1]: [spec.name for spec in checks.check_specs]
    for checks in checks_of(small_dataset())
}
"""The names of an asset's checks."""


@pytest.fixture(scope="module")
def nothing_arrived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    platform = Platform(small_dataset(), tmp_path_factory.mktemp("nothing"))
    platform.landing.mkdir()
    with ran(platform, [PLANT]) as run:
        yield run


def test_an_empty_partition_is_warned_of_and_passes_all_other_checks(nothing_arrived: Ran) -> None:
    found = [check.check for check in nothing_arrived.result.checks if check.partition]
    partitioned = ("raw_images", "image_features", "predictions", "near_duplicates", "feature_shards")
    assert sorted(found) == sorted(name for asset in partitioned for name in NAMES[asset])
    assert nothing_arrived.failed() == ["raw_images/day_is_not_empty [2026-11-03 plant]"]
    assert nothing_arrived.result.ok


def test_an_empty_partition_publishes_a_manifest_without_shards(nothing_arrived: Ran) -> None:
    _, manifest = products(nothing_arrived.platform, PLANT)
    assert manifest is not None
    assert (manifest.rows, manifest.shards) == (0, [])


def test_without_images_there_is_no_model_and_no_map_which_is_said_and_no_check_complains(nothing_arrived: Ran) -> None:
    """Neither is grey, nor are their checks red: what is made says what is not there."""
    assert nothing_arrived.result.refreshed
    instance, prefix = nothing_arrived.instance, nothing_arrived.platform.dataset.name
    for asset, said in (("classifier", "not trained"), ("embedding", "no map")):
        event = instance.get_latest_materialization_event(dg.AssetKey([prefix, asset]))
        assert event is not None
        assert event.asset_materialization is not None
        assert said in event.asset_materialization.metadata
        checks = [one for one in nothing_arrived.result.checks if one.asset == asset]
        assert sorted(one.check for one in checks) == sorted(NAMES[asset])
        assert all(one.passed for one in checks)
        assert not any(one.evaluated for one in checks if one.check in ("model_is_sound", "map_is_trustworthy"))
    assert not (nothing_arrived.platform.files / prefix / "classifier").exists()
