"""From a list of URLs to features: good and bad rows, and what the platform says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from image_assets.schema import ACCOUNTING, ARRIVALS, DUPLICATES, IMAGE_FEATURES, QUARANTINE, RAW_IMAGES
from tests.ingest.urls.downloading import LOOPBACK, QUICK, write_list
from tests.ingest.urls.web import Site, content, cut_off, redirect, running, status
from tests.pictures import picture
from tests.platform import FIRST, Platform, small_dataset

PLANTS = 12
RAW = dg.AssetKey(["drawn", "raw_images"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, Site]]:
    with running(Site()) as site:
        site.pages = {f"/{i}.png": content(picture(0, i)) for i in range(PLANTS)}
        site.pages |= {
            "/moved": redirect("/0.png"),
            "/html": content(b"<!doctype html><html>please log in</html>", Content_Type="text/html"),
            "/empty": content(b""),
            "/gone": status(404),
            "/down": status(500),
            "/half": cut_off(5000, picture(0, 99)[:50]),
            "/in": redirect("http://169.254.169.254/latest/meta-data/"),
        }
        good = [f"/{i}.png" for i in range(PLANTS)]
        bad = ["/moved", "/3.png", "/html", "/empty", "/gone", "/down", "/half", "/in"]
        source = QUICK | {"allow_addresses": LOOPBACK, "ports": [site.port], "retries": 0, "robots": True}
        limits = {"quarantine_rate": 0.5}
        platform = Platform(small_dataset(source=source, limits=limits), tmp_path_factory.mktemp("urls"))
        day = platform.landing / str(FIRST)
        write_list(day / "plants.csv", [site.url(path) for path in [*good, *bad]], "plant")
        result = platform.run(FIRST, "plant")
        assert not result.errors
        assert {check.check for check in result.checks if not check.passed} >= {"urls_are_unique"}
        assert all(check.passed for check in result.checks if check.check in ("files_are_rows", "accounts_balance"))
        yield platform, site


def test_every_row_is_loaded_a_duplicate_or_refused_and_the_sums_hold(run: tuple[Platform, Site]) -> None:
    platform, _ = run
    plants = platform.partition()
    assert platform.rows(RAW_IMAGES, plants).height == PLANTS
    assert platform.rows(IMAGE_FEATURES, plants).height == PLANTS
    repeated = platform.rows(DUPLICATES, plants)
    assert sorted(source.rpartition("/")[2] for source in repeated["source"]) == ["3.png", "moved"]
    assert Counter(platform.rows(QUARANTINE, plants)["reason"]) == {
        "not_an_image": 1,
        "empty": 1,
        "http_error": 2,
        "connection_failed": 1,
        "url_not_allowed": 1,
    }
    assert platform.rows(ARRIVALS, plants).height == PLANTS + 8
    (accounts,) = platform.rows(ACCOUNTING).filter(category="plant").to_dicts()
    assert (accounts["listed"], accounts["loaded"], accounts["duplicates"], accounts["quarantined"]) == (20, 12, 2, 6)


def test_another_run_downloads_only_what_can_pass(run: tuple[Platform, Site]) -> None:
    platform, site = run
    site.requests.clear()
    site.pages["/down"] = content(picture(0, 50))
    definitions = platform.definitions()
    (ingest,) = [a for a in definitions.assets or () if isinstance(a, dg.AssetsDefinition) and RAW in a.keys]
    partition = dg.MultiPartitionKey({"date": str(FIRST), "category": "plant"})
    done = dg.materialize([ingest], partition_key=partition, resources=definitions.resources)
    (loaded,) = done.asset_materializations_for_node("drawn__raw_images")[3:]
    metadata = loaded.metadata
    assert set(site.requests) == {"/robots.txt", "/down", "/half"}
    assert platform.rows(RAW_IMAGES, platform.partition()).height == PLANTS + 1
    assert metadata["http_error"].value == 1
    assert "| http_error | 1 | The server answered with an error" in str(metadata["by reason"].value)


def test_checks_see_repeated_urls_and_lost_rows(run: tuple[Platform, Site], tmp_path: Path) -> None:
    from image_assets.asset_checks.check import Subject
    from image_assets.asset_checks.url_lists import files_are_rows, urls_are_unique
    from image_assets.resources.extractors import ExtractorResource

    platform = run[0].copy_to(tmp_path / "copy")
    subject = Subject(platform.dataset, platform.store, ExtractorResource(), platform.partition())
    repeated = urls_are_unique.evaluate(subject)
    assert not repeated.passed
    assert repeated.figures == {"rows": 20, "distinct urls": 19, "repeated urls": 1}
    assert files_are_rows.evaluate(subject).passed
    arrivals = platform.rows(ARRIVALS, platform.partition()).sort("source")
    platform.replace_rows(ARRIVALS, platform.partition(), arrivals.head(12))
    assert urls_are_unique.evaluate(subject).passed
    assert not files_are_rows.evaluate(subject).passed


def test_lists_that_are_not_read_and_rows_that_are_all_refused_are_not_green(tmp_path: Path) -> None:
    with running(Site()) as site:
        source = QUICK | {"allow_addresses": LOOPBACK, "ports": [site.port], "retries": 0}
        platform = Platform(small_dataset(source=source), tmp_path)
        day = platform.landing / str(FIRST)
        write_list(day / "plants.csv", [site.url(f"/{i}.png") for i in range(3)], "plant")
        (day / "more.jsonl").write_text('{"url": "https://images.example/2.png", "category": "plant"}\n')
        result = platform.load(FIRST, "plant")
    assert not result.ok
    failed = {check.check: check.description for check in result.checks if not check.passed}
    assert "quarantine_rate" in failed
    assert f"{FIRST}/more.jsonl (no list: .csv, .csv.gz, .parquet are read)" in failed["all_is_in_a_category"]
