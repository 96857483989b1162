"""A small platform for tests: a landing zone of drawn pictures, a store, and days that were really run."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl

from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.definitions import build_definitions, build_resources
from image_assets.health.day_result import DayResult
from image_assets.health.days import chosen_partitions
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import run_day
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import Partition, TableSchema
from image_assets.store.store import Store
from tests.pictures import land_pictures
from tests.store_files import copy_place, files_at

FIRST, SECOND = dt.date(2026, 11, 3), dt.date(2026, 11, 4)


def small_dataset(**changes: object) -> DatasetSpec:
    """Three categories of drawn pictures; shards of seven rows, so that a few pictures fill several."""
    content = {
        "name": "drawn",
        "categories": {"plant": 0, "animal": 1, "human": 2},
        "start_day": FIRST,
        "shards": {"rows": 7},
        "extractor": {"kind": "efficientnet_lite0"},  # two thirds of the default's time
        "limits": {"quarantine_rate": 0.3},
        # Pages with a dozen plots take longer than all the rest; their own tests make them.
        "classifier": {"report": {"enabled": False}},
        **changes,
    }
    return parse_dataset(content, "drawn.yaml")


@dataclass(frozen=True)
class Platform:
    """A dataset with its places."""

    dataset: DatasetSpec
    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def store(self) -> Store:
        return Store(str(self.root / "store"))

    @property
    def files(self) -> Path:
        """The store as a path, on the disk or in a bucket, to look into it and damage it."""
        return files_at(self.root / "store")

    def definitions(self) -> dg.Definitions:
        landing = LandingResource(url=str(self.landing))
        return build_definitions([self.dataset], build_resources(landing, StoreResource(url=str(self.root / "store"))))

    def load(self, day: dt.date, *categories: str) -> DayResult:
        """Run the day's partitions alone, for tests that do not look at what is made of the whole dataset."""
        return self.run(day, *categories, refresh=False)

    def run(self, day: dt.date, *categories: str, refresh: bool = True) -> DayResult:
        # Runs are recorded in memory: what they leave in the store is looked at, and SQLite takes half the time.
        with dg.DagsterInstance.ephemeral() as instance:
            partitions = chosen_partitions(self.dataset, day, categories)
            return run_day(JobRunner(self.definitions(), instance), self.dataset, partitions, refresh=refresh)

    def partition(self, category: str = "plant", day: dt.date = FIRST) -> Partition:
        return Partition(day, category)

    def rows(self, schema: TableSchema, partition: Partition | None = None) -> pl.DataFrame:
        table = self.store.table(self.dataset.name, schema)
        return table.scan(None if partition is None else [partition]).collect()

    def replace_rows(self, schema: TableSchema, partition: Partition | None, rows: pl.DataFrame) -> None:
        """Put rows in the place of a partition's, as somebody who changes a table by hand would."""
        table = self.store.table(self.dataset.name, schema)
        table.replace(partition, [table.write_frame(partition, rows.select(schema.file_schema.names))])

    def copy_to(self, root: Path) -> Platform:
        """The same platform in another folder, to be damaged there."""
        copy_place(self.root, root)
        return Platform(self.dataset, root)


def land_small_sample(landing: Path) -> None:
    """Two days: pictures of every category, copies within a day and across days, and files that are no images."""
    for kind, category in enumerate(("plant", "animal", "human")):
        land_pictures(landing, str(FIRST), category, kind, range(16))
        land_pictures(landing, str(SECOND), category, kind, range(20, 24))
    plants = landing / str(FIRST) / "plant"
    shutil.copy(plants / "batch" / "picture-0003.png", plants / "a copy.png")
    shutil.copy(plants / "batch" / "picture-0005.png", landing / str(SECOND) / "plant" / "seen yesterday.png")
    (plants / "error.jpg").write_text("<html>404</html>")
    (plants / "same error.jpg").write_text("<html>404</html>")
    (plants / "empty.png").touch()
