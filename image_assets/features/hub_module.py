"""A TF Hub module as it comes: found or downloaded, loaded, and run by TensorFlow.

Needs the extra `tensorflow`. A SavedModel is a program that TensorFlow runs: use modules that you trust. What a URL
delivers is kept in the folder that the environment variable `TFHUB_CACHE_DIR` names, else in the cache: TensorFlow's
own choice is a folder of a known name among the system's temporary files, where anybody could put another program.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from image_assets.features.errors import HubModuleError
from image_assets.places import cache_folder

INSTALL = 'pip install "image-assets[tensorflow]"'

# The signature and the outputs that modules in TF1 format name their features with.
_SIGNATURE = "default"
_KEPT_IN = "TFHUB_CACHE_DIR"
_OUTPUTS = ("feature_vector", "default")


class HubModule:
    """A module that takes RGB images in [0, 1] and gives one feature vector each.

    Args:
        module: How the dataset file calls it, for errors.
        folder: Where it is.
        image_size: Side of the square input in pixels.
        width: Number of features that it must give, or the numbers that it may give.

    Attributes:
        tf: TensorFlow.
        width: Number of features that it gives.
        features: From a float32 tensor `[N, image_size, image_size, 3]` in [0, 1] to the module's output.

    Raises:
        HubModuleError: TensorFlow is not installed, or the module cannot be loaded or run, or does not give `width`
            features. All of this shows here, before the first image.
    """

    def __init__(self, module: str, folder: Path, image_size: int, width: int | tuple[int, ...]) -> None:
        self._module = module
        self._widths = (width,) if isinstance(width, int) else width
        self.tf, hub = _import_tensorflow()
        # A signature does not keep its variables alive; the loaded module does.
        self._loaded = _load(self.tf, hub, module, folder)
        self.features = _feature_function(self._loaded, module)
        self.width = self.infer(np.zeros((1, image_size, image_size, 3), np.uint8)).shape[1]

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, width]`, of prepared images, uint8 `[N, image_size, image_size, 3]`.

        Raises:
            HubModuleError: the module cannot run on such images or gives something else.
        """
        if not len(batch):
            # Some builds of TensorFlow refuse to run on no images, others do not.
            return np.empty((0, self.width), np.float32)
        images = self.tf.constant(batch.astype(np.float32) / np.float32(255))
        try:
            output = self.features(images)
        except (self.tf.errors.OpError, ValueError, TypeError) as error:
            raise HubModuleError(
                f"{self._module} cannot run on float32 {list(images.shape)}: is image_size right? {error}"
            ) from None
        if not self.tf.is_tensor(output) or output.shape not in [(len(batch), width) for width in self._widths]:
            widths = " or ".join(map(str, self._widths))
            raise HubModuleError(
                f"{self._module}: expected {widths} features for each image, an output of shape "
                f"[{len(batch)}, {widths}]; found {_describe(output)}; correct the dataset file's width or module"
            )
        return output.numpy().astype(np.float32, copy=False)


def module_folder(module: str) -> Path:
    """The local folder of a module, downloaded where it is a URL; TensorFlow is imported only if it is not yet there.

    Raises:
        HubModuleError: the module cannot be had, or TensorFlow, which would download it, is not installed.
    """
    for folder in (Path(module), _downloaded(module)):
        if folder.is_dir() and any(folder.iterdir()):
            return folder
    _, hub = _import_tensorflow()
    try:
        folder = _resolved(hub, module)
    except (OSError, RuntimeError, ValueError, EOFError, tarfile.TarError) as error:
        raise HubModuleError(
            f"{module}: cannot get this module ({error}); expected the URL of a TF Hub module (a .tar.gz) "
            "or an existing folder"
        ) from None
    if not folder.is_dir():
        raise HubModuleError(f"{module}: not a folder; expected the one that holds saved_model.pb")
    return folder


def _downloaded(url: str) -> Path:
    """Where tensorflow-hub puts a download, once it is whole. Format: `compressed_module_resolver.py` of 0.16."""
    return _downloads() / hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()


def _resolved(hub: ModuleType, module: str) -> Path:
    """What tensorflow-hub makes of a module, which it keeps where it is told in the environment and nowhere else."""
    said = os.environ.get(_KEPT_IN)
    os.environ[_KEPT_IN] = str(_downloads())
    try:
        return Path(hub.resolve(module))
    finally:
        if said is None:
            del os.environ[_KEPT_IN]


def _downloads() -> Path:
    named = os.environ.get(_KEPT_IN)
    return Path(named) if named else cache_folder() / "tfhub_modules"


def _import_tensorflow() -> tuple[ModuleType, ModuleType]:
    """TensorFlow and its hub; what they read from the environment must be there before the import."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # modules in Keras 2 form do not load with Keras 3
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # else notes on the CPU run through the progress bars
    try:
        import tensorflow as tf
        import tensorflow_hub as hub
    except ImportError as error:
        raise HubModuleError(f"TF Hub modules need TensorFlow ({error}): {INSTALL}") from None
    _limit_threads(tf)
    return tf, hub


def _limit_threads(tf: ModuleType) -> None:
    # Callers bring their own threads, one per core. Once TensorFlow has run, in this process, its setting stands.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)


def _load(tf: ModuleType, hub: ModuleType, module: str, folder: Path) -> object:
    try:
        return hub.load(str(folder))
    except (tf.errors.OpError, OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise HubModuleError(f"{module}: cannot load this module from {folder} ({error})") from None


def _feature_function(loaded: object, module: str) -> Callable[[Any], Any]:
    """What turns a float32 tensor of images into features: the module itself, or its signature in TF1 format."""
    if callable(loaded):
        return loaded
    signatures = getattr(loaded, "signatures", {})
    if _SIGNATURE not in signatures:
        raise HubModuleError(
            f"{module}: neither callable nor a TF1 module with the signature {_SIGNATURE!r}; "
            f"it has the signatures {sorted(signatures)}"
        )
    signature = signatures[_SIGNATURE]
    inputs = signature.structured_input_signature[1]
    outputs = [name for name in _OUTPUTS if name in signature.structured_outputs]
    if len(inputs) != 1 or not outputs:
        raise HubModuleError(
            f"{module}: its signature {_SIGNATURE!r} should take one input and give one of {list(_OUTPUTS)}; it takes "
            f"{sorted(inputs)} and gives {sorted(signature.structured_outputs)}"
        )
    [(name, expected)] = inputs.items()

    def features(images: Any) -> Any:
        # TensorFlow does not compare shapes where a signature comes from TF1.
        expected.shape.assert_is_compatible_with(images.shape)
        return signature(**{name: images})[outputs[0]]

    return features


def _describe(output: object) -> str:
    shape = getattr(output, "shape", None)
    return f"a {type(output).__name__}" if shape is None else f"a tensor of shape {list(shape)}"
