"""Whoever asks what an image is may ask the network: it answers by its own pixels, and says that it was it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
import yaml

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

from image_assets.asset_checks import predictions as checks
from image_assets.asset_checks.check import checks_in
from image_assets.cli import main
from image_assets.features.decode import all_prepared
from image_assets.networks.errors import NetworksMissingError
from image_assets.networks.pixels import PixelForm
from image_assets.orchestration.partitions import partition_key
from image_assets.predict.answer import LetIn, Prediction
from image_assets.predict.predictor import Predictor
from image_assets.schema import IMAGE_FEATURES, PREDICTIONS, RAW_IMAGES, Partition
from image_assets.store.models.model_store import ModelManifest, ModelMissingError, ModelRefusedError
from tests.asset_checks.faults import failing, outcome
from tests.networks.kept import SIDE, keep_network, network_of, with_networks
from tests.platform import FIRST, SECOND, Platform, small_dataset

PLANT = Partition(FIRST, "plant")
OLD = Partition(SECOND, "plant")
"""What the classifier of the day before has scored."""


@pytest.fixture(scope="module")
def kept(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, ModelManifest]:
    """A platform whose predictions are to be a network's, which has learnt from the second day's plants."""
    root = tmp_path_factory.mktemp("asked")
    platform = with_networks(loaded_platform, root, predictions={"model": "cnn_classifier"})
    (root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    return platform, keep_network(platform, learnt=[OLD])


def contents_of(platform: Platform, number: int = 3) -> list[bytes]:
    return platform.rows(RAW_IMAGES, PLANT).sort("image_id").head(number)["content"].to_list()


def by_hand(platform: Platform, contents: list[bytes]) -> np.ndarray:
    return network_of(platform.dataset).predict_proba(all_prepared(contents, PixelForm(SIDE, "rgb")))


def test_the_answer_is_the_networks_and_says_so(kept: tuple[Platform, ModelManifest]) -> None:
    platform, manifest = kept
    contents = contents_of(platform)
    answers = list(Predictor(platform.dataset, platform.store).answers(contents))
    for answer, expected in zip(answers, by_hand(platform, contents), strict=True):
        assert isinstance(answer, Prediction)
        assert (answer.asset, answer.model) == ("cnn_classifier", manifest.sha256)
        assert answer.extractor == PixelForm(SIDE, "rgb").digest
        shares = dict(answer.categories)
        found = [shares[name] for name in platform.dataset.categories]
        np.testing.assert_allclose(found, expected, atol=1e-6)
        # What it cannot say is not said: it keeps nothing to tell familiarity by.
        assert answer.familiarity is None
        assert answer.unknown == (np.float32(expected.max()) < platform.dataset.classifier.unknown_below)


def test_the_other_model_can_be_asked_for(kept: tuple[Platform, ModelManifest], loaded_platform: Platform) -> None:
    platform, _ = kept
    (content,) = contents_of(platform, 1)
    answer = Predictor(platform.dataset, platform.store, "classifier").answer(content)
    assert answer == Predictor(loaded_platform.dataset, loaded_platform.store).answer(content)
    assert isinstance(answer, Prediction)
    assert answer.asset == "classifier"


def test_features_are_those_of_the_dataset_where_they_are_wanted(kept: tuple[Platform, ModelManifest]) -> None:
    predictor = Predictor(kept[0].dataset, kept[0].store)
    (content,) = contents_of(kept[0], 1)
    with_features = predictor.let_in(content, with_features=True)
    without = predictor.let_in(content)
    assert isinstance(with_features, LetIn)
    assert isinstance(without, LetIn)
    first, second = predictor.predict([without, with_features])
    assert first.features is None
    np.testing.assert_array_equal(second.features, predictor.features([content])[0])


def test_the_command_asks_either(kept: tuple[Platform, ModelManifest], capsys: pytest.CaptureFixture[str]) -> None:
    platform, manifest = kept
    file = next(platform.landing.rglob("picture-*.png"))
    command = ["predict", "--dataset", f"{platform.root}/drawn.yaml", "--store", platform.store.url, str(file)]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["answers"][0]
    assert (told["asset"], told["model"], told["familiarity"]) == ("cnn_classifier", manifest.sha256, None)
    assert main([*command, "--json", "--model", "classifier"]) == 0
    told = json.loads(capsys.readouterr().out)["answers"][0]
    assert told["asset"] == "classifier"
    assert told["model"] != manifest.sha256


def materialised(platform: Platform, partition: Partition) -> dict[str, object]:
    """Make the predictions of a partition; the metadata of that."""
    key = dg.AssetKey([platform.dataset.name, PREDICTIONS.name])
    job = platform.definitions().resolve_implicit_global_asset_job_def().get_subset(asset_selection={key})
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key=partition_key(partition),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        events = result.asset_materializations_for_node(f"{platform.dataset.name}__{PREDICTIONS.name}")
    return {name: value.value for one in events for name, value in one.metadata.items()}


def test_predictions_are_the_networks_and_pass_their_checks(
    kept: tuple[Platform, ModelManifest], tmp_path: Path
) -> None:
    manifest = kept[1]
    platform = kept[0].copy_to(tmp_path)
    metadata = materialised(platform, PLANT)
    assert (metadata["asked"], metadata["sha256"]) == ("cnn_classifier", manifest.sha256)
    rows = platform.rows(PREDICTIONS, PLANT)
    images = platform.rows(RAW_IMAGES, PLANT).sort("image_id")
    assert rows["image_id"].to_list() == images["image_id"].to_list()
    assert rows["image_id"].to_list() == platform.rows(IMAGE_FEATURES, PLANT).sort("image_id")["image_id"].to_list()
    expected = by_hand(platform, images["content"].to_list()).max(axis=1)
    np.testing.assert_allclose(rows["probability"].to_numpy(), expected, atol=1e-6)
    assert rows["familiarity"].null_count() == rows.height
    assert set(rows["model"]) == {manifest.sha256}
    # It has learnt nothing, so that many of its answers are wrong; all else holds.
    warnings = {"few_unknown", "agreement_as_expected"}
    assert failing(platform, checks_in(checks), PLANT) - warnings == set()
    platform.replace_rows(PREDICTIONS, PLANT, rows.head(-1))
    assert "every_image_scored_once" in failing(platform, checks_in(checks), PLANT)
    platform.replace_rows(PREDICTIONS, PLANT, rows.with_columns(model=pl.lit("5" * 64)))
    assert "scored_by_a_known_model" in failing(platform, checks_in(checks), PLANT)


def test_what_the_classifier_said_before_the_network_had_seen_it_stays(
    kept: tuple[Platform, ModelManifest], tmp_path: Path
) -> None:
    platform = kept[0].copy_to(tmp_path)
    before = platform.rows(PREDICTIONS, OLD)
    assert before.height
    assert materialised(platform, OLD) == {}
    assert platform.rows(PREDICTIONS, OLD).equals(before)
    assert failing(platform, [checks.scored_by_a_known_model, checks.every_image_scored_once], OLD) == set()


def test_without_a_network_there_is_no_answer_and_no_row(loaded_platform: Platform, tmp_path: Path) -> None:
    platform = with_networks(loaded_platform, tmp_path, predictions={"model": "cnn_classifier"})
    with pytest.raises(ModelMissingError, match=r"drawn/cnn_classifier/champion.json: there is no model"):
        Predictor(platform.dataset, platform.store).answer(contents_of(platform, 1)[0])
    assert "there is no model" in str(materialised(platform, PLANT)["not scored"])
    assert outcome(platform, checks.every_image_scored_once, PLANT).not_evaluated == "there is no model yet"
    with pytest.raises(ModelMissingError, match="dataset drawn has no cnn_classifier: its file asks for none"):
        Predictor(loaded_platform.dataset, loaded_platform.store, "cnn_classifier")


def test_without_keras_nobody_answers_in_its_place(
    kept: tuple[Platform, ModelManifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = kept[0].copy_to(tmp_path)
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(NetworksMissingError, match=r'pip install "image-assets\[networks\]"'):
        Predictor(platform.dataset, platform.store).answer(contents_of(platform, 1)[0])
    assert materialised(platform, PLANT) == {}
    assert "every_image_scored_once" in failing(platform, [checks.every_image_scored_once], PLANT)


def test_a_network_of_another_size_than_the_dataset_file_says_is_refused(
    kept: tuple[Platform, ModelManifest],
) -> None:
    platform = kept[0]
    other = small_dataset(networks={"cnn_classifier": {"size": 32}}, predictions={"model": "cnn_classifier"})
    with pytest.raises(ModelRefusedError, match=r"pixels 16 × 16, rgb .* train it again"):
        Predictor(other, platform.store).answer(contents_of(platform, 1)[0])
