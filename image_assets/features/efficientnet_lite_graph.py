"""EfficientNet-Lite0 as an ONNX graph, built in memory from its weights.

Architecture: EfficientNet-B0 (Tan and Le, ICML 2019, https://arxiv.org/abs/1905.11946) without squeeze-and-excitation
and with ReLU6 for swish, as `efficientnet_lite_builder.py` of https://github.com/tensorflow/tpu defines it. Every
batch normalisation is folded into the convolution before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

IMAGE_SIZE = 224
FEATURES = 1280
CLASSES = 1000
# A pixel v in 0 … 255 enters the network as (v - MEAN) / STD.
MEAN = 127
STD = 128
BATCH_NORM_EPSILON = 1e-3
# Pinned, so that the graph's bytes do not follow the installed version of onnx.
_OPSET = 17
_IR_VERSION = 10


@dataclass(frozen=True)
class _Stage:
    """A run of inverted residual blocks; the first one takes the stride and changes the number of channels."""

    blocks: int
    stride: int
    expands: bool


# Kernel sizes and channels are read off the weights.
_STAGES = (
    _Stage(1, 1, expands=False),
    _Stage(2, 2, expands=True),
    _Stage(2, 2, expands=True),
    _Stage(3, 2, expands=True),
    _Stage(3, 1, expands=True),
    _Stage(4, 2, expands=True),
    _Stage(1, 1, expands=True),
)


def build_graph(weights: Mapping[str, np.ndarray]) -> bytes:
    """The network as a serialised ONNX model; the same weights give the same bytes.

    Args:
        weights: Tensor name → array, as `efficientnet_lite_pytorch` names them.

    Returns:
        A model with the input `images`, uint8 `[N, 224, 224, 3]`, and the outputs `features`, float32 `[N, 1280]`, and
        `logits`, float32 `[N, 1000]`, for any N.
    """
    from onnx import TensorProto, helper

    network = _Network(weights)
    network.build()
    graph = helper.make_graph(
        network.nodes,
        "efficientnet_lite0",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", IMAGE_SIZE, IMAGE_SIZE, 3])],
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", FEATURES]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES]),
        ],
        network.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    return model.SerializeToString(deterministic=True)


class _Network:
    """Collects nodes and constants in the order of the data; every method returns the name of its output."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self._weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def build(self) -> None:
        """Add everything from the pixels to the logits."""
        from onnx import TensorProto

        x = self._node("Transpose", ["images"], "channels_first", perm=[0, 3, 1, 2])
        x = self._node("Cast", [x], "float", to=TensorProto.FLOAT)
        x = self._node("Sub", [x, self._constant("mean", np.float32(MEAN))], "centred")
        # The division by the standard deviation, a power of two, is exact in the weights and costs nothing there.
        x = self._convolution(x, "_conv_stem", "_bn0", stride=2, scale=1 / STD)
        x = self._relu6(x)
        index = 0
        for stage in _STAGES:
            for block in range(stage.blocks):
                x = self._block(x, f"_blocks.{index}", stage, first=block == 0)
                index += 1
        x = self._relu6(self._convolution(x, "_conv_head", "_bn1"))
        x = self._node("GlobalAveragePool", [x], "pooled")
        x = self._node("Flatten", [x], "features")
        head = [self._constant(name, self._weights[name]) for name in ("_fc.weight", "_fc.bias")]
        self._node("Gemm", [x, *head], "logits", transB=1)

    def _block(self, x: str, name: str, stage: _Stage, *, first: bool) -> str:
        """An inverted residual block: expand, filter each channel, project, and add the input where shapes allow."""
        skip = x
        if stage.expands:
            x = self._relu6(self._convolution(x, f"{name}._expand_conv", f"{name}._bn0"))
        stride = stage.stride if first else 1
        x = self._relu6(self._convolution(x, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride))
        x = self._convolution(x, f"{name}._project_conv", f"{name}._bn2")
        return x if first else self._node("Add", [x, skip], f"{name}.sum")

    def _convolution(self, x: str, name: str, norm: str, *, stride: int = 1, scale: float = 1.0) -> str:
        """A convolution and the batch normalisation after it: w·γ/√(σ²+ε) and β − μ·γ/√(σ²+ε)."""
        kernel = self._weights[f"{name}.weight"].astype(np.float64)
        gamma, beta, mean, variance = (
            self._weights[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        inputs = [
            x,
            self._constant(f"{name}.weight", (kernel * factor[:, None, None, None] * scale).astype(np.float32)),
            self._constant(f"{name}.bias", (beta - mean * factor).astype(np.float32)),
        ]
        depthwise = kernel.shape[1] == 1
        # SAME_UPPER is TensorFlow's SAME: with stride 2 the odd pixel of padding is at the bottom and at the right.
        return self._node(
            "Conv",
            inputs,
            name,
            auto_pad="SAME_UPPER",
            kernel_shape=list(kernel.shape[2:]),
            strides=[stride, stride],
            group=kernel.shape[0] if depthwise else 1,
        )

    def _relu6(self, x: str) -> str:
        bounds = [self._constant(f"{x}.{name}", np.float32(value)) for name, value in (("min", 0), ("max", 6))]
        return self._node("Clip", [x, *bounds], f"{x}.relu6")

    def _constant(self, name: str, value: np.ndarray | np.floating[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output
