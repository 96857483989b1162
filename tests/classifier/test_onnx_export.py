"""ONNX files: the same answers as the model, or none at all."""

from __future__ import annotations

import datetime as dt
import json
from functools import cache, partial

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
from pydantic import TypeAdapter
from sklearn.pipeline import Pipeline

from image_assets.classifier.export import onnx_export, onnx_familiarity
from image_assets.classifier.export.onnx_export import (
    FAMILIARITY_TOLERANCE,
    TOLERANCE,
    ExportRefusedError,
    export_onnx,
)
from image_assets.classifier.export.probes import generated_probes
from image_assets.classifier.training.familiarity import familiar as calibrated
from image_assets.classifier.training.families import candidates_of, fit, logistic_regression
from image_assets.classifier.training.selection import TrainingRows
from image_assets.classifier.training.train import train
from image_assets.features.extractor import shared_extractor
from image_assets.predictions.score import Scorer
from image_assets.settings.classifier import AnyFamily, Classifier, Transform
from image_assets.settings.stages import EfficientNetLite
from image_assets.store.models.model_files import ModelManifest, ids_digest
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.store.models.skops_files import dump_model, parse_model
from tests.classifier.synthetic import CLASSES, clusters, image_ids

WIDTH = 12
SMALL: dict[str, dict] = {
    "logistic_regression": {"regularisation": [0.001]},
    "support_vector_machine": {"c": [1]},
    "neural_network": {"hidden": [[8]], "max_iterations": 60},
    "random_forest": {"trees": [5], "max_depth": [4]},
    "gradient_boosting": {"rounds": [5], "leaves": [5]},
}


@cache
def trained(kind: str, transform: Transform = "none", temperature: float = 1) -> SklearnModel:
    family = TypeAdapter(AnyFamily).validate_python({"kind": kind, **SMALL[kind]})
    features, labels = clusters(240, width=WIDTH)
    return train(features, labels, candidates_of([family], transform)[0].tempered(temperature), CLASSES)


@cache
def familiar(kind: str, transform: Transform) -> SklearnModel:
    """A model that can tell how familiar an image looks."""
    family = TypeAdapter(AnyFamily).validate_python({"kind": kind, **SMALL[kind]})
    features, labels = clusters(240, width=WIDTH)
    learn = partial(fit, candidates_of([family], transform)[0], 0, probabilities=True)
    rows = TrainingRows(features, labels, pl.Series(image_ids(len(labels))))
    known = calibrated(learn, rows, 0)
    assert known is not None
    return known.on(trained(kind, transform))


def manifest(kind: str) -> ModelManifest:
    return ModelManifest(
        dataset="drawn",
        kind=kind,
        classes=CLASSES,
        extractor="e",
        extractor_digest="abc",
        feature_width=WIDTH,
        partitions=[(dt.date(2026, 11, 20), "plant")],
        training_ids_sha256=ids_digest([]),
        held_out=0.25,
        metrics={},
        libraries={},
        file="model-000000000000.skops",
        sha256="0" * 64,
    )


@pytest.mark.parametrize(
    ("kind", "transform", "temperature"),
    [
        ("logistic_regression", "none", 1),
        ("logistic_regression", "root", 2.5),
        ("support_vector_machine", "root", 1),
        ("neural_network", "root", 1),
    ],
)
def test_the_file_answers_as_the_model_does_and_says_what_it_is(
    kind: str, transform: Transform, temperature: float
) -> None:
    model = trained(kind, transform, temperature)
    exported = export_onnx(model, manifest(kind), generated_probes(model, 200))
    assert exported.difference <= TOLERANCE
    graph = onnx.load_from_string(exported.content)
    onnx.checker.check_model(graph)
    said = {one.key: one.value for one in graph.metadata_props}
    assert json.loads(said["classes"]) == CLASSES
    assert json.loads(said["labels"]) == model.classes.tolist()
    assert (said["sha256"], said["extractor_digest"]) == ("0" * 64, "abc")
    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    features, _ = clusters(50, width=WIDTH, seed=7)
    for rows in (features, features[:1]):
        labels, probabilities = session.run(["label", "probabilities"], {"features": rows})
        assert np.abs(probabilities - model.predict_proba(rows)).max() <= TOLERANCE
        assert np.array_equal(np.asarray(labels), model.predict(rows)) or kind == "support_vector_machine"


