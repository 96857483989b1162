"""Near-duplicates and label conflicts of real tables: pictures that are loaded and extracted as on any day."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest
import yaml
from PIL import Image, ImageEnhance

from image_assets.answers.mark_preview import preview_of
from image_assets.asset_checks import feature_shards, label_conflicts
from image_assets.asset_checks import near_duplicates as near_duplicate_checks
from image_assets.asset_checks.check import checks_in
from image_assets.classifier.places import current_manifest
from image_assets.classifier.training.images import held_out_with_lookalikes, undisputed
from image_assets.cli import main
from image_assets.health.check_book import CheckBook
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.lookalikes.groups import duplicate_groups
from image_assets.lookalikes.near_duplicates import Library, by_itself, near_duplicates
from image_assets.lookalikes.reviews import current_conflicts
from image_assets.marks.record import Mark, keep_marks, marks_of
from image_assets.orchestration.automation import publish_job_name
from image_assets.orchestration.partitions import partition_key
from image_assets.resources.extractors import ExtractorResource
from image_assets.schema import (
    DUPLICATE_GROUPS,
    DUPLICATES,
    IMAGE_FEATURES,
    LABEL_CONFLICTS,
    NEAR_DUPLICATES,
    RAW_IMAGES,
    Partition,
)
from image_assets.settings.quality import NearDuplicates
from image_assets.shards.manifest import read_manifest, shards_prefix
from image_assets.store.models.model_store import ids_digest
from image_assets.store.tables.key_index import hash_index
from image_assets.store.tables.parquet_files import ParquetFiles
from tests.asset_checks.faults import failing
from tests.cli.shapes import assert_told
from tests.pictures import clouds, land_pictures
from tests.platform import FIRST, SECOND, Platform, small_dataset


def saved(content: bytes, **changes: int) -> bytes:
    """A picture as somebody else saved it: as JPEG, smaller, brighter."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    if "side" in changes:
        image = image.resize((changes["side"], changes["side"]), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    ImageEnhance.Brightness(image).enhance(1.1).save(buffer, "JPEG", quality=changes.get("quality", 85))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Two days with the same pictures saved differently: within a day, and on the next day under another category."""
    one = Platform(small_dataset(label_conflicts={"limit": 1.0}), tmp_path_factory.mktemp("lookalikes"))
    for kind, category in enumerate(one.dataset.categories):
        land_pictures(one.landing, str(FIRST), category, kind, range(12), clouds)
        land_pictures(one.landing, str(SECOND), category, kind, range(20, 23), clouds)
    (one.landing / str(FIRST) / "plant" / "again.jpg").write_bytes(saved(clouds(0, 3)))
    (one.landing / str(SECOND) / "animal" / "a plant.jpg").write_bytes(saved(clouds(0, 5), side=72))
    (one.landing / str(SECOND) / "human" / "the same plant.png").write_bytes(clouds(0, 7))
    for day in (FIRST, SECOND):
        result = one.run(day, refresh=day == SECOND)
        assert result.ok, (result.errors, [str(check) for check in result.checks if not check.passed])
    return one


def library(platform: Platform, extractor: str | None = None) -> Library:
    return Library(
        platform.store.table("drawn", RAW_IMAGES),
        platform.store.table("drawn", IMAGE_FEATURES),
        hash_index(platform.store, "drawn"),
        extractor or ExtractorResource().extractor(platform.dataset).digest,
    )


def pairs_by_source(platform: Platform, pairs: pl.DataFrame) -> set[frozenset[str]]:
    names = dict(platform.rows(RAW_IMAGES).select("image_id", "source").iter_rows())
    ids = pairs.select("image_id", "other_id").iter_rows()
    return {frozenset(Path(names[one]).name for one in pair) for pair in ids}


def test_a_few_rows_of_many_do_not_keep_the_texts_of_all() -> None:
    def held(rows: pl.DataFrame) -> int:
        return rows.to_arrow(compat_level=pl.CompatLevel.newest()).get_total_buffer_size()

    whole = pl.DataFrame({"image_id": [f"{number:064}" for number in range(10_000)], "distance": range(10_000)})
    few = whole.filter(pl.col("distance") < 2)
    assert held(few) > 600_000  # the control
    assert held(by_itself(few)) < 1_000
    assert by_itself(few).equals(few)
    assert by_itself(few.head(0)).schema == few.schema


def test_a_picture_saved_again_is_found_within_a_partition_and_across_days_and_categories(platform: Platform) -> None:
    assert pairs_by_source(platform, platform.rows(NEAR_DUPLICATES)) == {
        frozenset({"again.jpg", "picture-0003.png"}),
        frozenset({"a plant.jpg", "picture-0005.png"}),
    }


def test_the_pairs_of_many_files_are_confirmed_together_and_are_the_same_as_one_file_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_assets.ingest.kept_units.UNIT_FILES", 4)
    many = Platform(small_dataset(label_conflicts={"limit": 1.0}), tmp_path)
    land_pictures(many.landing, str(FIRST), "plant", 0, range(12), clouds)
    for number in (1, 4, 7, 11):
        (many.landing / str(FIRST) / "plant" / f"saved-{number:04d}.jpg").write_bytes(saved(clouds(0, number)))
    many.load(FIRST)
    plants, spec = Partition(FIRST, "plant"), many.dataset.near_duplicates
    read: list[str] = []
    frames = ParquetFiles.frames

    def noting(files: ParquetFiles, path: str, *more: Any, **named: Any) -> Iterator[pl.DataFrame]:
        if "features" in str((more, named)):
            read.append(path)
        return frames(files, path, *more, **named)

    monkeypatch.setattr(ParquetFiles, "frames", noting)
    together = near_duplicates(plants, library(many), spec)
    read_together = len(read)
    monkeypatch.setattr("image_assets.lookalikes.near_duplicates._CONFIRMED", 1)
    read.clear()
    one_by_one = near_duplicates(plants, library(many), spec)
    assert pairs_by_source(many, together) == {
        frozenset({f"picture-{number:04d}.png", f"saved-{number:04d}.jpg"}) for number in (1, 4, 7, 11)
    }
    assert together.equals(one_by_one)
    # Own features and those of the other side, of each file once.
    files = len(many.store.table("drawn", IMAGE_FEATURES).partition_files(plants))
    assert (files, read_together) == (4, 2 * 4)
    assert len(read) > read_together


def test_the_whole_of_history_is_compared_also_where_an_index_covers_it(platform: Platform, tmp_path: Path) -> None:
    copy = platform.copy_to(tmp_path / "copy")
    today = Partition(SECOND, "animal")
    spec = copy.dataset.near_duplicates
    before = near_duplicates(today, library(copy), spec)
    index = hash_index(copy.store, "drawn")
    snapshot = copy.store.table("drawn", RAW_IMAGES).snapshot()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("image_assets.store.tables.key_index._UNCOVERED_FILES", 0)
        index.cover(snapshot)
    (segment,) = (copy.files / "drawn" / "raw_images_hash_index").glob("*.parquet")
    assert near_duplicates(today, library(copy), spec).equals(before)
    assert before.height == 1
    # An index that is damaged is thrown away, and nothing is missed.
    content = bytearray(segment.read_bytes())
    content[-20] ^= 1
    segment.write_bytes(content)
    assert near_duplicates(today, library(copy), spec).equals(before)
    assert not segment.exists()


def test_features_of_another_extractor_confirm_nothing(platform: Platform) -> None:
    assert near_duplicates(Partition(FIRST, "plant"), library(platform, "another"), NearDuplicates()).is_empty()


@pytest.mark.parametrize(
    "spec",
    [NearDuplicates(distance=0, close_distance=0, cosine=1, close_cosine=1), NearDuplicates(cosine=1, close_cosine=1)],
)
def test_stricter_limits_find_less(platform: Platform, spec: NearDuplicates) -> None:
    assert near_duplicates(Partition(FIRST, "plant"), library(platform), spec).is_empty()


def test_what_left_its_partition_is_nobodys_near_duplicate_any_more(platform: Platform, tmp_path: Path) -> None:
    copy = platform.copy_to(tmp_path / "copy")
    assert EvidenceReader(copy.store, copy.dataset).pairs().height == 2
    gone = copy.rows(RAW_IMAGES).filter(pl.col("source").str.contains("a plant.jpg"))["image_id"][0]
    today = Partition(SECOND, "animal")
    copy.replace_rows(RAW_IMAGES, today, copy.rows(RAW_IMAGES, today).filter(pl.col("image_id") != gone))
    assert EvidenceReader(copy.store, copy.dataset).pairs().height == 1


@pytest.mark.long
def test_a_file_moved_to_a_category_that_runs_earlier_has_its_new_label_after_one_run(
    platform: Platform, tmp_path: Path
) -> None:
    copy = platform.copy_to(tmp_path / "copy")
    (before,) = (copy.landing / str(FIRST) / "animal").rglob("picture-0004.png")
    before.rename(copy.landing / str(FIRST) / "plant" / "was an animal.png")
    result = copy.load(FIRST)
    assert [str(one) for one in result.checks if not one.passed and one.severity == "ERROR"] == []
    assert result.ok
    assert current_conflicts(copy.dataset, copy.store).equals(current_conflicts(platform.dataset, platform.store))
    moved = copy.rows(RAW_IMAGES).filter(pl.col("source").str.ends_with("was an animal.png"))
    assert moved["category"].to_list() == ["plant"]
    assert copy.rows(DUPLICATES).filter(pl.col("image_id").is_in(moved["image_id"].implode())).is_empty()


def test_groups_are_named_by_the_image_that_came_first(platform: Platform) -> None:
    groups = platform.rows(DUPLICATE_GROUPS)
    names = dict(platform.rows(RAW_IMAGES).select("image_id", "source").iter_rows())
    assert groups.height == 4
    across = groups.filter(pl.col("date") == SECOND)
    assert [Path(names[one]).name for one in across["group_id"]] == ["picture-0005.png"]
    assert groups.equals(duplicate_groups(EvidenceReader(platform.store, platform.dataset).pairs()))


def test_many_copies_of_one_picture_stay_bounded_and_are_one_group(tmp_path: Path) -> None:
    one = Platform(small_dataset(), tmp_path)
    land_pictures(one.landing, str(FIRST), "plant", 0, range(3), clouds)
    for quality in range(10, 95):
        (one.landing / str(FIRST) / "plant" / f"q{quality}.jpg").write_bytes(saved(clouds(0, 1), quality=quality))
    one.load(FIRST, "plant")
    pairs = one.rows(NEAR_DUPLICATES)
    assert max(pairs.group_by("image_id").len()["len"].to_list()) <= 50 * pairs["distance"].n_unique()
    groups = duplicate_groups(EvidenceReader(one.store, one.dataset).pairs())
    assert groups["group_id"].n_unique() == 1
    assert groups.height >= 80


# Label conflicts


def conflicting(platform: Platform) -> set[tuple[str, str, str, bool]]:
    rows = platform.rows(LABEL_CONFLICTS)
    return {(Path(row["source"]).name, row["kind"], row["state"], row["kept"]) for row in rows.iter_rows(named=True)}


def published(platform: Platform, partition: Partition) -> set[str]:
    """Names of the files of which the published shards have features."""
    objects, prefix = platform.store.objects(), shards_prefix(platform.dataset, partition)
    manifest = read_manifest(objects, prefix)
    assert manifest is not None
    names = dict(platform.rows(RAW_IMAGES).select("image_id", "source").iter_rows())
    shards = [pl.read_parquet(bytes(objects.get(f"{prefix}/{shard.file}").bytes())) for shard in manifest.shards]
    return {Path(names[one]).name for shard in shards for one in shard["picture_id"]}


def trained_on(platform: Platform) -> str:
    manifest = current_manifest(platform.dataset, platform.store)
    assert manifest is not None
    return manifest.training_ids_sha256


PLANTS, ANIMALS = Partition(FIRST, "plant"), Partition(SECOND, "animal")


def test_a_picture_under_two_categories_is_listed_with_both_sources_and_kept_out_of_everything(
    platform: Platform,
) -> None:
    assert conflicting(platform) == {
        ("a plant.jpg", "near-duplicate", "open", False),
        ("picture-0005.png", "near-duplicate", "open", False),
        ("the same plant.png", "same bytes", "open", False),
        ("picture-0007.png", "same bytes", "open", False),
    }
    # The first day had been published before the second one contradicted it.
    assert published(platform, PLANTS) == {
        "again.jpg",
        *(f"picture-{n:04d}.png" for n in range(12) if n not in (5, 7)),
    }
    assert published(platform, ANIMALS) == {f"picture-{n:04d}.png" for n in range(20, 23)}
    rows = platform.rows(IMAGE_FEATURES).select("image_id")
    learnt = undisputed(rows.lazy(), platform.rows(LABEL_CONFLICTS).lazy()).collect()
    assert rows.height - learnt.height == 3
    aside = held_out_with_lookalikes(learnt["image_id"], platform.rows(DUPLICATE_GROUPS).lazy(), 0.25)
    assert trained_on(platform) == ids_digest(learnt["image_id"].filter(~pl.Series(aside)))


def test_lookalikes_fall_on_the_same_side_of_the_split(platform: Platform) -> None:
    ids = platform.rows(IMAGE_FEATURES)["image_id"]
    groups = platform.rows(DUPLICATE_GROUPS)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        sides = pl.DataFrame({"image_id": ids, "aside": held_out_with_lookalikes(ids, groups.lazy(), share)})
        assert (
            groups.join(sides, on="image_id").group_by("group_id").agg(pl.col("aside").n_unique())["aside"] == 1
        ).all()
    # Without the groups they do not: the ids of two files of one picture have nothing in common.
    none = groups.clear().lazy()
    apart = False
    for share in np.linspace(0.05, 0.95, 19):
        sides = pl.DataFrame({"image_id": ids, "aside": held_out_with_lookalikes(ids, none, share)})
        sides_of_groups = groups.join(sides, on="image_id").group_by("group_id").agg(pl.col("aside").n_unique())
        apart |= 2 in sides_of_groups["aside"]
    assert apart


def test_the_checks_say_that_conflicts_are_open_and_that_nothing_of_them_is_published(platform: Platform) -> None:
    assert failing(platform, checks_in(label_conflicts)) == {"no_open_conflict"}
    strict = Platform(small_dataset(), platform.root)
    assert failing(strict, checks_in(label_conflicts)) == {"no_open_conflict", "open_conflicts_within_limit"}
    assert failing(platform, checks_in(near_duplicate_checks), PLANTS) == set()


@pytest.mark.long
def test_a_reviewer_settles_a_conflict_from_the_command_line(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    copy = platform.copy_to(tmp_path / "copy")
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(copy.dataset.model_dump(mode="json")), encoding="utf-8")
    places = ["--dataset", str(tmp_path / "drawn.yaml"), "--store", str(copy.root / "store")]
    assert main(["conflicts", "list", *places]) == 0
    assert "a plant.jpg" in capsys.readouterr().out
    rows = copy.rows(LABEL_CONFLICTS)
    near = rows.filter(pl.col("kind") == "near-duplicate")["conflict_id"][0]
    same = rows.filter(pl.col("kind") == "same bytes")["conflict_id"][0]
    assert main(["conflicts", "settle", near[:10], "--category", "plant", "--reviewer", "eva", *places]) == 0
    capsys.readouterr()
    assert main(["conflicts", "settle", same[:10], "--none", "--reviewer", "eva", *places, "--json"]) == 0
    assert_told("conflicts settle", json.loads(capsys.readouterr().out))
    for wrong in (["0" * 64, "--none"], ["", "--none"], [near, "--category", "human"]):
        assert main(["conflicts", "settle", *wrong, "--reviewer", "eva", *places]) == 2
    assert failing(copy, checks_in(label_conflicts)) == {"no_open_conflict"}
    result = copy.run(SECOND, "animal")
    assert result.ok, result.errors
    # The refresh has warned of shards that are out of date, and the same run has published them anew.
    assert [one.passed for one in result.checks if one.check == "published_without_conflicts"] == [True]
    states = CheckBook(copy.store, "drawn").states([("label_conflicts", "published_without_conflicts")])
    assert [one.state for one in states] == ["passed"]
    assert conflicting(copy) == {
        ("a plant.jpg", "near-duplicate", "settled by review", False),
        ("picture-0005.png", "near-duplicate", "settled by review", True),
        ("the same plant.png", "same bytes", "settled by review", False),
        ("picture-0007.png", "same bytes", "settled by review", False),
    }
    assert failing(copy, checks_in(label_conflicts)) == set()
    assert "picture-0005.png" in published(copy, PLANTS)
    assert "picture-0007.png" not in published(copy, PLANTS)
    assert "a plant.jpg" not in published(copy, ANIMALS)


@pytest.mark.long
def test_marks_settle_a_conflict_as_their_preview_says(platform: Platform, tmp_path: Path) -> None:
    copy, now = platform.copy_to(tmp_path / "copy"), dt.datetime(2026, 11, 5, tzinfo=dt.UTC)
    raw = copy.rows(RAW_IMAGES).with_columns(name=pl.col("source").str.split("/").list.last())
    lookalike = raw.filter(name="a plant.jpg")
    # The one that came as an animal is a plant, like the other; the bytes that came twice are right where they are.
    copied = raw.filter(name="picture-0007.png", category="plant")
    marks = [
        marks_of(copy.dataset, copy.store, lookalike, Mark("label", "eva", "plant"), now),
        marks_of(copy.dataset, copy.store, copied, Mark("check", "eva"), now),
    ]
    rows = pl.concat(marks).with_columns(batch=pl.lit("one"), decided_at=marks[0]["decided_at"][0])
    preview = preview_of(EvidenceReader(copy.store, copy.dataset), rows)
    later = Partition(SECOND, "plant")
    before = {one: published(copy, one) for one in (PLANTS, ANIMALS, later)}
    keep_marks(copy.dataset, copy.store, rows)
    assert copy.run(SECOND, "animal").ok
    after = {one: published(copy, one) for one in before}
    assert after[PLANTS] - before[PLANTS] == {"picture-0005.png", "picture-0007.png"}
    assert after[later] - before[later] == {"a plant.jpg"}
    assert {(one.partition, one.coming, one.going) for one in preview.shards} == {
        (one, len(after[one] - before[one]), len(before[one] - after[one]))
        for one in before
        if before[one] != after[one]
    }
    assert conflicting(copy) == {
        ("the same plant.png", "same bytes", "settled by review", False),
        ("picture-0007.png", "same bytes", "settled by review", True),
    }
    for partition in before:
        assert failing(copy, checks_in(feature_shards), partition) == set()
    assert failing(copy, checks_in(label_conflicts)) == set()


def test_shards_with_a_disputed_image_are_noticed(platform: Platform, tmp_path: Path) -> None:
    copy = platform.copy_to(tmp_path / "copy")
    # As shards are that were published before anything contradicted their images.
    for schema in (NEAR_DUPLICATES, LABEL_CONFLICTS, DUPLICATES):
        rows = copy.rows(schema)
        for key in {row[:2] for row in rows.select("date", "category").rows()} if schema.partitioned else {None}:
            partition = Partition(*key) if key else None
            copy.replace_rows(schema, partition, copy.rows(schema, partition).clear())
    with dg.DagsterInstance.ephemeral() as instance:
        job = copy.definitions().resolve_job_def(publish_job_name(copy.dataset))
        assert job.execute_in_process(instance=instance, partition_key=partition_key(PLANTS)).success
    assert "picture-0005.png" in published(copy, PLANTS)
    for schema in (NEAR_DUPLICATES, LABEL_CONFLICTS, DUPLICATES):
        for key in (
            {row[:2] for row in platform.rows(schema).select("date", "category").rows()}
            if schema.partitioned
            else {None}
        ):
            partition = Partition(*key) if key else None
            copy.replace_rows(schema, partition, platform.rows(schema, partition))
    assert "every_id_once" in failing(copy, checks_in(feature_shards), PLANTS)
    assert "published_without_conflicts" in failing(copy, checks_in(label_conflicts))
