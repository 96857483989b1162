"""An EfficientNet-Lite as an ONNX graph in float32, built in memory from its weights."""

from __future__ import annotations

import numpy as np

from image_assets.features.efficientnet_lite_layers import (
    CLASSES,
    MEAN,
    Convolution,
    Weights,
    convolutions_of,
)
from image_assets.features.onnx_graph import OnnxGraph, Values
from image_assets.features.quantisation import expected_relu6
from image_assets.settings.stages import EfficientNetLayer


def outputs_of(last: Convolution, layer: EfficientNetLayer) -> Values:
    """What a network gives whose features are behind its last convolution."""
    features: Values = {"features": (np.float32, ["N", len(last.kernel)])}
    return {**features, "logits": (np.float32, ["N", CLASSES])} if layer == "head" else features


def inputs(image_size: int) -> Values:
    """What a network takes."""
    return {"images": (np.uint8, ["N", image_size, image_size, 3])}


def build_graph(weights: Weights, image_size: int = 224, layer: EfficientNetLayer = "head") -> bytes:
    """The network as a serialised ONNX model; the same weights give the same bytes.

    Args:
        weights: Tensor name → array, as `efficientnet_lite_pytorch` names them.
        image_size: Side of the square input in pixels.
        layer: Where the features are taken.

    Returns:
        A model with the input `images`, uint8 `[N, image_size, image_size, 3]`, and the outputs `features`, float32
        `[N, 1280]`, and `logits`, float32 `[N, 1000]`, for any N; of `last_block` features alone, `[N, 1152]` or wider.
    """
    from onnx import TensorProto

    graph = OnnxGraph()
    x = graph.node("Transpose", ["images"], "channels_first", perm=[0, 3, 1, 2])
    x = graph.node("Cast", [x], "float", to=TensorProto.FLOAT)
    x = graph.node("Sub", [x, graph.constant("mean", np.float32(MEAN))], "centred")
    outputs: dict[str, str] = {}
    taken = convolutions_of(weights, layer)
    for one in taken:
        x = _convolution(graph, x, one)
        if one.relu6:
            bounds = [graph.constant(f"{x}.{name}", np.float32(value)) for name, value in (("min", 0), ("max", 6))]
            x = graph.node("Clip", [x, *bounds], f"{x}.relu6")
        if one.adds:
            x = graph.node("Add", [x, outputs[one.adds]], f"{one.name}.sum")
        outputs[one.name] = x
    add_features(graph, x, weights, taken[-1], layer)
    return graph.serialise("efficientnet_lite0", inputs(image_size), outputs_of(taken[-1], layer))


def add_features(graph: OnnxGraph, x: str, weights: Weights, last: Convolution, layer: EfficientNetLayer) -> None:
    """Add what follows the last convolution, from its `x`, float32 `[N, C, H, W]`: features, maybe logits."""
    x = graph.node("GlobalAveragePool", [x], "pooled")
    if layer == "last_block":
        # Every picture has much of most channels here: only what differs from that tells which pictures are alike.
        expected = graph.constant("expected", expected_relu6(last.mean, last.deviation).astype(np.float32))
        graph.node("Sub", [graph.node("Flatten", [x], "flat"), expected], "features")
        return
    x = graph.node("Flatten", [x], "features")
    head = [graph.constant(name, weights[name]) for name in ("_fc.weight", "_fc.bias")]
    graph.node("Gemm", [x, *head], "logits", transB=1)


def convolution_attributes(layer: Convolution) -> dict[str, object]:
    """The attributes of a convolution's node, whatever it computes in."""
    return {
        # SAME_UPPER is TensorFlow's SAME: with stride 2 the odd pixel of padding is at the bottom and at the right.
        "auto_pad": "SAME_UPPER",
        "kernel_shape": list(layer.kernel.shape[2:]),
        "strides": [layer.stride, layer.stride],
        "group": layer.groups,
    }


def _convolution(graph: OnnxGraph, x: str, layer: Convolution) -> str:
    parameters = [
        graph.constant(f"{layer.name}.weight", layer.kernel.astype(np.float32)),
        graph.constant(f"{layer.name}.bias", layer.bias.astype(np.float32)),
    ]
    return graph.node("Conv", [x, *parameters], layer.name, **convolution_attributes(layer))
