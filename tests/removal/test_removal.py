"""What takes an image out of a store, and keeps it out, without the runs that come after: step by step, and killed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from image_assets.asset_checks import removed_images
from image_assets.asset_checks.check import Check
from image_assets.health.accounting import accounts_of
from image_assets.images.reasons import Reason
from image_assets.ingest.load import list_partition
from image_assets.ingest.registry import source_of
from image_assets.removal.derived import id_columns
from image_assets.removal.machine import forget_here
from image_assets.removal.removal import Removal
from image_assets.removal.tombstones import TombstoneBook, hidden
from image_assets.schema import (
    ARRIVALS,
    BOX_QUARANTINE,
    DUPLICATES,
    IMAGE_BOXES,
    IMAGE_CHIPS,
    IMAGE_FEATURES,
    IMAGE_LABELS,
    IMAGENET_PREDICTIONS,
    QUARANTINE,
    RAW_IMAGES,
    REVIEWS,
    TABLES,
    Partition,
    TableSchema,
)
from image_assets.store.models.model_champion import read_champion
from image_assets.store.tables.delta_tables import PartitionedTable
from tests.asset_checks.faults import failing
from tests.platform import FIRST, SECOND, Platform
from tests.removal.images import COPY, NAME, PLANTS, id_of, mark, marked_image, telling
from tests.removal.seeking import holding

NOW = dt.datetime(2026, 11, 6, 9, tzinfo=dt.UTC)


@dataclass
class Removed:
    """A platform of which an image was taken out, and what tells the image."""

    platform: Platform
    image_id: str
    words: dict[str, bytes]


def removal_of(platform: Platform, *ids: str) -> Removal:
    return Removal.of(platform.dataset, platform.store, ids, "request 17", NOW)


@pytest.fixture(scope="module")
def removed(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Removed:
    platform = loaded_platform.copy_to(tmp_path_factory.mktemp("removed"))
    image_id = marked_image(platform)
    words = telling(platform, image_id)
    removal = removal_of(platform, image_id)
    removal.begin()
    removal.take_out()
    assert removal.end() == []
    return Removed(platform, image_id, words)


def test_nothing_of_it_is_left_but_its_tombstone(removed: Removed) -> None:
    tombstone = f"drawn/removed_images/{removed.image_id}.json"
    assert holding(removed.platform.files, removed.words) == {tombstone: {"id"}}


def test_what_is_sought_was_there_before(loaded_platform: Platform, removed: Removed) -> None:
    found = holding(loaded_platform.files, removed.words)
    assert {word for words in found.values() for word in words} == {*removed.words} - {"picture in a page"}


def test_the_accounts_stay_whole_with_a_reason_of_its_own(removed: Removed) -> None:
    accounts = accounts_of(removed.platform.store, "drawn")
    assert accounts.unbalanced().is_empty()
    row = accounts.rows.filter(pl.col("date") == FIRST, pl.col("category") == "plant").row(0, named=True)
    assert (row["listed"], row["loaded"], row["duplicates"], row["quarantined"]) == (20, 15, 0, 5)
    reasons = removed.platform.rows(QUARANTINE, PLANTS)
    gone = reasons.filter(reason="removed")
    assert sorted(gone["source"]) == sorted([hidden(NAME), hidden(COPY)])
    assert gone["image_id"].null_count() == 2


def test_it_does_not_come_in_again_though_it_still_lies_there(removed: Removed, tmp_path: Path) -> None:
    platform = removed.platform.copy_to(tmp_path / "again")
    tables = (RAW_IMAGES, ARRIVALS, DUPLICATES, QUARANTINE)
    before = {schema.name: files(platform, schema) for schema in tables}
    (platform.landing / f"{SECOND}/animal/the same once more.png").write_bytes((platform.landing / NAME).read_bytes())
    for day in (FIRST, SECOND):
        result = platform.load(day)
        assert result.ok, result
    # The day is found as the removal has left it: no file of it is written anew, so nothing is decoded again.
    assert {schema.name: files(platform, schema) for schema in tables} == before
    animals = platform.rows(QUARANTINE, Partition(SECOND, "animal"))
    assert animals["reason"].to_list() == ["removed"]
    assert [*holding(platform.files, {"id": removed.words["id"], "name": removed.words["name"]})] == [
        f"drawn/removed_images/{removed.image_id}.json"
    ]


def files(platform: Platform, schema: TableSchema) -> set[str]:
    return {one.path for one in platform.store.table("drawn", schema).partition_files(PLANTS)}


@pytest.mark.parametrize("schema", [RAW_IMAGES, IMAGE_FEATURES, DUPLICATES], ids=lambda one: one.name)
def test_an_image_that_is_planted_back_in_a_table_of_a_day_is_told(
    removed: Removed, tmp_path: Path, schema: TableSchema
) -> None:
    platform = removed.platform.copy_to(tmp_path / "planted")
    other = Partition(SECOND, "plant") if schema is DUPLICATES else PLANTS
    rows = platform.rows(schema, other)
    rows = pl.concat([rows, rows.head(1).with_columns(image_id=pl.lit(removed.image_id))])
    platform.replace_rows(schema, other, rows)
    assert failing(platform, [removed_images.removed_images_stay_out], other) == {"removed_images_stay_out"}


OF_ANNOTATIONS = (IMAGE_LABELS, IMAGE_BOXES, IMAGE_CHIPS, BOX_QUARANTINE, IMAGENET_PREDICTIONS)


def row_of(schema: TableSchema, image_id: str) -> pl.DataFrame:
    """A row of a table that names an image; whatever else it says."""
    zero = {pa.types.is_string: "a", pa.types.is_binary: b"a", pa.types.is_boolean: False, pa.types.is_list: []}
    values = {
        one.name: next((value for is_of, value in zero.items() if is_of(one.type)), 0) for one in schema.file_schema
    }
    return pl.DataFrame(pl.from_arrow(pa.Table.from_pylist([{**values, "image_id": image_id}], schema.file_schema)))


@pytest.mark.parametrize("schema", OF_ANNOTATIONS, ids=lambda one: one.name)
def test_an_image_in_a_table_of_annotations_is_told_and_goes(
    removed: Removed, tmp_path: Path, schema: TableSchema
) -> None:
    platform = removed.platform.copy_to(tmp_path / "planted")
    rows = pl.concat([row_of(schema, one) for one in (removed.image_id, "f" * 64)])
    platform.replace_rows(schema, PLANTS, rows)
    assert failing(platform, [removed_images.removed_images_stay_out], PLANTS) == {"removed_images_stay_out"}
    removal = removal_of(platform, removed.image_id)
    assert [path.split("/")[0] for path in removal.end()] == [schema.name]  # what is still in a table is not finished
    removal.take_out()
    assert removal.end() == []
    assert platform.rows(schema, PLANTS)["image_id"].to_list() == ["f" * 64]
    assert failing(platform, [removed_images.removed_images_stay_out], PLANTS) == set()


def test_every_table_that_names_images_is_looked_at() -> None:
    named = {schema.name for schema in TABLES if "image_id" in schema.file_schema.names}
    assert {schema.name for schema in OF_ANNOTATIONS} < named
    assert {schema.name for schema in TABLES if id_columns(schema)} == named


def test_an_image_that_is_planted_back_in_shards_the_map_and_marks_is_told(
    removed: Removed, loaded_platform: Platform, tmp_path: Path
) -> None:
    platform = removed.platform.copy_to(tmp_path / "planted")
    store, was = platform.files / "drawn", loaded_platform.files / "drawn"
    for shard in was.glob(f"feature_shards/date={FIRST}/category=plant/*"):
        (store / shard.relative_to(was)).write_bytes(shard.read_bytes())
    assert failing(platform, [removed_images.removed_images_stay_out], PLANTS) == {"removed_images_stay_out"}
    whole: list[Check] = [removed_images.removed_images_left_nothing]
    for fit in was.glob("map/fit-*"):
        (store / "map" / fit.name).write_bytes(fit.read_bytes())
    assert failing(platform, whole) == {"removed_images_left_nothing"}
    for fit in was.glob("map/fit-*"):
        (store / "map" / fit.name).unlink()
    assert failing(platform, whole) == set()
    rows = platform.rows(REVIEWS)
    platform.replace_rows(REVIEWS, None, rows.head(1).with_columns(image_id=pl.lit(removed.image_id)))
    assert failing(platform, whole) == {"removed_images_left_nothing"}


def test_a_tombstone_that_is_damaged_is_told_and_keeps_the_image_out(removed: Removed, tmp_path: Path) -> None:
    platform = removed.platform.copy_to(tmp_path / "damaged")
    (platform.files / f"drawn/removed_images/{removed.image_id}.json").write_text("{")
    assert failing(platform, [removed_images.removed_images_left_nothing]) == {"removed_images_left_nothing"}
    assert platform.load(FIRST, "plant").ok
    assert platform.rows(RAW_IMAGES, PLANTS).height == 15


def test_a_current_model_that_was_trained_on_it_is_named(removed: Removed, tmp_path: Path) -> None:
    platform = removed.platform.copy_to(tmp_path / "champion")
    book = TombstoneBook(platform.store, "drawn")
    tombstone = book.all().by_id[removed.image_id]
    assert tombstone is not None
    champion = read_champion(platform.store.objects("drawn"), "classifier").sha256[:12]
    book.write(tombstone.model_copy(update={"models": (f"classifier/{champion}",)}))
    checks: list[Check] = [removed_images.models_are_without_removed_images]
    assert failing(platform, checks) == {"models_are_without_removed_images"}


def test_where_arrivals_alone_are_listed_it_is_not_named(removed: Removed, tmp_path: Path) -> None:
    platform = removed.platform.copy_to(tmp_path / "listed")
    source = source_of(platform.dataset, str(platform.landing))
    assert list_partition(PLANTS, platform.dataset, source, platform.store) == 20
    listed = {*platform.rows(ARRIVALS, PLANTS)["source"]}
    assert {hidden(NAME), hidden(COPY)} < listed
    assert listed.isdisjoint({NAME, COPY})


def test_a_refused_file_is_removed_by_the_id_of_its_bytes(damaged: Platform) -> None:
    rows = damaged.rows(QUARANTINE, PLANTS)
    broken = rows.filter(source=f"{FIRST}/plant/error.jpg")["image_id"][0]
    removal = removal_of(damaged, broken)
    assert sorted(one.source for one in removal.files) == [f"{FIRST}/plant/error.jpg", f"{FIRST}/plant/same error.jpg"]
    removal.begin()
    removal.take_out()
    assert removal.end() == []
    after = damaged.rows(QUARANTINE, PLANTS)
    assert after.height == rows.height
    assert after.filter(reason=str(Reason.REMOVED)).height == 2
    assert not holding(damaged.files, {"name": b"error.jpg"})
    assert accounts_of(damaged.store, "drawn").unbalanced().is_empty()


class Killed(BaseException):
    """Stands for the process being killed: nothing that catches errors catches it."""


def killed_after(commits: int, commit: Callable[..., object]) -> Callable[..., object]:
    """Commits as they are for so many, and then the end of the process."""
    left = iter(range(commits))

    def replace(*given: object) -> object:
        if next(left, None) is None:
            raise Killed
        return commit(*given)

    return replace


@pytest.mark.long
def test_killed_at_every_commit_it_goes_on_where_it_was(
    loaded_platform: Platform, tmp_path: Path, removed: Removed
) -> None:
    whole = {path for path in _paths(removed.platform) if "/_delta_log/" not in path}
    commits, most = 0, 40
    for commits in range(most):
        platform = loaded_platform.copy_to(tmp_path / str(commits))
        for one in (removed.image_id, id_of(platform, NAME.replace("0003", "0004"))):
            mark(platform, one)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PartitionedTable, "replace", killed_after(commits, PartitionedTable.replace))
            removal = removal_of(platform, removed.image_id)
            removal.begin()
            try:
                removal.take_out()
            except Killed:
                pass
            else:
                break
        again = removal_of(platform, removed.image_id)
        assert {one.source for one in again.files} == {NAME, COPY}
        again.begin()
        again.take_out()
        assert again.end() == []
        assert [*holding(platform.files, removed.words)] == [f"drawn/removed_images/{removed.image_id}.json"]
        assert {path for path in _paths(platform) if "/_delta_log/" not in path and "/reviews/" not in path} == {
            path for path in whole if "/reviews/" not in path
        }
        for schema in (RAW_IMAGES, IMAGE_FEATURES, QUARANTINE, ARRIVALS):
            assert platform.rows(schema, PLANTS).equals(removed.platform.rows(schema, PLANTS)), schema.name
    assert 5 <= commits < most - 1


def _paths(platform: Platform) -> set[str]:
    root = platform.files
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_what_this_machine_keeps_beside_the_store_goes_too(
    removed: Removed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IMAGE_ASSETS_STAGING", str(tmp_path / "staging"))
    from image_assets.ingest.staging import staging_folder
    from image_assets.networks.pixels import networks_folder
    from image_assets.search.search import default_folder

    platform, landing = removed.platform, str(removed.platform.landing)
    search, networks = (
        default_folder(platform.dataset, platform.store),
        networks_folder("drawn", platform.store.url),
    )
    staging = staging_folder(None, landing)
    for folder in (search, networks, staging):
        folder.mkdir(parents=True)
    (search / "day.index").write_bytes(b"features")
    (networks / "cnn_classifier").mkdir()
    for kept in ("pixels", "cnn_classifier/checkpoint"):
        (networks / kept).write_text(removed.image_id)
    content = (platform.landing / NAME).read_bytes()
    (staging / "unpacked").write_bytes(content)
    (staging / "another").write_bytes(content[:-1] + b"x")
    gone = forget_here(platform.dataset, platform.store, landing, {removed.image_id: {len(content)}})
    assert sorted(gone) == sorted(map(str, (search, networks, staging / "unpacked")))
    assert [one.name for one in staging.iterdir()] == ["another"]
    assert not search.exists()
    assert not networks.exists()
