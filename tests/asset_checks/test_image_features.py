"""Faults in features are caught by their check; clean partitions pass all."""

from __future__ import annotations

import polars as pl
import pytest

from image_assets.asset_checks import image_features
from image_assets.asset_checks.check import checks_in
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition
from tests.asset_checks.faults import (
    PLANT,
    Edit,
    Plant,
    change,
    failing,
    first_row_again,
    in_first_row,
    outcome,
    with_unknown_image,
)
from tests.platform import FIRST, SECOND, Platform
from tests.store_files import remove_files

VECTOR = pl.col("features")


@pytest.mark.parametrize("day", [FIRST, SECOND], ids=str)
@pytest.mark.parametrize("category", ["plant", "animal", "human"])
def test_a_clean_partition_passes(loaded_platform: Platform, category: str, day) -> None:
    assert failing(loaded_platform, checks_in(image_features), Partition(day, category)) == set()


def features(edit: Edit) -> Plant:
    return change(IMAGE_FEATURES, edit)


def one_vector(value: pl.Expr) -> Plant:
    return features(in_first_row("features", value))


def every_vector(value: pl.Expr) -> Plant:
    return features(lambda rows: rows.with_columns(features=value))


def with_value(value: float) -> pl.Expr:
    """The vector with another value in the middle."""
    middle = pl.concat_list(pl.lit(value, pl.Float32))
    return pl.concat_list(VECTOR.list.head(640), middle, VECTOR.list.slice(641))


def table_lost(platform: Platform) -> None:
    remove_files(platform.store.location(platform.dataset.name, IMAGE_FEATURES.name))


CONSTANT = pl.lit([0.5] * 1280, pl.List(pl.Float32))
OTHER = pl.lit("0" * 64)
FAULTS = {
    "dropped row": (features(lambda rows: rows.slice(1)), "one_row_per_image"),
    "doubled row": (features(first_row_again), "one_row_per_image"),
    "row without image": (features(with_unknown_image), "one_row_per_image"),
    "no rows": (features(lambda rows: rows.clear()), "one_row_per_image"),
    "table lost": (table_lost, "one_row_per_image"),
    "image loaded since": (change(RAW_IMAGES, with_unknown_image), "one_row_per_image"),
    "NaN": (one_vector(with_value(float("nan"))), "vectors_are_sound"),
    "infinity": (one_vector(with_value(float("-inf"))), "vectors_are_sound"),
    "constant vector": (one_vector(CONSTANT), "vectors_are_sound"),
    "no values": (one_vector(VECTOR.list.head(0)), "vectors_are_sound"),
    "all vectors alike": (every_vector(VECTOR.first()), "vectors_are_sound"),
    "one of another width": (one_vector(VECTOR.list.head(1279)), "vectors_are_sound"),
    "all of another width": (every_vector(VECTOR.list.head(640)), "vectors_are_sound"),
    "mixed extractors": (features(in_first_row("extractor", OTHER)), "one_extractor"),
    "all of another extractor": (features(lambda rows: rows.with_columns(extractor=OTHER)), "one_extractor"),
    "wrong label": (features(in_first_row("label", pl.lit(2, pl.Int16))), "label_is_category"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_by_its_check_alone(damaged: Platform, fault: str) -> None:
    plant, caught_by = FAULTS[fault]
    plant(damaged)
    assert failing(damaged, checks_in(image_features), PLANT) == {caught_by}
    # It is that partition's fault and nobody else's.
    if fault != "table lost":
        assert failing(damaged, checks_in(image_features), Partition(SECOND, "plant")) == set()


def test_the_figures_tell_what_is_wrong_with_vectors(damaged: Platform) -> None:
    (named,) = damaged.rows(IMAGE_FEATURES, PLANT).head(1)["image_id"]
    one_vector(with_value(float("nan")))(damaged)
    found = outcome(damaged, image_features.vectors_are_sound, PLANT)
    assert found.figures == {
        "rows": 16,
        "width": 1280,
        "other width": 0,
        "not finite": 1,
        "constant": 0,
        "all vectors alike": "False",
    }
    assert found.sample is not None
    assert found.sample["image_id"].to_list() == [named]


def test_pictures_that_look_alike_may_have_the_same_vector(damaged: Platform) -> None:
    """One picture, saved again and again with other metadata: the files differ, the vectors rightly do not."""
    every_vector(VECTOR.first())(damaged)
    change(RAW_IMAGES, lambda rows: rows.with_columns(pl.col("thumbnail").first()))(damaged)
    assert failing(damaged, checks_in(image_features), PLANT) == set()


def test_every_check_has_a_fault_that_it_catches() -> None:
    assert {check for _, check in FAULTS.values()} == {check.name for check in checks_in(image_features)}
