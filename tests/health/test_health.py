"""Health: how recent the data is, what the checks last said, what everything takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from image_assets.answers.health import Health, health_of
from image_assets.asset_checks import check_keys, checks_of
from image_assets.dataset import DatasetSpec
from image_assets.health import check_book
from image_assets.health.check_book import (
    CHECK_RESULTS,
    STATES,
    CheckBook,
    CheckState,
    CheckStatus,
    count_states,
    latest_states,
)
from image_assets.health.checked_assets import checked_assets
from image_assets.health.days import chosen_partitions, due_day
from image_assets.ingest.day_book import DAYS_RUN
from image_assets.orchestration.automation import refresh_job_name
from image_assets.orchestration.dagster_home import existing_instance, open_instance
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import run_day
from image_assets.orchestration.unfinished_checks import unfinished_checks
from image_assets.reports.health import bytes_text, health_markdown
from image_assets.schema import IMAGE_FEATURES, Partition
from tests.asset_checks.faults import PLANT
from tests.daemon import SILENT
from tests.pictures import land_pictures
from tests.platform import FIRST, SECOND, Platform, small_dataset
from tests.store_files import copy_files, files_at

ZONE = ZoneInfo("UTC")
OPEN_IMAGES = {
    "kind": "open_images",
    "annotations": "nowhere",
    "categories_from": {"plant": ["Plant"], "animal": ["Animal"], "human": ["Person"]},
}
CHECKED = {key.asset_key.path[-1] for key in check_keys(checks_of(small_dataset()))}
DUE = dt.datetime.combine(SECOND + dt.timedelta(1), dt.time(12), ZONE)


def day_of(platform: Platform, day: dt.date, instance: dg.DagsterInstance, *categories: str) -> bool:
    return run_day(
        JobRunner(platform.definitions(), instance),
        platform.dataset,
        chosen_partitions(platform.dataset, day, categories),
    ).ok


def health(platform: Platform, instance: dg.DagsterInstance | None, now: dt.datetime = DUE) -> Health:
    keys = check_keys(checks_of(platform.dataset))
    planned = unfinished_checks(instance, platform.store, platform.dataset.name, keys) if instance else []
    return health_of(platform.dataset, platform.store, latest_states(platform.store, platform.dataset, planned), now)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, dg.DagsterInstance]]:
    """Two categories over two days. On the second no animals were loaded, and a plant was lost from the features."""
    dataset = small_dataset(categories={"plant": 0, "animal": 1}, limits={"quarantine_rate": 0.1})
    platform = Platform(dataset, tmp_path_factory.mktemp("recorded"))
    for kind, category in enumerate(dataset.categories):
        land_pictures(platform.landing, str(FIRST), category, kind, range(12))
    land_pictures(platform.landing, str(SECOND), "plant", 0, range(20, 24))
    (platform.landing / str(SECOND) / "plant" / "empty.png").touch()
    with dg.DagsterInstance.ephemeral() as instance:
        assert day_of(platform, FIRST, instance)
        copy_files(platform.root / "store", backup(platform).root / "store")
        day_of(platform, SECOND, instance, "plant")
        lose_a_feature(platform)
        check_again(platform, instance)
        yield platform, instance


def backup(platform: Platform) -> Platform:
    """The platform as it was after the first day."""
    return Platform(platform.dataset, platform.root.with_name(f"{platform.root.name}-backup"))


def lose_a_feature(platform: Platform) -> None:
    rows = platform.rows(IMAGE_FEATURES, PLANT)
    platform.replace_rows(IMAGE_FEATURES, PLANT, rows.slice(1))


def check_again(platform: Platform, instance: dg.DagsterInstance) -> None:
    """The checks of the plants' features of the first day, once more."""
    definitions = platform.definitions()
    keys = {key for key in check_keys(checks_of(platform.dataset)) if key.asset_key.path[-1] == "image_features"}
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection=keys)
    job.execute_in_process(instance=instance, partition_key=f"plant|{FIRST}", raise_on_error=False, run_config=SILENT)


