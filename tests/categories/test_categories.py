"""Categories between two days: what would mix two meanings is refused, what mends it leaves one meaning."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import obstore
import polars as pl
import pytest

from image_assets.asset_checks import feature_shards
from image_assets.asset_checks.check import checks_in
from image_assets.categories import changes
from image_assets.categories.changes import rename_category, renumber_categories
from image_assets.categories.record import CategoriesDiffer, agree, read_record, record_path
from image_assets.dataset import DatasetSpec
from image_assets.ingest.assets import ingest_assets
from image_assets.marks.record import Mark, keep_marks, marks_of
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition
from image_assets.shards.manifest import read_manifest, shards_prefix
from image_assets.shards.verify import Expected, verify
from tests.asset_checks.faults import failing
from tests.pictures import land_pictures
from tests.platform import FIRST, SECOND, Platform, small_dataset
from tests.store_files import copy_place

OLD = {"plant": 0, "animal": 1}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A day of two categories, published."""
    platform = Platform(changed(OLD), tmp_path_factory.mktemp("loaded"))
    for kind, category in enumerate(OLD):
        land_pictures(platform.landing, str(FIRST), category, kind, range(9))
    assert platform.load(FIRST).ok
    return platform


@pytest.fixture
def platform(loaded: Platform, tmp_path: Path) -> Platform:
    copy_place(loaded.root, tmp_path / "copy")
    return replace(loaded, root=tmp_path / "copy")


def changed(categories: dict[str, int], **more: object) -> DatasetSpec:
    return small_dataset(categories=categories, extractor={"kind": "colour_statistics"}, **more)


def numbers(platform: Platform, name: str = "raw_images") -> dict[str, set[int]]:
    schema = {"raw_images": RAW_IMAGES, "image_features": IMAGE_FEATURES}[name]
    rows = platform.store.table(platform.dataset.name, schema).scan().select("category", "label").unique().collect()
    return {category: set(part["label"]) for (category,), part in rows.group_by("category")}


def test_the_same_categories_and_new_ones_are_agreed_to(platform: Platform) -> None:
    agree(platform.dataset, platform.store)
    agree(changed({**OLD, "human": 2}), platform.store)
    assert read_record(platform.dataset, platform.store)[0].numbers == {**OLD, "human": 2}


@pytest.mark.parametrize(
    ("categories", "more", "named"),
    [
        ({"plant": 1, "animal": 0}, {}, ["plant", "animal", "renumber", str(FIRST)]),
        ({"human": 0, "plant": 1, "animal": 2}, {}, ["plant has the number 0 in the store and 1 in the file"]),
        ({"plant": 0, "human": 1}, {}, ["animal", "removed", "rename animal NEW", "retired: [animal]"]),
        ({"plant": 0}, {}, ["animal", "removed"]),
        ({"plant": 0, "human": 1}, {"retired": ["animal"]}, ["number 1 of the retired animal is given to human"]),
    ],
    ids=["swapped", "one put in front", "renamed", "removed", "number reused"],
)
@pytest.mark.parametrize("kept", [True, False], ids=["with the record", "from the tables"])
def test_another_meaning_is_refused_before_anything_is_written(
    platform: Platform, categories: dict[str, int], more: dict[str, object], named: list[str], *, kept: bool
) -> None:
    if not kept:  # a store of an earlier version
        obstore.delete(platform.store.objects(), record_path(platform.dataset))
    with pytest.raises(CategoriesDiffer) as refused:
        agree(changed(categories, **more), platform.store)
    assert all(words in str(refused.value) for words in named)
    assert "\n" not in str(refused.value)
    assert numbers(platform) == {"plant": {0}, "animal": {1}}


def test_a_run_of_the_daemon_is_refused_too(platform: Platform) -> None:
    swapped = Platform(changed({"plant": 1, "animal": 0}), platform.root)
    land_pictures(swapped.landing, str(SECOND), "plant", 0, range(20, 29))
    result = swapped.load(SECOND, "plant")
    assert not result.ok
    assert "CategoriesDiffer" in result.errors[0]
    assert numbers(platform) == {"plant": {0}, "animal": {1}}


