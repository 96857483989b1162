"""Whole days on real photos, among malformed files, and on a real S3 server."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from image_assets.answers.loaded import partition_facts
from image_assets.classifier.places import current_manifest
from image_assets.dataset import load_dataset
from image_assets.definitions import build_definitions, build_resources
from image_assets.health.days import chosen_partitions
from image_assets.images.decode import decode
from image_assets.images.reasons import Rejected
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import run_day
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import DUPLICATES, QUARANTINE, RAW_IMAGES
from image_assets.settings.stages import Limits
from image_assets.store.store import Store
from tests.platform import FIRST, Platform, land_small_sample, small_dataset
from tests.s3_server import S3Server


@pytest.fixture(scope="module")
def photos(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A day of 300 photos of each kingdom, with all malformed files among the plants."""
    root = tmp_path_factory.mktemp("photos")
    dataset = load_dataset("kingdoms")
    limits = dataset.limits.model_copy(update={"quarantine_rate": 0.2})
    platform = Platform(dataset.model_copy(update={"limits": limits}), root)
    day = platform.landing / "2026-11-20"
    for category in dataset.categories:
        shutil.copytree(shared_data / "photos" / category, day / category / "photos")
    shutil.copytree(shared_data / "bad_images", day / "plant" / "bad")
    (day / "plant" / "bad" / "MANIFEST.tsv").unlink()
    result = platform.run(platform.partition(day=FIRST.replace(day=20)).date)
    assert result.ok, result.errors
    # Of the malformed files, those that can be decoded are tiny test pictures among the photos.
    odd = "raw_images/odd_sized_images [2026-11-20 plant]"
    assert [str(check) for check in result.checks if not check.passed] == [odd]
    return platform


@pytest.mark.long
def test_photos_of_kingdoms_are_told_apart(photos: Platform) -> None:
    manifest = current_manifest(photos.dataset, photos.store)
    assert manifest is not None
    assert float(str(manifest.metrics["accuracy"])) >= 0.97
    assert float(str(manifest.metrics["macro_f1"])) >= 0.97


@pytest.mark.long
def test_every_malformed_file_is_loaded_or_refused_as_the_door_says(photos: Platform) -> None:
    """File by file against the door; that the door decides as it should is tested in `ingest/test_bad_images.py`."""

    def accepted(file: Path) -> bool:
        try:
            decode(file.read_bytes(), Limits())
        except Rejected:
            return False
        return True

    bad = photos.landing / "2026-11-20" / "plant" / "bad"
    files = {str(file.relative_to(photos.landing)): accepted(file) for file in bad.rglob("*") if file.is_file()}
    assert len(files) == 196
    kept = pl.concat([photos.rows(RAW_IMAGES).select("source"), photos.rows(DUPLICATES).select("source")])["source"]
    refused = photos.rows(QUARANTINE)["source"]
    assert {source for source in kept if "/bad/" in source} == {source for source, good in files.items() if good}
    assert set(refused) == {source for source, good in files.items() if not good}
    (plant,) = (f for f in partition_facts(photos.dataset, photos.store) if f.partition.category == "plant")
    assert plant.listed == 496 == plant.loaded + plant.duplicates + sum(plant.quarantined.values())
    assert plant.features == plant.loaded


@pytest.mark.long
def test_the_same_day_on_a_bucket_gives_the_same_tables_and_files(
    loaded_platform: Platform, s3_server: S3Server, tmp_path: Path
) -> None:
    dataset = small_dataset()
    land_small_sample(tmp_path / "landing")
    url = f"s3://{s3_server.bucket()}/store"
    resources = build_resources(
        LandingResource(url=str(tmp_path / "landing")), StoreResource(url=url, options=s3_server.storage_options)
    )
    definitions = build_definitions([dataset], resources)
    store = Store(url, s3_server.storage_options)
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):  # the second time finds everything done
            result = run_day(JobRunner(definitions, instance), dataset, chosen_partitions(dataset, FIRST, []))
            assert result.ok, result.errors
    partitions = chosen_partitions(dataset, FIRST, [])
    local = partition_facts(dataset, loaded_platform.store, partitions)
    assert partition_facts(dataset, store, partitions) == local
    table = pl.read_delta(f"{url}/drawn/image_features", storage_options=s3_server.storage_options)
    assert table.height == sum(one.features for one in local)
