"""Models as ONNX files, for runtimes without scikit-learn; only where both give the same answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto
from sklearn.pipeline import Pipeline

from image_assets.classifier.export.onnx_familiarity import FAMILIARITY, add_unknown
from image_assets.classifier.export.onnx_root import register_root
from image_assets.classifier.promotion.by_hand import ModelCommandError
from image_assets.settings.classifier import Classifier
from image_assets.store.models.model import Model
from image_assets.store.models.model_files import ModelManifest
from image_assets.store.models.sklearn_model import SklearnModel

TOLERANCE = 1e-5
FAMILIARITY_TOLERANCE = 1e-3
_USUAL = Classifier()
INPUT, LABEL, PROBABILITIES = "features", "label", "probabilities"
_OPSET = 18


class ExportRefusedError(ModelCommandError):
    """The model cannot be had as an ONNX file that gives the same answers; the message says why, and what there is."""


@dataclass(frozen=True)
class ExportedModel:
    """An ONNX file, and how far its probabilities are from those of the model, at most."""

    content: bytes
    difference: float


def export_onnx(model: Model, manifest: ModelManifest, probes: np.ndarray, spec: Classifier = _USUAL) -> ExportedModel:
    """Convert a model and compare the answers of both.

    The graph takes `features`, float32 [N, D], and gives `label`, int64 [N], and `probabilities`, float32 [N, K] in the
    ascending order of the labels, and `unknown`, bool [N]; a model that can tell gives `familiarity`, float32 [N], too.
    Its metadata hold `dataset`, `classes` (category → label, JSON), `labels` (of the columns, JSON), `unknown_below`
    and `held_back` as the dataset file has them, `extractor_digest` and `sha256` of the model file. ONNX Runtime counts
    in float32 where scikit-learn counts in float64: a tree whose threshold is rounded may send an image the other way.

    Args:
        model: A fitted one.
        manifest: Of that model.
        probes: float32 [N, D], on which the answers are compared.
        spec: What is unknown.

    Raises:
        ExportRefusedError: there is no converter for it (or skl2onnx is not installed), or the answers differ by more
            than 1e-5, or what is unknown.
    """
    graph = _converted(model, manifest, spec)
    expected = model.predict_proba(probes)
    content = graph.SerializeToString()
    answers = _answers(content, probes)
    found, labels = answers[PROBABILITIES], answers[LABEL]
    difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
    certain = np.ptp(np.sort(expected, axis=1)[:, -2:], axis=1) > 2 * TOLERANCE
    same = labels == model.classes[expected.argmax(axis=1)]
    if not difference <= TOLERANCE or not same[certain].all():
        raise ExportRefusedError(
            f"{manifest.file} ({manifest.kind}) is not exported: on {len(probes):,} rows the probabilities of the ONNX "
            f"file differ by up to {difference:.2g} (allowed: {TOLERANCE:g}), and {int(np.sum(~same)):,} answers. "
            "Export it with --skops, or choose another kind of classifier"
        )
    familiarity = model.familiarity(probes, expected.argmax(axis=1))
    if familiarity is not None:
        away = float(np.abs(answers[FAMILIARITY] - familiarity)[certain].max(initial=0))
        if not away <= FAMILIARITY_TOLERANCE:
            raise ExportRefusedError(
                f"{manifest.file} ({manifest.kind}) is not exported: on {len(probes):,} rows the familiarity that the "
                f"ONNX file gives differs by up to {away:.2g} (allowed: {FAMILIARITY_TOLERANCE:g}). Export it with "
                "--skops"
            )
    return ExportedModel(content, difference)


def _converted(model: Model, manifest: ModelManifest, spec: Classifier) -> ModelProto:
    if not isinstance(model, SklearnModel):
        raise ExportRefusedError(f"{manifest.file}: models of the format {model.format} are not written as ONNX")
    try:
        # An extra: few need it.
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType
        from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
    except ImportError as error:
        raise ExportRefusedError('this needs skl2onnx: pip install "image-assets[export]"') from error
    register_root()
    # Known images change nothing of what passes by; what they say is added below.
    plain = Pipeline([step for step in model.pipeline.steps if step[0] != "known"])
    try:
        shape: Any = FloatTensorType([None, manifest.feature_width])  # its stubs ask for plain numbers
        graph = to_onnx(
            plain,
            initial_types=[(INPUT, shape)],
            options={id(plain): {"zipmap": False}},
            target_opset=_OPSET,
        )
    except (MissingConverter, MissingShapeCalculator, NotImplementedError, RuntimeError, ValueError) as error:
        raise ExportRefusedError(
            f"{manifest.file} ({manifest.kind}) cannot be written as ONNX: {error}. Export it with --skops"
        ) from error
    assert isinstance(graph, ModelProto)
    add_unknown(graph, model, INPUT, PROBABILITIES, spec)
    said = {
        "dataset": manifest.dataset,
        "classes": json.dumps(manifest.classes, ensure_ascii=False),
        "labels": json.dumps(model.classes.tolist()),
        "unknown_below": json.dumps(spec.unknown_below),
        "held_back": json.dumps(spec.held_back),
        "extractor_digest": manifest.extractor_digest,
        "sha256": manifest.sha256,
    }
    for key, value in said.items():
        graph.metadata_props.add(key=key, value=value)
    return graph


def _answers(content: bytes, probes: np.ndarray) -> dict[str, np.ndarray]:
    """What ONNX Runtime gives, by the names of the outputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, map(np.asarray, session.run(names, {INPUT: probes})), strict=True))
