"""Which source set an image is of, and folds that leave whole sets out."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from image_assets.classifier.training.images import said_of_split, set_aside, with_source_sets
from image_assets.classifier.training.source_sets import SourceFold, leave_sources_out, source_set
from image_assets.settings.classifier import Classifier
from tests.classifier.synthetic import image_ids

DAY = dt.date(2026, 11, 20)


def set_of(source: str, category: str = "plant", pattern: str | None = None) -> str:
    row = pl.DataFrame({"source": [source], "category": [category]})
    return row.select(source_set(pattern)).item()


def by_source(share: float = 0.4, pattern: str | None = None) -> Classifier:
    return Classifier.model_validate({"held_out": share, "split": {"by": "source", "source": pattern}})


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("2026-11-20/plant/nursery/roses/1.jpg", "nursery"),
        ("2026-11-20/plant/nursery/lotus__1.jpg", "nursery"),
        ("2026-11-20/plant/lotus__image__1.jpg", "lotus__image"),
        ("2026-11-20/plant/1.jpg", ""),
        # As `image-assets land` puts a folder of categories.
        ("2026-11-20/plant/plant/1.jpg", ""),
        ("2026-11-20/plant/plant/lotus__1.jpg", "lotus__image"),
        ("2026-11-20/plant/plant/nursery/lotus__1.jpg", "nursery"),
        ("2026-11-20/delivery.zip/plant/plant/1.jpg", "delivery.zip"),
        ("2026-11-20/plant/__1.jpg", ""),
        ("2026-11-20/plant/delivery.zip/roses/1.jpg", "delivery.zip"),
        ("2026-11-20/plant.tar.gz/roses/1.jpg", "roses"),
        ("2026-11-20/plant.ZIP/1.jpg", ""),
        ("2026-11-20/delivery.zip/plant/1.jpg", "delivery.zip"),
        ("2026-11-20/train/1.jpg", "train"),
        (
            "2026-11-20/list.csv row 0000007: https://who:word@www.Nursery.example:8080/a/b__c.jpg?x=1",
            "nursery.example",
        ),
        ("2026-11-20/list.csv row 0000007: ", ""),
    ],
)
def test_a_set_is_the_host_or_the_folder_or_what_stands_before_two_underscores(source: str, name: str) -> None:
    expected = "lotus" if name == "lotus__image" else name
    assert set_of(source) == expected


def test_a_pattern_names_the_set_where_it_matches() -> None:
    pattern = r"/(?P<set>[a-z]+)-\d+\.jpg$"
    assert set_of("2026-11-20/plant/nursery/lotus-1.jpg", pattern=pattern) == "lotus"
    assert set_of("2026-11-20/plant/nursery/1.jpg", pattern=pattern) == "nursery"


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.sampled_from(["plant", "a.b", "x"]))
def test_every_provenance_has_a_set(source: str, category: str) -> None:
    assert isinstance(set_of(source, category), str)
    assert set_of(source, category) == set_of(source, category)


@pytest.mark.parametrize(("pattern", "said"), [("(", "no regular expression"), ("([^/]+)__", "no group named set")])
def test_a_pattern_that_cannot_name_a_set_is_refused_at_the_door(pattern: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        by_source(pattern=pattern)


def test_sets_are_read_beside_the_images() -> None:
    ids = image_ids(3)
    raw = pl.LazyFrame(
        {"image_id": ids[:2], "category": "plant", "source": ["2026-11-20/plant/a/1.jpg", "2026-11-20/plant/b/1.jpg"]}
    )
    images = pl.DataFrame({"image_id": ids[::-1]})
    assert with_source_sets(images, raw, Classifier())["source_set"].to_list() == ["", "b", "a"]
    assert with_source_sets(images, None, Classifier())["source_set"].to_list() == [""] * 3


def cut(sets: str, labels: str, groups: str | None = None, most: int = 10) -> list[SourceFold]:
    """Folds of rows that are given by letters."""
    alike = [f"{name}{number}" for number, name in enumerate(sets)] if groups is None else list(groups)
    numbers = np.array([ord(one) for one in labels])
    return leave_sources_out(pl.Series(list(sets)), numbers, pl.Series(alike), most)


def test_each_source_is_left_out_once() -> None:
    folds = cut("aabb", "xyxy")
    assert [one.sources for one in folds] == [("a",), ("b",)]
    assert [one.judged.tolist() for one in folds] == [[0, 1], [2, 3]]
    assert [one.training.tolist() for one in folds] == [[2, 3], [0, 1]]


def test_nothing_can_be_judged_of_one_source_or_of_categories_with_one_source_each() -> None:
    assert cut("aaaa", "xyxy") == []
    assert cut("aabb", "xxyy") == []


def test_a_category_of_one_source_stays_in_training() -> None:
    folds = cut("aabbcc", "xyxyzz")
    assert [one.judged.tolist() for one in folds] == [[0, 1], [2, 3]]
    assert all({4, 5} <= set(one.training.tolist()) for one in folds)


def test_what_looks_like_a_left_out_image_is_not_trained_on() -> None:
    folds = cut("aabbcc", "xyxyxy", "pqprst")
    assert folds[0].judged.tolist() == [0, 1]
    assert folds[0].training.tolist() == [3, 4, 5]
    assert cut("ab", "xx", "pp") == []


_ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.integers(0, 60)), min_size=1, max_size=120)


@given(_ROWS, st.randoms(use_true_random=False))
def test_folds_hold_whatever_the_rows(rows: list[tuple[int, int, int]], random) -> None:
    sets = pl.Series([f"s{row[0]}" for row in rows])
    labels = np.array([row[1] for row in rows])
    groups = pl.Series([f"g{row[2]}" for row in rows])
    folds = leave_sources_out(sets, labels, groups)
    assert len(folds) <= 10
    judged = np.concatenate([one.judged for one in folds]) if folds else np.array([], int)
    assert len(judged) == len(set(judged.tolist()))
    for one in folds:
        assert not set(groups.gather(one.training)) & set(groups.gather(one.judged))
        assert set(labels[one.training]) == set(labels)
        assert {sets[row] for row in one.judged.tolist()} <= set(one.sources)
        others = {sets[row] for row in one.training.tolist() if labels[row] in set(labels[one.judged])}
        assert not others & set(one.sources)
    order = list(range(len(rows)))
    random.shuffle(order)
    again = leave_sources_out(sets.gather(order), labels[order], groups.gather(order))
    told = [(one.sources, sorted(one.judged.tolist()), sorted(one.training.tolist())) for one in folds]
    place = np.array(order)
    assert told == [
        (one.sources, sorted(place[one.judged].tolist()), sorted(place[one.training].tolist())) for one in again
    ]


def test_thousands_of_hosts_make_ten_folds_of_like_size() -> None:
    number = np.arange(4_000)
    sets, labels = pl.Series([f"host{one % 2_000}.example" for one in number]), (number % 4).astype(np.int16)
    folds = leave_sources_out(sets, labels, pl.Series([str(one) for one in number]))
    assert [len(one.judged) for one in folds] == [400] * 10
    assert all((np.bincount(labels[one.judged]) == 100).all() for one in folds)


def sides(images: pl.DataFrame, share: float = 0.4, groups: pl.LazyFrame | None = None) -> dict[str, bool]:
    nothing = pl.LazyFrame(schema={"image_id": pl.String, "group_id": pl.String})
    aside = set_aside(images["image_id"], images.lazy(), nothing if groups is None else groups, by_source(share))
    return dict(zip(images["image_id"], aside.tolist(), strict=True))


def images_of(sets: list[tuple[str, str, int]]) -> pl.DataFrame:
    """An image for every source set, category and day after the first."""
    return pl.DataFrame(
        {
            "image_id": image_ids(len(sets)),
            "source_set": [one[0] for one in sets],
            "category": [one[1] for one in sets],
            "date": [DAY + dt.timedelta(one[2]) for one in sets],
        }
    )


@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("xyz"), st.integers(0, 5)), min_size=1))
def test_a_source_has_one_side_and_what_was_trained_on_is_never_held_out(rows: list[tuple[str, str, int]]) -> None:
    images = images_of(sorted(rows, key=lambda row: row[2]))
    found = sides(images)
    by_set = images.with_columns(aside=images["image_id"].replace_strict(found)).group_by("source_set")
    assert by_set.agg(pl.col("aside").n_unique())["aside"].max() == 1
    learnt = {
        row[1]
        for row, aside in zip(images.select("source_set", "category").rows(), found.values(), strict=True)
        if not aside
    }
    assert learnt == set(images["category"])
    for last in range(5):
        before = images.filter(pl.col("date") <= DAY + dt.timedelta(last))
        for image, aside in sides(before).items():
            assert aside or not found[image]


def test_a_source_keeps_its_side_as_days_come() -> None:
    images = images_of([(name, "xyz"[day % 3], day) for day in range(12) for name in "abcdefghij"])
    found = sides(images)
    assert 0 < sum(found.values()) < len(found)
    for last in range(3, 12):
        assert sides(images.filter(pl.col("date") <= DAY + dt.timedelta(last))).items() <= found.items()


def test_lookalikes_of_two_sources_are_on_the_side_of_the_first() -> None:
    images = images_of([(name, "x", 0) for name in "abcdefgh"])
    found = sides(images)
    out, kept = (next(one for one, aside in found.items() if aside is side) for side in (True, False))
    for first in (out, kept):
        groups = pl.LazyFrame({"image_id": [out, kept], "group_id": [first, first]})
        together = sides(images, groups=groups)
        assert together[out] == together[kept] == found[first]


def test_a_split_by_source_says_so() -> None:
    assert said_of_split(by_source(0.3, "(?P<set>a)")).startswith(
        "by source: 0.3 of the source sets, named by '(?P<set>a)'"
    )
