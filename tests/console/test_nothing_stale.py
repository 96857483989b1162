"""What the console keeps of its answers is never old: whatever the pages read is changed, and told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import polars as pl
import pytest

from image_assets.console.models import Choosing
from image_assets.health.acknowledged import Acknowledgements
from image_assets.health.check_book import CheckBook, Measure, latest_states
from image_assets.health.days import OpenDay
from image_assets.ingest.day_book import DayBook
from image_assets.ingest.let_go import QuarantineKept
from image_assets.orchestration import current_status as status_now
from image_assets.schema import (
    ARRIVALS,
    COMPANIONS,
    DUPLICATES,
    IMAGE_FEATURES,
    LET_GO,
    NEAR_DUPLICATES,
    QUARANTINE,
    RAW_IMAGES,
    TableSchema,
)
from image_assets.shards import known_manifests
from image_assets.store import records
from image_assets.store.tables import known_counts
from tests.asset_checks.faults import PLANT, Plant, change
from tests.console.served import served, settings_of
from tests.pictures import land_pictures
from tests.platform import FIRST, SECOND, Platform

PAGES = ("/", "/v1/status", "/v1/days", "/v1/quality")


def without_first(schema: TableSchema) -> Plant:
    return change(schema, lambda rows: rows.slice(1))


def of_another_extractor(platform: Platform) -> None:
    change(IMAGE_FEATURES, lambda rows: rows.with_columns(extractor=pl.lit("a" * 64)))(platform)


def with_a_companion(platform: Platform) -> None:
    rows = platform.rows(ARRIVALS, PLANT).head(1).with_columns(picture=pl.lit(None, pl.String))
    platform.replace_rows(COMPANIONS, PLANT, rows)


def with_a_lookalike(platform: Platform) -> None:
    one, other = platform.rows(RAW_IMAGES, PLANT)["image_id"].sort()[:2]
    pair = {"image_id": one, "other_id": other, "other_date": PLANT.date, "other_category": PLANT.category}
    platform.replace_rows(NEAR_DUPLICATES, PLANT, pl.DataFrame([{**pair, "distance": 1, "cosine": 0.99}]))


def with_quarantine_that_was_let_go_of(platform: Platform) -> None:
    assert QuarantineKept(platform.store, "drawn").let_go(PLANT, SECOND) == 2
    change(LET_GO, lambda rows: rows.with_columns(files=pl.lit(2, pl.Int64)))(platform)


def with_a_check(platform: Platform) -> None:
    measures = {"dark_images": {"share": Measure(0.5, 0.1)}}
    CheckBook(platform.store, "drawn").write("raw_images", PLANT, {"dark_images": ("warned", "planted")}, "r", measures)


def acknowledged(platform: Platform) -> None:
    (bad,) = [one for one in latest_states(platform.store, platform.dataset) if one.description == "planted"]
    Acknowledgements(platform.store, "drawn").say(bad, "it may stay so", "ada")


def with_a_run(platform: Platform) -> None:
    DayBook(platform.store, "drawn").begin(platform.partition("animal", SECOND), "a run", str(platform.landing))


def landed(platform: Platform) -> None:
    land_pictures(platform.landing, "2026-11-05", "plant", 0, range(30, 32))


def without_a_manifest(platform: Platform) -> None:
    next(path for path in lying(platform, "feature_shards_manifests").rglob("shards.json")).unlink()


def with_another_manifest(platform: Platform) -> None:
    file = next(path for path in lying(platform, "feature_shards_manifests").rglob("shards.json"))
    text = file.read_text()
    file.write_text(text.replace(text.split('"sha256": "')[1][:4], "0000", 1))


def with_a_file_that_is_cut(platform: Platform) -> None:
    file = next(path for path in lying(platform, RAW_IMAGES.name).rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-1])


def with_another_model(platform: Platform) -> None:
    Choosing(platform.dataset, platform.store, "").roll_back("classifier", "")


def lying(platform: Platform, folder: str) -> Path:
    return platform.files / "drawn" / folder


PLANTS = {
    "arrivals": without_first(ARRIVALS),
    "raw_images": without_first(RAW_IMAGES),
    "duplicates": without_first(DUPLICATES),
    "quarantine": without_first(QUARANTINE),
    "quarantine that was let go of": with_quarantine_that_was_let_go_of,
    "companions": with_a_companion,
    "image_features": without_first(IMAGE_FEATURES),
    "other features": of_another_extractor,
    "near_duplicates": with_a_lookalike,
    "a check": with_a_check,
    "an acknowledgement": acknowledged,
    "a run": with_a_run,
    "the landing zone": landed,
    "a manifest that is gone": without_a_manifest,
    "another manifest": with_another_manifest,
    "another model": with_another_model,
    "a file that is cut": with_a_file_that_is_cut,
}


@contextmanager
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that was just begun."""
    with monkeypatch.context() as patched:
        patched.setattr(status_now, "_LATEST", status_now.Latest())
        for module, name in ((records, "_KNOWN"), (known_manifests, "_KNOWN"), (known_counts, "_KNOWN")):
            patched.setattr(module, name, {})
        yield


def asked(client: httpx.Client) -> dict[str, str]:
    return {page: client.get(page).raise_for_status().text for page in PAGES}


def test_every_change_of_what_pages_read_is_told_at_once(damaged: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each step the pages say something else than before, and just what they say where nothing is kept."""
    with served(settings_of(damaged), ready=False) as client:
        before = asked(client)
        for name, plant in PLANTS.items():
            plant(damaged)
            told = asked(client)
            assert told != before, name
            with nothing_kept(monkeypatch):
                assert asked(client) == told, name
            before = told


def test_an_answer_that_is_kept_too_long_would_be_seen(damaged: Platform) -> None:
    first = status_now.current_status(damaged.dataset, damaged.store, str(damaged.landing))
    with served(settings_of(damaged, ask=lambda: first), ready=False) as client:
        before = asked(client)
        with_a_check(damaged)
        assert asked(client) == before
    with served(settings_of(damaged), ready=False) as client:
        assert asked(client) != before


def test_what_the_landing_zone_answered_is_kept_as_long_as_is_said_and_the_store_is_the_same(damaged: Platform) -> None:
    def late(seconds: int) -> list[OpenDay]:
        now = status_now.current_status(damaged.dataset, damaged.store, str(damaged.landing), seconds)
        return [one for one in now.status.health.open_days if one.state == "landed since it was run"]

    ages = 10**9
    assert late(ages) == []
    land_pictures(damaged.landing, str(FIRST), "plant", 0, range(77, 78))
    assert late(ages) == []
    (told,) = late(0)
    with_a_check(damaged)
    assert late(ages) == [told]
