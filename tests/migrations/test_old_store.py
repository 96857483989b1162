"""A store that an earlier version wrote: after migrating, every row, every model and every shard is answered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import obstore
import polars as pl
import pytest
from deltalake import DeltaTable

from image_assets.classifier.places import classifier_prefix, current_manifest
from image_assets.classifier.promotion.by_hand import kept_models
from image_assets.cli import main
from image_assets.health.accounting import accounts_of
from image_assets.marks.decisions import standing
from image_assets.migrations.declared import DECLARED
from image_assets.migrations.manifests import legacy_manifests
from image_assets.migrations.plan import plan_store
from image_assets.predictions.score import Scorer
from image_assets.schema import ACCOUNTING, IMAGE_FEATURES, PREDICTIONS, RAW_IMAGES, REVIEWS, TABLES
from image_assets.shards.manifest import list_files, read_manifest, shards_prefix
from image_assets.shards.verify import Expected, verify
from image_assets.store.models.model_files import load_model_of
from image_assets.store.store import Store
from image_assets.store.tables import delta_log
from image_assets.store.tables.versions import PROPERTY, OldTable
from tests.migrations.old_store import DATASETS, OldStore, in_order, made_older, unpacked
from tests.pictures import clouds
from tests.platform import FIRST, Platform
from tests.s3_server import S3Server
from tests.store_files import copy_place, files_at


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> OldStore:
    return unpacked(tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> OldStore:
    old = unpacked(tmp_path_factory.mktemp("migrated"))
    assert main(["migrate", "--store", old.store.url]) == 0
    delta_log._idle.clear()
    return old


def test_what_an_earlier_version_wrote_names_the_command_that_migrates_it(before: OldStore) -> None:
    with pytest.raises(
        OldTable, match=rf"no column companions, unplaced; give `image-assets migrate --store {before.store.url}`"
    ):
        before.store.table("skies", ACCOUNTING).scan()


@pytest.mark.parametrize("name", DATASETS)
def test_every_row_of_every_table_is_there_and_the_same(name: str, before: OldStore, migrated: OldStore) -> None:
    expected = before.tables(name)
    assert len(expected) >= 13
    assert sum(rows.height for rows in expected.values()) > 50
    declared = {schema.name: schema for schema in TABLES}
    for table, rows in expected.items():
        now = in_order(migrated.store.table(name, declared[table]).scan().collect())
        assert now.select(rows.columns).equals(rows), table


def test_the_accounts_have_what_was_not_counted_then(migrated: OldStore) -> None:
    rows = migrated.store.table("skies", ACCOUNTING).scan().collect()
    assert rows.select("listed", "companions", "unplaced").sum().row(0) == (29, 0, 0)
    assert in_order(rows.drop("reasons")).equals(in_order(accounts_of(migrated.store, "skies").rows))


def test_what_reviewers_said_then_is_one_batch_that_can_be_taken_back(migrated: OldStore) -> None:
    rows = migrated.store.table("skies", REVIEWS).scan().collect()
    assert rows.height > 1
    assert rows["batch"].n_unique() == rows.select("reviewer", "decided_at").n_unique()
    assert not rows["withdrawn"].any()
    assert standing(rows).height == rows.height


@pytest.mark.parametrize("name", DATASETS)
def test_every_table_says_by_which_version_it_is_written(name: str, migrated: OldStore) -> None:
    numbers = {
        schema: DeltaTable(str(folder)).metadata().configuration[PROPERTY]
        for schema in TABLES
        if (folder := files_at(migrated.root / "store") / name / schema.name).joinpath("_delta_log").is_dir()
    }
    assert numbers == {schema: str(schema.version) for schema in numbers}
    assert len(numbers) >= 13


def test_the_old_models_are_listed_and_answer_as_they_did(migrated: OldStore) -> None:
    dataset, store = migrated.dataset("skies"), migrated.store
    prefix = classifier_prefix(dataset)
    assert [(one.role, one.problem) for one in kept_models(store.objects(), prefix)] == [
        ("champion", ""),
        ("predecessor", ""),
    ]
    said = store.table("skies", PREDICTIONS).scan().collect()
    features = store.table("skies", IMAGE_FEATURES).scan().collect()
    assert said.height == 12
    for (digest,), those in said.group_by("model"):
        model, manifest = load_model_of(store.objects(), prefix, str(digest)[:12])
        rows = Scorer(model, manifest, dataset.classifier.unknown_below).rows(features)
        both = those.join(rows, on="image_id", suffix="_now")
        assert both.height == those.height
        assert both["predicted_label"].equals(both["predicted_label_now"].rename("predicted_label"))
        assert np.allclose(both["probability"], both["probability_now"], atol=1e-6)


@pytest.mark.parametrize("name", DATASETS)
def test_what_was_published_is_sound_and_its_manifest_in_its_place(name: str, migrated: OldStore) -> None:
    dataset, objects = migrated.dataset(name), migrated.store.objects()
    partitions = migrated.store.table(name, IMAGE_FEATURES).partitions()
    assert partitions
    for one in partitions:
        prefix = shards_prefix(dataset, one)
        manifest = read_manifest(objects, prefix)
        assert manifest is not None
        assert set(list_files(objects, prefix)) == {shard.file for shard in manifest.shards}
        label = dataset.label_of(one.category)
        width, extractor, rows = manifest.width, manifest.extractor, dataset.shards.rows
        expected = Expected(name, one.date, one.category, label, width, extractor, rows)
        assert verify(objects, prefix, None, expected).problems == []


def test_migrating_again_finds_nothing_to_do(migrated: OldStore, capsys: pytest.CaptureFixture[str]) -> None:
    files = contents(migrated.root)
    assert main(["migrate", "--store", migrated.store.url]) == 0
    assert " tables are of today's version\n" in capsys.readouterr().out
    assert contents(migrated.root) == files


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = unpacked(tmp_path)
    files = contents(old.root)
    assert main(["migrate", "--store", old.store.url, "--dataset", str(old.root / "skies.yaml"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "skies/accounting     0  1          1    4 +companions, +unplaced" in said
    assert "skies/predictions    0  2          2   12 +familiarity" in said
    assert "+batch, +withdrawn" in said
    assert "+z, +how, +fit, +seal" in said
    assert "9 of 13 tables are of today's version, 9 of them without its number" in said
    assert "skies: 4 manifests would move" in said
    assert "birds" not in said
    assert contents(old.root) == files


def test_the_commands_of_today_answer_on_it(migrated: OldStore, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--dataset", str(migrated.root / "skies.yaml"), "--store", migrated.store.url]
    for command in (["status"], ["accounting"], ["conflicts", "list"], ["models", "list"], ["categories", "list"]):
        assert main([*command, *places]) == 0, capsys.readouterr()


def test_what_was_never_checked_is_told_until_checks_looked_at_it_and_they_change_nothing(
    migrated: OldStore, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_place(migrated.root, tmp_path)
    delta_log._idle.clear()
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "landing").mkdir()  # pruned since
    files, places = contents(files_at(tmp_path / "store")), ["--dataset", str(tmp_path / "skies.yaml"), "--store"]
    places += [str(tmp_path / "store")]
    days = ["--from", "2026-11-03", "--to", "2026-11-04"]
    assert main(["status", *places]) == 0
    command = f"image-assets run {' '.join(days)} --checks-only"
    told = f"never checked: 2 days, 2026-11-03 to 2026-11-04, dawn, noon; `{command}`"
    assert told in capsys.readouterr().out
    assert main(["migrate", "--store", places[-1]]) == 0
    assert f"skies: {told}" in capsys.readouterr().out
    assert main(["run", *places, "--landing", str(tmp_path / "landing"), *days, "--checks-only", "--json"]) == 0
    ran = json.loads(capsys.readouterr().out)["days"]
    assert [one["checks"]["failed"] for one in ran] == [[], []]
    assert all(one["checks"]["passed"] > 20 for one in ran)
    assert main(["status", *places, "--json"]) == 0
    now = json.loads(capsys.readouterr().out)
    assert now["never_checked"] == []
    assert now["checks"]["passed"] > 40
    after = contents(files_at(tmp_path / "store"))
    new = {name.split("/")[1] for name in after.keys() - files.keys()}
    assert {name: after[name] for name in files} == files
    assert new == {"check_results", "categories.json"}  # what was found, and what the numbers of categories mean


@pytest.mark.long
def test_the_next_day_runs_on_it(migrated: OldStore, tmp_path: Path) -> None:
    copy_place(migrated.root, tmp_path)
    delta_log._idle.clear()
    platform, day = Platform(migrated.dataset("skies"), tmp_path), FIRST.replace(day=5)
    for kind, category in enumerate(("dawn", "noon")):
        folder = platform.landing / str(day) / category
        folder.mkdir(parents=True)
        for seed in range(6):
            (folder / f"{seed}.png").write_bytes(clouds(kind, 20 + seed, 32))
    result = platform.run(day)
    assert result.ok, result.errors
    assert [str(check) for check in result.checks if not check.passed and check.severity == "ERROR"] == []
    assert platform.rows(PREDICTIONS).filter(pl.col("date") == day).height == 12
    manifest = current_manifest(platform.dataset, platform.store)
    assert manifest is not None
    assert {str(day) for day, _ in manifest.partitions} == {"2026-11-03", "2026-11-04", "2026-11-05"}


@pytest.mark.long
def test_a_store_in_a_bucket_is_migrated_the_same(
    before: OldStore, s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_server.bucket()
    for name, value in s3_server.storage_options.items():
        monkeypatch.setenv(name.upper(), value)
    store = Store(f"s3://{bucket}/store")
    for name, content in contents(files_at(before.root / "store")).items():
        obstore.put(store.objects(), name, content)
    made_older(unpacked(tmp_path).store.table("skies", RAW_IMAGES), "sharpness")
    for name, content in contents(files_at(tmp_path / "store/skies/raw_images")).items():
        obstore.put(store.objects(), f"skies/raw_images/{name}", content)
    assert main(["migrate", "--store", store.url]) == 0
    assert {plan.state for plan in plan_store(store, DECLARED)} == {"of today"}
    expected = before.tables("skies")
    for schema in (RAW_IMAGES, ACCOUNTING, IMAGE_FEATURES):
        rows = in_order(store.table("skies", schema).scan().collect())
        assert rows.select(expected[schema.name].columns).equals(expected[schema.name])
    assert legacy_manifests(store, "skies") == []


def contents(root: Path) -> dict[str, bytes]:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}
