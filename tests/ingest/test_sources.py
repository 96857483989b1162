"""From every way of arriving to the features through Dagster, with bad members among good ones: the sums hold."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg

from image_assets.answers.loaded import partition_facts
from image_assets.dataset import DatasetSpec
from image_assets.definitions import build_definitions, build_resources
from image_assets.engines.engine import LocalEngine
from image_assets.health.days import chosen_partitions
from image_assets.ingest.load import Ingest, IngestTables, ingest_partition
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import run_day
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import ARRIVALS, DUPLICATES, IMAGE_FEATURES, QUARANTINE, RAW_IMAGES
from image_assets.store.s3 import s3_client
from image_assets.workers import no_progress
from tests.ingest.archive_attacks import raw_zip, tar_entry
from tests.ingest.archives import archive, tarred, zipped
from tests.pictures import picture
from tests.platform import FIRST, Platform, small_dataset
from tests.s3_server import S3Server

PHOTOS = {f"{number:02d}.png": picture(0, number) for number in range(12)}


def arriving() -> dict[str, bytes]:
    """Files of a day's plants: good and bad ones, packed and not."""
    first, second, third = (list(PHOTOS.items())[start : start + 4] for start in (0, 4, 8))
    broken = tarred([("10.png", PHOTOS["10.png"]), ("11.png", PHOTOS["11.png"])])
    return {
        "loose.png": picture(0, 100),
        "error.jpg": b"<html>404</html>",
        "photos.zip": zipped(
            [*first, ("of june/copy.png", PHOTOS["00.png"]), ("readme.txt", b"hello"), (".DS_Store", b"")]
        ),
        "deep/photos.tar.gz": archive(
            "tar.gz",
            [*second, (tar_entry(b"2", "link.png", "04.png"), b""), ("empty.png", b""), ("in.zip", zipped(third[:2]))],
        ),
        "encrypted.zip": raw_zip([(b"secret.png", PHOTOS["11.png"], {"flags": 1})]),
        "cut off.tar": broken[: broken.index(PHOTOS["11.png"]) + 100],
    }  # fmt: skip


LOADED = {
    "loose.png",
    *(f"photos.zip/{number:02d}.png" for number in range(4)),
    *(f"deep/photos.tar.gz/{number:02d}.png" for number in range(4, 8)),
    *(f"deep/photos.tar.gz/in.zip/{number:02d}.png" for number in (8, 9)),
    "cut off.tar/10.png",
}
QUARANTINED = {
    "error.jpg": "not_an_image",
    "photos.zip/readme.txt": "not_an_image",
    "deep/photos.tar.gz/link.png": "member_no_file",
    "deep/photos.tar.gz/empty.png": "empty",
    "encrypted.zip/secret.png": "member_encrypted",
    "cut off.tar": "archive_damaged",
}


def run(platform: Platform, day: dt.date, landing: LandingResource) -> None:
    resources = build_resources(landing, StoreResource(url=str(platform.root / "store")))
    definitions = build_definitions([platform.dataset], resources)
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):  # the second time finds all in staging, or makes it anew
            partitions = chosen_partitions(platform.dataset, day, ["plant"])
            result = run_day(JobRunner(definitions, instance), platform.dataset, partitions, refresh=False)
            failed = [str(check) for check in result.checks if not check.passed and "accounted" in str(check)]
            assert (result.errors, failed) == ([], []), (result.errors, failed)


def check_sums(platform: Platform, day: dt.date, prefix: str) -> None:
    partition = platform.partition(day=day)
    rows = {schema.name: platform.rows(schema, partition) for schema in (ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE)}
    arrived = set(rows["arrivals"]["source"])
    assert {source.removeprefix(prefix) for source in rows["raw_images"]["source"]} == LOADED
    assert rows["duplicates"]["source"].to_list() == [f"{prefix}photos.zip/of june/copy.png"]
    quarantine = dict(rows["quarantine"].select("source", "reason").iter_rows())
    assert {source.removeprefix(prefix): reason for source, reason in quarantine.items()} == QUARANTINED
    assert len(arrived) == sum(rows[name].height for name in ("raw_images", "duplicates", "quarantine"))
    assert arrived == {source for name in ("raw_images", "duplicates", "quarantine") for source in rows[name]["source"]}
    assert platform.rows(IMAGE_FEATURES, partition).height == len(LOADED)
    (facts,) = [f for f in partition_facts(platform.dataset, platform.store) if f.partition == partition]
    assert facts.listed == facts.loaded + facts.duplicates + sum(facts.quarantined.values())
    details = " ".join(rows["quarantine"]["detail"])
    assert "cut off.tar: after 1 member(s), in 11.png: it ends " in details


def dataset(**source: object) -> DatasetSpec:
    return small_dataset(source=source, limits={"quarantine_rate": 0.5})


def test_folders_and_archives_of_a_landing_zone(tmp_path: Path) -> None:
    platform = Platform(dataset(kind="folder"), tmp_path)
    for name, content in arriving().items():
        path = platform.landing / str(FIRST) / "plant" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    run(platform, FIRST, LandingResource(url=str(platform.landing)))
    check_sums(platform, FIRST, f"{FIRST}/plant/")
    assert (platform.landing / ".staging" / "archives").is_dir()


def test_a_bucket_with_days_in_its_keys(tmp_path: Path, s3_server: S3Server) -> None:
    url = filled_bucket(s3_server, f"{FIRST}/plant")
    platform = Platform(dataset(kind="bucket", staging=str(tmp_path / "staging")), tmp_path)
    run(platform, FIRST, LandingResource(url=url, options=s3_server.storage_options))
    check_sums(platform, FIRST, f"{FIRST}/plant/")


def test_a_bucket_with_days_of_last_modification(tmp_path: Path, s3_server: S3Server) -> None:
    """Dagster runs no day that is not over, and these objects are new: so the stage itself is run."""
    url = filled_bucket(s3_server, "plant")
    source_spec = {"kind": "bucket", "days": "by_last_modified", "staging": str(tmp_path / "staging"), "landing": url}
    platform = Platform(dataset(**source_spec), tmp_path)
    source = LandingResource(url="not used", options=s3_server.storage_options).source(platform.dataset)
    day = source.days()[0]
    source.fetch(day, "plant", no_progress)
    tables = IngestTables.of(platform.store, platform.dataset)
    report = ingest_partition(platform.partition(day=day), Ingest(platform.dataset, source, tables, LocalEngine()))
    assert (report.listed, report.loaded, report.duplicates, report.ignored) == (19, len(LOADED), 1, 1)
    assert sum(report.quarantined.values()) == len(QUARANTINED)


def filled_bucket(s3_server: S3Server, folder: str) -> str:
    name, client = s3_server.bucket(), s3_client(s3_server.storage_options)
    for key, content in arriving().items():
        client.put_object(Bucket=name, Key=f"photos/{folder}/{key}", Body=content)
    return f"s3://{name}/photos"
