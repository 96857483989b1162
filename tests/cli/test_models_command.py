"""`image-assets models …`: what it prints, what it changes, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest
import yaml

from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.promotion.champion import LabelledImages, Trial, challenge
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.families import candidates_of
from image_assets.classifier.training.split import held_out
from image_assets.classifier.training.train import train
from image_assets.cli import main
from image_assets.features.table import feature_matrix
from image_assets.resources.extractors import ExtractorResource
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.settings.promotion import Promotion
from image_assets.store.models.model_files import load_model_of
from image_assets.store.models.model_store import ModelDescription, ids_digest, load_model, read_champion
from tests.classifier.synthetic import clusters, image_ids
from tests.cli.shapes import assert_told
from tests.platform import FIRST, SECOND, Platform, small_dataset


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Features of two days, the champion of the first and the one that took its place on the second."""
    dataset = small_dataset(extractor={"kind": "colour_statistics"})
    platform = Platform(dataset, tmp_path_factory.mktemp("kept"))
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(dataset.model_dump(mode="json")))
    extractor = ExtractorResource().extractor(dataset)
    ids, (features, labels) = np.array(image_ids(480)), clusters(480, width=extractor.width)
    days = np.repeat(np.array([FIRST, SECOND], "datetime64[D]"), 240)
    for day in (FIRST, SECOND):
        for category, label in dataset.categories.items():
            chosen = (labels == label) & (days == np.datetime64(day))
            rows = {
                "image_id": ids[chosen],
                "label": labels[chosen],
                "features": features[chosen].tolist(),
                "extractor": [extractor.digest] * int(chosen.sum()),
            }
            frame = pl.DataFrame(rows, schema_overrides={"features": pl.List(pl.Float32)})
            platform.replace_rows(IMAGE_FEATURES, Partition(day, category), frame)
    for day in (FIRST, SECOND):
        there = days <= np.datetime64(day)
        aside = held_out(ids[there].tolist(), 0.25)
        evidence = LabelledImages(features[there], labels[there], days[there], aside, lambda _, aside=aside: aside)
        x, y = evidence.features, evidence.labels
        model = train(x[~aside], y[~aside], candidates_of(dataset.classifier.candidates)[0], dataset.categories)
        evaluation = evaluate(model, x[aside], y[aside], dataset.categories)
        description = ModelDescription(
            dataset=dataset.name,
            kind="logistic_regression",
            classes=dataset.categories,
            extractor=extractor.name,
            extractor_digest=extractor.digest,
            feature_width=extractor.width,
            partitions=[(one, name) for one in (FIRST, SECOND) if one <= day for name in dataset.categories],
            training_ids_sha256=ids_digest(ids[there][~aside]),
            held_out=0.25,
            metrics=evaluation.model_dump(mode="json"),
        )
        always = Promotion(margin=0.99)
        prefix = classifier_prefix(dataset)
        challenge(platform.store.objects(), prefix, model, description, Trial(evaluation, evidence, always))
    return platform


