"""A day unlike the days before is noticed, with the images that differ; where there is too little, nothing is said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
import pytest

from image_assets.asset_checks import drift
from image_assets.asset_checks.check import WARN, Outcome
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition
from tests.asset_checks.faults import outcome, partitions, some_id
from tests.platform import FIRST, SECOND, Platform, small_dataset

BEFORE, DAY = Partition(FIRST, "plant"), Partition(SECOND, "plant")
IMAGES = 150
CHECKS = (drift.metrics_drift, drift.features_drift)


def images_of(rows: pl.DataFrame, partition: Partition, count: int = IMAGES) -> pl.DataFrame:
    """So many rows like those given, each with an id and metrics of its own."""
    random = np.random.default_rng([partition.date.toordinal(), count])
    columns = ("brightness", "brightness_p05", "brightness_p99", "contrast", "sharpness", "colourfulness")
    return rows[[number % rows.height for number in range(count)]].with_columns(
        pl.Series("image_id", [some_id(f"{partition} {number}") for number in range(count)]),
        pl.Series("perceptual_hash", random.integers(-(2**63), 2**63, count), pl.Int64),
        *(pl.Series(name, random.normal(0.6, 0.05, count), pl.Float32) for name in columns),
        entropy=pl.lit(7.0, pl.Float32),
    )


def several_times(rows: pl.DataFrame, pictures: int, copies: int) -> pl.DataFrame:
    """The first pictures, each so many times: of an id of its own and a hash of which three bits differ."""
    random = np.random.default_rng(pictures)
    again = rows.head(pictures)[np.repeat(np.arange(pictures), copies)]
    bits = np.bitwise_or.reduce(1 << random.integers(0, 62, (again.height, 3)), axis=1)
    return again.with_columns(
        pl.Series("image_id", [some_id(f"again {number}") for number in range(again.height)]),
        pl.Series("perceptual_hash", again["perceptual_hash"].to_numpy() ^ bits),
    )


def on_days(platform: Platform, sizes: Mapping[int, int], darker: Callable[[int], float] = lambda day: 0) -> None:
    """Plants on so many days after the first, and so much darker; nothing of any other day of the fixture."""
    pictures = platform.rows(RAW_IMAGES, BEFORE)
    platform.replace_rows(RAW_IMAGES, DAY, pictures.clear())
    for number, size in sizes.items():
        partition = Partition(FIRST + dt.timedelta(days=number), "plant")
        rows = images_of(pictures, partition, size).with_columns(
            pl.col(name) - darker(number) for name in ("brightness", "brightness_p05", "brightness_p99")
        )
        platform.replace_rows(RAW_IMAGES, partition, rows)


def metrics_of(platform: Platform, day: int, **spec: object) -> Outcome:
    platform = Platform(small_dataset(drift=spec), platform.root)
    return outcome(platform, drift.metrics_drift, Partition(FIRST + dt.timedelta(days=day), "plant"))


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
        assert "at least 100" in found.not_evaluated


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_only_days_of_the_window_and_the_category_count(grown: Platform, check) -> None:
    for other in (Partition(SECOND, "animal"), Partition(SECOND + dt.timedelta(days=30), "plant")):
        assert outcome(grown, check, other).not_evaluated
    late = Partition(FIRST + dt.timedelta(days=30), "plant")
    for schema in (RAW_IMAGES, IMAGE_FEATURES):
        grown.replace_rows(schema, late, grown.rows(schema, DAY))
    short = small_dataset(drift={"window_days": 29, "reference_days": 0})
    found = outcome(Platform(short, grown.root), check, late)
    assert found.figures["images before"] == 140  # those of the second day alone
    assert not found.not_evaluated


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
    assert "0 of the days before" in found.not_evaluated


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_what_was_never_loaded_holds_nothing_wrong(empty_platform: Platform, check) -> None:
    found = outcome(empty_platform, check, DAY)
    assert (found.passed, found.not_evaluated) == (True, "the day has no images")


# What comes slowly


def test_what_comes_slowly_is_noticed_beside_the_first_days_until_a_new_normal_is_declared(grown: Platform) -> None:
    on_days(grown, dict.fromkeys(range(0, 33, 4), 120), darker=lambda day: min(day, 24) * 0.002)
    found = metrics_of(grown, 32, window_days=5)
    assert not found.passed
    assert "brightness" in str(found.figures["drifted"])
    assert "beside the first days" in str(found.figures["drifted"])
    assert "beside the days before" not in str(found.figures["drifted"])
    assert "drift.reference_from" in found.advice
    assert float(found.figures["largest PSI, first days"]) > 2 * float(found.figures["largest PSI"])
    for spec in ({"reference_days": 0}, {"reference_from": str(FIRST + dt.timedelta(days=24))}):
        declared = metrics_of(grown, 32, window_days=5, **spec)
        assert declared.passed, declared.figures["drifted"]
        assert not declared.not_evaluated


def test_a_sudden_change_is_told_of_both_sides(grown: Platform) -> None:
    on_days(grown, dict.fromkeys(range(0, 33, 4), 120), darker=lambda day: 0.2 * (day == 32))
    found = metrics_of(grown, 32)
    assert "beside the first days" in str(found.figures["drifted"])
    assert "beside the days before" in str(found.figures["drifted"])
    assert metrics_of(grown, 28).passed


# Small days


def test_small_days_are_compared_together_with_those_before_them(grown: Platform) -> None:
    on_days(grown, dict.fromkeys(range(20), 25), darker=lambda day: 0.2 * (day > 15))
    found = metrics_of(grown, 19)
    assert (found.figures["images compared"], found.figures["days compared"]) == (100, 4)
    assert not found.passed
    assert found.sample is not None
    assert found.sample.height == 10
    assert set(found.sample["image_id"]) <= set(
        grown.rows(RAW_IMAGES, Partition(FIRST + dt.timedelta(days=19), "plant"))["image_id"]
    )
    alike = metrics_of(grown, 15)
    assert alike.passed
    assert not alike.not_evaluated


def test_days_that_stay_too_small_together_are_not_evaluated(grown: Platform) -> None:
    on_days(grown, dict.fromkeys(range(20), 5))
    found = metrics_of(grown, 19)
    assert found.passed
    assert "75 of the day and the 14 before it" in found.not_evaluated


# Bursts


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_pictures_that_come_five_times_alike_are_no_change(grown: Platform, check) -> None:
    burst = several_times(grown.rows(RAW_IMAGES, DAY), 110, 5)
    grown.replace_rows(RAW_IMAGES, DAY, burst)
    vectors = features_of(grown.rows(IMAGE_FEATURES, DAY), burst.head(110))
    nearly = vectors[np.repeat(np.arange(110), 5)].with_columns(image_id=burst["image_id"])
    grown.replace_rows(IMAGE_FEATURES, DAY, nearly)
    found = outcome(grown, check, DAY)
    assert found.passed, found.figures
    assert found.figures["images compared"] == 110
    assert not found.not_evaluated


@pytest.mark.parametrize("copies", [1, 5])
def test_a_burst_of_one_picture_is_no_change_but_one_of_many_changed_pictures_is(grown: Platform, copies: int) -> None:
    images = grown.rows(RAW_IMAGES, DAY)
    odd = images.head(1).with_columns(brightness=pl.lit(0.1, pl.Float32))
    grown.replace_rows(RAW_IMAGES, DAY, pl.concat([images.tail(120), several_times(odd, 1, 60)]))
    assert outcome(grown, drift.metrics_drift, DAY).passed
    darker = images.with_columns(pl.col("brightness") - 0.2)
    grown.replace_rows(RAW_IMAGES, DAY, several_times(darker, 110, copies))
    assert not outcome(grown, drift.metrics_drift, DAY).passed


def test_a_day_of_black_pictures_is_no_burst(grown: Platform) -> None:
    """Their hashes are all the same, and say nothing."""
    black = {"brightness": 0.0, "contrast": 0.0, "entropy": 0.0}
    grown.replace_rows(
        RAW_IMAGES,
        DAY,
        grown.rows(RAW_IMAGES, DAY).with_columns(
            perceptual_hash=pl.lit(0, pl.Int64), **{name: pl.lit(one, pl.Float32) for name, one in black.items()}
        ),
    )
    found = outcome(grown, drift.metrics_drift, DAY)
    assert not found.passed
    assert found.figures["images compared"] == 140
