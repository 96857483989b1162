"""Companions are what is named after a picture beside it, and nothing else."""

from __future__ import annotations

import pytest

from asset_checks.raw_images import quarantine_rate
from image_assets.ingest.companions import companions
from tests.asset_checks.faults import PLANT, outcome
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform, small_dataset

PICTURE = "2026-11-20/owl/a.jpg"


@pytest.mark.parametrize(
    "name", ["a.jpg.json", "a.json", "a.XMP", "a.AAE", "a.cls", "a.txt", "a.xml", "a.jpg.supplemental-metadata.json"]
)
def test_what_is_named_after_a_picture_beside_it_is_a_companion(name: str) -> None:
    found = f"2026-11-20/owl/{name}"
    assert companions([found], [PICTURE, found]) == {found}


@pytest.mark.parametrize("name", ["b.json", "deep/a.json", "a.html", "a.jpg", "error.txt"])
def test_what_is_named_after_no_picture_there_is_none(name: str) -> None:
    found = f"2026-11-20/owl/{name}"
    assert companions([found], [PICTURE, found]) == set()


def test_two_companions_do_not_vouch_for_each_other() -> None:
    both = ["a.json", "a.txt"]
    assert companions(both, both) == set()


def test_companions_are_in_quarantine_and_not_in_its_rate_and_other_files_are(tmp_path) -> None:
    platform = Platform(small_dataset(), tmp_path)
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(4))
    folder = platform.landing / str(FIRST) / "plant"
    for picture in list(folder.rglob("*.png")):
        picture.with_name(picture.name + ".json").write_text('{"title": "a plant"}')
    platform.load(FIRST, "plant")
    found = outcome(platform, quarantine_rate, PLANT)
    assert (found.passed, found.figures["companions"], found.figures["quarantined"]) == (True, 4, 0)
    for number in range(4):
        (folder / f"page-{number}.json").write_text(f'{{"page": {number}}}')
    platform.load(FIRST, "plant")
    found = outcome(platform, quarantine_rate, PLANT)
    assert (found.passed, found.figures["companions"], found.figures["rate"]) == (False, 4, 0.5)