def test_mirrored_pictures_that_training_did_not_see_are_answered_alike_by_every_form() -> None:
    """Root, scaler and temperature are in the file; the features are those of the extractor, mirror images included."""
    drawn = np.random.default_rng(0).integers(0, 255, (36, 240, 240, 3), np.uint8)
    labels = np.arange(36, dtype=np.int16) % 3
    for row, label in enumerate(labels):
        drawn[row, ..., label] //= 3
    extractor = shared_extractor(EfficientNetLite(kind="efficientnet_lite0", mirrored=True))
    rows = extractor.infer(np.stack([extractor.prepare(pixels) for pixels in drawn]))
    model = train(rows[:24], labels[:24], logistic_regression(0.01).tempered(1.7).transformed("root"), CLASSES)
    about = manifest("logistic_regression").model_copy(update={"feature_width": rows.shape[1]})
    exported = export_onnx(model, about, rows[24:])
    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    answers = model.predict_proba(rows[24:])
    (found,) = session.run(["probabilities"], {"features": rows[24:]})
    assert np.abs(np.asarray(found) - answers).max() <= TOLERANCE
    assert np.array_equal(parse_model(dump_model(model)).predict_proba(rows[24:]), answers)
    # Without the step other answers come out: it is not passed over.
    bare = SklearnModel(Pipeline(model.pipeline.steps[1:]))
    assert np.abs(bare.predict_proba(rows[24:]) - answers).max() > 0.01


@pytest.mark.parametrize("kind", ["logistic_regression", "support_vector_machine", "neural_network"])
@pytest.mark.parametrize("transform", ["root", "none"])
def test_what_is_unknown_to_the_model_is_unknown_to_the_file(kind: str, transform: Transform) -> None:
    model, spec = familiar(kind, transform), Classifier(held_back=0.3, unknown_below=0.6)
    exported = export_onnx(model, manifest(kind), generated_probes(model, 200), spec)
    onnx.checker.check_model(onnx.load_from_string(exported.content), full_check=True)
    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    # Pictures that training never saw, and what is like nothing it saw.
    rows = np.concatenate(
        [clusters(300, width=WIDTH, seed=7)[0], 5 * clusters(100, width=WIDTH, seed=8, separation=0)[0]]
    )
    for some in (rows, rows[:1]):
        familiarity, unknown = map(np.asarray, session.run(["familiarity", "unknown"], {"features": some}))
        found = Scorer.of(model, manifest(kind), spec).ranked(some)
        assert found.familiarity is not None
        near = np.abs(found.familiarity - 0.3) < FAMILIARITY_TOLERANCE
        np.testing.assert_allclose(familiarity, found.familiarity, atol=FAMILIARITY_TOLERANCE)
        assert np.array_equal(unknown[~near], found.unknown[~near])
    assert 0.1 < unknown_share(session, rows) < 0.97


def unknown_share(session: onnxruntime.InferenceSession, rows: np.ndarray) -> float:
    (unknown,) = session.run(["unknown"], {"features": rows})
    return float(np.mean(np.asarray(unknown)))


def test_a_model_that_cannot_tell_says_unknown_by_the_probability_alone() -> None:
    model = trained("logistic_regression")
    exported = export_onnx(
        model, manifest("logistic_regression"), generated_probes(model, 200), Classifier(unknown_below=0.9)
    )
    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_outputs()] == ["label", "probabilities", "unknown"]
    rows, _ = clusters(100, width=WIDTH, seed=7)
    (unknown,) = session.run(["unknown"], {"features": rows})
    assert np.array_equal(
        np.asarray(unknown), model.predict_proba(rows).max(axis=1).astype(np.float32) < np.float32(0.9)
    )


