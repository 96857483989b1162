"""Trained on the past, tested on the last days: who is held out, and who moves when new days come."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from image_assets.asset_checks import classifier
from image_assets.asset_checks.check import checks_in
from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.training.images import held_out_with_lookalikes, said_of_split, set_aside
from image_assets.classifier.training.split import last_days
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES
from image_assets.settings.classifier import Classifier
from image_assets.store.models.model_store import champion_manifest, ids_digest
from tests.asset_checks.faults import failing
from tests.classifier.synthetic import image_ids
from tests.daemon import SILENT
from tests.platform import SECOND, Platform

START = dt.date(2026, 11, 1)


def by_time(number: int) -> Classifier:
    return Classifier.model_validate({"split": {"by": "time", "last_days": number}})


def images_of(days: list[int]) -> pl.DataFrame:
    """An image for each number: days after the start."""
    return pl.DataFrame(
        {"image_id": image_ids(len(days)), "date": [START + dt.timedelta(day) for day in days]},
        schema={"image_id": pl.String, "date": pl.Date},
    )


def groups_of(images: pl.DataFrame, *groups: list[int]) -> pl.LazyFrame:
    """The table `duplicate_groups` of groups of places in `images`, each named by its earliest member."""
    rows = [
        {**images.row(place, named=True), "category": "plant", "group_id": images["image_id"][group[0]]}
        for group in groups
        for place in group
    ]
    return pl.LazyFrame(rows, schema=pl.DataFrame(DUPLICATE_GROUPS.file_schema.empty_table()).schema)


def aside(images: pl.DataFrame, groups: pl.LazyFrame, spec: Classifier) -> list[bool]:
    return set_aside(images["image_id"], images.lazy(), groups, spec).tolist()


def test_the_last_days_with_data_are_held_out() -> None:
    images = images_of([0, 0, 3, 9, 9, 20])
    none = groups_of(images)
    assert aside(images, none, by_time(1)) == [False] * 5 + [True]
    assert aside(images, none, by_time(2)) == [False] * 3 + [True] * 3
    assert aside(images, none, by_time(3)) == [False] * 2 + [True] * 4
    assert aside(images, none, by_time(4)) == aside(images, none, by_time(99)) == [True] * 6


def test_lookalikes_are_on_the_side_of_the_earliest() -> None:
    images = images_of([0, 3, 9, 9, 20])
    torn = groups_of(images, [0, 2], [3, 4])
    assert aside(images, torn, by_time(2)) == [False, False, False, True, True]
    assert aside(images, torn, by_time(1)) == [False] * 5


def test_an_earliest_lookalike_that_may_not_be_learnt_from_still_decides() -> None:
    """Its category is disputed: it is in its group, and not among the images."""
    images = images_of([0, 9, 9])
    groups = groups_of(images, [0, 2])
    assert aside(images[1:], groups, by_time(1)) == [True, False]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40), st.integers(1, 5), st.integers(0, 12), st.randoms())
def test_an_image_once_trained_on_is_never_held_out_again_and_groups_stay_together(
    days: list[int], number: int, until: int, random
) -> None:
    images = images_of(sorted(days))
    places = list(range(len(days)))
    random.shuffle(places)
    groups = groups_of(images, *(sorted(places[at : at + 2]) for at in range(0, len(places) // 2, 2)))
    then = images.filter(pl.col("date") <= START + dt.timedelta(until))
    now = dict(zip(images["image_id"], aside(images, groups, by_time(number)), strict=True))
    # Of then, groups had only the members that were there.
    known = groups.join(then.lazy().select("image_id"), on="image_id", how="semi")
    before = dict(zip(then["image_id"], aside(then, known, by_time(number)), strict=True))
    assert not any(now[image] and not before[image] for image in before)
    for _, members in groups.collect().group_by("group_id"):
        assert len({now[image] for image in members["image_id"]}) == 1


def test_rows_may_come_in_any_order() -> None:
    images = images_of([5, 1, 3, 2, 4])
    groups = groups_of(images, [1, 0])
    shuffled = images[[3, 1, 4, 0, 2]]
    found = dict(zip(images["image_id"], aside(images, groups, by_time(2)), strict=True))
    assert [found[image] for image in shuffled["image_id"]] == aside(shuffled, groups, by_time(2))
    other_order = set_aside(images["image_id"], shuffled.lazy(), groups, by_time(2))
    assert other_order.tolist() == list(found.values())


def test_by_image_is_the_default_and_as_before() -> None:
    images = images_of([0] * 300)
    groups = groups_of(images, [0, 1, 2], [5, 9])
    expected = held_out_with_lookalikes(images["image_id"], groups, 0.25)
    np.testing.assert_array_equal(aside(images, groups, Classifier()), expected)


def test_no_images_are_on_no_side() -> None:
    nothing = images_of([])
    assert aside(nothing, groups_of(nothing), by_time(3)) == []
    assert last_days(nothing["date"], nothing["date"], 1).dtype == bool


def test_the_split_is_said_in_words() -> None:
    assert "never changes sides" in said_of_split(Classifier())
    assert said_of_split(by_time(5)).startswith("by time: the last days with data held out (5)")
    with pytest.raises(ValidationError, match="last_days"):
        by_time(0)


def test_a_classifier_is_trained_on_the_past_and_its_checks_know(
    loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = loaded_platform.copy_to(tmp_path_factory.mktemp("time"))
    platform = Platform(copy.dataset.model_copy(update={"classifier": by_time(1)}), copy.root)
    assert failing(platform, checks_in(classifier)) == {"trained_on_the_training_images"}
    key = dg.AssetKey([platform.dataset.name, "classifier"])
    job = platform.definitions().resolve_implicit_global_asset_job_def().get_subset(asset_selection={key})
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance, run_config=SILENT).success
    assert failing(platform, checks_in(classifier)) == set()
    manifest = champion_manifest(platform.store.objects(), classifier_prefix(platform.dataset))
    rows, groups = platform.rows(IMAGE_FEATURES), platform.rows(DUPLICATE_GROUPS)
    early = groups.filter(pl.col("date").min().over("group_id") < SECOND)["image_id"]
    past = rows.filter((pl.col("date") < SECOND) | pl.col("image_id").is_in(early.implode()))
    assert manifest.training_ids_sha256 == ids_digest(past["image_id"])
    assert manifest.split.startswith("by time: the last days with data held out (1)")
