"""Functions of TensorFlow as ONNX graphs, by tf2onnx; what the graph answers is for the caller to compare."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
"""Pinned, so that the same function becomes the same graph whatever newer operators a release of onnx brings."""


def onnx_graph(function: Any, given: str, *answers: str) -> ModelProto:
    """A function as an ONNX model, its variables as constants.

    Args:
        function: A `tf.function` with an input signature of one tensor.
        given: What the model's input is to be called.
        answers: What its outputs are to be called, in the order of what the function returns.

    Raises:
        ImportError: tf2onnx is not installed.
        Exception: the converter raises whatever its innermost functions do.
    """
    with _quiet("tensorflow", "tf2onnx"):
        import tf2onnx.convert
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        # tf2onnx would freeze the function too, but take the constants that it captures for inputs.
        frozen = convert_variables_to_constants_v2(
            function.get_concrete_function(), lower_control_flow=False, aggressive_inlining=True
        )
        outputs: Sequence[str] = [tensor.name for tensor in frozen.outputs]
        names = {frozen.inputs[0].name: given, **dict(zip(outputs, answers, strict=True))}
        model, _ = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(add_shapes=True),
            input_names=[tensor.name for tensor in frozen.inputs],
            output_names=list(outputs),
            opset=OPSET,
            tensors_to_rename=names,
        )
    return model


@contextlib.contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Turn loggers off: what matters is in the exceptions."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
