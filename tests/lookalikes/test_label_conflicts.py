"""Which files contradict each other, and what the rules and reviewers make of it."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from image_assets.lookalikes.label_conflicts import Evidence, held_back, in_doubt, label_conflicts
from image_assets.marks.decisions import decided
from image_assets.schema import REVIEWS
from image_assets.settings.quality import LabelConflicts
from tests.lookalikes.pairs import PAIRS

MONDAY, TUESDAY = dt.date(2026, 11, 2), dt.date(2026, 11, 3)
DUPLICATE = {
    "image_id": pl.String,
    "date": pl.Date,
    "category": pl.String,
    "source": pl.String,
    "original_date": pl.Date,
    "original_category": pl.String,
    "original_source": pl.String,
}
HOLD = LabelConflicts()
CATEGORIES = {"plant": 0, "animal": 1, "human": 2}


def evidence(pairs=(), duplicates=(), reviews=()) -> Evidence:
    marks = [
        (image, category, belongs, "eva", dt.datetime(2026, 11, 4, n, tzinfo=dt.UTC), str(n), False)
        for n, (image, category, belongs) in enumerate(reviews)
    ]
    columns = REVIEWS.file_schema.names
    empty = pl.DataFrame(pl.from_arrow(REVIEWS.file_schema.empty_table()))
    return Evidence(
        pl.DataFrame(list(pairs), PAIRS, orient="row"),
        pl.DataFrame(list(duplicates), DUPLICATE, orient="row"),
        pl.concat([empty, pl.DataFrame(marks, empty.schema, orient="row")]) if marks else empty.select(columns),
    )


NEAR = ("a", MONDAY, "plant", "b", TUESDAY, "animal")
SAME = ("a", TUESDAY, "animal", "animal/x.png", MONDAY, "plant", "plant/x.png")


def found(one: Evidence, spec: LabelConflicts = HOLD) -> dict[tuple[str, str], tuple[str, str, bool]]:
    rows = label_conflicts(one, spec)
    assert rows["conflict_id"].n_unique() <= 1
    return {(row["image_id"], row["category"]): (row["kind"], row["state"], row["kept"]) for row in rows.to_dicts()}


def test_near_duplicates_under_two_categories_are_both_held_back() -> None:
    near = ("near-duplicate", "open", False)
    assert found(evidence([NEAR])) == {("a", "plant"): near, ("b", "animal"): near}
    assert held_back(label_conflicts(evidence([NEAR]), HOLD))["image_id"].to_list() == ["a", "b"]


def test_the_same_bytes_under_two_categories_hold_the_loaded_image_back() -> None:
    same = ("same bytes", "open", False)
    assert found(evidence(duplicates=[SAME])) == {("a", "plant"): same, ("a", "animal"): same}
    held = held_back(label_conflicts(evidence(duplicates=[SAME]), HOLD))
    assert held.rows() == [("a", MONDAY, "plant")]


def test_a_pair_within_one_category_contradicts_nothing() -> None:
    pair = ("a", MONDAY, "plant", "b", TUESDAY, "plant")
    repeat = ("a", TUESDAY, "plant", "plant/x.png", MONDAY, "plant", "plant/y.png")
    assert found(evidence([pair], [repeat])) == {}


@pytest.mark.parametrize(
    ("spec", "plant", "animal"),
    [
        (LabelConflicts(rule="first"), True, False),
        (LabelConflicts(rule="prefer", prefer=("animal", "plant")), False, True),
        (LabelConflicts(rule="prefer", prefer=("animal",)), False, True),
    ],
)
def test_a_rule_settles_who_is_right(spec: LabelConflicts, plant: bool, animal: bool) -> None:
    kind, state = "near-duplicate", "settled by rule"
    assert found(evidence([NEAR]), spec) == {
        ("a", "plant"): (kind, state, plant),
        ("b", "animal"): (kind, state, animal),
    }


def test_a_rule_that_cannot_tell_leaves_it_open() -> None:
    one_day = ("a", MONDAY, "plant", "b", MONDAY, "animal")
    open_one = ("near-duplicate", "open", False)
    for spec in (LabelConflicts(rule="first"), LabelConflicts(rule="prefer", prefer=("human",))):
        assert set(found(evidence([one_day]), spec).values()) == {open_one}


def test_an_image_must_win_all_its_contradictions() -> None:
    third = ("a", MONDAY, "plant", "c", dt.date(2026, 11, 1), "human")
    kept = {image: row[2] for (image, _), row in found(evidence([NEAR, third]), LabelConflicts(rule="first")).items()}
    assert kept == {"a": False, "b": False, "c": True}


def test_reviewers_decide_over_the_rule_and_the_last_mark_counts() -> None:
    reviews = [("a", "plant", True), ("b", "animal", True), ("a", "plant", False)]
    rows = found(evidence([NEAR], reviews=reviews), LabelConflicts(rule="first"))
    state = "settled by review"
    assert rows == {("a", "plant"): ("near-duplicate", state, False), ("b", "animal"): ("near-duplicate", state, True)}


def test_a_mark_for_one_side_alone_settles_nothing() -> None:
    rows = found(evidence([NEAR], reviews=[("a", "plant", True)]))
    assert {row[1:] for row in rows.values()} == {("open", False)}


def test_a_later_contradiction_opens_what_was_settled() -> None:
    reviews = [("a", "plant", True), ("b", "animal", False)]
    third = ("c", dt.date(2026, 11, 9), "human", "a", MONDAY, "plant")
    before, after = found(evidence([NEAR], reviews=reviews)), found(evidence([NEAR, third], reviews=reviews))
    assert before["a", "plant"][1:] == ("settled by review", True)
    assert after["a", "plant"][1:] == ("open", False)
    assert after["b", "animal"][1:] == ("settled by review", False)


def test_an_image_that_a_person_put_under_the_other_category_contradicts_it_no_more() -> None:
    moved = [("a", "plant", False), ("a", "animal", True)]
    assert label_conflicts(evidence([NEAR], reviews=moved), HOLD).is_empty()
    elsewhere = [("a", "plant", False), ("a", "human", True)]
    assert {row[1:] for row in found(evidence([NEAR], reviews=elsewhere)).values()} == {("open", False)}


def test_what_was_moved_is_in_doubt_only_while_its_conflict_is_open() -> None:
    moved = [("a", "plant", False), ("a", "human", True)]
    for also, doubted in (([], {"a", "b"}), ([("b", "animal", True)], {"b"})):
        one = evidence([NEAR], reviews=[*moved, *also])
        left = in_doubt(label_conflicts(one, HOLD).lazy(), decided(one.reviews, CATEGORIES)).collect()
        assert set(left["image_id"]) == doubted
