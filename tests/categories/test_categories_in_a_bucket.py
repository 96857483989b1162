"""Categories of a store in a bucket are renamed, renumbered and retired as on a disk, on a real S3 server."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import obstore
import pytest

from image_assets.categories import changes
from image_assets.categories.changes import rename_category, renumber_categories
from image_assets.categories.record import CategoriesDiffer, agree, read_record
from image_assets.definitions import build_definitions, build_resources
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition
from image_assets.shards.manifest import read_manifest, shards_prefix
from image_assets.store.store import Store
from tests.categories.test_categories import OLD, changed, numbers
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform
from tests.s3_server import S3Server

# Eight seconds each until a bucket has a day.
pytestmark = pytest.mark.long


@dataclass(frozen=True)
class InBucket(Platform):
    """A platform whose landing zone is on the disk and whose store is a bucket."""

    url: str = ""

    @property
    def store(self) -> Store:
        return Store(self.url)

    def definitions(self) -> dg.Definitions:
        landing, store = LandingResource(url=str(self.landing)), StoreResource(url=self.url)
        return build_definitions([self.dataset], build_resources(landing, store))


@pytest.fixture
def platform(tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> InBucket:
    """A day of two categories in a bucket, published."""
    for name, value in s3_server.storage_options.items():
        monkeypatch.setenv(name.upper(), value)
    platform = InBucket(changed(OLD), tmp_path, f"s3://{s3_server.bucket()}/a store")
    for kind, category in enumerate(OLD):
        land_pictures(platform.landing, str(FIRST), category, kind, range(5))
    assert platform.load(FIRST).ok
    return platform


def test_a_category_is_renamed_and_its_day_run_again_as_it_was(platform: InBucket) -> None:
    renamed = replace(platform, dataset=changed({"plant": 0, "beast": 1}))
    rows = platform.store.table("drawn", RAW_IMAGES).scan().drop("category").sort("image_id").collect()
    with pytest.raises(CategoriesDiffer, match="rename animal NEW"):
        agree(renamed.dataset, platform.store)
    assert rename_category(renamed.dataset, platform.store, "animal", "beast", lambda _: None)
    assert numbers(renamed) == numbers(renamed, "image_features") == {"plant": {0}, "beast": {1}}
    kept = platform.store.table("drawn", RAW_IMAGES).scan().drop("category").sort("image_id").collect()
    assert kept.equals(rows)
    manifest = read_manifest(platform.store.objects(), shards_prefix(renamed.dataset, Partition(FIRST, "beast")))
    assert manifest is not None
    assert (manifest.category, manifest.rows) == ("beast", 5)
    left = {file["path"] for page in obstore.list(platform.store.objects("drawn", "feature_shards")) for file in page}
    assert not any("category=animal" in path for path in left)
    shutil.move(platform.landing / str(FIRST) / "animal", platform.landing / str(FIRST) / "beast")
    assert renamed.load(FIRST).ok
    assert numbers(renamed) == {"plant": {0}, "beast": {1}}


def test_a_renaming_that_was_stopped_is_finished_by_giving_it_again(
    platform: InBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = changed({"plant": 0, "beast": 1})

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(changes, "_publish_anew", killed)
        with pytest.raises(KeyboardInterrupt):
            rename_category(dataset, platform.store, "animal", "beast", lambda _: None)
    with pytest.raises(CategoriesDiffer, match="rename animal beast"):
        agree(dataset, platform.store)
    rename_category(dataset, platform.store, "animal", "beast", lambda _: None)
    agree(dataset, platform.store)
    assert read_record(dataset, platform.store)[0].numbers == {"plant": 0, "beast": 1}
    assert numbers(platform) == {"plant": {0}, "beast": {1}}


def test_numbers_are_given_anew_and_a_retired_category_keeps_its_rows(platform: InBucket) -> None:
    swapped = changed({"plant": 1, "animal": 0})
    assert renumber_categories(swapped, platform.store, lambda _: None)
    assert numbers(platform) == numbers(platform, "image_features") == {"plant": {1}, "animal": {0}}
    without = replace(platform, dataset=changed({"plant": 1}, retired=["animal"]))
    agree(without.dataset, platform.store)
    assert without.load(FIRST).ok
    assert numbers(without) == {"plant": {1}, "animal": {0}}
    assert platform.store.table("drawn", IMAGE_FEATURES).scan([Partition(FIRST, "animal")]).collect().height == 5
