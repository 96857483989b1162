"""`image-assets models …`: what it prints, what it changes, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import yaml

from image_assets.classifier.assets import classifier_prefix
from image_assets.classifier.families import candidates_of
from image_assets.classifier.train import train
from image_assets.cli import main
from image_assets.features.table import feature_matrix
from image_assets.schema import IMAGE_FEATURES
from io_managers.model_files import load_model_of
from io_managers.model_store import (
    ModelDescription,
    load_model,
    read_champion,
    read_manifest,
    save_model,
)
from tests.platform import Platform


@pytest.fixture(scope="module")
def kept(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The champion of two days' run, and a model of fewer rows that took its place."""
    platform = loaded_platform.copy_to(tmp_path_factory.mktemp("kept"))
    dataset = platform.dataset
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(dataset.model_dump(mode="json")))
    objects, prefix = platform.store.objects(), classifier_prefix(dataset)
    rows = platform.rows(IMAGE_FEATURES).sort("image_id")
    features, labels = feature_matrix(rows), rows["label"].to_numpy()
    model = train(features[10:], labels[10:], candidates_of(dataset.classifier.candidates)[0], dataset.categories)
    known = read_manifest(objects, prefix).model_dump(include=set(ModelDescription.model_fields))
    save_model(objects, prefix, model, ModelDescription.model_validate(known))
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
    assert "2026-11-04" in lines[predecessor(platform)]
    assert "first" in out
    report = json.loads(models("list", "--json", "--history")[1])
    assert {one["model"]: one["role"] for one in report["models"]} == {
        champion(platform): "champion",
        predecessor(platform): "predecessor",
    }
    assert report["history"][0]["reason"] == "first"


def test_one_model_is_shown_with_all_that_is_known(models: Run, platform: Platform) -> None:
    status, out, _ = models("show", predecessor(platform)[:5])
    assert status == 0
    for part in ("plant = 0", "efficientnet_lite0", "2026-11-03 to 2026-11-04", "accuracy", "macro_f1", "scikit-learn"):
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
    status, out, _ = models("promote", new[:6])
    assert (status, champion(platform), predecessor(platform)) == (0, new, old)
    reasons = [one["reason"] for one in json.loads(models("list", "--json", "--history")[1])["history"]]
    assert reasons == ["first", "rollback", "by hand"]
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
    folder = platform.root / "store" / classifier_prefix(platform.dataset)
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
        ({"extractor": {"kind": "colour_statistics"}}, "not on those of"),
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
    for file in (platform.root / "store" / classifier_prefix(platform.dataset)).glob("*.json"):
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
