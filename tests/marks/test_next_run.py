"""What people say of images is what the next run trains on and publishes, as previewed; undone, all is as before."""

from __future__ import annotations

import datetime as dt
import shutil

import polars as pl
import pytest

from image_assets.answers.mark_preview import MarkPreview, preview_of
from image_assets.answers.marks import batch_named, batches_of
from image_assets.asset_checks import classifier, feature_shards, label_conflicts
from image_assets.asset_checks.check import checks_in
from image_assets.categories.record import in_use
from image_assets.classifier.places import CLASSIFIER, classifier_prefix
from image_assets.classifier.training.row_index import RowIndex, row_index
from image_assets.features.extractor import shared_extractor
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.lookalikes.label_conflicts import in_doubt
from image_assets.marks.decisions import decisions_of
from image_assets.marks.record import Mark, MarkError, keep_marks, marks_of, take_back
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, RAW_IMAGES, REVIEWS, Partition
from image_assets.shards.manifest import read_manifest, shards_prefix
from image_assets.store.models.model_champion import read_champion
from image_assets.store.models.model_files import ids_digest, manifest_of
from tests.asset_checks.faults import failing
from tests.platform import FIRST, SECOND, Platform, small_dataset

NOW = dt.datetime(2026, 11, 5, 9, tzinfo=dt.UTC)


def images(platform: Platform, day: dt.date, category: str, number: int) -> pl.DataFrame:
    rows = platform.rows(RAW_IMAGES, Partition(day, category)).sort("image_id").head(number)
    return rows.select("image_id", "category")


def published(platform: Platform) -> dict[Partition, dict[str, int]]:
    """Of every published partition: image id → label, as a reader of the files finds them."""
    found = {}
    for day in (FIRST, SECOND):
        for category in platform.dataset.categories:
            prefix = shards_prefix(platform.dataset, Partition(day, category))
            manifest = read_manifest(platform.store.objects(), prefix)
            if manifest is not None:
                files = [platform.files / prefix / shard.file for shard in manifest.shards]
                rows = [
                    pl.read_parquet(file.read_bytes()).select("picture_id", "category_label").rows() for file in files
                ]
                found[Partition(day, category)] = dict(row for part in rows for row in part)
    return found


def training(platform: Platform) -> RowIndex:
    """The rows that a run trains on, held against the digest that the newest model carries."""
    dataset, store = platform.dataset, platform.store
    decisions = decisions_of(dataset, store)
    index = row_index(
        decisions.applied(in_use(platform.rows(IMAGE_FEATURES).lazy(), dataset)),
        in_doubt(platform.rows(LABEL_CONFLICTS).lazy(), decisions),
        platform.rows(DUPLICATE_GROUPS).lazy(),
        shared_extractor(dataset.extractor).digest,
        dataset.classifier,
    ).training()
    objects, prefix = store.objects(), classifier_prefix(dataset)
    newest = manifest_of(objects, prefix, read_champion(objects, prefix).latest)
    assert newest.training_ids_sha256 == ids_digest(index.image_ids)
    return index


def learnt(platform: Platform) -> dict[str, set[str]]:
    rows = training(platform).rows
    return {name: set(rows.filter(label=label)["image_id"]) for name, label in platform.dataset.categories.items()}


def run(platform: Platform) -> None:
    result = platform.run(SECOND)
    assert result.ok, result.errors
    assert CLASSIFIER in result.made


def said(platform: Platform) -> pl.DataFrame:
    """One batch of rows for three marks: plants are animals, an animal goes, and a human is right."""
    marks = (
        (images(platform, FIRST, "plant", 5), Mark("label", "eva", "animal")),
        (images(platform, SECOND, "animal", 1), Mark("exclude", "eva")),
        (images(platform, SECOND, "human", 1), Mark("check", "eva")),
    )
    rows = [marks_of(platform.dataset, platform.store, some, mark, NOW) for some, mark in marks]
    return pl.concat(rows).with_columns(batch=pl.lit("one"), decided_at=rows[0]["decided_at"][0])


def differences(
    before: dict[Partition, dict[str, int]], after: dict[Partition, dict[str, int]]
) -> set[tuple[Partition, int, int]]:
    both = {one: (set(before.get(one, {})), set(after.get(one, {}))) for one in {*before, *after}}
    return {(one, len(new - old), len(old - new)) for one, (old, new) in both.items() if old != new}


