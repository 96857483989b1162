"""A network's ONNX and Keras files: the same answers as the network, or no file at all."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import onnxruntime
import pytest
import yaml

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")
pytest.importorskip("tf2onnx", reason="the extra export is not installed")

import keras

from image_assets.classifier.export.onnx_export import ExportRefusedError
from image_assets.cli import main
from image_assets.networks.export import files
from image_assets.networks.export.files import SAID, TOLERANCE, Kind, export_network
from image_assets.networks.export.pictures import picture_probes
from image_assets.networks.export.whole import whole_network
from image_assets.networks.pixels import PixelForm
from image_assets.networks.places import CNN_CLASSIFIER, cnn_prefix
from image_assets.networks.presets import cnn
from image_assets.settings.classifier import Classifier
from image_assets.settings.networks import CnnPreset
from image_assets.store.models.model_files import ModelManifest, load_model_of
from image_assets.store.models.network_model import NetworkDescription, NetworkModel
from tests.networks.kept import keep_network, with_networks
from tests.platform import Platform

KINDS: tuple[Kind, ...] = get_args(Kind)
CLASSES = {"animal": 0, "plant": 3, "stone": 7}


def network(preset: CnnPreset = "separable", seed: int = 4, temperature: float = 0.4, side: int = 32) -> NetworkModel:
    """One whose answers differ from picture to picture, though it has learnt nothing."""
    about = NetworkDescription(
        preset=preset,
        size=side,
        colour="grey" if preset == "original" else "rgb",
        classes=tuple(CLASSES.values()),
        temperature=temperature,
        trained_rows=9,
        converged=True,
    )
    made = cnn(preset, about.shape, 3, seed)
    random = np.random.default_rng(seed)
    last = made.get_layer("answers")
    kernel, bias = last.get_weights()
    last.set_weights([kernel * 3, random.normal(0, 0.1, bias.shape)])
    return NetworkModel(made, about)


def manifest_of(model: NetworkModel) -> ModelManifest:
    return ModelManifest(
        dataset="drawn",
        kind=CNN_CLASSIFIER,
        candidate=model.about.preset,
        classes=CLASSES,
        extractor="pixels",
        extractor_digest=PixelForm(model.about.size, model.about.colour).digest,
        feature_width=int(np.prod(model.about.shape)),
        partitions=[],
        training_ids_sha256="0" * 64,
        held_out=0.25,
        metrics={},
        libraries={},
        model_format="safetensors",
        file="model-000000000000.safetensors",
        sha256="0" * 64,
    )


def pictures_for(model: NetworkModel, number: int = 40) -> np.ndarray:
    """Noise of every brightness and contrast."""
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (number, *model.about.shape))
    return (noise * random.uniform(0.05, 1, (number, 1, 1, 1))).astype(np.uint8)


def answers(content: bytes, pictures: np.ndarray, folder: Path) -> np.ndarray:
    """Probabilities of a file's own, ONNX or Keras, by nothing but the libraries."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        (folder / "some.keras").write_bytes(content)
        loaded: Any = keras.saving.load_model(folder / "some.keras")
        return np.asarray(loaded(pictures))
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["probabilities"], {"pictures": pictures})[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("preset", ["original", "separable", "mobilenet_v2"])
def test_the_file_answers_as_the_network_does(kind: Kind, preset: CnnPreset, tmp_path: Path) -> None:
    model = network(preset)
    pictures = pictures_for(model)
    exported = export_network(model, manifest_of(model), kind, pictures, Classifier())
    assert (exported.pictures, exported.same) == (40, 40)
    assert exported.difference <= TOLERANCE
    for some in (pictures_for(model, 7), pictures[:1]):
        found = answers(exported.content, some, tmp_path)
        assert found.dtype == np.float32
        assert np.abs(found - model.predict_proba(some)).max() <= TOLERANCE


def test_answers_differ_from_picture_to_picture() -> None:
    """Else a comparison on these would show nothing."""
    model = network()
    assert np.ptp(model.predict_proba(pictures_for(model)), axis=0).max() > 100 * TOLERANCE


def test_the_onnx_file_says_what_it_is_and_what_is_unknown() -> None:
    model = network()
    pictures = pictures_for(model)
    highest = model.predict_proba(pictures).max(axis=1)
    spec = Classifier(unknown_below=float(np.median(highest)))
    content = export_network(model, manifest_of(model), "onnx", pictures, spec).content
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    said = {one.key: one.value for one in onnx.load_from_string(content).metadata_props}
    assert (json.loads(said["classes"]), json.loads(said["labels"])) == (CLASSES, [0, 3, 7])
    assert json.loads(said["unknown_below"]) == spec.unknown_below
    assert json.loads(said["pictures"])["image_size"] == 32
    assert (json.loads(said["pictures"])["colour"], json.loads(said["pictures"])["fit"]) == ("rgb", "squash")
    assert said["pictures_digest"] == PixelForm(32, "rgb").digest
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    label, unknown = map(np.asarray, session.run(["label", "unknown"], {"pictures": pictures}))
    assert (label.dtype, unknown.dtype) == (np.int64, np.bool_)
    assert np.array_equal(label, model.predict(pictures))
    decided = np.abs(highest - spec.unknown_below) > TOLERANCE
    assert np.array_equal(unknown[decided], highest[decided] < spec.unknown_below)
    assert 0 < unknown.mean() < 1


def test_the_keras_file_says_the_same_and_is_made_of_keras_layers_alone() -> None:
    model = network("original")
    content = export_network(model, manifest_of(model), "keras", pictures_for(model), Classifier()).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["config.json", SAID, "metadata.json", "model.weights.h5"]
        said, config = json.loads(archive.read(SAID)), json.loads(archive.read("config.json"))
    assert json.loads(said["classes"]) == CLASSES
    assert json.loads(said["pictures"])["colour"] == "grey"
    made_of: list[dict[str, Any]] = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            made_of.extend([value] if "class_name" in value else [])
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                look(one)

    look(config)
    assert len(made_of) > 10
    assert {str(one["module"]).split(".")[0] for one in made_of if one.get("module")} == {"keras"}
    assert {one.get("registered_name") for one in made_of} <= {None, "Functional"}
    assert "Lambda" not in {one["class_name"] for one in made_of}


def faulty(fault: str, model: NetworkModel) -> Any:
    """What stands for the network in the file, wrongly."""
    match fault:
        case "another network":
            return whole_network(network(seed=5))
        case "no temperature":
            return whole_network(network(temperature=1.0))
        case "scaled twice":
            given = keras.Input(model.about.shape, dtype="uint8", name="pictures")
            halved = keras.layers.Rescaling(1 / 255**2)(given)
            return keras.Model(given, cnn_of(model)(halved))
        case "columns in another order":
            whole = whole_network(model)
            last = whole.layers[-1].get_layer("answers")
            last.set_weights([one[..., ::-1] for one in last.get_weights()])
            return whole
    raise AssertionError(fault)


def cnn_of(model: NetworkModel) -> Any:
    """The network with its temperature, from pictures in [0, 1]."""
    return whole_network(model).layers[-1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["another network", "no temperature", "scaled twice", "columns in another order"])
def test_a_file_that_answers_otherwise_is_refused(kind: Kind, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    monkeypatch.setattr(files, "whole_network", lambda asked: faulty(fault, asked))
    other = "--keras" if kind == "onnx" else "--onnx"
    with pytest.raises(
        ExportRefusedError, match=rf"the {kind} file differ by up to 0\.\d+ \(allowed: 0.0001\).*{other}"
    ):
        export_network(model, manifest_of(model), kind, pictures_for(model), Classifier())


def test_a_file_to_which_something_else_is_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model, written = network(), files._as_onnx
    monkeypatch.setattr(
        files, "_as_onnx", lambda asked, about, said, _: written(asked, about, said, Classifier(unknown_below=0.99))
    )
    with pytest.raises(ExportRefusedError, match=r"what is unknown [1-9]\d* times; export it with --keras"):
        export_network(model, manifest_of(model), "onnx", pictures_for(model), Classifier())


@pytest.fixture(scope="module")
def kept(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, ModelManifest]:
    platform = with_networks(loaded_platform, tmp_path_factory.mktemp("export"))
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    return platform, keep_network(platform)


def export(platform: Platform, *words: str) -> int:
    places = ["--dataset", str(platform.root / "drawn.yaml"), "--store", str(platform.store.url)]
    return main(["models", "export", *words, *places])


@pytest.mark.parametrize("kind", KINDS)
def test_the_champion_is_exported_by_command(
    kind: Kind, kept: tuple[Platform, ModelManifest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform, manifest = kept
    file = tmp_path / f"network.{kind}"
    assert export(platform, "--model", CNN_CLASSIFIER, f"--{kind}", str(file)) == 0
    said = " ".join(capsys.readouterr().out.split())
    # What was kept says of nothing that it was trained on it: no picture is called held-out.
    assert f"{manifest.file} of drawn: {file}" in said
    assert "answers are the same, probabilities differ by at most" in said
    assert "pictures, on some of which it may have been trained" in said
    model, _ = load_model_of(platform.store.objects(), cnn_prefix(platform.dataset), manifest.sha256)
    assert isinstance(model, NetworkModel)
    probes = picture_probes(platform.dataset, platform.store, model, manifest)
    found = answers(file.read_bytes(), probes.pictures, tmp_path)
    assert np.abs(found - model.predict_proba(probes.pictures)).max() <= TOLERANCE


def test_what_a_model_cannot_be_written_as_is_said(
    kept: tuple[Platform, ModelManifest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform, manifest = kept
    digits, file = manifest.sha256[:12], tmp_path / "some"
    assert export(platform, digits, "--skops", str(file)) == 2
    assert f"{digits} is of cnn_classifier: give --onnx or --keras" in " ".join(capsys.readouterr().err.split())
    assert export(platform, "--model", "classifier", "--keras", str(file)) == 2
    assert "is of classifier: give --onnx or --skops" in " ".join(capsys.readouterr().err.split())
    assert not file.exists()
    # Without a word on the model, a file that only one of them can have says which.
    assert export(platform, "--skops", str(file)) == 0
    assert export(platform, "--keras", str(file)) == 0
    assert zipfile.is_zipfile(file)


@pytest.mark.parametrize(
    ("missing", "kind", "said"),
    [("keras", "keras", '"image-assets[networks]"'), ("tf2onnx", "onnx", '"image-assets[networks,export]"')],
)
def test_what_is_not_installed_is_said_in_a_line(
    missing: str,
    kind: str,
    said: str,
    kept: tuple[Platform, ModelManifest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    file = tmp_path / "some"
    assert export(kept[0], "--model", CNN_CLASSIFIER, f"--{kind}", str(file)) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert said in line
    assert not file.exists()