def test_every_category_says_how_recent_it_is_and_how_much_was_refused(recorded) -> None:
    found = health(*recorded)
    plant, animal = found.categories
    assert (plant.last_day, plant.last_run, plant.days_behind, plant.is_fresh) == (SECOND, SECOND, 0, True)
    assert (animal.last_day, animal.last_run, animal.days_behind, animal.is_fresh) == (FIRST, FIRST, 1, False)
    assert (plant.images, plant.quarantine_rate, plant.quarantine_rate_last_day) == (16, 1 / 17, 1 / 5)
    assert (animal.quarantine_rate, animal.quarantine_rate_last_day) == (0, 0)
    assert found.stale == ["animal"]
    assert found.due == SECOND


def test_a_day_on_which_nothing_arrived_was_loaded_all_the_same(tmp_path) -> None:
    platform = Platform(small_dataset(categories={"plant": 0, "animal": 1}), tmp_path)
    platform.landing.mkdir()
    with dg.DagsterInstance.ephemeral() as instance:
        assert [one.days_behind for one in health(platform, instance).categories] == [None, None]
        day_of(platform, SECOND, instance, "animal")
        plant, animal = health(platform, instance).categories
    assert (animal.last_day, animal.last_run, animal.is_fresh) == (None, SECOND, True)
    assert (plant.is_fresh, plant.days_behind) == (False, None)
    assert "never loaded" in health_markdown(health(platform, None))


def test_the_checks_are_in_the_state_of_their_latest_evaluation(recorded) -> None:
    platform, instance = recorded
    checks = health(platform, instance).checks
    assert checks is not None
    states = {str(one): one.state for one in checks}
    assert states[f"raw_images/quarantine_rate [{SECOND} plant]"] == "failed"
    assert states[f"raw_images/quarantine_rate [{FIRST} plant]"] == "passed"
    failed = [one for one in checks if one.state == "failed"]
    assert {one.asset for one in failed} == {"raw_images", "image_features"}
    assert all(one.description for one in failed)
    assert len(states) == len(checks)
    counts = count_states(checks)
    assert sum(counts[state] for state in STATES) == len(checks)
    # Three partitions, and once the whole dataset.
    assert {one.asset for one in checks} == CHECKED
    worst_first: list[CheckStatus] = [one.state for one in checks]
    assert worst_first == sorted(worst_first, key=["failed", "warned", "unfinished", "not evaluated", "passed"].index)


def test_what_only_warns_is_told_from_what_fails(tmp_path: Path) -> None:
    platform = Platform(small_dataset(), tmp_path)
    for state in STATES:
        CheckBook(platform.store, "drawn").write("raw_images", None, {"by_hand": (state, "why")}, "a run")
        (one,) = latest_states(platform.store, platform.dataset)
        assert (one.state, one.description) == (state, "why")
        assert str(one) == "raw_images/by_hand"


def test_what_is_no_longer_checked_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform, times = Platform(small_dataset(), tmp_path), iter(range(10))
    monkeypatch.setattr(check_book, "_now", lambda: f"2026-11-05T00:00:0{next(times)}+00:00")
    book = CheckBook(platform.store, "drawn")
    book.write("raw_images", Partition(FIRST, "plant"), {"of_old": ("failed", ""), "kept": ("failed", "")}, "1")
    book.write("raw_images", Partition(FIRST, "animal"), {"kept": ("passed", ""), "new": ("passed", "")}, "2")
    book.write("image_chips", Partition(FIRST, "plant"), {"of_boxes": ("failed", "")}, "3")
    found = {str(one): one.state for one in latest_states(platform.store, platform.dataset)}
    assert found == {
        f"raw_images/kept [{FIRST} plant]": "failed",
        f"raw_images/kept [{FIRST} animal]": "passed",
        f"raw_images/new [{FIRST} animal]": "passed",
    }
    # What the folder of results of an asset that the dataset does not have holds, is another dataset's.
    assert "image_chips/of_boxes" in {one.name for one in book.states()}


