"""Faults in the classifier are caught by their check; a sound one passes all, and so does none of too few images."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from image_assets.asset_checks import classifier
from image_assets.asset_checks.check import WARN, checks_in
from image_assets.classifier.export.probes import probes
from image_assets.classifier.places import classifier_prefix, current_manifest, why_not_promoted
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.families import candidates_of
from image_assets.classifier.training.split import held_out
from image_assets.classifier.training.train import train
from image_assets.cli.day_report import CurrentModel, DayReport
from image_assets.cli.summary import show_day
from image_assets.features.table import feature_matrix
from image_assets.health.day_result import DayResult
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.store.models.model_champion import see_champion, switch
from image_assets.store.models.model_files import ModelManifest, manifest_name, seal_of
from image_assets.store.models.model_history import Decision, write_decision
from image_assets.store.models.model_store import (
    CHAMPION,
    ModelDescription,
    champion_manifest,
    load_model,
    read_champion,
)
from tests.asset_checks.faults import PLANT, change, failing, outcome, partitions
from tests.pictures import land_pictures
from tests.platform import FIRST, SECOND, Platform, small_dataset
from tests.store.saving import save_model

CHECKS = checks_in(classifier)
COMPARED = "compared_before_it_was_promoted"
OF_THE_MODEL = {"model_is_sound", "trained_on_the_training_images", "better_than_the_majority"}


def test_a_sound_model_passes(loaded_platform: Platform) -> None:
    assert failing(loaded_platform, CHECKS) == set()


def test_a_champion_that_was_replaced_without_a_comparison_is_a_warning(damaged: Platform) -> None:
    objects, prefix = damaged.store.objects(), classifier_prefix(damaged.dataset)
    assert outcome(damaged, classifier.compared_before_it_was_promoted).passed
    seen = see_champion(objects, prefix)
    assert seen.champion is not None
    switch(objects, prefix, seen, seen.champion.model_copy(update={"reason": "not comparable"}))
    assert failing(damaged, CHECKS) == {"compared_before_it_was_promoted"}
    assert classifier.compared_before_it_was_promoted.severity is WARN


def test_a_model_that_is_held_back_is_told_beside_the_current_one(damaged: Platform) -> None:
    objects, prefix = damaged.store.objects(), classifier_prefix(damaged.dataset)
    assert why_not_promoted(damaged.dataset, damaged.store) == ""
    seen = see_champion(objects, prefix)
    assert seen.champion is not None
    current, newest = seen.champion, "f" * 64
    decision = Decision(
        data_day=SECOND, challenger=newest, champion=current.sha256, promoted=False, reason="worse", explanation="worse"
    )
    write_decision(objects, prefix, decision)
    switch(objects, prefix, seen, current.model_copy(update={"latest": newest}))
    why = why_not_promoted(damaged.dataset, damaged.store)
    assert why == "worse"
    console = Console(record=True, width=200)
    model = current_manifest(damaged.dataset, damaged.store)
    trained = DayResult(refreshed=True, made={"classifier"})
    current_model = CurrentModel("classifier", model, why)
    show_day(DayReport(damaged.dataset, SECOND, [], trained, (current_model,)), console)
    said = console.export_text()
    assert "the new model is held back: worse" in said
    assert f"the current model, of {SECOND}, has accuracy" in said


def test_figures_of_a_model_of_another_run_are_not_shown_as_this_run_s(loaded_platform: Platform) -> None:
    console = Console(record=True, width=200)
    model = current_manifest(loaded_platform.dataset, loaded_platform.store)
    models = (CurrentModel("classifier", model),)
    report = DayReport(loaded_platform.dataset, SECOND, [], DayResult(refreshed=True), models)
    show_day(report, console)
    said = console.export_text()
    assert "classifier: not trained this time" in said
    assert f"classifier: the current model, of {SECOND}, has accuracy" in said
    show_day(replace(report, result=DayResult(refreshed=True, made={"classifier"})), console)
    assert "classifier: accuracy" in console.export_text()


def test_what_a_model_was_trained_on_is_not_called_held_out(damaged: Platform) -> None:
    store, prefix = damaged.store, classifier_prefix(damaged.dataset)
    model, manifest = load_model(store.objects(), prefix)
    found = probes(damaged.dataset, store, model, manifest)
    assert "held-out images" in found.origin
    other = damaged.dataset.model_copy(
        update={"classifier": damaged.dataset.classifier.model_copy(update={"held_out": 0.7})}
    )
    assert "held-out images" not in probes(other, store, model, manifest).origin


def test_the_figures_are_those_of_the_model(loaded_platform: Platform) -> None:
    manifest = champion_manifest(loaded_platform.store.objects(), classifier_prefix(loaded_platform.dataset))
    assert outcome(loaded_platform, classifier.better_than_the_majority).figures == {
        "accuracy": manifest.metrics["accuracy"],
        "majority": manifest.metrics["majority_accuracy"],
    }
    assert outcome(loaded_platform, classifier.model_is_sound).figures["sha256"] == manifest.sha256


def folder(platform: Platform) -> Path:
    return platform.files / classifier_prefix(platform.dataset)


def champion(platform: Platform) -> str:
    return read_champion(platform.store.objects(), classifier_prefix(platform.dataset)).sha256


def model_file(platform: Platform) -> Path:
    return folder(platform) / f"model-{champion(platform)[:12]}.skops"


def manifest_file(platform: Platform) -> Path:
    return folder(platform) / manifest_name(champion(platform))


def altered_bytes(platform: Platform) -> None:
    content = bytearray(model_file(platform).read_bytes())
    content[len(content) // 2] ^= 1
    model_file(platform).write_bytes(content)


def model_missing(platform: Platform) -> None:
    model_file(platform).unlink()


def champion_missing(platform: Platform) -> None:
    (folder(platform) / CHAMPION).unlink()


def champion_unreadable(platform: Platform) -> None:
    (folder(platform) / CHAMPION).write_text("<html>404</html>")


def manifest_missing(platform: Platform) -> None:
    manifest_file(platform).unlink()


def manifest_unreadable(platform: Platform) -> None:
    manifest_file(platform).write_text("<html>404</html>")


def manifest_altered(platform: Platform) -> None:
    """Two categories change places; nothing else would notice, as the model fits either."""
    manifest = json.loads(manifest_file(platform).read_text())
    manifest["classes"] |= {"plant": manifest["classes"]["animal"], "animal": manifest["classes"]["plant"]}
    manifest_file(platform).write_text(json.dumps(manifest))


def manifest_says(edit: Callable[[dict], object]) -> Callable[[Platform], None]:
    def plant(platform: Platform) -> None:
        manifest = json.loads(manifest_file(platform).read_text())
        edit(manifest)
        del manifest["seal"]
        manifest["seal"] = seal_of(ModelManifest(**manifest))
        manifest_file(platform).write_text(json.dumps(manifest))

    return plant


def image_of_training_added(rows: pl.DataFrame) -> pl.DataFrame:
    # The last digits decide: the highest number is on the side of training, whatever the share.
    return pl.concat([rows, rows.head(1).with_columns(image_id=pl.lit("f" * 64))])


def image_of_training_removed(rows: pl.DataFrame) -> pl.DataFrame:
    training = ~pl.Series(held_out(rows["image_id"], 0.25))
    return rows.filter(pl.col("image_id") != rows.filter(training)["image_id"][0])


def trained_on_nothing_to_see(platform: Platform) -> None:
    """A model that was really trained and really evaluated, on vectors that are all the same."""
    rows = platform.rows(IMAGE_FEATURES).sort("image_id")
    features, labels = np.ones_like(feature_matrix(rows)), rows["label"].to_numpy()
    dataset = platform.dataset
    aside = held_out(rows["image_id"], dataset.classifier.held_out)
    model = train(features[~aside], labels[~aside], candidates_of(dataset.classifier.candidates)[0], dataset.categories)
    evaluation = evaluate(model, features[aside], labels[aside], dataset.categories)
    objects, prefix = platform.store.objects(), classifier_prefix(dataset)
    before = champion_manifest(objects, prefix).model_dump(include=set(ModelDescription.model_fields))
    save_model(objects, prefix, model, ModelDescription.model_validate(before | {"metrics": evaluation.headline()}))


FAULTS = {
    "altered bytes": (altered_bytes, {"model_is_sound"}),
    "model missing": (model_missing, {"model_is_sound"}),
    "champion missing": (champion_missing, OF_THE_MODEL | {COMPARED}),
    "champion unreadable": (champion_unreadable, OF_THE_MODEL | {COMPARED}),
    "manifest missing": (manifest_missing, OF_THE_MODEL),
    "manifest altered": (manifest_altered, OF_THE_MODEL),
    "manifest unreadable": (manifest_unreadable, OF_THE_MODEL),
    "model of another extractor": (
        manifest_says(lambda manifest: manifest.update(extractor_digest="0" * 64)),
        {"model_is_sound"},
    ),
    "image added since": (change(IMAGE_FEATURES, image_of_training_added), {"trained_on_the_training_images"}),
    "image removed since": (change(IMAGE_FEATURES, image_of_training_removed), {"trained_on_the_training_images"}),
    "trained on all images": (
        manifest_says(lambda manifest: manifest.update(training_ids_sha256="0" * 64)),
        {"trained_on_the_training_images"},
    ),
    "no better than the majority": (trained_on_nothing_to_see, {"better_than_the_majority"}),
    "accuracy just that of the majority": (
        manifest_says(lambda manifest: manifest["metrics"].update(accuracy=manifest["metrics"]["majority_accuracy"])),
        {"better_than_the_majority"},
    ),
    "without figures": (manifest_says(lambda manifest: manifest["metrics"].clear()), {"better_than_the_majority"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_by_its_checks_alone(damaged: Platform, fault: str) -> None:
    plant, caught_by = FAULTS[fault]
    plant(damaged)
    assert failing(damaged, CHECKS) == caught_by


def with_dataset(platform: Platform, **changes: object) -> Platform:
    return Platform(platform.dataset.model_copy(update=changes), platform.root)


def test_categories_that_changed_since_the_training_are_caught(loaded_platform: Platform) -> None:
    relabelled = with_dataset(loaded_platform, categories={"plant": 1, "animal": 0, "human": 2})
    assert failing(relabelled, CHECKS) == {"model_is_sound"}


def test_a_split_that_changed_since_the_training_is_caught(loaded_platform: Platform) -> None:
    spec = loaded_platform.dataset.classifier.model_copy(update={"held_out": 0.5})
    assert failing(with_dataset(loaded_platform, classifier=spec), CHECKS) == {"trained_on_the_training_images"}


@pytest.mark.long
def test_a_model_that_is_split_by_source_is_held_against_that_split(tmp_path: Path) -> None:
    split = {"report": {"enabled": False}, "split": {"by": "source"}}
    platform = Platform(small_dataset(classifier=split), tmp_path)
    for kind, category in enumerate(("plant", "animal", "human")):
        for camera in range(4):
            numbers = range(10 * camera, 10 * camera + 10)
            land_pictures(platform.landing, str(FIRST), f"{category}/camera{camera}", kind, numbers)
    result = platform.run(FIRST)
    assert result.ok, result.errors
    assert failing(platform, CHECKS) == set()
    found: Any = outcome(platform, classifier.trained_on_the_training_images).figures
    assert 0 < found["of these for training"] < found["images"]
    named_otherwise = {"report": {"enabled": False}, "split": {"by": "source", "source": "picture-(?P<set>..)"}}
    changed = small_dataset(classifier=named_otherwise).classifier
    assert failing(with_dataset(platform, classifier=changed), CHECKS) == {"trained_on_the_training_images"}


@pytest.mark.parametrize(("limit", "caught"), [(5.0, set()), (4.99, {"categories_are_balanced"})])
def test_imbalance_beyond_the_limit_is_caught(damaged: Platform, limit: float, caught: set[str]) -> None:
    """4 plants, 20 of the others."""
    change(RAW_IMAGES, lambda rows: rows.clear())(damaged)
    limits = damaged.dataset.limits.model_copy(update={"imbalance": limit})
    assert failing(with_dataset(damaged, limits=limits), CHECKS) == caught


def test_a_category_without_any_image_is_caught_at_any_limit_and_named(damaged: Platform) -> None:
    for partition in partitions(damaged, FIRST, SECOND):
        if partition.category == "human":
            change(RAW_IMAGES, lambda rows: rows.clear(), partition)(damaged)
    limits = damaged.dataset.limits.model_copy(update={"imbalance": 1e9})
    found = outcome(with_dataset(damaged, limits=limits), classifier.categories_are_balanced)
    assert not found.passed
    assert "'human'" in found.advice
    assert found.figures["smallest"] == 0


def test_without_images_there_is_no_model_and_that_is_said(empty_platform: Platform) -> None:
    assert failing(empty_platform, CHECKS) == set()
    for check in CHECKS[:3]:
        assert "fewer than two classes have training images" in outcome(empty_platform, check).not_evaluated


def test_a_damaged_model_is_a_fault_even_of_too_few_images(damaged: Platform) -> None:
    for partition in partitions(damaged, FIRST, SECOND):
        if partition != PLANT:
            change(IMAGE_FEATURES, lambda rows: rows.clear(), partition)(damaged)
    altered_bytes(damaged)
    assert "model_is_sound" in failing(damaged, CHECKS)


def test_every_check_has_a_fault_that_it_catches() -> None:
    caught = set().union(*(caught_by for _, caught_by in FAULTS.values())) | {"categories_are_balanced"}
    assert caught == {check.name for check in CHECKS}
