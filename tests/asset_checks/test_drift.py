"""A day unlike the days before is noticed, with the images that differ; where there is too little, nothing is said."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from asset_checks import drift
from asset_checks.check import WARN
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition
from tests.asset_checks.faults import outcome, partitions, some_id
from tests.platform import FIRST, SECOND, Platform, small_dataset

BEFORE, DAY = Partition(FIRST, "plant"), Partition(SECOND, "plant")
IMAGES = 150
CHECKS = (drift.metrics_drift, drift.features_drift)


def images_of(rows: pl.DataFrame, partition: Partition, count: int = IMAGES) -> pl.DataFrame:
    """So many rows like those given, each with an id and metrics of its own."""
    random = np.random.default_rng([partition.date.toordinal(), count])
    columns = ("brightness", "brightness_p05", "brightness_p99", "contrast", "sharpness", "entropy", "colourfulness")
    return rows[[number % rows.height for number in range(count)]].with_columns(
        pl.Series("image_id", [some_id(f"{partition} {number}") for number in range(count)]),
        *(pl.Series(name, random.normal(0.6, 0.05, count), pl.Float32) for name in columns),
    )


def features_of(rows: pl.DataFrame, images: pl.DataFrame, shift: float = 0) -> pl.DataFrame:
    width = rows["features"].list.len()[0]
    vectors = np.random.default_rng(images.height).normal(shift, 1, (images.height, width)).astype(np.float32)
    return rows[[0] * images.height].with_columns(
        image_id=images["image_id"], features=pl.Series(vectors).arr.to_list()
    )


@pytest.fixture
def grown(damaged: Platform) -> Platform:
    """A platform with 150 plants on either day, all of one distribution."""
    pictures, vectors = damaged.rows(RAW_IMAGES, BEFORE), damaged.rows(IMAGE_FEATURES, BEFORE)
    for partition, count in ((BEFORE, IMAGES), (DAY, IMAGES - 10)):
        images = images_of(pictures, partition, count)
        damaged.replace_rows(RAW_IMAGES, partition, images)
        damaged.replace_rows(IMAGE_FEATURES, partition, features_of(vectors, images))
    return damaged


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_days_of_one_distribution_are_alike(grown: Platform, check) -> None:
    found = outcome(grown, check, DAY)
    assert found.passed, found.figures
    assert (found.figures["images compared"], found.figures["images before"]) == (140, 150)
    assert found.figures["drifted"] == "nothing"
    assert (check.severity, check.blocking) == (WARN, False)


def test_a_third_of_dark_images_is_noticed_and_shown(grown: Platform) -> None:
    images = grown.rows(RAW_IMAGES, DAY)
    dark = pl.int_range(pl.len()) < 45
    darker = (
        pl.when(dark).then(pl.col(name) * 0.2).otherwise(name).alias(name) for name in ("brightness", "brightness_p99")
    )
    grown.replace_rows(RAW_IMAGES, DAY, images.with_columns(*darker))
    found = outcome(grown, drift.metrics_drift, DAY)
    assert not found.passed
    assert "brightness" in str(found.figures["drifted"])
    assert found.figures["PSI limit"] == 0.25
    assert found.sample is not None
    assert set(found.sample["image_id"]) <= set(images.head(45)["image_id"])
    assert found.sample["image"].str.starts_with("![](data:image/jpeg;base64,").all()
    assert outcome(grown, drift.features_drift, DAY).passed


def test_shifted_features_are_noticed_and_shown(grown: Platform) -> None:
    images = grown.rows(RAW_IMAGES, DAY)
    grown.replace_rows(IMAGE_FEATURES, DAY, features_of(grown.rows(IMAGE_FEATURES, DAY), images, shift=0.3))
    found = outcome(grown, drift.features_drift, DAY)
    assert not found.passed
    assert float(found.figures["AUC"]) > 0.9
    assert found.sample is not None
    assert found.sample.height == 10
    assert outcome(grown, drift.metrics_drift, DAY).passed


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_with_too_few_images_nothing_is_compared(loaded_platform: Platform, check) -> None:
    for partition in partitions(loaded_platform, FIRST, SECOND):
        found = outcome(loaded_platform, check, partition)
        assert found.passed
        assert "at least 100" in str(found.figures["not compared"])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_only_days_of_the_window_and_the_category_count(grown: Platform, check) -> None:
    for other in (Partition(SECOND, "animal"), Partition(SECOND + dt.timedelta(days=30), "plant")):
        assert "not compared" in outcome(grown, check, other).figures
    short = small_dataset(drift={"window_days": 29})
    late = Partition(FIRST + dt.timedelta(days=30), "plant")
    found = outcome(Platform(short, grown.root), check, late)
    assert found.figures["images before"] == 140  # those of the second day alone


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_of_many_images_about_as_many_as_asked_for_are_compared(grown: Platform, check) -> None:
    bounded = Platform(small_dataset(drift={"sample": 100, "min_images": 20}), grown.root)
    found, again = outcome(bounded, check, DAY), outcome(bounded, check, DAY)
    assert 70 < int(found.figures["images compared"]) < 130
    assert 70 < int(found.figures["images before"]) < 130
    assert found.figures == again.figures


@pytest.mark.parametrize(
    "unsound",
    [
        {"extractor": pl.lit("0" * 64)},
        {"features": pl.col("features").list.head(5)},
        {"features": pl.col("features") * float("nan")},
    ],
    ids=["another extractor", "another width", "not finite"],
)
def test_features_that_cannot_be_compared_are_left_out(grown: Platform, unsound: dict[str, pl.Expr]) -> None:
    grown.replace_rows(IMAGE_FEATURES, BEFORE, grown.rows(IMAGE_FEATURES, BEFORE).with_columns(**unsound))
    found = outcome(grown, drift.features_drift, DAY)
    assert found.passed
    assert found.figures["images before"] == 0


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_what_was_never_loaded_holds_nothing_wrong(empty_platform: Platform, check) -> None:
    assert outcome(empty_platform, check, DAY).passed