def told_of_training(preview: MarkPreview) -> set[tuple[str, int, int]]:
    return {(one.category, one.coming, one.going) for one in preview.training}


def told_of_shards(preview: MarkPreview) -> set[tuple[Partition, int, int]]:
    return {(one.partition, one.coming, one.going) for one in preview.shards}


@pytest.mark.long
def test_a_run_does_what_the_preview_said_and_after_an_undo_all_is_as_before(
    loaded_platform: Platform, tmp_path
) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    before, trained_on, rows = published(platform), learnt(platform), said(platform)
    preview = preview_of(EvidenceReader(platform.store, platform.dataset), rows)
    moved = images(platform, FIRST, "plant", 5)["image_id"].to_list()
    assert {one.partition for one in preview.shards} >= {Partition(FIRST, "plant"), Partition(FIRST, "animal")}
    assert preview.training
    batch = keep_marks(platform.dataset, platform.store, rows)
    assert published(platform) == before  # nothing changes before a run
    run(platform)
    after, now = published(platform), learnt(platform)
    assert told_of_shards(preview) == differences(before, after)
    assert told_of_training(preview) == {
        (name, len(now[name] - then), len(then - now[name])) for name, then in trained_on.items() if then != now[name]
    }
    assert [after[Partition(FIRST, "animal")][one] for one in moved] == [1] * 5
    assert not set(moved) & set(after[Partition(FIRST, "plant")])
    for category in platform.dataset.categories:
        assert failing(platform, checks_in(feature_shards), Partition(FIRST, category)) == set()
    assert failing(platform, [*checks_in(label_conflicts), classifier.trained_on_the_training_images]) == set()
    take_back(platform.dataset, platform.store, batch, "udo", NOW)
    run(platform)
    assert published(platform) == before
    assert learnt(platform) == trained_on
    (told,) = batches_of(platform.dataset, platform.store)
    assert (told.images, dict(told.under), told.nowhere, told.reviewer) == (7, {"animal": 5, "human": 1}, 1, "eva")
    assert told.taken_back is not None
    assert told.taken_back[1] == "udo"


def test_a_split_by_day_is_previewed_by_looking_at_all_images(damaged: Platform) -> None:
    reader, rows = EvidenceReader(damaged.store, damaged.dataset), said(damaged)
    by_day = small_dataset(classifier={"report": {"enabled": False}, "split": {"by": "time", "last_days": 1}})
    preview = preview_of(EvidenceReader(damaged.store, by_day), rows)
    assert told_of_shards(preview) == told_of_shards(preview_of(reader, rows))
    # All of the first day is trained on, and what was marked on the second is held out.
    assert told_of_training(preview) == {("plant", 0, 5), ("animal", 5, 0)}


def test_shards_and_models_that_do_not_follow_what_people_said_are_noticed(damaged: Platform) -> None:
    keep_marks(damaged.dataset, damaged.store, said(damaged))
    for category, wrong in {"plant": {"every_id_once"}, "animal": {"every_id_once"}, "human": set()}.items():
        assert failing(damaged, checks_in(feature_shards), Partition(FIRST, category)) == wrong
    assert "published_without_conflicts" in failing(damaged, checks_in(label_conflicts))
    assert failing(damaged, [classifier.trained_on_the_training_images]) == {"trained_on_the_training_images"}


@pytest.mark.long
def test_what_is_moved_to_where_nothing_arrived_is_published_there(loaded_platform: Platform, tmp_path) -> None:
    platform = Platform(loaded_platform.dataset, tmp_path)
    for part in (f"{FIRST}/plant", f"{FIRST}/animal", f"{FIRST}/human", f"{SECOND}/plant", f"{SECOND}/animal"):
        shutil.copytree(loaded_platform.landing / part, platform.landing / part)
    for day in (FIRST, SECOND):
        assert platform.run(day).ok
    moved = images(platform, SECOND, "plant", 1)
    rows = marks_of(platform.dataset, platform.store, moved, Mark("label", "eva", "human"), NOW)
    preview = preview_of(EvidenceReader(platform.store, platform.dataset), rows)
    before = published(platform)
    keep_marks(platform.dataset, platform.store, rows)
    run(platform)
    assert published(platform)[Partition(SECOND, "human")] == {moved["image_id"][0]: 2}
    assert told_of_shards(preview) == differences(before, published(platform))
    assert failing(platform, checks_in(feature_shards), Partition(SECOND, "human")) == set()


