"""Keras as it is to run on this machine: its threads, GPU and precision. Ask here before anything imports Keras."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Literal

from image_assets.networks.errors import INSTALL, NetworksMissingError
from image_assets.workers import cores

Precision = Literal["float32", "mixed_float16"]


def prepare_keras() -> None:
    """See that Keras and TensorFlow are there, and have them use the cores that this process may use.

    Raises:
        NetworksMissingError: one of them is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # else notes on the CPU run through the progress bars
    try:
        import keras  # noqa: F401  # tried first: it chooses its backend as it is imported
        import safetensors  # noqa: F401
        import tensorflow as tf
    except ImportError as error:
        raise NetworksMissingError(f"networks need Keras, TensorFlow and safetensors ({error}): {INSTALL}") from None
    # Once TensorFlow has run, in this process, its setting stands.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(cores())
        for gpu in tf.config.list_physical_devices("GPU"):
            # Others may need the card too: memory is taken as it is used.
            tf.config.experimental.set_memory_growth(gpu, True)


def gpus() -> int:
    """How many GPUs Keras can use here."""
    import tensorflow as tf

    return len(tf.config.list_physical_devices("GPU"))


def precision_of(wanted: Literal["auto", "float32", "mixed"]) -> Precision:
    """What to calculate in on this machine, as Keras names it: 16 bits help only where there is a GPU."""
    if wanted == "auto":
        return "mixed_float16" if gpus() else "float32"
    return "mixed_float16" if wanted == "mixed" else "float32"


@contextlib.contextmanager
def precision(name: Precision) -> Iterator[None]:
    """Networks that are built within this calculate so; what was set before is set again."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