@pytest.mark.parametrize(
    "dataset",
    [
        small_dataset(),
        small_dataset(imagenet={"classifier": "embedded"}),
        small_dataset(source={"kind": "url_list"}),
        small_dataset(source={**OPEN_IMAGES, "with_boxes": True}),
        small_dataset(source={**OPEN_IMAGES, "with_boxes": False}),
    ],
    ids=["plain", "ImageNet", "URLs", "boxes", "no boxes"],
)
def test_those_who_read_what_checks_found_know_the_same_assets_as_those_who_make_them(dataset: DatasetSpec) -> None:
    assert set(checked_assets(dataset)) == {key.asset_key.path[-1] for key in check_keys(checks_of(dataset))}


def test_what_another_store_recorded_in_the_same_home_is_not_told(recorded, tmp_path) -> None:
    platform, instance = recorded
    elsewhere = Platform(platform.dataset, tmp_path)
    found = health(elsewhere, instance)
    assert found.checks is None
    assert [one.last_run for one in found.categories] == [None, None]
    written = {path.name for path in (*tmp_path.rglob("*"), *elsewhere.files.rglob("*"))}
    assert not written & {CHECK_RESULTS, DAYS_RUN}


def test_a_restored_store_says_nothing_of_what_a_newer_home_has_seen_since(recorded) -> None:
    platform, instance = recorded
    older = backup(platform)
    found = health(older, instance)
    assert found == health(older, None)
    assert {one.partition.date for one in found.checks or [] if one.partition} == {FIRST}
    assert {one.state for one in found.checks or []} == {"passed", "not evaluated"}
    assert [one.last_run for one in found.categories] == [FIRST, FIRST]
    # The home itself knows of more, and the newer store says so.
    assert {one.partition.date for one in health(platform, instance).checks or [] if one.partition} == {FIRST, SECOND}


def without_what_runs_alone_know(found: Health) -> Health:
    """Without what was planned and never evaluated, as the features' drift of a partition whose images are blocked."""
    return replace(
        found,
        checks=[one for one in found.checks or [] if one.state != "unfinished"],
        categories=[replace(one, drift=None) for one in found.categories],
    )


def test_what_the_checks_said_stays_when_the_runs_are_deleted(recorded) -> None:
    platform, instance = recorded
    before = health(platform, instance)
    with dg.DagsterInstance.ephemeral() as pruned:
        after = health(platform, pruned)
    assert without_what_runs_alone_know(after) == without_what_runs_alone_know(before)


def test_checks_that_an_error_ends_do_not_go_on_looking_as_before(recorded, tmp_path) -> None:
    platform = recorded[0].copy_to(tmp_path)
    rows = platform.store.table(platform.dataset.name, IMAGE_FEATURES)
    (files_at(rows.url) / rows.partition_files(PLANT)[0].path).unlink()
    with dg.DagsterInstance.ephemeral() as instance:
        check_again(platform, instance)
        states = {one.state for one in health(platform, instance).checks or []
                  if one.asset == "image_features" and one.partition == PLANT}  # fmt: skip
    assert "unfinished" in states


@pytest.mark.long
def test_a_check_that_passes_again_is_passed(recorded) -> None:
    platform, instance = recorded
    broken = {str(one) for one in health(platform, instance).checks or [] if one.asset == "image_features"
              and one.state == "failed"}  # fmt: skip
    assert broken
    assert day_of(platform, FIRST, instance, "plant")
    states = {str(one): one.state for one in health(platform, instance).checks or []}
    assert {states[name] for name in broken} == {"passed"}
    lose_a_feature(platform)
    check_again(platform, instance)


