"""Images are found by any column, and what is not understood is told."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from image_assets.answers.conditions import COLUMNS, conditions_in, fulfilling
from image_assets.answers.known_names import UnknownName
from image_assets.schema import PREDICTIONS, RAW_IMAGES
from tests.platform import SECOND, Platform


def found(platform: Platform, text: str) -> set[str]:
    return set(fulfilling(platform.dataset, platform.store, conditions_in(text)).collect()["image_id"])


def test_images_are_found_by_id_label_source_and_any_column(loaded_platform: Platform) -> None:
    rows = loaded_platform.rows(RAW_IMAGES).join(
        loaded_platform.rows(PREDICTIONS).drop("date", "category", "label"), on="image_id", how="left"
    )
    one = rows.row(7, named=True)
    sharpness = float(rows["sharpness"].median())  # pyright: ignore[reportArgumentType]
    for text, fulfils in (
        ("", pl.lit(True)),
        (one["image_id"][:9], pl.col("image_id") == one["image_id"]),
        (f"id={one['image_id']}", pl.col("image_id") == one["image_id"]),
        ("plant", (pl.col("category") == "plant") | pl.col("source").str.contains("plant")),
        ("label=2", pl.col("label") == 2),
        ("PICTURE-0003", pl.col("source").str.contains("picture-0003")),
        ("'a copy'", pl.col("source").str.contains("a copy")),
        ("source~.PNG category!=plant", pl.col("source").str.contains(".png") & (pl.col("category") != "plant")),
        (f"day>={SECOND} format=png", pl.col("date") == SECOND),
        (f"sharpness>{sharpness} greyscale=no", (pl.col("sharpness") > sharpness) & ~pl.col("greyscale")),
        ("predicted_category=human probability<=1", pl.col("predicted_category") == "human"),
        ("width~4 unknown=false", pl.col("width").cast(pl.String).str.contains("4") & ~pl.col("unknown")),
    ):
        assert found(loaded_platform, text) == set(rows.filter(fulfils)["image_id"]), text
    assert found(loaded_platform, "source~.*") == set()  # a text, not a pattern
    with pytest.raises(UnknownName, match="there is no category 'humam'; did you mean human"):
        found(loaded_platform, "category=humam")


def test_an_image_without_a_prediction_is_not_any_category_and_is_no_other_one(damaged: Platform) -> None:
    partition = damaged.partition(day=SECOND)
    damaged.replace_rows(PREDICTIONS, partition, damaged.rows(PREDICTIONS, partition).clear())
    scored = damaged.rows(PREDICTIONS)
    unscored = set(damaged.rows(RAW_IMAGES)["image_id"]) - set(scored["image_id"])
    assert unscored >= set(damaged.rows(RAW_IMAGES, partition)["image_id"])
    for text, fulfils in (
        ("predicted_category!=human", pl.col("predicted_category") != "human"),
        ("unknown!=true", ~pl.col("unknown")),
        ("predicted_label!=2", pl.col("predicted_label") != 2),
    ):
        assert found(damaged, text) == set(scored.filter(fulfils)["image_id"]) | unscored, text
    for text in ("predicted_category=human", "unknown=false", "probability<2", "predicted_category~a"):
        assert not found(damaged, text) & unscored, text


def test_a_name_is_found_however_its_accents_were_written(loaded_platform: Platform, tmp_path: Path) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    rows = platform.rows(RAW_IMAGES, platform.partition())
    apart = "2026-11-03/plant/Mu\u0308hle.png"  # as macOS writes it
    names = [apart, "2026-11-03/plant/M\u00fchle 2.png", *rows["source"][2:]]
    platform.replace_rows(RAW_IMAGES, platform.partition(), rows.with_columns(source=pl.Series(names)))
    both = set(rows["image_id"][:2])
    for text in ("source~m\u00fchle", "source~MU\u0308HLE", "m\u00fchle", "M\u00dcHLE"):
        assert found(platform, text) == both, ascii(text)
    assert found(platform, "'source=2026-11-03/plant/M\u00fchle.png'") == {rows["image_id"][0]}
    assert found(platform, rows["image_id"][5][:12].upper()) == {rows["image_id"][5]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("widht>3", "there is no column 'widht'; did you mean"),
        ("content=x", "there is no column 'content'"),
        ("width>wide", "width>wide: width is a whole number"),
        ("sharpness=", "sharpness is a number"),
        ("day=yesterday", "date is a day such as"),
        ("unknown=perhaps", "unknown is true or false"),
        ("'open", "a quotation mark is missing"),
    ],
)
def test_what_is_not_understood_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        conditions_in(text)


def test_every_column_can_be_asked_for_as_a_text(loaded_platform: Platform) -> None:
    asked = (
        " ".join(f"{name}~x" for name in COLUMNS if name not in ("greyscale", "unknown")) + " greyscale=no unknown=no"
    )
    assert len(conditions_in(asked)) == len(COLUMNS)
    fulfilling(loaded_platform.dataset, loaded_platform.store, conditions_in(asked)).collect()