def test_ten_thousand_marks_are_one_commit(damaged: Platform) -> None:
    many = pl.DataFrame({"image_id": [f"{n:064x}" for n in range(10_000)], "category": "plant"})
    table = damaged.store.table(damaged.dataset.name, REVIEWS)
    first = marks_of(damaged.dataset, damaged.store, many, Mark("exclude", "eva"), NOW)
    keep_marks(damaged.dataset, damaged.store, first)
    version = table.snapshot().version
    rows = marks_of(damaged.dataset, damaged.store, many, Mark("label", "eva", "animal"), NOW)
    keep_marks(damaged.dataset, damaged.store, rows)
    assert table.snapshot().version == version + 1
    assert (rows["decided_at"] > NOW).all()  # after the first batch, though the clock stood still
    decisions = decisions_of(damaged.dataset, damaged.store)
    assert decisions.rows.filter(settled="animal").height == 10_000


def test_what_was_said_one_by_one_is_all_there_and_lies_in_few_files(
    damaged: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_assets.store.tables.delta_tables._JOINED_FILES", 4)
    dataset, store, some = damaged.dataset, damaged.store, images(damaged, FIRST, "plant", 11)
    names = []
    for one in some.iter_slices(1):
        names.append(keep_marks(dataset, store, marks_of(dataset, store, one, Mark("exclude", "eva"), NOW)))
        assert store.table(dataset.name, REVIEWS).snapshot().files.height <= 4
    assert set(damaged.rows(REVIEWS)["image_id"]) == set(some["image_id"])
    assert [one.batch for one in batches_of(dataset, store)] == names[::-1]
    assert [one.batch for one in batches_of(dataset, store, 3)] == names[:-4:-1]
    assert batch_named(dataset, store, names[0]).nowhere == 1


def test_what_cannot_be_said_or_taken_back_is_refused(damaged: Platform) -> None:
    dataset, store, some = damaged.dataset, damaged.store, images(damaged, FIRST, "plant", 1)
    with pytest.raises(MarkError, match="'stone' is no category of drawn; there are plant, animal, human"):
        marks_of(dataset, store, some, Mark("label", "eva", "stone"), NOW)
    with pytest.raises(MarkError, match="none of these images is loaded"):
        marks_of(dataset, store, some.clear(), Mark("exclude", "eva"), NOW)
    with pytest.raises(MarkError, match="no batch 'x'"):
        take_back(dataset, store, "x", "eva", NOW)
    batch = keep_marks(dataset, store, marks_of(dataset, store, some, Mark("exclude", "eva"), NOW))
    take_back(dataset, store, batch, "eva", NOW)
    with pytest.raises(MarkError, match="taken back already"):
        take_back(dataset, store, batch, "eva", NOW)


@pytest.mark.long
def test_a_copy_under_another_category_is_answered_for_too(damaged: Platform) -> None:
    first = min((damaged.landing / str(FIRST) / "plant" / "batch").iterdir())
    (damaged.landing / str(SECOND) / "animal" / "a plant.png").write_bytes(first.read_bytes())
    damaged.run(SECOND)
    assert set(damaged.rows(LABEL_CONFLICTS)["state"]) == {"open"}
    image = damaged.rows(LABEL_CONFLICTS)["image_id"][0]
    loaded = damaged.rows(RAW_IMAGES).filter(image_id=image).select("image_id", "category")
    rows = marks_of(damaged.dataset, damaged.store, loaded, Mark("check", "eva"), NOW)
    assert set(rows.select("category", "belongs").iter_rows()) == {("plant", True), ("animal", False)}
    keep_marks(damaged.dataset, damaged.store, rows)
    run(damaged)
    assert set(damaged.rows(LABEL_CONFLICTS)["state"]) == {"settled by review"}
    assert image in published(damaged)[Partition(FIRST, "plant")]
