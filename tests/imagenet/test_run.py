"""Images and chips are labelled through Dagster and as units; then faults are planted."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from image_assets.asset_checks import imagenet_predictions
from image_assets.asset_checks.check import checks_in
from image_assets.engines.engine import LocalEngine
from image_assets.imagenet.classifiers import shared_classifier
from image_assets.imagenet.units import Pictures, classify_units, label_pictures
from image_assets.orchestration.automation import daily_job_name, refresh_job_name
from image_assets.orchestration.partitions import partition_key
from image_assets.schema import CONFIDENT_LABELS, IMAGENET_PREDICTIONS, RAW_IMAGES
from image_assets.settings.imagenet import Imagenet
from tests.asset_checks.faults import (
    PLANT,
    change,
    failing,
    first_row_again,
    in_first_row,
    with_unknown_image,
)
from tests.asset_names import REFRESHED, partitioned_assets, refreshed_assets
from tests.daemon import ONE_DAY, SILENT, Ticks, zone_at_noon
from tests.pictures import picture
from tests.platform import Platform, small_dataset

CHECKS = checks_in(imagenet_predictions)
# Whatever the score: the pictures are stripes, of which ImageNet has no class.
SPEC = Imagenet(classifier="embedded", top=5, confident=0.0, min_images=1)


def with_labels(platform: Platform) -> Platform:
    return Platform(platform.dataset.model_copy(update={"imagenet": SPEC}), platform.root)


@pytest.fixture(scope="module")
def labelled(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory):
    """A platform whose plants of the first day are labelled and counted; the metadata of what was made."""
    platform = with_labels(loaded_platform.copy_to(tmp_path_factory.mktemp("labelled")))
    everything = platform.definitions().resolve_implicit_global_asset_job_def()
    metadata = {}
    with dg.DagsterInstance.ephemeral() as instance:
        for schema, key in ((IMAGENET_PREDICTIONS, partition_key(PLANT)), (CONFIDENT_LABELS, None)):
            job = everything.get_subset(asset_selection={dg.AssetKey([platform.dataset.name, schema.name])})
            run = job.execute_in_process(instance=instance, partition_key=key, run_config=SILENT)
            assert all(one.passed for one in run.get_asset_check_evaluations())
            (event,) = run.get_asset_materialization_events()
            metadata[schema.name] = event.step_materialization_data.materialization.metadata
    return platform, metadata


def test_every_image_has_its_labels(labelled) -> None:
    platform, metadata = labelled
    rows = platform.rows(IMAGENET_PREDICTIONS, PLANT)
    assert sorted(rows["image_id"]) == sorted(platform.rows(RAW_IMAGES, PLANT)["image_id"])
    assert rows["chip_id"].null_count() == rows.height == 16
    assert set(rows["delivered_as"]) == {"plant"}
    classifier = shared_classifier(SPEC)
    content = platform.rows(RAW_IMAGES, PLANT).filter(pl.col("image_id") == rows["image_id"][0])["content"]
    batch = pa.RecordBatch.from_pydict({"image_id": rows["image_id"].to_list()[:1], "content": content.to_list()})
    again = pl.DataFrame(label_pictures(batch, classifier, 5, "plant"))
    assert again["top_labels"].to_list() == rows["top_labels"].to_list()[:1]
    np.testing.assert_allclose(again["top_scores"].to_list(), rows["top_scores"].to_list()[:1], atol=1e-6)
    found = metadata[IMAGENET_PREDICTIONS.name]
    assert (found["looked at"].value, found["sha256 of the weights"].value) == ("raw_images", classifier.weights)


def test_the_labels_are_counted_over_the_dataset(labelled) -> None:
    platform, metadata = labelled
    rows = platform.rows(CONFIDENT_LABELS)
    most = platform.rows(IMAGENET_PREDICTIONS)["imagenet_label"].value_counts(sort=True)
    assert (rows["imagenet_label"][0] in set(most["imagenet_label"]), rows["images"][0]) == (True, most["count"][0])
    csv = pl.read_csv(metadata[CONFIDENT_LABELS.name]["csv"].value)
    assert csv["images"].to_list() == rows["images"].to_list()
    assert metadata[CONFIDENT_LABELS.name]["pictures"].value == 16


def test_finished_units_are_found_again_and_another_number_of_labels_is_another_unit(labelled) -> None:
    platform, _ = labelled
    raw, table = (platform.store.table(platform.dataset.name, schema) for schema in (RAW_IMAGES, IMAGENET_PREDICTIONS))
    pictures = Pictures(raw, raw.partition_files(PLANT), chips=False)
    done: list[tuple[int, int]] = []
    again = classify_units(pictures, table, PLANT, SPEC, LocalEngine(), lambda *one: done.append(one))
    assert {file.path for file in again} == {file.path for file in table.partition_files(PLANT)}
    assert done == [(16, 16)]
    top = SPEC.model_copy(update={"top": 2})
    (other,) = classify_units(pictures, table, PLANT, top, LocalEngine())
    assert other.path not in {file.path for file in again}
    assert pl.read_parquet(f"{table.url}/{other.path}")["top_scores"].list.len().unique().to_list() == [2]


def test_a_chip_is_labelled_under_its_own_id_and_its_boxs_name() -> None:
    chips = pa.RecordBatch.from_pydict(
        {
            "image_id": ["a" * 64] * 2,
            "chip_id": ["b" * 64, "c" * 64],
            "label_name": ["Tiger", "Lion"],
            "content": [picture(0, 1), picture(1, 1, side=17)],
        }
    )
    rows = label_pictures(chips, shared_classifier(SPEC), 3, "cats")
    assert rows["chip_id"].to_pylist() == ["b" * 64, "c" * 64]
    assert rows["delivered_as"].to_pylist() == ["Tiger", "Lion"]
    assert [len(one) for one in rows["top_labels"].to_pylist()] == [3, 3]


def test_no_pictures_give_no_rows() -> None:
    nothing = pa.RecordBatch.from_pylist(
        [], pa.schema([pa.field("image_id", pa.string()), pa.field("content", pa.binary())])
    )
    assert label_pictures(nothing, shared_classifier(SPEC), 5, "plant").num_rows == 0


# Faults


def scores(value: list[float]) -> pl.Expr:
    return pl.lit(value, pl.List(pl.Float32))


LAST_BUT_ONE = pl.col("top_scores").list.head(4)
ONCE, SOUND = "every_picture_labelled_once", "labels_are_sound"
FAULTS = {
    "dropped row": (lambda rows: rows.slice(1), ONCE),
    "doubled row": (first_row_again, ONCE),
    "image that is not there": (with_unknown_image, ONCE),
    "chip where there are none": (in_first_row("chip_id", pl.lit("0" * 64)), ONCE),
    "no rows": (lambda rows: rows.clear(), ONCE),
    "scores that rise": (in_first_row("top_scores", pl.col("top_scores").list.reverse()), SOUND),
    "score above 1": (in_first_row("top_scores", scores([1.5, 0, 0, 0, 0])), SOUND),
    "negative score": (in_first_row("top_scores", pl.concat_list(LAST_BUT_ONE, scores([-0.1]))), SOUND),
    "score no number": (in_first_row("top_scores", scores([float("nan")] * 5)), SOUND),
    "first label of another row": (in_first_row("imagenet_label", pl.lit("goldfish")), SOUND),
    "a class twice": (in_first_row("top_classes", pl.col("imagenet_class").repeat_by(5)), SOUND),
    "two classifiers": (in_first_row("classifier", pl.lit("0" * 64)), SOUND),
    "fewer labels": (in_first_row("top_scores", pl.col("top_scores").list.head(2)), SOUND),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_by_its_check_alone(labelled, tmp_path, fault: str) -> None:
    platform = labelled[0].copy_to(tmp_path / "damaged")
    edit, caught_by = FAULTS[fault]
    change(IMAGENET_PREDICTIONS, edit)(platform)
    assert failing(platform, CHECKS, PLANT) == {caught_by}


def test_a_labelled_partition_passes(labelled) -> None:
    assert failing(labelled[0], CHECKS, PLANT) == set()


# By itself


def test_the_jobs_hold_the_labels_where_they_are_wanted_only(loaded_platform: Platform) -> None:
    for platform, wanted in ((loaded_platform, False), (with_labels(loaded_platform), True)):
        definitions, dataset = platform.definitions(), platform.dataset
        for job, assets, name in (
            (daily_job_name, partitioned_assets, IMAGENET_PREDICTIONS.name),
            (refresh_job_name, refreshed_assets, CONFIDENT_LABELS.name),
        ):
            selected = {
                key.path[-1] for key in definitions.resolve_job_def(job(dataset)).asset_layer.selected_asset_keys
            }
            assert set(assets(dataset)) <= selected
            assert (name in selected) is wanted


def test_the_labels_are_counted_once_all_categories_of_the_latest_day_have_them(tmp_path: Path) -> None:
    zone = zone_at_noon()
    today = dt.datetime.now(ZoneInfo(zone)).date()
    categories = {"plant": 0, "animal": 1}
    dataset = small_dataset(categories=categories, start_day=today - 2 * ONE_DAY, time_zone=zone, imagenet=SPEC)
    with dg.DagsterInstance.ephemeral() as instance:
        ticks = Ticks(Platform(dataset, tmp_path), instance, dt.timedelta())
        for category in categories:
            ticks.land(category, range(2))
        ticks.load("plant")
        assert ticks.requested() == []
        ticks.load("animal")
        assert ticks.requested() == [*REFRESHED, CONFIDENT_LABELS.name]
        assert ticks.requested() == []
