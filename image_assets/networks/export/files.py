"""Networks as ONNX and Keras files; only where the file, read again, gives the same answers as the network."""

from __future__ import annotations

import json
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, assert_never

import keras
import numpy as np

from image_assets.classifier.export.onnx_export import LABEL, PROBABILITIES, ExportRefusedError
from image_assets.classifier.export.onnx_familiarity import UNKNOWN
from image_assets.features.tensorflow_onnx import onnx_graph
from image_assets.networks.export.whole import INPUT, said_of, whole_network
from image_assets.settings.classifier import Classifier
from image_assets.store.models.model import Model
from image_assets.store.models.model_files import ModelManifest
from image_assets.store.models.network_model import NetworkModel

Kind = Literal["onnx", "keras"]
TOLERANCE = 1e-4
"""Of probabilities. Both forms calculate in 32 bits, through up to a hundred layers, and sum in orders of their own."""
SAID = "image_assets.json"
"""The member of a Keras file, which is a ZIP archive, that says what the network is; Keras passes it over."""
_BATCH = 32
INSTALL = 'pip install "image-assets[networks,export]"'


@dataclass(frozen=True)
class ExportedNetwork:
    """A network's file, and how it was compared with the network.

    Attributes:
        content: Of the file.
        pictures: On how many pictures.
        same: On how many of them both give the same answer.
        difference: Of two probabilities, at most.
    """

    content: bytes
    pictures: int
    same: int
    difference: float

    def __str__(self) -> str:
        return (
            f"{self.same:,} of {self.pictures:,} answers are the same, probabilities differ by at most "
            f"{self.difference:.1e}"
        )


def export_network(
    model: Model, manifest: ModelManifest, kind: Kind, pictures: np.ndarray, spec: Classifier
) -> ExportedNetwork:
    """A network as a file for others, after the answers of both were compared.

    Either takes prepared pictures, uint8 [N, H, W, C], and gives probabilities, float32 [N, K] in the ascending order
    of labels. The ONNX graph calls them `pictures` and `probabilities`, and gives `label`, int64 [N], and `unknown`,
    bool [N], too. Both say the same of the network (see `said_of`): as metadata of the graph, and as
    `image_assets.json` in the Keras file, which holds layers of Keras' own and numbers, and loads with `safe_mode`.

    Args:
        model: A network.
        manifest: Of it.
        kind: Of the file.
        pictures: uint8 [N, H, W, C], on which both are asked.
        spec: What is unknown.

    Raises:
        ExportRefusedError: tf2onnx is not installed or cannot convert it; or a probability differs by more than 1e-4,
            or an answer or what is unknown does, other than where probabilities are as near as that.
    """
    if not isinstance(model, NetworkModel):
        raise ExportRefusedError(f"{manifest.file}: models of the format {model.format} are not networks")
    said = said_of(model, manifest, spec)
    content = _as_onnx(model, manifest, said, spec) if kind == "onnx" else _as_keras(model, said)
    label, probabilities, unknown = _answers(content, kind, pictures, model.classes, spec)
    expected = model.predict_proba(pictures)
    shapes = probabilities.shape == expected.shape
    difference = float(np.abs(probabilities - expected).max()) if shapes else float("inf")
    same = label == model.classes[expected.argmax(axis=1)]
    highest = expected.max(axis=1)
    certain = np.ptp(np.sort(expected, axis=1)[:, -2:], axis=1) > 2 * TOLERANCE
    decided = np.abs(highest - spec.unknown_below) > TOLERANCE
    also_unknown = unknown == (highest < spec.unknown_below)
    if not difference <= TOLERANCE or not same[certain].all() or not also_unknown[decided].all():
        raise ExportRefusedError(
            f"{manifest.file} ({manifest.candidate}) is not exported: on {len(pictures):,} pictures the probabilities "
            f"of the {kind} file differ by up to {difference:.2g} (allowed: {TOLERANCE:g}), {int((~same).sum()):,} "
            f"answers do, and what is unknown {int((~also_unknown).sum()):,} times; export it with "
            f"{'--keras' if kind == 'onnx' else '--onnx'}"
        )
    return ExportedNetwork(content, len(pictures), int(same.sum()), difference)


def _as_onnx(model: NetworkModel, manifest: ModelManifest, said: dict[str, str], spec: Classifier) -> bytes:
    import tensorflow as tf

    whole, labels = whole_network(model), tf.constant(model.classes)

    @tf.function(input_signature=[tf.TensorSpec([None, *model.about.shape], tf.uint8, INPUT)])
    def answered(pictures: Any) -> Any:
        found = whole(pictures, training=False)
        return tf.gather(labels, tf.argmax(found, axis=1)), found, tf.reduce_max(found, axis=1) < spec.unknown_below

    try:
        graph = onnx_graph(answered, INPUT, LABEL, PROBABILITIES, UNKNOWN)
    except ImportError as error:
        raise ExportRefusedError(f"this needs tf2onnx ({error}): {INSTALL}") from None
    except Exception as error:
        # The converter raises whatever its innermost functions do.
        raise ExportRefusedError(
            f"{manifest.file} ({manifest.candidate}) cannot be written as ONNX: {error}. Export it with --keras"
        ) from error
    for key, value in said.items():
        graph.metadata_props.add(key=key, value=value)
    return graph.SerializeToString(deterministic=True)


def _as_keras(model: NetworkModel, said: dict[str, str]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="image-assets-") as folder:
        file = Path(folder) / "network.keras"
        keras.saving.save_model(whole_network(model), file)
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr(SAID, json.dumps(said, ensure_ascii=False, indent=1))
        return file.read_bytes()


def _answers(
    content: bytes, kind: Kind, pictures: np.ndarray, labels: np.ndarray, spec: Classifier
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels [N], probabilities [N, K] and what is unknown, bool [N], as one gets them who has only the file."""
    match kind:
        case "onnx":
            import onnxruntime

            session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
            names = [LABEL, PROBABILITIES, UNKNOWN]
            parts = [
                [np.asarray(one) for one in session.run(names, {INPUT: pictures[start : start + _BATCH]})]
                for start in range(0, len(pictures), _BATCH)
            ]
            label, probabilities, unknown = (np.concatenate(one) for one in zip(*parts, strict=True))
            return label, probabilities, unknown
        case "keras":
            with tempfile.TemporaryDirectory(prefix="image-assets-") as folder:
                file = Path(folder) / "network.keras"
                file.write_bytes(content)
                loaded: Any = keras.saving.load_model(file, safe_mode=True)
            probabilities = np.asarray(loaded.predict(pictures, batch_size=_BATCH, verbose=0))
            return labels[probabilities.argmax(axis=1)], probabilities, probabilities.max(axis=1) < spec.unknown_below
    assert_never(kind)
