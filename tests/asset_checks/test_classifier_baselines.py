"""What a classifier must be better than: planted faults are caught by their check alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from image_assets.asset_checks import classifier, classifier_baselines
from image_assets.asset_checks.check import checks_in
from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.report.places import baselines_name, reports_prefix
from image_assets.store.models.model_store import champion_manifest
from tests.asset_checks.faults import failing, outcome
from tests.asset_checks.test_classifier import manifest_says, with_dataset
from tests.platform import Platform

CHECKS = checks_in(classifier_baselines)
MEASURED = {"beats_the_colours_by_a_margin", "shuffled_labels_fall_to_chance"}


def test_a_sound_model_passes(loaded_platform: Platform) -> None:
    assert failing(loaded_platform, CHECKS) == set()


def test_the_figures_are_those_that_the_training_left(loaded_platform: Platform) -> None:
    measured = json.loads(baselines_file(loaded_platform).read_text())
    shuffled = outcome(loaded_platform, classifier_baselines.shuffled_labels_fall_to_chance)
    assert shuffled.figures["accuracy on shuffled labels"] == measured["shuffled"]["accuracy"]
    colours = outcome(loaded_platform, classifier_baselines.beats_the_colours_by_a_margin)
    assert f"only {measured['colours']['images']} images" in colours.not_evaluated


def baselines_file(platform: Platform) -> Path:
    dataset = platform.dataset
    manifest = champion_manifest(platform.store.objects(), classifier_prefix(dataset))
    return platform.files / reports_prefix(dataset.name) / baselines_name(manifest.sha256)


def measured_say(edit: Callable[[dict], object]) -> Callable[[Platform], None]:
    def plant(platform: Platform) -> None:
        measured = json.loads(baselines_file(platform).read_text())
        edit(measured)
        baselines_file(platform).write_text(json.dumps(measured))

    return plant


def hardly_better_than_the_majority(manifest: dict) -> None:
    metrics = manifest["metrics"]
    metrics["accuracy"] = metrics["majority_accuracy"] + 0.09 * (1 - metrics["majority_accuracy"])


def too_sure(manifest: dict) -> None:
    """99 % sure, right two times of three, of 300 images."""
    manifest["metrics"]["reliability"] = [{"certainty": 0.99, "accuracy": 0.66, "images": 300}]
    manifest["metrics"]["calibration_error"] = 0.33


FAULTS = {
    "hardly better than the majority": (
        manifest_says(hardly_better_than_the_majority),
        {"beats_the_majority_by_a_margin"},
    ),
    "colours do as well": (
        measured_say(lambda measured: measured["colours"].update(right=90, model_right=90, images=100)),
        {"beats_the_colours_by_a_margin"},
    ),
    "surer than it may be": (manifest_says(too_sure), {"probabilities_are_calibrated"}),
    "a leak": (
        measured_say(lambda measured: measured["shuffled"].update(accuracy=0.99)),
        {"shuffled_labels_fall_to_chance"},
    ),
    "baselines missing": (lambda platform: baselines_file(platform).unlink(), MEASURED),
    "baselines unreadable": (lambda platform: baselines_file(platform).write_text("<html>404</html>"), MEASURED),
    "baselines of another model": (measured_say(lambda measured: measured.update(sha256="0" * 64)), MEASURED),
    "without figures": (
        manifest_says(lambda manifest: manifest["metrics"].clear()),
        {"beats_the_majority_by_a_margin", "probabilities_are_calibrated"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_by_its_checks_alone(damaged: Platform, fault: str) -> None:
    plant, caught_by = FAULTS[fault]
    plant(damaged)
    assert failing(damaged, CHECKS) == caught_by


def test_few_images_may_err_by_more(damaged: Platform) -> None:
    """The error of "surer than it may be", with three images."""

    def of_three(manifest: dict) -> None:
        too_sure(manifest)
        manifest["metrics"]["reliability"][0].update(images=3, certainty=0.8)

    manifest_says(of_three)(damaged)
    found = outcome(damaged, classifier_baselines.probabilities_are_calibrated)
    assert found.passed
    assert float(found.figures["by chance below"]) > 0.33


def test_the_limits_are_those_of_the_dataset_file(loaded_platform: Platform) -> None:
    spec = loaded_platform.dataset.classifier
    strict = spec.baselines.model_copy(update={"over_majority": 1.0, "over_colours": 1.0})
    found = failing(with_dataset(loaded_platform, classifier=spec.model_copy(update={"baselines": strict})), CHECKS)
    manifest = champion_manifest(loaded_platform.store.objects(), classifier_prefix(loaded_platform.dataset))
    assert ("beats_the_majority_by_a_margin" in found) == (manifest.metrics["accuracy"] != 1)


@pytest.mark.parametrize(("model_right", "passed"), [(91, True), (90, False)])
def test_the_errors_of_colours_are_the_measure(damaged: Platform, model_right: int, passed: bool) -> None:
    """Colours err 10 times of 100: one error in ten is to be avoided."""
    measured_say(lambda measured: measured["colours"].update(right=90, model_right=model_right, images=100))(damaged)
    assert outcome(damaged, classifier_baselines.beats_the_colours_by_a_margin).passed == passed


def test_what_was_not_measured_passes_with_the_reason(damaged: Platform) -> None:
    measured_say(lambda measured: measured.update(colours=None, without_colours="of colours itself"))(damaged)
    found = outcome(damaged, classifier_baselines.beats_the_colours_by_a_margin)
    assert found.not_evaluated == "of colours itself"


def test_without_images_there_is_no_model_and_that_is_said(empty_platform: Platform) -> None:
    assert failing(empty_platform, CHECKS) == set()
    for check in CHECKS:
        assert "fewer than two classes have training images" in outcome(empty_platform, check).not_evaluated


def test_every_check_has_a_fault_that_it_catches() -> None:
    assert set().union(*(caught_by for _, caught_by in FAULTS.values())) == {check.name for check in CHECKS}
    assert not {check.name for check in CHECKS} & {check.name for check in checks_in(classifier)}
