"""TF Hub modules run by onnxruntime: converted once, compared with TensorFlow, kept.

Where the converted module is kept already, TensorFlow is not even imported, which takes it ten seconds.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from image_assets.environment import CACHE
from image_assets.features import model_cache
from image_assets.features.comparison_images import comparison_batches
from image_assets.features.digest import extractor_digest
from image_assets.features.errors import HubModuleError
from image_assets.features.hub_module import INSTALL, HubModule
from image_assets.features.onnx_session import register_for_release, start_session
from image_assets.features.tensorflow_onnx import OPSET, onnx_graph
from image_assets.places import cache_folder

if TYPE_CHECKING:
    import onnxruntime

MAX_DEVIATION = 1e-4
_INPUT, _OUTPUT = "images", "features"
_REFUSED = 3
_REMEDY = "set the extractor's `runtime: tensorflow`"


class OnnxModule:
    """A converted module. A row's features do not depend on the other rows of the batch, nor on their number."""

    def __init__(self, model: bytes) -> None:
        self._session: onnxruntime.InferenceSession = start_session(model)
        register_for_release(self._session)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, width]`, of prepared images, uint8 `[N, image_size, image_size, 3]`."""
        return np.asarray(self._session.run([_OUTPUT], {_INPUT: batch})[0])


def load(module: str, folder: Path, weights: str, image_size: int, width: int) -> OnnxModule:
    """The converted module, from the cache, or converted, compared and put there.

    Args:
        module: How the dataset file calls it, for errors.
        folder: Where it is.
        weights: Digest of that folder.
        image_size: Side of the square input in pixels.
        width: Number of features that it must give.

    Raises:
        HubModuleError: as `HubModule`; or the module cannot be converted, its features deviate, or the cache folder
            cannot be used.
    """
    key = _key(weights, image_size, width)
    with _cache_errors():
        model = model_cache.read_model(key)
    if model is None:
        # TensorFlow takes a gigabyte and does not give it back: where it is not here already, it stays outside.
        make = _make if "tensorflow" in sys.modules else _make_apart
        model = make(module, folder, weights, image_size, width)
    return OnnxModule(model)


def _make_apart(module: str, folder: Path, weights: str, image_size: int, width: int) -> bytes:
    """As `_make`, in a process of its own."""
    command = [sys.executable, "-m", __name__, module, str(folder), weights, str(image_size), str(width)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == _REFUSED:
        raise HubModuleError(json.loads(done.stdout.splitlines()[-1]))
    with _cache_errors():
        model = model_cache.read_model(_key(weights, image_size, width)) if done.returncode == 0 else None
    if model is None:
        said = " ".join(done.stderr.split())[-500:]
        raise HubModuleError(
            f"{module}: the conversion for onnxruntime ended with {done.returncode} ({said}): {_REMEDY}"
        )
    return model


def _make(module: str, folder: Path, weights: str, image_size: int, width: int) -> bytes:
    """Convert a module, compare it and put it into the cache."""
    original = HubModule(module, folder, image_size, width)
    try:
        model = convert(original, image_size)
        converted = OnnxModule(model)
        deviation, magnitude = largest_deviation(original, converted, image_size)
    except Exception as error:
        # The converter and the runtime raise whatever their innermost functions do.
        raise HubModuleError(f"{module}: cannot be converted for onnxruntime ({error}): {_REMEDY}") from error
    if not deviation <= MAX_DEVIATION * max(1, magnitude):  # also where it is no number
        raise HubModuleError(
            f"{module}: run by onnxruntime, its features deviate from TensorFlow's by {deviation:.2g}; allowed is "
            f"{MAX_DEVIATION:g} times the largest of them, here {magnitude:.3g}, or times 1: {_REMEDY}"
        )
    with _cache_errors():
        model_cache.write_model(_key(weights, image_size, width), model)
    return model


def convert(original: HubModule, image_size: int) -> bytes:
    """A module as a serialised ONNX model.

    Returns:
        A model with the input `images`, uint8 `[N, image_size, image_size, 3]`, which it divides by 255, and the output
        `features`, float32 `[N, width]`, for any N.
    """
    tf = original.tf

    @tf.function(input_signature=[tf.TensorSpec([None, image_size, image_size, 3], tf.uint8, _INPUT)])
    def features(images: Any) -> Any:
        return tf.cast(original.features(tf.cast(images, tf.float32) / 255), tf.float32)

    return onnx_graph(features, _INPUT, _OUTPUT).SerializeToString(deterministic=True)


def largest_deviation(original: HubModule, converted: OnnxModule, image_size: int) -> tuple[float, float]:
    """The largest deviation of a feature on the comparison images, and the largest magnitude of one."""
    deviation, magnitude = 0.0, 0.0
    for batch in comparison_batches(image_size):
        expected = original.infer(batch)
        # The maximum of NumPy passes on what is no number, the one of Python may not.
        deviation = float(np.maximum(deviation, np.abs(converted.infer(batch) - expected).max()))
        magnitude = float(np.maximum(magnitude, np.abs(expected).max()))
    return deviation, magnitude


def _key(weights: str, image_size: int, width: int) -> str:
    """Digest of what a converted module is made of, and of the runtime that it was compared in."""
    try:
        versions = {package: importlib.metadata.version(package) for package in ("tf2onnx", "onnxruntime")}
    except importlib.metadata.PackageNotFoundError as error:
        raise HubModuleError(f"TF Hub modules are converted by tf2onnx ({error}): {INSTALL}") from None
    return extractor_digest(weights, {"image_size": image_size, "width": width, "opset": OPSET, **versions})


@contextlib.contextmanager
def _cache_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HubModuleError(
            f"cannot keep converted modules in {cache_folder()} ({error}): "
            f"set {CACHE.name} to a folder that can be written"
        ) from None


def _main(arguments: Sequence[str]) -> int:
    module, folder, weights, image_size, width = arguments
    try:
        _make(module, Path(folder), weights, int(image_size), int(width))
    except HubModuleError as error:
        print(json.dumps(str(error)))  # noqa: T201  # for the process that asked
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
