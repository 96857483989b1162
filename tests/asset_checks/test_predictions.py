"""Faults in predictions are caught by their check; a scored partition passes all, and so does one without a model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from image_assets.asset_checks import predictions
from image_assets.asset_checks.check import WARN, checks_in
from image_assets.classifier.places import classifier_prefix
from image_assets.predictions.score import Scorer, score_files
from image_assets.schema import IMAGE_FEATURES, PREDICTIONS, Partition
from image_assets.store.models.model_files import file_name, manifest_name, put_model_manifest
from image_assets.store.models.model_store import CHAMPION, champion_manifest, load_model
from image_assets.store.tables.partition_files import PartitionFiles
from tests.asset_checks.faults import (
    PLANT,
    Edit,
    Plant,
    change,
    failing,
    first_row_again,
    in_first_row,
    outcome,
    with_unknown_image,
)
from tests.platform import SECOND, Platform

CHECKS = checks_in(predictions)


def scored(platform: Platform) -> Platform:
    """The platform with PLANT scored by its current model."""
    scorer = Scorer(*load_model(platform.store.objects(), classifier_prefix(platform.dataset)), unknown_below=0.5)
    features = platform.store.table(platform.dataset.name, IMAGE_FEATURES)
    platform.replace_rows(
        PREDICTIONS, PLANT, score_files(scorer, PartitionFiles(features, features.partition_files(PLANT)))
    )
    return platform


def rows(edit: Edit) -> Plant:
    return lambda platform: change(PREDICTIONS, edit)(scored(platform))


def first(column: str, value: pl.Expr) -> Plant:
    return rows(in_first_row(column, value))


def model_file(platform: Platform) -> Path:
    prefix = classifier_prefix(platform.dataset)
    name = champion_manifest(platform.store.objects(), prefix).file
    (file,) = (platform.files / prefix).rglob(name)
    return file


def after(act: Callable[[Platform], object]) -> Plant:
    def plant(platform: Platform) -> None:
        act(scored(platform))

    return plant


def taken_for_an_animal(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(predicted_label=pl.lit(1, pl.Int16), predicted_category=pl.lit("animal"))


SOUND, ONCE, MODEL = "predictions_are_sound", "every_image_scored_once", "scored_by_a_known_model"
FAULTS = {
    "dropped row": (rows(lambda rows: rows.slice(1)), ONCE),
    "doubled row": (rows(first_row_again), ONCE),
    "row of an image that is not there": (rows(with_unknown_image), ONCE),
    "another label than the features": (first("label", pl.lit(2, pl.Int16)), ONCE),
    "probability above 1": (first("probability", pl.lit(1.01, pl.Float32)), SOUND),
    "probability no number": (first("probability", pl.lit(float("nan"), pl.Float32)), SOUND),
    "negative margin": (first("margin", pl.lit(-0.01, pl.Float32)), SOUND),
    "margin above the probability": (first("margin", pl.col("probability") + 0.01), SOUND),
    "familiarity no number": (first("familiarity", pl.lit(float("nan"), pl.Float32)), SOUND),
    "familiarity above 1": (first("familiarity", pl.lit(1.5, pl.Float32)), SOUND),
    "label that no category has": (first("predicted_label", pl.lit(9, pl.Int16)), SOUND),
    "label of another category than the name": (first("predicted_label", pl.lit(1, pl.Int16)), SOUND),
    "model that is not there": (rows(lambda rows: rows.with_columns(model=pl.lit("0" * 64))), MODEL),
    "rows of two models": (first("model", pl.lit("0" * 64)), MODEL),
    "model file lost": (after(lambda platform: model_file(platform).unlink()), MODEL),
    "model file altered": (after(lambda platform: model_file(platform).write_bytes(b"<html>404</html>")), MODEL),
    "all unknown": (rows(lambda rows: rows.with_columns(unknown=pl.lit(True))), "few_unknown"),
    "all taken for another category": (rows(taken_for_an_animal), "agreement_as_expected"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_by_its_check_alone(damaged: Platform, fault: str) -> None:
    plant, caught_by = FAULTS[fault]
    plant(damaged)
    assert failing(damaged, CHECKS, PLANT) == {caught_by}


def test_no_rows_are_a_fault_unless_the_model_has_learnt_from_the_partition(damaged: Platform) -> None:
    rows(lambda rows: rows.clear())(damaged)
    learnt = outcome(damaged, predictions.every_image_scored_once, PLANT)
    assert "trained on this partition" in learnt.not_evaluated
    new = Partition(SECOND + dt.timedelta(days=1), "plant")
    damaged.replace_rows(IMAGE_FEATURES, new, damaged.rows(IMAGE_FEATURES, PLANT))
    assert failing(damaged, (predictions.every_image_scored_once,), new) == {"every_image_scored_once"}


def test_what_nothing_can_be_said_of_is_not_evaluated(empty_platform: Platform, damaged: Platform) -> None:
    of_no_rows = [one for one in CHECKS if one is not predictions.every_image_scored_once]
    assert {outcome(empty_platform, one, PLANT).not_evaluated for one in of_no_rows} == {"there are no predictions"}
    scored(damaged)
    assert not any(outcome(damaged, one, PLANT).not_evaluated for one in CHECKS)
    model = damaged.rows(PREDICTIONS, PLANT)["model"][0]
    (damaged.files / classifier_prefix(damaged.dataset) / manifest_name(model)).write_text("{}")
    assert "cannot be read" in outcome(damaged, predictions.agreement_as_expected, PLANT).not_evaluated


def with_recall(platform: Platform, digest: str, recall: float) -> None:
    """Have a model's manifest say that it had so much of 400 held-out plants right."""
    objects, prefix = platform.store.objects(), classifier_prefix(platform.dataset)
    manifest = champion_manifest(objects, prefix)
    metrics = {**manifest.metrics, "per_class": [{"name": "plant", "support": 400, "recall": recall}]}
    of_digest = {"sha256": digest, "file": file_name(digest, manifest.model_format), "metrics": metrics}
    put_model_manifest(objects, prefix, manifest.model_copy(update=of_digest))


