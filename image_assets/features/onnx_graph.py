"""Writes ONNX models node by node, the same bytes every time. What a network is made of stands elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

# Pinned, so that a model's bytes do not follow the installed version of onnx.
_OPSET = 17
_IR_VERSION = 10


# Name → dtype and shape; a string in a shape stands for a size that is known when the model is run.
Values = Mapping[str, tuple[type[np.generic], Sequence[int | str]]]


class OnnxGraph:
    """Collects nodes and constants in the order of the data; every method returns the name of what it added."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node with one output, which it is named after."""
        from onnx import helper

        self._nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        """Add a constant of the value's shape and dtype."""
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def serialise(self, name: str, inputs: Values, outputs: Values) -> bytes:
        """The whole model: everything that was added, between its inputs and its outputs."""
        from onnx import helper

        graph = helper.make_graph(self._nodes, name, _values(inputs), _values(outputs), self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
        return model.SerializeToString(deterministic=True)


class GraphNodes:
    """Nodes that are added to a graph that is there, under names of their own; its constants it gets at once.

    Attributes:
        made: The nodes so far: whoever adds them puts them where they belong.
    """

    def __init__(self, graph: onnx.GraphProto, prefix: str) -> None:
        self._graph, self._prefix = graph, prefix
        self.made: list[onnx.NodeProto] = []
        self._constants = 0

    def add(self, operator: str, *inputs: str, output: str = "", outputs: int = 1, **attributes: Any) -> str:
        """A node; the name of its output, of several the first."""
        from onnx import helper

        name = f"{self._prefix}.{len(self.made)}"
        given = [output or name, *(f"{name}.{place}" for place in range(1, outputs))]
        self.made.append(helper.make_node(operator, inputs, given, name=name, **attributes))
        return given[0]

    def constant(self, value: np.ndarray | np.generic) -> str:
        """A constant; its name."""
        from onnx import numpy_helper

        self._constants += 1
        name = f"{self._prefix}.constant.{self._constants}"
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name


def _values(values: Values) -> list[onnx.ValueInfoProto]:
    from onnx import helper

    return [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape))
        for name, (dtype, shape) in values.items()
    ]
