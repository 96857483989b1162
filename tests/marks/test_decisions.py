"""Which marks count, and where images belong by them."""

from __future__ import annotations

import datetime as dt

import polars as pl

from image_assets.marks.decisions import decided, standing
from image_assets.schema import REVIEWS

CATEGORIES = {"plant": 0, "animal": 1}
DAY = dt.date(2026, 11, 2)


def reviews(*rows: tuple[str, str, bool, str, bool]) -> pl.DataFrame:
    """Rows of image, category, belongs, batch and withdrawn, each decided after the one before."""
    said = [
        (image, category, belongs, "eva", dt.datetime(2026, 11, 4, n, tzinfo=dt.UTC), batch, withdrawn)
        for n, (image, category, belongs, batch, withdrawn) in enumerate(rows)
    ]
    return pl.DataFrame(said, REVIEWS.no_rows().schema, orient="row")


def settled(*rows: tuple[str, str, bool, str, bool]) -> dict[tuple[str, str], str | None]:
    return {row[:2]: row[2] for row in decided(reviews(*rows), CATEGORIES).rows.iter_rows()}


def test_an_image_is_put_under_the_one_other_category_that_it_belongs_under() -> None:
    assert settled(("a", "plant", False, "1", False), ("a", "animal", True, "1", False)) == {("a", "plant"): "animal"}


def test_it_belongs_nowhere_where_no_category_or_several_or_an_unknown_one_are_right() -> None:
    refused = ("a", "plant", False, "1", False)
    assert settled(refused) == {("a", "plant"): None}
    assert settled(refused, ("a", "stone", True, "1", False)) == {("a", "plant"): None}
    several = (("a", "animal", True, "1", False), ("a", "stone", True, "1", False))
    assert settled(refused, *several) == {("a", "plant"): None}


def test_what_lies_in_a_category_that_was_retired_is_not_put_anywhere() -> None:
    assert settled(("a", "stone", False, "1", False), ("a", "animal", True, "1", False)) == {}


def test_what_is_right_as_it_is_stays() -> None:
    assert settled(("a", "plant", True, "1", False), ("a", "animal", False, "1", False)) == {("a", "animal"): "plant"}
    rows = pl.LazyFrame({"image_id": ["a"], "category": ["plant"], "label": pl.Series([0], dtype=pl.Int16)})
    decisions = decided(reviews(("a", "plant", True, "1", False), ("a", "animal", False, "1", False)), CATEGORIES)
    assert decisions.applied(rows).collect().rows() == [("a", "plant", 0, False)]


def test_the_last_mark_counts_and_what_was_taken_back_does_not() -> None:
    first, second = ("a", "plant", False, "1", False), ("a", "plant", True, "2", False)
    assert settled(first, second) == {}
    assert settled(first, second, ("a", "plant", True, "2", True)) == {("a", "plant"): None}
    assert standing(reviews(first, ("a", "plant", False, "1", True))).is_empty()


def test_rows_are_given_the_label_that_is_settled_and_those_that_belong_nowhere_go() -> None:
    said = (("a", "plant", False, "1", False), ("a", "animal", True, "1", False), ("b", "plant", False, "1", False))
    decisions = decided(reviews(*said), CATEGORIES)
    rows = pl.LazyFrame(
        {"image_id": list("abc"), "category": ["plant"] * 3, "label": pl.Series([0] * 3, dtype=pl.Int16)}
    )
    assert decisions.applied(rows).collect().sort("image_id").rows() == [
        ("a", "plant", 1, True),
        ("c", "plant", 0, False),
    ]
    nothing = decided(REVIEWS.no_rows(), CATEGORIES)
    assert nothing.applied(rows) is rows
