"""What the report says of mistakes: the ten most certain first, and how many there are by source, flag and size."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.classifier.intervals import wilson
from image_assets.classifier.report import mistakes
from image_assets.classifier.report.galleries import galleries
from image_assets.classifier.report.mistake_sections import certain_section, parts_section, pictures_of_mistakes
from image_assets.classifier.report.mistakes import FEW_IMAGES, FLAWLESS, Mistakes, clearly_worse, looks_of, mistakes_of
from image_assets.classifier.report.subject import ReportSubject
from image_assets.images.issues import ISSUES
from image_assets.schema import RAW_IMAGES
from tests.classifier.report.made import made_looks, made_subject, thumbnails_of
from tests.platform import Platform


@pytest.fixture(scope="module")
def subject() -> ReportSubject:
    return made_subject(240, 20, separation=0.35)


def found_in(subject: ReportSubject, looks: pl.DataFrame, most: int = 24) -> Mistakes:
    return mistakes_of(subject, looks, galleries(subject, most).errors)


def test_every_image_held_out_is_counted_once_by_source_and_by_size(subject: ReportSubject) -> None:
    found = found_in(subject, made_looks(subject))
    assert found.images == len(subject.held_out)
    assert found.mistakes == int((subject.predicted != subject.truth).sum()) > 10
    for parts in (found.by_source, found.by_size):
        assert sum(part.images for part in parts) == found.images
        assert sum(part.mistakes for part in parts) == found.mistakes
    assert {part.name for part in found.by_source} == {f"supplier {number}" for number in range(4)}
    shares = [part.share for part in found.by_source if part.share is not None]
    assert shares == sorted(shares, reverse=True)


def test_of_very_many_sources_the_last_are_told_together(
    subject: ReportSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mistakes, "_MOST_SOURCES", 2)
    found = found_in(subject, made_looks(subject))
    assert [part.name for part in found.by_source][2:] == ["the other 2 sources"]
    assert sum(part.images for part in found.by_source) == found.images
    assert sum(part.mistakes for part in found.by_source) == found.mistakes


def test_the_ten_most_certain_mistakes_come_first_with_all_that_is_known_of_them(subject: ReportSubject) -> None:
    looks = made_looks(subject).with_columns(dark=pl.lit(value=True))
    found, pictures = found_in(subject, looks), thumbnails_of(subject)
    wrong = np.sort(subject.probabilities.max(axis=1)[subject.predicted != subject.truth])[::-1]
    assert [one.probability for one in found.most_certain] == wrong[:24].tolist()
    first, rest = certain_section(found, pictures).galleries
    assert (first.title, len(first.pictures)) == ("The 10 most certain", 10)
    assert len(rest.pictures) == min(len(wrong), 24) - 10
    one, shown = found.most_certain[0], first.pictures[0]
    assert shown.title == f"{one.answer} {one.probability:.1%}, but is {one.category}"
    for said in (one.image_id[:12], one.source, one.date, "dark", f"{one.width} × {one.height} pixels"):
        assert said in shown.text
    assert shown.jpegs[0] == pictures[one.image_id]
    assert {one.image_id, one.like} <= pictures_of_mistakes(found)


def test_a_planted_blur_is_told_and_an_even_one_is_not(subject: ReportSubject) -> None:
    wrong = pl.Series(subject.predicted != subject.truth)
    planted = parts_section(found_in(subject, made_looks(subject).with_columns(blurred=wrong)), {}).tables[1]
    assert "Clearly more mistakes than over all: blurred." in planted.text
    assert next(row for row in planted.rows if row[0] == "blurred")[3] == "100.0%"
    assert next(row for row in planted.rows if row[0] == FLAWLESS)[3] == "0.0%"
    even = parts_section(found_in(subject, made_looks(subject).with_columns(blurred=pl.lit(value=True))), {}).tables[1]
    assert "None has more mistakes than over all" in even.text


def test_of_few_images_no_share_is_given_and_that_is_said(subject: ReportSubject) -> None:
    first = pl.Series(np.arange(len(subject.held_out)) < FEW_IMAGES - 1)
    found = found_in(subject, made_looks(subject).with_columns(dark=first))
    dark, bright = (next(part for part in found.by_flag if part.name == name) for name in ("dark", "bright"))
    assert (dark.images, dark.share, bright.images, bright.share) == (FEW_IMAGES - 1, None, 0, None)
    rows = {row[0]: row[3:] for row in parts_section(found, {}).tables[1].rows}
    assert rows["dark"] == ("too few images", "")
    assert rows["bright"] == ("no image", "")
    assert clearly_worse([dark.model_copy(update={"mistakes": dark.images})], found) == []


def test_sizes_fall_into_buckets_of_the_shorter_side(subject: ReportSubject) -> None:
    sides = [95, 96, 223, 224, 5_000] * len(subject.held_out)
    looks = made_looks(subject).with_columns(width=pl.Series(sides[: len(subject.held_out)]), height=pl.lit(6_000))
    names = [part.name for part in found_in(subject, looks).by_size]
    assert names == ["under 96", "96 – 223", "224 – 511", "2,048 and more"]


def test_without_a_mistake_it_says_so() -> None:
    right = made_subject(120, 30, separation=4)
    found = found_in(right, made_looks(right))
    assert certain_section(found, {}).text == f"None: all {found.images} images held out are right."
    assert clearly_worse(found.by_source, found) == []


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_part_like_all_others_is_never_worse(right: int, wrong: int) -> None:
    assert wilson(wrong, right + wrong).low <= wrong / max(right + wrong, 1)


def test_looks_are_those_of_the_store_and_what_is_gone_is_null(loaded_platform: Platform) -> None:
    table = loaded_platform.store.table("drawn", RAW_IMAGES)
    rows = table.scan().select("image_id", "date", "category", "source", "width").collect()
    gone = rows[:1].select(pl.lit("f" * 64).alias("image_id"), "date", "category")
    asked = pl.concat([rows.select("image_id", "date", "category"), gone])
    looks = looks_of(loaded_platform.store, "drawn", asked, loaded_platform.dataset.quality)
    assert looks["image_id"].to_list() == asked["image_id"].to_list()
    assert looks["source"].to_list() == [*rows["source"], None]
    assert looks["width"].to_list() == [*rows["width"], None]
    strict = loaded_platform.dataset.quality.model_copy(update={"dark": 1.0, "odd_shape": 1.0})
    assert looks_of(loaded_platform.store, "drawn", asked[:-1], strict)["dark"].all()
    assert {issue.name for issue in ISSUES} <= set(looks.columns)


def test_an_image_that_is_gone_is_shown_as_such(subject: ReportSubject) -> None:
    looks = made_looks(subject)
    gone = looks.clear(looks.height).with_columns(looks["image_id"])
    found = found_in(subject, gone)
    assert [(part.name, part.images) for part in found.by_size] == [("size not known", found.images)]
    text = certain_section(found, thumbnails_of(subject)).galleries[0].pictures[0].text
    assert "size not known; no quality flag" in text
    assert "not loaded any more" in text
    assert Mistakes.model_validate_json(found.model_dump_json()) == found
