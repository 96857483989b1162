"""A network that is really materialised: it learns, is kept, checked, compared, and asked again by its file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

from image_assets.asset_checks import cnn_classifier
from image_assets.asset_checks.check import WARN, checks_in
from image_assets.classifier.places import current_manifest
from image_assets.classifier.training.row_index import row_index
from image_assets.features.extractor import shared_extractor
from image_assets.networks.errors import NetworksMissingError, UnfitDataError
from image_assets.networks.export.files import export_network
from image_assets.networks.export.pictures import picture_probes
from image_assets.networks.places import CNN_CLASSIFIER, cnn_prefix
from image_assets.orchestration.automation import refresh_job_name
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, RAW_IMAGES
from image_assets.settings.networks import Networks
from image_assets.store.models.model_champion import see_champion, switch
from image_assets.store.models.model_files import (
    ModelRefusedError,
    ids_digest,
    manifest_of,
    put_model_manifest,
)
from image_assets.store.models.model_store import champion_manifest, load_model
from image_assets.store.models.network_model import NetworkModel
from tests.asset_checks.faults import failing, outcome
from tests.platform import FIRST, Platform

CHECKS = checks_in(cnn_classifier)
SPEC = {"size": 32, "epochs": 15, "batch": 16, "patience": 30, "learning_rate": 0.003, "validation": 0.2}


def materialised(platform: Platform) -> dict[str, Any]:
    """Make the network alone; the metadata of that."""
    job = platform.definitions().resolve_job_def(refresh_job_name(platform.dataset))
    key = dg.AssetKey([platform.dataset.name, CNN_CLASSIFIER])
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, asset_selection=[key])
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def made(
    loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> tuple[Platform, dict[str, Any]]:
    """A copy of the platform with a network, and the metadata of that."""
    copy = loaded_platform.copy_to(tmp_path_factory.mktemp("networks"))
    networks = Networks.model_validate({"cnn_classifier": SPEC})
    platform = Platform(copy.dataset.model_copy(update={"networks": networks}), copy.root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGE_ASSETS_CACHE", str(cache))
        return platform, materialised(platform)


def test_it_learns_on_the_split_of_the_classifier(made: tuple[Platform, dict[str, Any]]) -> None:
    platform, metadata = made
    network = champion_manifest(platform.store.objects(), cnn_prefix(platform.dataset))
    classifier = current_manifest(platform.dataset, platform.store)
    assert classifier is not None
    assert network.training_ids_sha256 == classifier.training_ids_sha256
    assert metadata["held_out"] == classifier.metrics["held_out"]
    assert metadata["accuracy"] > metadata["majority_accuracy"]
    assert metadata["promoted"]
    assert len(network.metrics["history"]) == metadata["epochs"]  # pyright: ignore
    assert "held out from both" in metadata["beside the classifier"]
    assert failing(platform, CHECKS) == set()


def test_the_report_shows_training_and_comparison(made: tuple[Platform, dict[str, Any]]) -> None:
    platform, metadata = made
    reports = platform.files / platform.dataset.name / "reports"
    html = (reports / f"cnn_classifier-{metadata['sha256'][:12]}.html").read_text()
    assert html == (reports / "cnn_classifier.html").read_text()
    for said in ("The training, epoch by epoch", "Beside the classifier of features", "network, separable, on pixels"):
        assert said in html


def test_the_report_shows_what_the_network_sees(made: tuple[Platform, dict[str, Any]]) -> None:
    platform, _ = made
    html = (platform.files / platform.dataset.name / "reports" / "cnn_classifier.html").read_text()
    assert html.count('alt="the picture"') == html.count('alt="what its answer rests on"') > 2
    assert "of the weight; " in html
    assert "active_last" in html  # the last layer's row of channels


def test_the_same_again_trains_nothing_and_leaves_every_byte(
    made: tuple[Platform, dict[str, Any]], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, metadata = made
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(cache))
    again = materialised(platform)
    assert again["epochs of an earlier run"] == again["epochs"] == metadata["epochs"]
    assert again["sha256"] == metadata["sha256"]


def test_it_is_taken_elsewhere_on_pictures_that_were_held_out(
    made: tuple[Platform, dict[str, Any]], tmp_path: Path
) -> None:
    platform, metadata = made
    model, manifest = load_model(platform.store.objects(), cnn_prefix(platform.dataset))
    assert isinstance(model, NetworkModel)
    probes = picture_probes(platform.dataset, platform.store, model, manifest)
    held_out = int(metadata["held_out"])
    assert probes.origin == f"pictures, {held_out} held-out pictures and noise"
    assert len(probes.pictures) == held_out + 50
    exported = export_network(model, manifest, "keras", probes.pictures, platform.dataset.classifier)
    assert exported.same == exported.pictures == len(probes.pictures)
    # Of another split nobody knows which pictures it has not seen: then none is called held-out.
    other = platform.dataset.classifier.model_copy(update={"held_out": 0.4})
    changed = platform.dataset.model_copy(update={"classifier": other})
    assert (
        "on some of which it may have been trained" in picture_probes(changed, platform.store, model, manifest).origin
    )


def test_a_warm_start_is_told_of_and_done_the_same_again(
    made: tuple[Platform, dict[str, Any]], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(cache))
    spec = {**SPEC, "epochs": 2, "warm_start": True}
    networks = Networks.model_validate({"cnn_classifier": spec})
    platform = Platform(made[0].dataset.model_copy(update={"networks": networks}), made[0].copy_to(tmp_path).root)
    anew = materialised(platform)
    assert anew["beginning"].startswith(f"begins anew: so did {made[1]['sha256'][:12]}, the current network")
    # As if the network that is kept had not been given the last day yet.
    objects, prefix = platform.store.objects(), cnn_prefix(platform.dataset)
    network = champion_manifest(objects, prefix)
    first_day = [(day, category) for day, category in network.partitions if day == FIRST]
    ids = training_ids(platform, {category for _, category in first_day})
    put_model_manifest(
        objects, prefix, network.model_copy(update={"partitions": first_day, "training_ids_sha256": ids_digest(ids)})
    )
    warm = materialised(platform)
    assert warm["beginning"] == f"begins with the weights of {network.sha256[:12]}, of {FIRST}"
    trained = manifest_of(objects, prefix, warm["sha256"])
    assert trained.metrics["began_with"] == network.sha256
    html = (platform.files / "drawn" / "reports" / f"cnn_classifier-{warm['sha256'][:12]}.html").read_text()
    assert f"The training begins with the weights of {network.sha256[:12]}" in html
    again = materialised(platform)
    assert again["epochs of an earlier run"] == again["epochs"] == 2
    assert (again["sha256"], again["beginning"]) == (warm["sha256"], warm["beginning"])


def training_ids(platform: Platform, categories: set[str]) -> list[str]:
    """Of the images of the first day that are trained on: those of the table of the split that the classifier has."""
    features, conflicts, groups, images = (
        platform.store.table("drawn", one).scan()
        for one in (IMAGE_FEATURES, LABEL_CONFLICTS, DUPLICATE_GROUPS, RAW_IMAGES)
    )
    digest = shared_extractor(platform.dataset.extractor).digest
    index = row_index(features, conflicts, groups, digest, platform.dataset.classifier, images)
    rows = index.training().rows
    return rows.filter((pl.col("date") == FIRST) & pl.col("category").is_in(categories))["image_id"].to_list()


def test_a_damaged_file_or_another_manifest_is_refused(made: tuple[Platform, dict[str, Any]], tmp_path: Path) -> None:
    platform = made[0].copy_to(tmp_path)
    objects, prefix = platform.store.objects(), cnn_prefix(platform.dataset)
    model, manifest = load_model(objects, prefix)
    assert isinstance(model, NetworkModel)
    pictures = np.random.default_rng(0).integers(0, 256, (5, *model.about.shape), np.uint8)
    np.testing.assert_allclose(model.predict_proba(pictures).sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict_proba(pictures), model.predict_proba(pictures / np.float32(255)))
    file = platform.files / prefix / manifest.file
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert failing(platform, CHECKS) == {"network_is_sound"}
    with pytest.raises(ModelRefusedError, match="SHA-256"):
        load_model(objects, prefix)


def test_a_network_of_other_images_or_no_better_than_chance_fails_its_check(
    made: tuple[Platform, dict[str, Any]], tmp_path: Path
) -> None:
    platform = made[0].copy_to(tmp_path)
    objects, prefix = platform.store.objects(), cnn_prefix(platform.dataset)
    manifest = champion_manifest(objects, prefix)
    other = manifest.model_copy(update={"training_ids_sha256": "0" * 64})
    put_model_manifest(objects, prefix, other)
    assert failing(platform, CHECKS) == {"network_trained_on_the_training_images"}
    majority = manifest.metrics["majority_accuracy"]
    put_model_manifest(
        objects, prefix, manifest.model_copy(update={"metrics": {**manifest.metrics, "accuracy": majority}})
    )
    assert failing(platform, CHECKS) == {"network_better_than_the_majority"}


def test_a_network_that_took_another_ones_place_without_a_comparison_is_told(
    made: tuple[Platform, dict[str, Any]], tmp_path: Path
) -> None:
    platform = made[0].copy_to(tmp_path)
    objects, prefix = platform.store.objects(), cnn_prefix(platform.dataset)
    seen = see_champion(objects, prefix)
    assert seen.champion is not None
    switch(objects, prefix, seen, seen.champion.model_copy(update={"reason": "not comparable"}))
    assert failing(platform, CHECKS) == {"network_compared_before_it_was_promoted"}
    assert cnn_classifier.network_compared_before_it_was_promoted.severity is WARN


def with_network(platform: Platform) -> Platform:
    networks = Networks.model_validate({"cnn_classifier": SPEC})
    return Platform(platform.dataset.model_copy(update={"networks": networks}), platform.root)


def test_where_a_network_should_be_there_and_is_not_every_check_fails(loaded_platform: Platform) -> None:
    platform = with_network(loaded_platform)
    assert failing(platform, CHECKS) == {one.name for one in CHECKS}
    found = outcome(platform, cnn_classifier.network_is_sound)
    assert found.advice.startswith("There are enough images, and none was kept: the log of cnn_classifier says why")
    assert found.figures["problem"] == "drawn/cnn_classifier/champion.json: there is no model; train one first"


def test_of_too_few_images_there_is_rightly_none(loaded_platform: Platform, tmp_path: Path) -> None:
    platform = with_network(Platform(loaded_platform.dataset, tmp_path))
    assert failing(platform, CHECKS) == set()
    for one in CHECKS:
        assert outcome(platform, one).not_evaluated.startswith("there is no model: cannot train a classifier")


def test_a_network_that_cannot_be_fine_tuned_fails_its_run(
    made: tuple[Platform, dict[str, Any]], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(cache))
    spec = {**SPEC, "preset": "mobilenet", "backbone": {"weights": str(tmp_path / "none.weights.h5")}}
    networks = Networks.model_validate({"cnn_classifier": spec})
    platform = Platform(made[0].dataset.model_copy(update={"networks": networks}), made[0].copy_to(tmp_path).root)
    with pytest.raises(UnfitDataError, match=r"networks\.cnn_classifier\.backbone\.weights"):
        materialised(platform)


def test_without_keras_the_check_says_that_nobody_can_ask_it(
    made: tuple[Platform, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    assert failing(made[0], CHECKS) == {"network_is_sound"}
    assert 'pip install "image-assets[networks]"' in outcome(made[0], cnn_classifier.network_is_sound).advice
    with pytest.raises(NetworksMissingError):
        materialised(made[0])
