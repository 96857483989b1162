"""Companions are what is named after a picture beside it, and what is nothing else; they are counted as such."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.answers.loaded import partition_facts
from image_assets.asset_checks.raw_images import every_arrival_accounted_for, quarantine_rate
from image_assets.asset_checks.volume import day_is_not_empty
from image_assets.health.accounting import accounts_of
from image_assets.ingest.companions import companions
from image_assets.schema import ARRIVALS, COMPANIONS, QUARANTINE
from tests.asset_checks.faults import PLANT, outcome
from tests.pictures import land_pictures, picture
from tests.platform import FIRST, Platform, small_dataset

FOLDER = "2026-11-20/owl"
PICTURE = f"{FOLDER}/a.jpg"
LONG = f"{'a long name of a photo ' * 3}.jpg"


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("a.jpg.json", "a.jpg"),
        ("a.json", "a.jpg"),
        ("a.XMP", "a.jpg"),
        ("a.AAE", "a.jpg"),
        ("a.cls", "a.jpg"),
        ("a.txt", "a.jpg"),
        ("a.xml", "a.jpg"),
        ("a.jpg.supplemental-metadata.json", "a.jpg"),
        ("a.jpg.suppl.json", "a.jpg"),
        ("b(1).jpg.json", "b(1).jpg"),
        ("b.jpg(1).json", "b(1).jpg"),
        ("b.jpg.supplemental-metadata(1).json", "b(1).jpg"),
        (f"{LONG[:46]}.json", LONG),
        ("deep/labels/c.txt", "deep/images/c.png"),
        ("deep/Annotations/c.xml", "deep/images/c.png"),
    ],
)
def test_what_is_named_after_a_picture_is_its_companion(name: str, picture: str) -> None:
    listed = [f"{FOLDER}/{one}" for one in ("a.jpg", "b.jpg", "b(1).jpg", LONG, "deep/images/c.png", name)]
    assert companions(listed) == {f"{FOLDER}/{name}": f"{FOLDER}/{picture}"}


@pytest.mark.parametrize("name", ["b.json", "deep/a.json", "a.html", "b.jpg", "error.txt", "a.jpg.other.json"])
def test_what_is_named_after_no_picture_is_none(name: str) -> None:
    assert companions([PICTURE, f"{FOLDER}/{name}"]) == {}


@pytest.mark.parametrize("name", ["b.xmp", "IMG_1.AAE", "0001.cls"])
def test_what_is_nothing_else_is_a_companion_though_its_picture_has_not_come(name: str) -> None:
    assert companions([PICTURE, f"{FOLDER}/{name}"]) == {f"{FOLDER}/{name}": None}


def test_two_companions_do_not_vouch_for_each_other() -> None:
    assert companions(["a.json", "a.txt"]) == {}


@given(st.lists(st.text("ab./()1 ", min_size=1, max_size=8).filter(lambda name: name.strip("/"))), st.data())
def test_every_name_can_be_asked_about_in_any_order(names: list[str], data: st.DataObject) -> None:
    ending = st.sampled_from([".jpg", ".json", ".xmp", ".JSON", ""])
    listed = [name + data.draw(ending) for name in names]
    found = companions(listed)
    assert found.keys() <= set(listed)
    assert not {picture for picture in found.values() if picture} & found.keys()
    assert companions(listed[::-1]) == found


def land(platform: Platform, files: int = 4) -> Path:
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(files))
    return platform.landing / str(FIRST) / "plant"


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(small_dataset(), tmp_path)


def test_companions_are_counted_as_such_and_other_files_are_refused(platform: Platform) -> None:
    folder = land(platform)
    for found in list(folder.rglob("*.png")):
        found.with_name(found.name + ".json").write_text('{"title": "a plant"}')
    (folder / "batch" / "picture-0000.txt").touch()
    platform.load(FIRST, "plant")
    assert platform.rows(ARRIVALS).height == 9
    assert platform.rows(QUARANTINE).is_empty()
    rows = platform.rows(COMPANIONS).sort("source")
    assert all(
        name.startswith(picture.removesuffix(".png")) for name, picture in rows.select("source", "picture").rows()
    )
    (row,) = accounts_of(platform.store, "drawn").rows.to_dicts()
    assert (row["listed"], row["loaded"], row["quarantined"], row["companions"]) == (9, 4, 0, 5)
    (facts,) = partition_facts(platform.dataset, platform.store)
    assert (facts.companions, facts.as_json()["companions"], facts.quarantined) == (5, 5, {})
    rate = outcome(platform, quarantine_rate, PLANT)
    assert (rate.passed, rate.figures["listed"], rate.figures["companions"]) == (True, 4, 5)
    for number in range(4):
        (folder / f"page-{number}.json").write_text(f'{{"page": {number}}}')
    platform.load(FIRST, "plant")
    rate = outcome(platform, quarantine_rate, PLANT)
    assert (rate.passed, rate.figures["companions"], rate.figures["rate"]) == (False, 5, 0.5)


def test_a_picture_under_the_name_of_a_companion_is_loaded(platform: Platform) -> None:
    folder = land(platform, 1)
    (folder / "batch" / "picture-0000.png.json").write_bytes(picture(0, 7))
    platform.load(FIRST, "plant")
    assert platform.rows(COMPANIONS).is_empty()
    (row,) = accounts_of(platform.store, "drawn").rows.to_dicts()
    assert (row["listed"], row["loaded"]) == (2, 2)


def test_companions_that_are_gone_leave_the_accounts(platform: Platform) -> None:
    folder = land(platform)
    (folder / "a.xmp").write_text("<x:xmpmeta/>")
    platform.load(FIRST, "plant")
    assert platform.rows(COMPANIONS).select("source", "picture").rows() == [(f"{FIRST}/plant/a.xmp", None)]
    (folder / "a.xmp").unlink()
    platform.load(FIRST, "plant")
    assert platform.rows(COMPANIONS).is_empty()
    assert outcome(platform, every_arrival_accounted_for, PLANT).passed


def test_a_companion_that_is_lost_or_also_a_picture_does_not_add_up(platform: Platform) -> None:
    folder = land(platform)
    (folder / "a.xmp").write_text("<x:xmpmeta/>")
    platform.load(FIRST, "plant")
    there = platform.rows(COMPANIONS)
    platform.replace_rows(COMPANIONS, PLANT, there.clear())
    assert not outcome(platform, every_arrival_accounted_for, PLANT).passed
    loaded = platform.rows(ARRIVALS).filter(pl.col("source").str.ends_with(".png")).head(1)
    also = loaded.with_columns(pl.lit(None, pl.String).alias("picture")).select(there.columns)
    platform.replace_rows(COMPANIONS, PLANT, pl.concat([there, also]))
    assert not outcome(platform, every_arrival_accounted_for, PLANT).passed


def test_a_day_of_companions_alone_is_empty(platform: Platform) -> None:
    folder = platform.landing / str(FIRST) / "plant"
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"{number}.aae").write_text(json.dumps({"number": number}))
    result = platform.load(FIRST, "plant")
    assert not outcome(platform, day_is_not_empty, PLANT).passed
    assert "raw_images/day_is_not_empty [2026-11-03 plant]" in [str(one) for one in result.checks if not one.passed]
