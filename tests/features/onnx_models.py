"""Small ONNX models of pictures for the tests, and what they give by the reference implementation of the format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

WIDTH = 6
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass
class SmallNet:
    """A convolution, a ReLU (`map`), the mean over the picture, and a layer (`features`)."""

    layout: str = "NCHW"
    shape: Sequence[int | str | None] = ("N", 3, 16, 16)
    dtype: int = TensorProto.FLOAT
    opset: int = 17
    outputs: Sequence[str] = ("features",)
    metadata: dict[str, str] = field(default_factory=dict)
    seed: int = 0

    def model(self) -> onnx.ModelProto:
        random = np.random.default_rng(self.seed)
        kernel = random.normal(size=(WIDTH, 3, 3, 3)).astype(np.float32)
        layer = random.normal(size=(WIDTH, WIDTH)).astype(np.float32)
        before = [helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT)]
        if self.layout == "NHWC":
            before.append(helper.make_node("Transpose", ["floats"], ["first"], perm=[0, 3, 1, 2]))
        elif self.layout == "flat":
            before.append(helper.make_node("Reshape", ["floats", "square"], ["last"]))
            before.append(helper.make_node("Transpose", ["last"], ["first"], perm=[0, 3, 1, 2]))
        else:
            before.append(helper.make_node("Identity", ["floats"], ["first"]))
        nodes = [
            *before,
            helper.make_node("Conv", ["first", "kernel"], ["convolved"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["convolved"], ["map"]),
            helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("MatMul", ["flat", "layer"], ["features"]),
            helper.make_node("ArgMax", ["features"], ["class"], axis=1, keepdims=0),
        ]
        types = {"class": (TensorProto.INT64, ["N"]), "map": (TensorProto.FLOAT, ["N", WIDTH, 16, 16])}
        outputs = [(name, *types.get(name, (TensorProto.FLOAT, ["N", WIDTH]))) for name in self.outputs]
        graph = helper.make_graph(
            nodes,
            "small",
            [helper.make_tensor_value_info("pixels", self.dtype, self.shape)],
            [helper.make_tensor_value_info(*one) for one in outputs],
            [
                numpy_helper.from_array(kernel, "kernel"),
                numpy_helper.from_array(layer, "layer"),
                numpy_helper.from_array(np.array([-1, 16, 16, 3]), "square"),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        helper.set_model_props(model, self.metadata)
        return model

    def save(self, file: Path) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(self.model(), str(file))
        return file

    def by_reference(self, inputs: np.ndarray, output: str = "features") -> np.ndarray:
        """What onnx itself, not its runtime, makes of the model's own input."""
        model = self.model()
        del model.graph.output[:]
        model.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
        return np.asarray(ReferenceEvaluator(model).run(None, {"pixels": inputs})[0])  # pyright: ignore


def pictures(count: int = 5, size: int = 16) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def normalised(images: np.ndarray, mean: Sequence[float] = MEAN, std: Sequence[float] = STD) -> np.ndarray:
    """As torchvision normalises them, channels last."""
    return ((images / 255 - np.array(mean)) / np.array(std)).astype(np.float32)
