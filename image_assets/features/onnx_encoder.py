"""Any model of pictures as an extractor, from an ONNX file; onnxruntime runs it on the threads of its callers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from image_assets.features.batching import BatchIndependent, one_by_one, same_in_batches
from image_assets.features.comparison_images import comparison_images
from image_assets.features.digest import extractor_digest
from image_assets.features.errors import EncoderError
from image_assets.features.model_files import model_file
from image_assets.features.onnx_file import metadata_of, preprocessor_beside, read_onnx, serialised
from image_assets.features.onnx_input import ImageInput, image_input
from image_assets.features.onnx_session import register_for_release, start_session
from image_assets.features.onnx_surgery import IMAGES, choose_output, with_pooling, with_preprocessing
from image_assets.features.pixel_rules import PixelRules, Said, first_said, rules_of
from image_assets.features.preprocessor_config import said_by_file, said_by_metadata
from image_assets.settings.encoders import OnnxModel
from image_assets.wording import in_brief

if TYPE_CHECKING:
    import onnx
    import onnxruntime


@dataclass(frozen=True)
class _Fitted:
    """A model as a runtime takes it: pictures in, vectors out.

    Attributes:
        content: The graph.
        weights: Digest of the files it was read from.
        taken: What it took before.
        rules: What pixels become.
        output: Which of its values the features are.
    """

    content: bytes
    weights: str
    taken: ImageInput
    rules: PixelRules
    output: str


class OnnxExtractor(BatchIndependent):
    """An ONNX model that takes pictures and gives vectors, maps or rows of tokens.

    A row's features do not depend on the other rows of the batch: that is tried on a few pictures, and a model of which
    more than the last bits differ is refused; where those do, pictures are run one by one.

    Args:
        spec: Which model, and what the dataset file says of it.

    Raises:
        EncoderError: it cannot be had, or does not fit what is said of it. All of this shows here, before the first
            image.
    """

    def __init__(self, spec: OnnxModel) -> None:
        fitted = _fitted(spec)
        super().__init__(fitted.rules.resize)
        self.name = "onnx"
        self.digest = extractor_digest(
            fitted.weights,
            {
                "extractor": self.name,
                **fitted.rules.settings,
                "layout": fitted.taken.layout,
                "output": fitted.output,
                "pooling": spec.pooling,
            },
        )
        self._model = spec.file
        self._session = _session(fitted.content, spec.file)
        self._singly = fitted.taken.batch == 1
        self.width = self._run(np.zeros((1, *self.shape), np.uint8)).shape[1]
        self._singly = self._singly or not same_in_batches(self._run, self.image_size, spec.file)
        register_for_release(self._session)

    def _run(self, batch: np.ndarray) -> np.ndarray:
        if self._singly and len(batch) > 1:
            return one_by_one(self._run, batch)
        return _run(self._session, batch, self._model)


def _fitted(spec: OnnxModel) -> _Fitted:
    file = model_file(spec.file, spec.sha256)
    model, weights = read_onnx(file, spec.file)
    taken = image_input(model.graph, spec.file, spec.input, spec.layout)
    rules = rules_of(first_said(_sources(spec, file, model, taken)), spec.file, taken.dtype == np.uint8)
    if taken.side not in (None, rules.resize.size):
        raise EncoderError(
            f"{spec.file}: takes squares of {taken.side} pixels, and pictures would be made {rules.resize.size}; "
            "correct the extractor's image_size"
        )
    output = choose_output(model, spec.output, spec.file)
    with_preprocessing(model, taken, rules)
    shape = _shape_of_one(serialised(model, spec.file), rules.resize.size, spec.file)
    with_pooling(model, output, _axes(shape, taken, spec), spec.pooling)
    return _Fitted(serialised(model, spec.file), weights, taken, rules, output)


def _sources(spec: OnnxModel, file: Path, model: onnx.ModelProto, taken: ImageInput) -> Sequence[Said]:
    """All that says something of the pixels, the most important first."""
    keys = Said(**{field.name: getattr(spec, field.name) for field in fields(Said)})
    config = Path(spec.preprocessor) if spec.preprocessor else None
    if config is None and "://" not in spec.file:
        config = preprocessor_beside(file)
    said = [keys, *([said_by_file(config)] if config else []), *said_by_metadata(metadata_of(model), spec.file)]
    return [*said, Said(image_size=taken.side)]


def _shape_of_one(content: bytes, size: int, model: str) -> tuple[int, ...]:
    """The shape of what a model gives for one picture."""
    found = _run(_session(content, model), comparison_images(size, 1), model)
    if found.dtype.kind != "f" or found.ndim < 2 or found.shape[0] != 1:
        raise EncoderError(
            f"{model}: expected one vector, map or row of tokens for a picture, [1, …]; found {found.dtype} "
            f"{list(found.shape)}; is the extractor's output right?"
        )
    return found.shape


def _axes(shape: tuple[int, ...], taken: ImageInput, spec: OnnxModel) -> list[int]:
    """Which dimensions of an output go by pooling; none of a vector's."""
    what, axes = {
        2: ("a vector", []),
        3: ("a row of tokens", [1]),
        4: ("a map", [1, 2] if taken.layout == "NHWC" else [2, 3]),
    }.get(len(shape), ("something else", []))
    said = f"{spec.file}: gives {what} for a picture, {list(shape)}"
    if spec.pooling == "none" and all(shape[axis] == 1 for axis in axes) and len(shape) <= 4:
        return axes
    if not axes:
        raise EncoderError(f"{said}, which pooling is not for; leave it out")
    if spec.pooling == "none":
        raise EncoderError(f"{said}; say how it becomes a vector by the extractor's pooling")
    if spec.pooling == "first" and len(shape) != 3:
        raise EncoderError(f"{said}, which has no first token; pooling can be mean or max")
    return axes


def _session(content: bytes, model: str) -> onnxruntime.InferenceSession:
    try:
        return start_session(content)
    except Exception as error:  # noqa: BLE001  # the runtime has a class of its own for every status
        raise EncoderError(f"{model}: onnxruntime does not take it ({in_brief(error)})") from None


def _run(session: onnxruntime.InferenceSession, batch: np.ndarray, model: str) -> np.ndarray:
    try:
        return np.asarray(session.run([session.get_outputs()[0].name], {IMAGES: batch})[0])
    except Exception as error:  # noqa: BLE001  # as above
        raise EncoderError(
            f"{model}: cannot run on {len(batch)} pictures of {batch.shape[1]} pixels ({in_brief(error)}); are "
            "image_size and layout right?"
        ) from None