def test_a_number_that_was_corrected_before_there_are_images_is_no_change(tmp_path: Path) -> None:
    platform = Platform(changed(OLD), tmp_path)
    agree(platform.dataset, platform.store)
    agree(changed({"plant": 5, "animals": 1}), platform.store)
    assert read_record(platform.dataset, platform.store)[0].numbers == {"plant": 5, "animals": 1}


def test_a_damaged_record_is_told_and_made_anew_from_the_tables(platform: Platform) -> None:
    objects, path = platform.store.objects(), record_path(platform.dataset)
    obstore.put(objects, path, b"{")
    with pytest.raises(CategoriesDiffer, match="damaged; remove it"):
        agree(platform.dataset, platform.store)
    obstore.delete(objects, path)
    agree(platform.dataset, platform.store)
    assert read_record(platform.dataset, platform.store)[0].numbers == OLD


def test_renumbering_leaves_one_number_in_every_table_and_shard(platform: Platform) -> None:
    dataset = changed({"human": 0, "plant": 1, "animal": 2})
    rows = platform.store.table("drawn", RAW_IMAGES).scan().drop("label").sort("image_id").collect()
    assert renumber_categories(dataset, platform.store, lambda _: None)
    for name in ("raw_images", "image_features"):
        assert numbers(platform, name) == {"plant": {1}, "animal": {2}}
    assert platform.store.table("drawn", RAW_IMAGES).scan().drop("label").sort("image_id").collect().equals(rows)
    manifest = read_manifest(platform.store.objects(), shards_prefix(dataset, Partition(FIRST, "plant")))
    assert manifest is not None
    assert manifest.label == 1
    agree(dataset, platform.store)
    assert renumber_categories(dataset, platform.store, lambda _: None) == 0
    assert Platform(dataset, platform.root).load(FIRST, "plant", "animal").ok


def test_shards_of_the_numbers_of_before_are_found(platform: Platform) -> None:
    partition = Partition(FIRST, "plant")
    prefix = shards_prefix(platform.dataset, partition)
    manifest = read_manifest(platform.store.objects(), prefix)
    assert manifest is not None
    as_it_is = Expected("drawn", FIRST, "plant", 0, manifest.width, manifest.extractor, manifest.shard_rows)
    ids = platform.store.table("drawn", IMAGE_FEATURES).scan([partition]).select("image_id").collect()["image_id"]
    assert verify(platform.store.objects(), prefix, ids, as_it_is).ok
    assert not verify(platform.store.objects(), prefix, ids, replace(as_it_is, label=1)).ok