def test_drift_is_the_worst_that_was_found_on_the_last_day_looked_at(tmp_path) -> None:
    def drift(day: dt.date, category: str, state: CheckStatus, name: str = "brightness_drift") -> CheckState:
        return CheckState("raw_images", name, Partition(day, category), state)

    found = [
        drift(FIRST, "plant", "failed"),
        drift(SECOND, "plant", "warned"),
        drift(SECOND, "plant", "passed", "feature_drift"),
        drift(SECOND, "animal", "passed"),
        drift(SECOND, "human", "failed", "quarantine_rate"),
    ]
    platform = Platform(small_dataset(), tmp_path)
    categories = health_of(platform.dataset, platform.store, found, DUE).categories
    assert {one.category: one.drift for one in categories} == {"plant": "warned", "animal": "passed", "human": None}


def test_the_storage_is_what_lies_there_and_of_that_what_is_in_use(recorded) -> None:
    platform, instance = recorded
    found = health(platform, instance)
    folder = platform.files / "drawn"
    assert found.stored == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    sizes = {size.name: size for size in found.sizes}
    assert set(sizes) >= {"raw_images", "image_features", "feature_shards", "classifier", "plots"}
    features = sizes["image_features"]
    assert features.in_use is not None
    # The file that was replaced is still there.
    assert 0 < features.in_use < features.stored - 10_000
    assert sizes["feature_shards"].in_use is None


@pytest.mark.parametrize(
    ("hour", "behind"), [(7, 1), (9, 1), (10, 2), (23, 2)], ids=["seven", "before ten", "ten", "night"]
)
def test_a_day_is_due_three_hours_after_seven_the_next_morning(recorded, hour: int, behind: int) -> None:
    now = dt.datetime.combine(SECOND + dt.timedelta(2), dt.time(hour, 30), ZONE) - dt.timedelta(minutes=30)
    _, animal = health(*recorded, now=now).categories
    assert animal.days_behind == behind


def test_due_days_are_those_of_the_datasets_time_zone() -> None:
    dataset = small_dataset(time_zone="Asia/Tokyo")
    assert due_day(dataset, dt.datetime(2026, 11, 5, 0, 59, tzinfo=ZONE)) == dt.date(2026, 11, 3)
    assert due_day(dataset, dt.datetime(2026, 11, 5, 1, 0, tzinfo=ZONE)) == dt.date(2026, 11, 4)


@pytest.mark.long
def test_the_asset_is_made_last_and_says_the_same(recorded) -> None:
    platform, instance = recorded
    job = platform.definitions().resolve_job_def(refresh_job_name(platform.dataset))
    result = job.execute_in_process(instance=instance, raise_on_error=False, run_config=SILENT)
    steps = [event.step_key for event in result.all_events if event.is_step_success]
    assert str(steps[-1]).endswith("health")
    (made,) = (event for event in result.get_asset_materialization_events() if event.asset_key.path[-1] == "health")
    metadata = made.materialization.metadata
    found = health(platform, instance)
    counts = count_states(found.checks or [])
    assert {state: metadata[f"checks {state}"].value for state in counts} == counts
    assert metadata["quarantine rate, plant"].value == round(1 / 17, 4)
    report = str(metadata["report"].value)
    assert f"| plant | {SECOND} |" in report
    assert f"failed: raw_images/quarantine_rate [{SECOND} plant]" in report


def test_without_an_instance_the_store_alone_is_asked_and_none_is_made(
    recorded, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    found = health(recorded[0], None)
    assert without_what_runs_alone_know(found) == without_what_runs_alone_know(health(*recorded))
    assert [one.last_run for one in found.categories] == [SECOND, FIRST]
    assert found.stale == ["animal"]
    assert existing_instance(str(tmp_path / "store")) is None
    assert existing_instance("s3://bucket/store") is None
    assert list(tmp_path.iterdir()) == []
    assert not files_at(tmp_path / "store").exists()
    open_instance(str(tmp_path / "store")).dispose()
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    opened = existing_instance(str(tmp_path / "store"))
    assert opened is not None
    opened.dispose()


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (52 * 10**12, "52.0 TB")],
)
def test_bytes_are_written_for_people(number: int, text: str) -> None:
    assert bytes_text(number) == text