@pytest.mark.parametrize("weight", ["WEIGHT", "UNUSUAL"])
def test_another_familiarity_is_refused(weight: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of nodes with a fault: closeness to the category itself, or an unusual length, is weighed otherwise."""
    model = familiar("logistic_regression", "root")
    monkeypatch.setattr(onnx_familiarity, weight, 2.0)
    with pytest.raises(
        ExportRefusedError, match=r"familiarity that the ONNX file gives differs by up to \d.*allowed: 0.001.*--skops"
    ):
        export_onnx(model, manifest("logistic_regression"), generated_probes(model, 200))


def test_another_answer_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The export of another model than the one that is compared, as of a converter with a fault."""
    one = trained("logistic_regression")
    other = trained("neural_network")
    real = onnx_export._converted
    monkeypatch.setattr(onnx_export, "_converted", lambda _, about, spec: real(other, about, spec))
    with pytest.raises(ExportRefusedError, match=r"differ by up to 0\.\d+ \(allowed: 1e-05\).*--skops"):
        export_onnx(one, manifest("logistic_regression"), generated_probes(one, 200))


def thresholds(model: SklearnModel) -> list[tuple[int, float]]:
    """Feature and threshold of every split of a forest or of boosted trees."""
    fitted = model.pipeline.named_steps["classify"]
    if hasattr(fitted, "estimators_"):
        trees = [one.tree_ for one in fitted.estimators_]
        return [(int(f), float(t)) for one in trees for f, t in zip(one.feature, one.threshold, strict=True) if f >= 0]
    nodes = np.concatenate([tree.nodes for round_ in fitted._predictors for tree in round_])
    nodes = nodes[nodes["is_leaf"] == 0]
    return [(int(f), float(t)) for f, t in zip(nodes["feature_idx"], nodes["num_threshold"], strict=True)]


def beside_the_thresholds(model: SklearnModel) -> np.ndarray:
    """Rows of which one feature is, in float32, the nearest to a threshold, or one of its neighbours."""
    scaler = model.pipeline.named_steps["scale"]
    rows = []
    for feature, threshold in thresholds(model):
        value = np.float32(scaler.mean_[feature] + threshold * scaler.scale_[feature])
        for _ in range(3):
            value = np.nextafter(value, np.float32(-np.inf))
        for _ in range(7):
            row = scaler.mean_.astype(np.float32)
            row[feature] = value
            rows.append(row)
            value = np.nextafter(value, np.float32(np.inf))
    return np.array(rows)


@pytest.mark.parametrize("kind", ["random_forest", "gradient_boosting"])
def test_trees_are_refused_where_a_rounded_number_goes_the_other_way_at_a_threshold(kind: str) -> None:
    model = trained(kind)
    with pytest.raises(ExportRefusedError, match="--skops"):
        export_onnx(model, manifest(kind), beside_the_thresholds(model))


def test_a_model_that_nobody_can_convert_is_refused() -> None:
    class Unheard(type(trained("logistic_regression").pipeline.named_steps["classify"])):
        pass

    model = trained("logistic_regression")
    strange = SklearnModel(Pipeline([("scale", model.pipeline.named_steps["scale"]), ("classify", Unheard())]))
    with pytest.raises(ExportRefusedError, match="cannot be written as ONNX"):
        export_onnx(strange, manifest("logistic_regression"), generated_probes(model, 5))


def test_generated_rows_are_what_the_scaler_has_seen() -> None:
    model = trained("logistic_regression")
    rows = generated_probes(model, 2_000)
    assert rows.dtype == np.float32
    assert np.allclose(model.pipeline.named_steps["scale"].transform(rows).std(axis=0), 1, atol=0.1)