def test_a_renumbering_that_was_stopped_keeps_runs_away_until_it_is_finished(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, done = changed({"plant": 1, "animal": 0}), []

    def stop(line: str) -> None:
        done.append(line)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        renumber_categories(dataset, platform.store, stop)
    for spec in (dataset, platform.dataset):
        with pytest.raises(CategoriesDiffer, match="categories renumber` was stopped"):
            agree(spec, platform.store)
    renumber_categories(dataset, platform.store, lambda _: None)
    assert numbers(platform) == numbers(platform, "image_features") == {"plant": {1}, "animal": {0}}
    agree(dataset, platform.store)


def test_two_numbers_of_one_category_are_named_and_mended(platform: Platform) -> None:
    """As earlier versions left them behind."""
    other = Platform(changed({"plant": 4, "animal": 1}), platform.root)
    obstore.delete(platform.store.objects(), record_path(platform.dataset))
    table = platform.store.table("drawn", RAW_IMAGES)
    rows = table.scan([Partition(FIRST, "plant")]).drop("date", "category").collect()
    second = Partition(SECOND, "plant")
    table.replace(second, [table.write_frame(second, rows.with_columns(label=pl.lit(4, pl.Int16)))])
    with pytest.raises(CategoriesDiffer, match=r"two numbers of one category \(plant: .*0 on 2026-11-03"):
        agree(other.dataset, platform.store)
    renumber_categories(other.dataset, platform.store, lambda _: None)
    assert numbers(platform) == {"plant": {4}, "animal": {1}}


def test_renaming_moves_rows_and_shards_and_the_day_is_run_again_as_it_was(platform: Platform) -> None:
    dataset = changed({"plant": 0, "creature": 1})
    before = platform.store.table("drawn", RAW_IMAGES).scan().select("image_id", "label").sort("image_id").collect()
    assert rename_category(dataset, platform.store, "animal", "creature", lambda _: None)
    assert numbers(platform) == numbers(platform, "image_features") == {"plant": {0}, "creature": {1}}
    objects = platform.store.objects()
    assert read_manifest(objects, shards_prefix(dataset, Partition(FIRST, "animal"))) is None
    moved = read_manifest(objects, shards_prefix(dataset, Partition(FIRST, "creature")))
    assert moved is not None
    assert moved.category == "creature"
    (platform.landing / str(FIRST) / "animal").rename(platform.landing / str(FIRST) / "creature")
    result = Platform(dataset, platform.root).load(FIRST)
    assert result.ok
    after = platform.store.table("drawn", RAW_IMAGES).scan().select("image_id", "label").sort("image_id").collect()
    assert after.equals(before)


def test_a_renaming_that_was_stopped_is_finished_by_giving_it_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = changed({"plant": 0, "creature": 1})
    monkeypatch.setattr(changes, "_publish_anew", _stopped)
    with pytest.raises(KeyboardInterrupt):
        rename_category(dataset, platform.store, "animal", "creature", lambda _: None)
    monkeypatch.undo()
    with pytest.raises(CategoriesDiffer, match="categories rename animal creature` was stopped"):
        agree(dataset, platform.store)
    rename_category(dataset, platform.store, "animal", "creature", lambda _: None)
    agree(dataset, platform.store)
    assert numbers(platform) == {"plant": {0}, "creature": {1}}
    assert read_manifest(platform.store.objects(), shards_prefix(dataset, Partition(FIRST, "animal"))) is None


def test_what_people_moved_stays_where_they_put_it(platform: Platform) -> None:
    plants = platform.rows(RAW_IMAGES, Partition(FIRST, "plant")).sort("image_id").head(2)
    moved = plants["image_id"].to_list()
    mark, now = Mark("label", "eva", "animal"), dt.datetime(2026, 11, 5, tzinfo=dt.UTC)
    marks = marks_of(platform.dataset, platform.store, plants.select("image_id", "category"), mark, now)
    keep_marks(platform.dataset, platform.store, marks)
    assert platform.load(FIRST).ok
    numbered, renamed = changed({"plant": 0, "animal": 5}), changed({"plant": 0, "creature": 5})
    for dataset, category, change in (
        (platform.dataset, "animal", lambda: None),
        (numbered, "animal", lambda: renumber_categories(numbered, platform.store, lambda _: None)),
        (renamed, "creature", lambda: rename_category(renamed, platform.store, "animal", "creature", lambda _: None)),
    ):
        change()
        prefix = shards_prefix(dataset, Partition(FIRST, category))
        manifest = read_manifest(platform.store.objects(), prefix)
        assert manifest is not None
        assert manifest.moved_in == moved
        rows = pl.concat(
            [pl.read_parquet((platform.files / prefix / one.file).read_bytes()) for one in manifest.shards]
        )
        assert set(moved) <= set(rows["picture_id"])
        assert set(rows["category_label"]) == {dataset.categories[category]}
        assert failing(Platform(dataset, platform.root), checks_in(feature_shards), Partition(FIRST, category)) == set()


def _stopped(*_: object) -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("categories", "new", "said"),
    [
        (OLD, "creature", "have 'creature' and no more 'animal'"),
        ({"plant": 0, "creature": 7}, "creature", "give it 1"),
        ({"plant": 0}, "plant", "images of its own"),
    ],
)
def test_what_is_no_renaming_is_refused(platform: Platform, categories: dict[str, int], new: str, said: str) -> None:
    with pytest.raises(CategoriesDiffer, match=said):
        rename_category(changed(categories), platform.store, "animal", new, lambda _: None)
    assert numbers(platform) == {"plant": {0}, "animal": {1}}


def test_a_retired_category_keeps_its_rows_and_is_asked_for_no_more(platform: Platform) -> None:
    dataset = changed({"plant": 0, "human": 2}, retired=["animal"])
    later = Platform(dataset, platform.root)
    for kind, category in ((0, "plant"), (2, "human")):
        land_pictures(later.landing, str(SECOND), category, kind, range(20, 29))
    assert later.load(SECOND).ok
    assert numbers(platform) == {"plant": {0}, "animal": {1}, "human": {2}}
    partitions = ingest_assets(dataset).partitions_def
    assert partitions is not None
    assert not any("animal" in key for key in partitions.get_partition_keys())