@pytest.fixture
def platform(kept: Platform, tmp_path: Path) -> Platform:
    return kept.copy_to(tmp_path)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def models(platform: Platform, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")

    def run(action: str, *more: str) -> tuple[int, str, str]:
        places = ["--dataset", f"{platform.root}/drawn.yaml", "--store", f"{platform.root}/store"]
        status = main(["models", action, *places, *more])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def champion(platform: Platform) -> str:
    return read_champion(platform.store.objects(), classifier_prefix(platform.dataset)).sha256[:12]


def predecessor(platform: Platform) -> str:
    return str(read_champion(platform.store.objects(), classifier_prefix(platform.dataset)).replaced)[:12]


def test_the_list_names_every_model_with_its_role_and_figures(models: Run, platform: Platform) -> None:
    status, out, _ = models("list", "--history")
    assert status == 0
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "champion" in lines[champion(platform)]
    assert "predecessor" in lines[predecessor(platform)]
    assert "2026-11-03" in lines[predecessor(platform)]
    assert "first" in out
    report = json.loads(models("list", "--json", "--history")[1])
    assert {one["model"]: one["role"] for one in report["models"]} == {
        champion(platform): "champion",
        predecessor(platform): "predecessor",
    }
    assert report["history"][0]["reason"] == "first"


def test_one_model_is_shown_with_all_that_is_known(models: Run, platform: Platform) -> None:
    status, out, _ = models("show", predecessor(platform)[:5])
    assert "{" not in out
    assert " class  precision recall" in out
    assert "no worse: no worse" not in models("show")[1]
    assert status == 0
    for part in ("plant = 0", "colour_statistics", "2026-11-03 to 2026-11-03", "accuracy", "macro_f1", "scikit-learn"):
        assert part in out
    shown = json.loads(models("show", "--json")[1])
    assert shown["model"] == champion(platform)
    assert shown["manifest"]["classes"] == platform.dataset.categories


def test_rolled_back_and_promoted_again(models: Run, platform: Platform) -> None:
    new, old = champion(platform), predecessor(platform)
    status, out, _ = models("rollback")
    assert (status, champion(platform)) == (0, old)
    assert f"{old} is the champion again; {new} is not promoted by itself" in out
    assert "withdrawn" in models("list")[1]
    status, _, err = models("rollback")
    assert status == 2
    assert "has no predecessor" in " ".join(err.split())
    status, out, _ = models("promote", new[:6], "--json")
    assert_told("models promote", json.loads(out))
    assert (status, champion(platform), predecessor(platform)) == (0, new, old)
    reasons = [one["reason"] for one in json.loads(models("list", "--json", "--history")[1])["history"]]
    assert reasons[0] == "first"
    assert reasons[2:] == ["rollback", "by hand"]
    prefix = classifier_prefix(platform.dataset)
    assert load_model(platform.store.objects(), prefix)[1].sha256.startswith(new)


@pytest.mark.parametrize(
    ("beginning", "said"),
    [("abc", "at least 4 digits"), ("00000", "there is no such model; there are"), ("champion", "champion already")],
)
def test_a_model_that_cannot_be_meant_is_refused(models: Run, beginning: str, said: str) -> None:
    status, _, err = models("promote", beginning)
    assert status == 2
    assert said in " ".join(err.split())


def test_a_damaged_model_is_not_promoted_and_the_list_still_works(models: Run, platform: Platform) -> None:
    old = predecessor(platform)
    folder = platform.files / classifier_prefix(platform.dataset)
    (folder / f"model-{old}.skops").write_bytes(b"<html></html>")
    for command in (("promote", old), ("rollback",)):
        status, _, err = models(*command)
        assert status == 2
        assert f"{old} cannot be promoted" in " ".join(err.split())
        assert "was altered" in err
    (folder / f"model-{old}.json").write_bytes(b"{}")
    status, out, _ = models("list")
    assert status == 0
    assert "unreadable" in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"categories": {"plant": 1, "animal": 0, "human": 2}}, "it was trained for"),
        ({"extractor": {"kind": "efficientnet_lite0"}}, "not on those of"),
    ],
)
def test_a_model_that_does_not_fit_the_dataset_is_not_promoted(
    models: Run, platform: Platform, change: dict, said: str
) -> None:
    content = platform.dataset.model_dump(mode="json") | change
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(content))
    before = champion(platform)
    status, _, err = models("promote", predecessor(platform))
    assert status == 2
    assert said in " ".join(err.split())
    assert champion(platform) == before


def test_without_any_model_it_is_said_what_to_do(models: Run, platform: Platform) -> None:
    for file in (platform.files / classifier_prefix(platform.dataset)).glob("*.json"):
        file.unlink()
    for command, said in (("list", "run a day first"), ("rollback", "train one first"), ("show", "train one first")):
        status, _, err = models(command)
        assert status == 2
        assert said in " ".join(err.split())


def test_the_model_is_exported_byte_by_byte_and_as_onnx(models: Run, platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "model.skops"
    assert models("export", predecessor(platform), "--skops", str(file))[0] == 0
    assert hashlib.sha256(file.read_bytes()).hexdigest().startswith(predecessor(platform))
    status, out, _ = models("export", "--onnx", str(tmp_path / "model.onnx"))
    assert status == 0
    assert "differ by at most" in out
    assert "held-out images" in out
    model, _ = load_model_of(platform.store.objects(), classifier_prefix(platform.dataset), champion(platform))
    features = feature_matrix(platform.rows(IMAGE_FEATURES).head(10))
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["probabilities"], {"features": features})
    assert np.abs(probabilities - model.predict_proba(features)).max() < 1e-5