def test_predictions_are_compared_with_the_model_that_made_them_whatever_is_current(damaged: Platform) -> None:
    current = champion_manifest(damaged.store.objects(), classifier_prefix(damaged.dataset)).sha256
    for own, later, passes in ((0.01, 1.0, True), (1.0, 0.01, False)):
        rows(lambda rows: taken_for_an_animal(rows).with_columns(model=pl.lit("1" * 64)))(damaged)
        with_recall(damaged, "1" * 64, own)
        with_recall(damaged, current, later)
        found = outcome(damaged, predictions.agreement_as_expected, PLANT)
        assert (found.passed, found.not_evaluated) == (passes, "")
        assert found.figures["on held-out images"] == own


def test_a_scored_partition_passes(damaged: Platform) -> None:
    assert failing(scored(damaged), CHECKS, PLANT) == set()


def test_every_check_has_a_fault_that_it_catches() -> None:
    assert {caught_by for _, caught_by in FAULTS.values()} == {check.name for check in CHECKS}
    assert [check.severity is WARN for check in CHECKS] == [False, False, False, True, True]
    assert [check.blocking for check in CHECKS] == [True, True, True, False, False]


def test_without_a_model_nothing_is_wrong(empty_platform: Platform, damaged: Platform) -> None:
    assert failing(empty_platform, CHECKS, PLANT) == set()
    (damaged.files / classifier_prefix(damaged.dataset) / CHAMPION).unlink()
    assert failing(damaged, CHECKS, PLANT) == set()


@pytest.mark.parametrize(("unknown", "caught"), [(3, False), (9, False), (10, True)])
def test_a_few_unknown_images_among_few_are_no_warning(damaged: Platform, unknown: int, caught: bool) -> None:
    """Of 16 images at a limit of 20 %: chance does 9 or more once in 500 partitions, 10 or more once in 4,000."""
    rows(lambda rows: rows.with_columns(unknown=pl.int_range(pl.len()) < unknown))(damaged)
    found = outcome(damaged, predictions.few_unknown, PLANT)
    assert found.passed != caught
    assert found.figures["unknown"] == unknown


def test_a_drop_within_what_is_allowed_is_no_warning(damaged: Platform) -> None:
    rows(taken_for_an_animal)(damaged)
    spec = damaged.dataset.classifier.model_copy(update={"agreement_drop": 1.0})
    lenient = Platform(damaged.dataset.model_copy(update={"classifier": spec}), damaged.root)
    assert outcome(lenient, predictions.agreement_as_expected, PLANT).passed
