"""The points of the map with what is known of their images, and selections of them."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from PIL import Image

from image_assets.answers.gallery import Query, images_of
from image_assets.answers.map.columns import MISTAKEN, NOT_ASKED, NOTHING_WRONG, UNKNOWN
from image_assets.answers.map.density import SIDE, density_png, slots_of
from image_assets.answers.map.points import points_of, points_version
from image_assets.answers.map.selection import MapSelection, selection_in
from image_assets.images.issues import ISSUES
from image_assets.schema import EMBEDDING, PREDICTIONS, RAW_IMAGES, Partition
from tests.platform import FIRST, SECOND, Platform


def of(platform: Platform, text: str) -> set[str]:
    points = points_of(platform.dataset, platform.store)
    return set(points.rows.filter(selection_in(text).mask(points))["image_id"])


def test_every_image_has_its_place_and_what_the_tables_say_of_it(loaded_platform: Platform) -> None:
    points = points_of(loaded_platform.dataset, loaded_platform.store)
    places = loaded_platform.rows(EMBEDDING)
    assert points.rows["image_id"].to_list() == places["image_id"].to_list() == sorted(places["image_id"])
    np.testing.assert_array_equal(points.plane.points, places.select("x", "y").to_numpy())
    known = loaded_platform.rows(RAW_IMAGES).select("image_id", "date", "category")
    assert points.rows.join(known, on=["image_id", "date", "category"]).height == points.number > 50
    said = dict(loaded_platform.rows(PREDICTIONS).select("image_id", "predicted_category").iter_rows())
    quality = loaded_platform.dataset.quality
    flags = loaded_platform.rows(RAW_IMAGES).select(
        "image_id", *(one.found(quality).over("date", "category").alias(one.name) for one in ISSUES)
    )
    wrong = {row[0]: row[1:] for row in flags.iter_rows()}
    for number, (image, day, category) in enumerate(points.rows.iter_rows()):
        assert points.point_of(image) == number
        told = {name: column.told(number) for name, column in points.columns.items()}
        assert (told["category"], told["day"]) == (category, str(day))
        assert told["prediction"] == said.get(image, NOT_ASKED)
        names = [one.name.replace("_", " ") for one, has in zip(ISSUES, wrong[image], strict=True) if has]
        assert told["quality"] == (names or [NOTHING_WRONG])
    named = points.named
    assert {one.category for one in named} == set(loaded_platform.dataset.categories)
    assert {(one.x, one.y) for one in named} <= set(places.select("x", "y").iter_rows())


def test_a_change_of_a_table_is_seen_and_nothing_is_read_twice(damaged: Platform) -> None:
    dataset, store = damaged.dataset, damaged.store
    before = points_of(dataset, store)
    assert points_of(dataset, store) is before
    partition = Partition(SECOND, "plant")
    rows = damaged.rows(PREDICTIONS, partition).sort("image_id")
    changed = rows.with_columns(predicted_category=pl.lit("human"), unknown=pl.Series(range(rows.height)) == 0)
    damaged.replace_rows(PREDICTIONS, partition, changed)
    gone = damaged.rows(RAW_IMAGES, partition).sort("image_id")
    damaged.replace_rows(RAW_IMAGES, partition, gone[:-1])
    places = damaged.rows(EMBEDDING).with_columns(
        x=pl.when(pl.col("image_id") == rows["image_id"][1]).then(np.nan).otherwise("x")
    )
    damaged.replace_rows(EMBEDDING, None, places)
    after = points_of(dataset, store)
    assert after.version == points_version(dataset, store) != before.version
    assert after.number == before.number - 2  # one is not loaded any more, one has no place
    assert of(damaged, f"verdict={UNKNOWN}") == {rows["image_id"][0]}
    assert of(damaged, f"verdict={MISTAKEN.replace(' ', '+')}&day={SECOND}") == set(rows["image_id"][2:-1])


def test_filters_and_lassos_choose_and_the_gallery_lists_the_same(loaded_platform: Platform) -> None:
    dataset, store = loaded_platform.dataset, loaded_platform.store
    rows = points_of(dataset, store).rows
    places = loaded_platform.rows(EMBEDDING)
    middle = float(np.median(places.filter(label=0)["x"].to_numpy()))
    left = f"{middle}_-1000_-1000_-1000_-1000_1000_{middle}_1000"
    to_the_left = set(places.filter(pl.col("x") < middle)["image_id"])
    plants = set(rows.filter(category="plant")["image_id"])
    every = set(rows["image_id"])
    assert of(loaded_platform, "") == every
    assert of(loaded_platform, "category=plant") == plants
    assert of(loaded_platform, "category=") == set()
    assert of(loaded_platform, f"category=plant&category=human&day={FIRST}") == set(
        rows.filter(pl.col("category").is_in(["plant", "human"]), date=FIRST)["image_id"]
    )
    assert of(loaded_platform, f"lasso=add_{left}") == to_the_left
    assert of(loaded_platform, f"lasso=sub_{left}") == every - to_the_left
    assert of(loaded_platform, f"lasso=add_{left}&lasso=sub_{left}&category=plant") == set()
    text = f"category=plant&lasso=add_{left}"
    assert of(loaded_platform, text) == plants & to_the_left
    found = images_of(dataset, store, Query(on_map=selection_in(text)), 1, 2)
    assert (found.total, found.rows.height) == (len(plants & to_the_left), min(2, found.total - 1))
    assert set(images_of(dataset, store, Query(on_map=selection_in(text))).rows["image_id"]) == plants & to_the_left
    in_queue = images_of(dataset, store, Query("uncertain", on_map=selection_in(text))).rows["image_id"]
    assert set(in_queue) == plants & to_the_left & set(loaded_platform.rows(PREDICTIONS)["image_id"])


def test_a_selection_is_written_as_it_is_read() -> None:
    text = "category=plant&category=a+%26+b&quality=&lasso=add_0_0_1.5_0_1_-2&lasso=sub_0_0_1_0_1_1"
    assert selection_in(text).text() == text
    assert selection_in("") == MapSelection()


@pytest.mark.parametrize(
    "said",
    [
        "colour=day",
        "lasso=add_1_2",
        "lasso=add_1_2_3_4_5",
        "lasso=cut_0_0_1_0_1_1",
        "lasso=add_0_0_1_nan_1_1",
        "lasso=add_1e308_0_-1e308_0_0_1e308",
        "lasso=",
    ],
)
def test_what_is_no_selection_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r"there is no filter|a lasso is"):
        selection_in(said)


def test_the_picture_has_the_points_in_their_colours_where_they_are(loaded_platform: Platform) -> None:
    points = points_of(loaded_platform.dataset, loaded_platform.store)
    shown = selection_in("category=animal").mask(points)
    png = density_png(points.plane, slots_of(points.columns["category"]), shown)
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    assert pixels.shape == (SIDE, SIDE, 4)
    column, row = (points.plane.positions[shown].astype(int) >> 7).T
    expected = np.zeros((SIDE, SIDE), bool)
    expected[SIDE - 1 - row, column] = True
    np.testing.assert_array_equal(pixels[..., 3] > 0, expected)
    assert {tuple(one) for one in pixels[expected][:, :3]} == {(0xD5, 0x5E, 0x00)}
