"""Faults in the map are caught by their check; a sound one passes all, and so does none of too few images."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from image_assets.asset_checks import embedding
from image_assets.asset_checks.check import checks_in
from image_assets.embedding.kept_fit import FOLDER
from image_assets.schema import EMBEDDING, IMAGE_FEATURES
from tests.asset_checks.faults import (
    PLANT,
    Edit,
    Plant,
    change,
    failing,
    first_row_again,
    in_first_row,
    outcome,
    partitions,
    with_unknown_image,
)
from tests.platform import FIRST, SECOND, Platform
from tests.store_files import remove_files

CHECKS = checks_in(embedding)


def test_a_sound_map_passes(loaded_platform: Platform) -> None:
    assert failing(loaded_platform, CHECKS) == set()


def test_the_figures_are_those_of_the_map(loaded_platform: Platform) -> None:
    figures = outcome(loaded_platform, embedding.one_place_per_image).figures
    assert (figures["images"], figures["places"]) == (60, 60)
    assert outcome(loaded_platform, embedding.map_is_trustworthy).figures["images"] == 60
    # The second day's images were added to the map of the first.
    added = outcome(loaded_platform, embedding.map_need_not_be_fitted_anew).figures
    assert (added["fitted"], added["added"], added["reason"]) == (48, 12, "none")


def test_a_sample_without_a_category_is_caught(damaged: Platform) -> None:
    sound = outcome(damaged, embedding.fitted_images_stand_for_all)
    assert sound.passed
    assert sound.figures["fitted"] == 48
    how = pl.when(pl.col("label") == 2).then(pl.lit("placed")).otherwise("how")
    places(lambda rows: rows.with_columns(how=how))(damaged)
    found = outcome(damaged, embedding.fitted_images_stand_for_all)
    assert not found.passed
    assert found.figures["faults"] == "no image of category human was fitted"


def places(edit: Edit) -> Plant:
    return change(EMBEDDING, edit, partition=None)


def random_coordinates(rows: pl.DataFrame) -> pl.DataFrame:
    x, y = np.random.default_rng(0).normal(size=(2, rows.height)).astype(np.float32)
    return rows.with_columns(x=pl.Series(x), y=pl.Series(y))


def table_lost(platform: Platform) -> None:
    remove_files(platform.store.location(platform.dataset.name, EMBEDDING.name))


def fit_lost(platform: Platform) -> None:
    remove_files(platform.files / platform.dataset.name / FOLDER)


def fit_cut(platform: Platform) -> None:
    (file,) = (platform.files / platform.dataset.name / FOLDER).glob("fit-*[0-9a-f].npz")
    file.write_bytes(file.read_bytes()[:-1])


NAN = pl.lit(float("nan"), pl.Float32)
FAULTS = {
    "missing point": (places(lambda rows: rows.slice(1)), "one_place_per_image"),
    "no points": (places(lambda rows: rows.clear()), "one_place_per_image"),
    "table lost": (table_lost, "one_place_per_image"),
    "image added since": (change(IMAGE_FEATURES, with_unknown_image), "one_place_per_image"),
    "point of an unknown image": (places(with_unknown_image), "one_place_per_image"),
    "doubled point": (places(first_row_again), "one_place_per_image"),
    "NaN coordinate": (places(in_first_row("x", NAN)), "one_place_per_image"),
    "infinite coordinate": (
        places(in_first_row("y", pl.lit(float("inf"), pl.Float32))),
        "one_place_per_image",
    ),
    "NaN throughout": (places(lambda rows: rows.with_columns(x=NAN, y=NAN)), "one_place_per_image"),
    "wrong label": (
        places(in_first_row("label", (pl.col("label") + 1) % 3)),
        "one_place_per_image",
    ),
    "random coordinates": (places(random_coordinates), "map_is_trustworthy"),
    "coordinates of each other": (
        places(lambda rows: rows.with_columns(pl.col("image_id", "label").reverse())),
        "map_is_trustworthy",
    ),
    "kept fit lost": (fit_lost, "map_need_not_be_fitted_anew"),
    "kept fit cut": (fit_cut, "map_need_not_be_fitted_anew"),
    "made by a version that kept none": (
        places(lambda rows: rows.with_columns(fit=pl.lit(None, pl.String))),
        "map_need_not_be_fitted_anew",
    ),
    "a category that nothing was fitted of": (
        places(
            lambda rows: rows.with_columns(
                how=pl.when(pl.col("label") == 0).then(pl.lit("placed")).otherwise(pl.col("how"))
            )
        ),
        "fitted_images_stand_for_all",
    ),
    "all in one place": (
        places(lambda rows: rows.with_columns(pl.col("x", "y").first())),
        "map_is_trustworthy",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_by_its_check_alone(damaged: Platform, fault: str) -> None:
    plant, caught_by = FAULTS[fault]
    plant(damaged)
    assert failing(damaged, CHECKS) == {caught_by}


@pytest.mark.parametrize("third", [float("nan"), float("inf"), None])
def test_in_space_the_third_coordinate_is_looked_at_too(damaged: Platform, third: float | None) -> None:
    spec = damaged.dataset.embedding.model_copy(update={"dimensions": 3})
    in_space = Platform(damaged.dataset.model_copy(update={"embedding": spec}), damaged.root)
    places(lambda rows: rows.with_columns(z=pl.lit(0.5, pl.Float32)))(in_space)
    assert outcome(in_space, embedding.one_place_per_image).passed
    places(in_first_row("z", pl.lit(third, pl.Float32)))(in_space)
    found = outcome(in_space, embedding.one_place_per_image)
    assert not found.passed
    assert found.figures["not finite"] == 1


@pytest.mark.parametrize(
    "vectors",
    [pl.col("features").list.head(640), pl.lit([float("nan")] * 1280, pl.List(pl.Float32))],
    ids=["another width", "NaN"],
)
def test_features_that_no_map_can_be_measured_on_are_reported(damaged: Platform, vectors: pl.Expr) -> None:
    change(IMAGE_FEATURES, lambda rows: rows.with_columns(features=vectors))(damaged)
    found = outcome(damaged, embedding.map_is_trustworthy)
    assert not found.passed
    assert "extract" in str(found.figures["problem"])


def test_images_that_were_added_where_they_do_not_belong_ask_for_a_refit(damaged: Platform) -> None:
    places(lambda rows: rows.with_columns(how=pl.lit("added"), x=pl.col("x").reverse(), y=pl.col("y").reverse()))(
        damaged
    )
    found = outcome(damaged, embedding.map_need_not_be_fitted_anew)
    assert not found.passed
    assert "neighbours" in str(found.figures["reason"])


def test_without_images_there_is_no_map_and_that_is_no_fault(empty_platform: Platform) -> None:
    assert failing(empty_platform, CHECKS) == set()


def test_a_handful_of_images_needs_no_map_but_an_old_one_is_a_fault(damaged: Platform) -> None:
    for partition in partitions(damaged, FIRST, SECOND):
        kept = 9 if partition == PLANT else 0
        change(IMAGE_FEATURES, lambda rows, kept=kept: rows.head(kept), partition)(damaged)
    assert failing(damaged, CHECKS) == {"one_place_per_image"}
    table_lost(damaged)
    assert failing(damaged, CHECKS) == set()


def test_every_check_has_a_fault_that_it_catches() -> None:
    assert {check for _, check in FAULTS.values()} == {check.name for check in CHECKS}
