"""Runs the 8-bit graph slowly, in numpy, with exact integers: what a runtime is compared with."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from tests.features.efficientnet_lite_reference import convolve


def constants(model: bytes) -> dict[str, np.ndarray]:
    """The constants of a model by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load_from_string(model).graph.initializer}


def features(model: bytes, image: np.ndarray) -> np.ndarray:
    """Features, float32 `[1280]`, of one prepared image, uint8 `[224, 224, 3]`; channels stay last."""
    values = constants(model) | {"images": image}
    for node in onnx.load_from_string(model).graph.node:
        x, *rest = (values[name] for name in node.input)
        if node.op_type == "GlobalAveragePool":
            return x.mean(axis=(0, 1))
        match node.op_type:
            case "Transpose":
                y = x
            case "QLinearConv":
                strides = next(attribute.ints for attribute in node.attribute if attribute.name == "strides")
                y = _convolve(x, *rest, stride=strides[0])
            case "DequantizeLinear":
                y = _centred(x, rest[1]).astype(np.float32) * rest[0]
            case "Add":
                y = x + rest[0]
            case "QuantizeLinear":
                y = _clipped(x / rest[0], rest[1])
            case other:
                raise ValueError(f"the graph has an operation unknown here: {other}")
        values[node.output[0]] = y
    raise ValueError("the graph has no pool")


def _convolve(x, x_scale, x_zero, kernel, scales, kernel_zeros, y_scale, y_zero, bias, *, stride: int) -> np.ndarray:
    assert not kernel_zeros.any()
    # Integers of this size are exact in float64, and so are their sums.
    sums = convolve(_centred(x, x_zero), kernel.astype(np.float64), stride) + bias
    return _clipped(sums.astype(np.float32) * (x_scale * scales / y_scale), y_zero)


def _centred(x: np.ndarray, zero_point: np.ndarray) -> np.ndarray:
    return x.astype(np.float64) - float(zero_point)


def _clipped(x: np.ndarray, zero_point: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(x) + float(zero_point), 0, 255).astype(np.uint8)
