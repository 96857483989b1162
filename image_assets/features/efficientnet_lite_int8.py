"""An EfficientNet-Lite as an ONNX graph in 8-bit integers, built in memory from its weights alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from image_assets.features.efficientnet_lite_graph import add_features, convolution_attributes, inputs, outputs_of
from image_assets.features.efficientnet_lite_layers import MEAN, Convolution, Weights, convolutions_of
from image_assets.features.onnx_graph import OnnxGraph
from image_assets.features.quantisation import (
    PAIR_LIMIT,
    WEIGHT_LIMIT,
    Encoding,
    expected_relu6,
    quantise_convolution,
)
from image_assets.settings.stages import EfficientNetLayer

# How far from its mean an activation without ReLU6 is represented.
DEVIATIONS = 6
# What goes into an extractor's digest: whatever changes a feature.
SETTINGS: dict[str, object] = {
    "precision": "int8",
    "weights": f"int8 per channel, at most {WEIGHT_LIMIT}, two of one sign at most {PAIR_LIMIT}, bias corrected",
    "activations": f"uint8, ReLU6 0 … 6, others within {DEVIATIONS} standard deviations of batch normalisation",
}


@dataclass(frozen=True)
class _Activation:
    """A uint8 tensor of the graph, and how its channels are distributed over the training images.

    Attributes:
        name: Of the tensor; its scale and zero point are constants of the graph.
        encoding: What its integers stand for.
        mean: float64 `[channels]`, before ReLU6.
        variance: The same.
        relu6: Whether it is clipped to 0 … 6, which costs nothing: these are the ends of its encoding.
    """

    name: str
    encoding: Encoding
    mean: np.ndarray
    variance: np.ndarray
    relu6: bool = False

    @property
    def operands(self) -> list[str]:
        """What an operator takes for it: integers, scale, zero point."""
        return [self.name, *self.parameters]

    @property
    def parameters(self) -> list[str]:
        """Scale and zero point."""
        return [f"{self.name}.scale", f"{self.name}.zero_point"]

    @property
    def expectation(self) -> np.ndarray:
        """float64 `[channels]`."""
        return expected_relu6(self.mean, np.sqrt(self.variance)) if self.relu6 else self.mean


def build_int8_graph(weights: Weights, image_size: int = 224, layer: EfficientNetLayer = "head") -> bytes:
    """The network as a serialised ONNX model with the inputs and outputs of `build_graph`.

    Args:
        weights: Tensor name → array, as `efficientnet_lite_pytorch` names them.
        image_size: Side of the square input in pixels.
        layer: Where the features are taken.
    """
    graph = OnnxGraph()
    x = _pixels(graph)
    outputs: dict[str, _Activation] = {}
    taken = convolutions_of(weights, layer)
    for one in taken:
        x = _convolution(graph, x, one)
        if one.adds:
            x = _sum(graph, x, outputs[one.adds], f"{one.name}.sum")
        outputs[one.name] = x
    add_features(graph, _real(graph, x, "real"), weights, taken[-1], layer)
    return graph.serialise("efficientnet_lite0_int8", inputs(image_size), outputs_of(taken[-1], layer))


def _pixels(graph: OnnxGraph) -> _Activation:
    name = graph.node("Transpose", ["images"], "channels_first", perm=[0, 3, 1, 2])
    # Pixels are integers already, and MEAN is their zero point: nothing is lost here. Of their expectation nothing is
    # known but that it is next to MEAN.
    return _encoded(graph, _Activation(name, Encoding(np.float32(1), np.uint8(MEAN)), np.zeros(3), np.zeros(3)))


def _convolution(graph: OnnxGraph, x: _Activation, layer: Convolution) -> _Activation:
    """The operator is written out, not left to a runtime to make of a convolution between (de)quantisations."""
    result = _encoded(graph, _activation(layer.name, layer.mean, layer.deviation**2, relu6=layer.relu6))
    quantised = quantise_convolution(layer.kernel, layer.bias, x.encoding.scale, x.expectation)
    kernel = [
        graph.constant(f"{layer.name}.weight", quantised.kernel),
        graph.constant(f"{layer.name}.weight.scale", quantised.scales),
        graph.constant(f"{layer.name}.weight.zero_point", np.zeros(len(quantised.kernel), np.int8)),
    ]
    bias = graph.constant(f"{layer.name}.bias", quantised.bias)
    inputs = [*x.operands, *kernel, *result.parameters, bias]
    graph.node("QLinearConv", inputs, result.name, **convolution_attributes(layer))
    return result


def _sum(graph: OnnxGraph, x: _Activation, y: _Activation, name: str) -> _Activation:
    # Means add up always, variances where the two are independent, which they nearly are.
    result = _encoded(graph, _activation(name, x.mean + y.mean, x.variance + y.variance))
    terms = [_real(graph, term, f"{name}.term.{index}") for index, term in enumerate((x, y))]
    graph.node("QuantizeLinear", [graph.node("Add", terms, f"{name}.real"), *result.parameters], name)
    return result


def _activation(name: str, mean: np.ndarray, variance: np.ndarray, *, relu6: bool = False) -> _Activation:
    if relu6:
        return _Activation(name, Encoding.spanning(0, 6), mean, variance, relu6)
    reach = DEVIATIONS * np.sqrt(variance)
    low, high = min((mean - reach).min(), 0.0), max((mean + reach).max(), 0.0)
    return _Activation(name, Encoding.spanning(low, high), mean, variance)


def _encoded(graph: OnnxGraph, x: _Activation) -> _Activation:
    for name, value in zip(x.parameters, (x.encoding.scale, x.encoding.zero_point), strict=True):
        graph.constant(name, value)
    return x


def _real(graph: OnnxGraph, x: _Activation, name: str) -> str:
    return graph.node("DequantizeLinear", x.operands, name)
