"""Faults in published shards are caught by their check; clean partitions pass all."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from image_assets.asset_checks import feature_shards
from image_assets.asset_checks.check import checks_in
from image_assets.marks.record import Mark, keep_marks, marks_of
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.shards.manifest import (
    MANIFEST,
    Expected,
    ShardFile,
    ShardManifest,
    parse_manifest,
    path_of,
    shard_name,
    shards_prefix,
)
from image_assets.shards.writer import publish
from tests.asset_checks.faults import PLANT, Plant, change, failing, in_first_row, outcome, some_id
from tests.platform import FIRST, SECOND, Platform

CHECKS = checks_in(feature_shards)
EVERY = {check.name for check in CHECKS}
NOW = dt.datetime(2026, 11, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize("day", [FIRST, SECOND], ids=str)
@pytest.mark.parametrize("category", ["plant", "animal", "human"])
def test_a_clean_partition_passes(loaded_platform: Platform, category: str, day) -> None:
    assert failing(loaded_platform, CHECKS, Partition(day, category)) == set()


def test_the_figures_are_those_of_the_partition(loaded_platform: Platform) -> None:
    for check in CHECKS:
        assert outcome(loaded_platform, check, PLANT).figures == {"shards": 3, "rows": 16, "problems": 0}


# Files that changed after they were published


def folder(platform: Platform) -> Path:
    return platform.files / shards_prefix(platform.dataset, PLANT)


def manifest_file(platform: Platform) -> Path:
    return platform.files / path_of(shards_prefix(platform.dataset, PLANT), MANIFEST)


def manifest_of(platform: Platform) -> ShardManifest:
    return parse_manifest(manifest_file(platform).read_bytes(), MANIFEST)


def shards(platform: Platform) -> list[Path]:
    return [folder(platform) / shard.file for shard in manifest_of(platform).shards]


def bit_flip(platform: Platform) -> None:
    file = shards(platform)[0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def truncation(platform: Platform) -> None:
    file = shards(platform)[2]
    file.write_bytes(file.read_bytes()[:-1])


def missing_file(platform: Platform) -> None:
    shards(platform)[1].unlink()


def extra_file(platform: Platform) -> None:
    (folder(platform) / "plant_2026-11-03_00003-0123456789ab.parquet").write_bytes(b"left over")


def swapped_contents(platform: Platform) -> None:
    one, other = shards(platform)[:2]
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def manifest_says(**changes: object) -> Plant:
    def plant(platform: Platform) -> None:
        manifest = manifest_of(platform).model_copy(update=changes)
        manifest_file(platform).write_bytes(manifest.to_bytes())

    return plant


DAMAGES = {
    "bit flip": bit_flip,
    "truncation": truncation,
    "missing file": missing_file,
    "extra file": extra_file,
    "swapped contents": swapped_contents,
    "row count of the manifest": manifest_says(rows=17),
    "manifest of another category": manifest_says(category="animal", label=1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_changed_files_are_caught(damaged: Platform, damage: str) -> None:
    DAMAGES[damage](damaged)
    assert "files_match_manifest" in failing(damaged, CHECKS, PLANT)


def test_bytes_that_are_not_the_published_ones_are_not_compared_as_if_they_were(damaged: Platform) -> None:
    swapped_contents(damaged)
    found = outcome(damaged, feature_shards.vectors_are_the_features, PLANT)
    assert found.figures["problems"] == 2


@pytest.mark.parametrize("content", [None, b"", b"{}", b"<html>404</html>"])
def test_no_check_passes_without_a_readable_manifest(damaged: Platform, content: bytes | None) -> None:
    manifest_file(damaged).unlink()
    if content is not None:
        manifest_file(damaged).write_bytes(content)
    assert failing(damaged, CHECKS, PLANT) == EVERY


# Wrong tables, published with a manifest that describes them rightly

Tables = list[pl.DataFrame]


def republished(edit: Callable[[Tables], Tables]) -> Plant:
    """The fault of a publisher that wrote other tables: checksums, counts and names are those of what it wrote."""

    def plant(platform: Platform) -> None:
        tables = edit([pl.read_parquet(file.read_bytes()) for file in shards(platform)])
        for file in shards(platform):
            file.unlink()
        described = [_write(table, index, folder(platform)) for index, table in enumerate(tables)]
        manifest_says(shards=described, rows=sum(table.height for table in tables))(platform)

    return plant


def _write(table: pl.DataFrame, index: int, to: Path) -> ShardFile:
    buffer = io.BytesIO()
    pq.write_table(table.to_arrow(), buffer, store_schema=False)
    sha256 = hashlib.sha256(buffer.getvalue()).hexdigest()
    name = shard_name("plant", FIRST, index, sha256, "parquet")
    (to / name).write_bytes(buffer.getvalue())
    return ShardFile(file=name, rows=table.height, columns=table.width, bytes=len(buffer.getvalue()), sha256=sha256)


def short_in_the_middle(tables: Tables) -> Tables:
    return [tables[0], tables[2], tables[1]]


def empty_at_the_end(tables: Tables) -> Tables:
    return [*tables, tables[0].clear()]


def too_long(tables: Tables) -> Tables:
    return [pl.concat(tables)]


def column_renamed(tables: Tables) -> Tables:
    return [table.rename({"feature_7": "feature_seven"}) for table in tables]


def columns_swapped(tables: Tables) -> Tables:
    return [table.rename({"feature_7": "feature_8", "feature_8": "feature_7"}) for table in tables]


def of_last(edit: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Tables], Tables]:
    return lambda tables: [*tables[:-1], edit(tables[-1])]


def doubled_id(tables: Tables) -> Tables:
    return [*tables[:-1], pl.concat([tables[-1], tables[0].head(1)])]


def vectors_of_each_other(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(pl.col("picture_id").reverse())


FAULTS = {
    "short shard in the middle": (republished(short_in_the_middle), {"rows_and_columns"}),
    "empty shard": (republished(empty_at_the_end), {"rows_and_columns"}),
    "shard that is too long": (republished(too_long), {"rows_and_columns"}),
    "renamed column": (republished(column_renamed), {"rows_and_columns"}),
    "swapped columns": (republished(columns_swapped), {"rows_and_columns"}),
    "dropped id": (republished(of_last(lambda table: table.slice(1))), {"every_id_once"}),
    "doubled id": (republished(doubled_id), {"every_id_once"}),
    "id of no image": (
        republished(of_last(in_first_row("picture_id", pl.lit(some_id("unknown"))))),
        {"every_id_once"},
    ),
    "wrong label": (
        republished(of_last(in_first_row("category_label", pl.lit(2, pl.Int16)))),
        {"labels_and_values"},
    ),
    "NaN": (
        republished(of_last(in_first_row("feature_5", pl.lit(float("nan"), pl.Float32)))),
        {"labels_and_values", "vectors_are_the_features"},
    ),
    "vectors of each other's images": (republished(of_last(vectors_of_each_other)), {"vectors_are_the_features"}),
    "one value changed": (
        republished(of_last(in_first_row("feature_1280", pl.col("feature_1280") + 1e-3))),
        {"vectors_are_the_features"},
    ),
    "features of another extractor since": (
        change(IMAGE_FEATURES, lambda rows: rows.with_columns(extractor=pl.lit("0" * 64))),
        {"files_match_manifest"},
    ),
    "features without rows since": (change(IMAGE_FEATURES, lambda rows: rows.clear()), {"every_id_once"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_by_its_checks_alone(damaged: Platform, fault: str) -> None:
    plant, caught_by = FAULTS[fault]
    plant(damaged)
    assert failing(damaged, CHECKS, PLANT) == caught_by


def test_republishing_the_same_tables_is_no_fault(damaged: Platform) -> None:
    """The control of these controls: what they report is the edit, not the publishing."""
    republished(lambda tables: tables)(damaged)
    assert failing(damaged, CHECKS, PLANT) == set()


def test_the_sample_names_the_file_and_what_was_expected(damaged: Platform) -> None:
    republished(short_in_the_middle)(damaged)
    found = outcome(damaged, feature_shards.rows_and_columns, PLANT)
    assert found.sample is not None
    assert found.sample.rows() == [(shards(damaged)[1].name, "rows", "7", "2")]


def test_shards_of_text_pass_and_a_changed_value_in_them_is_caught(damaged: Platform) -> None:
    features = damaged.store.table(damaged.dataset.name, IMAGE_FEATURES)

    def publish_text(factor: float) -> None:
        rows = features.scan([PLANT]).with_columns(pl.col("features") * factor).collect()
        manifest = manifest_of(damaged)
        publish(
            rows.select(IMAGE_FEATURES.file_schema.names).to_arrow().cast(IMAGE_FEATURES.file_schema).to_batches(),
            damaged.store.objects(),
            shards_prefix(damaged.dataset, PLANT),
            Expected(**manifest.model_dump(include=set(Expected.__dataclass_fields__))),
            file_format="csv",
        )

    publish_text(1.0)
    assert {file.suffix for file in shards(damaged)} == {".csv"}
    assert failing(damaged, CHECKS, PLANT) == set()
    publish_text(1.000001)
    assert failing(damaged, CHECKS, PLANT) == {"vectors_are_the_features"}


def test_every_check_has_a_fault_that_it_catches() -> None:
    assert set().union(*(caught_by for _, caught_by in FAULTS.values())) == EVERY


@pytest.mark.parametrize("own", [True, False])
def test_the_vector_of_an_image_that_a_person_put_here_is_compared_with_its_own(damaged: Platform, own: bool) -> None:
    animals = damaged.rows(IMAGE_FEATURES, Partition(FIRST, "animal")).sort("image_id").head(1)
    mark = marks_of(damaged.dataset, damaged.store, animals, Mark("label", "eva", "plant"), NOW)
    keep_marks(damaged.dataset, damaged.store, mark)

    def with_it(tables: Tables) -> Tables:
        row = tables[-1].head(1).with_columns(picture_id=pl.lit(animals["image_id"][0]))
        names = [name for name in row.columns if name.startswith("feature_")]
        vector = zip(names, animals["features"][0], strict=True)
        right = row.with_columns(pl.lit(value, pl.Float32).alias(name) for name, value in vector)
        return [*tables[:-1], pl.concat([tables[-1], right if own else row])]

    republished(with_it)(damaged)
    found = outcome(damaged, feature_shards.vectors_are_the_features, PLANT)
    assert found.passed == own
    assert found.figures["problems"] == (0 if own else 1)
