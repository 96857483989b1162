"""Many categories of a day share runs of Dagster: what comes of it is what a run for each gives."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.health.day_result import DayResult
from image_assets.health.days import chosen_partitions
from image_assets.orchestration import runner
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import run_day, sharing_runs
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, TABLES, Partition
from tests.pictures import clouds, land_pictures
from tests.platform import FIRST, Platform, small_dataset

# In another order than that of the alphabet: the first that has a picture is the one that keeps it.
NAMES = ("owl", "duck", "crane", "kite")
DATASET = small_dataset(
    categories={name: label for label, name in enumerate(NAMES)}, extractor={"kind": "colour_statistics"}
)
MANY = small_dataset(categories={f"kind-{label:03d}": label for label in range(60)})


@given(st.lists(st.sampled_from(list(MANY.categories)), max_size=80))
def test_partitions_keep_their_order_and_only_neighbours_of_a_day_share_a_run(names: list[str]) -> None:
    partitions = [Partition(FIRST, name) for name in names]
    runs = sharing_runs(MANY, partitions)
    assert [one for run in runs for one in run] == partitions
    for run in runs:
        labels = [MANY.label_of(one.category) for one in run]
        assert labels == list(range(labels[0], labels[0] + len(labels)))
        assert len(run) <= 25


def test_a_day_of_few_categories_has_a_run_for_each() -> None:
    few = [Partition(FIRST, name) for name in list(MANY.categories)[:12]]
    assert sharing_runs(MANY, few) == [[one] for one in few]
    assert [len(run) for run in sharing_runs(MANY, chosen_partitions(MANY, FIRST, ()))] == [25, 25, 10]
    days = [Partition(FIRST + dt.timedelta(days=day), name) for day in range(2) for name in list(MANY.categories)[:8]]
    assert [len(run) for run in sharing_runs(MANY, days)] == [8, 8]


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A day of four categories, two of which have the same picture."""
    platform = Platform(DATASET, tmp_path / "shared")
    for kind, name in enumerate(NAMES):
        land_pictures(platform.landing, str(FIRST), name, kind, range(4), clouds)
    same = (platform.landing / str(FIRST) / "owl" / "batch" / "picture-0000.png").read_bytes()
    (platform.landing / str(FIRST) / "crane" / "same.png").write_bytes(same)
    return platform


def load(platform: Platform, monkeypatch: pytest.MonkeyPatch, *, shared: bool) -> tuple[DayResult, list[dg.DagsterRun]]:
    monkeypatch.setattr(runner, "_FEW", 2 if shared else 12)
    with dg.DagsterInstance.ephemeral() as instance:
        partitions = chosen_partitions(DATASET, FIRST, ())
        result = run_day(JobRunner(platform.definitions(), instance), DATASET, partitions, refresh=False)
        return result, list(instance.get_runs())


def assert_same(one: Platform, other: Platform) -> None:
    for schema in TABLES:
        if schema.partitioned:
            columns = [name for name in schema.arrow.names if name not in ("content", "thumbnail", "features")]
            rows = [platform.rows(schema).select(columns).sort(columns) for platform in (one, other)]
            assert rows[0].equals(rows[1]), schema.name
    # Alone, the owl is published before the same picture is found among the cranes, and taken back by the refresh.
    shards = [
        {path.name for path in platform.files.glob("*/feature_shards/*/*/*") if not path.name.startswith("owl")}
        for platform in (one, other)
    ]
    assert shards[0] == shards[1]


def published(platform: Platform, category: str) -> int:
    files = platform.files.glob(f"*/feature_shards/*/*/{category}_*.parquet")
    return sum(pl.read_parquet(file.read_bytes()).height for file in files)


@pytest.mark.long
def test_what_shares_a_run_is_what_a_run_for_each_gives(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = platform.copy_to(tmp_path / "alone")
    each, four = load(alone, monkeypatch, shared=False)
    shared, one = load(platform, monkeypatch, shared=True)
    assert (len(four), len(one)) == (4, 1)
    assert shared.ok
    assert shared.checks == each.checks
    assert shared.warnings == each.warnings
    assert shared.made == each.made
    assert shared.seconds.keys() == each.seconds.keys()
    assert_same(platform, alone)
    assert (published(alone, "owl"), published(platform, "owl")) == (4, 3)


@pytest.mark.long
def test_a_category_that_fails_leaves_those_that_share_its_run_alone(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        (platform.landing / str(FIRST) / "duck" / f"{number}.png").write_text(f"<html>{number}</html>")
    alone = platform.copy_to(tmp_path / "alone")
    each, _ = load(alone, monkeypatch, shared=False)
    shared, runs = load(platform, monkeypatch, shared=True)
    assert [run.is_success for run in runs].count(False) == 2  # of all together, and of the category alone
    assert not shared.sound
    assert shared.checks == each.checks
    assert [str(one) for one in shared.checks if one.blocking and not one.passed] == [
        "raw_images/quarantine_rate [2026-11-03 duck]"
    ]
    assert platform.rows(RAW_IMAGES, Partition(FIRST, "duck")).height == 4
    assert platform.rows(IMAGE_FEATURES)["category"].unique().sort().to_list() == ["crane", "kite", "owl"]
    assert_same(platform, alone)


@pytest.mark.long
def test_what_ends_one_category_with_an_error_is_told_of_it_alone(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(platform, monkeypatch, shared=True)[0].ok
    for file in (platform.landing / str(FIRST) / "crane").rglob("*.png"):
        file.unlink()
    shared, _ = load(platform, monkeypatch, shared=True)
    (error,) = shared.errors
    assert error.startswith("raw_images of 2026-11-03 crane: LossRefused: ")
    assert platform.rows(RAW_IMAGES)["category"].unique().sort().to_list() == ["crane", "duck", "kite", "owl"]
