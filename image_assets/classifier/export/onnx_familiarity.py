"""What a model says of how familiar an image looks, and which images are unknown to it, as nodes of an ONNX graph.

The same calculation as `KnownImages.familiarity` in float32. It begins at the features again: what the converter calls
the scaled ones inside its graph is its own affair.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from image_assets.settings.classifier import Classifier
from image_assets.store.models.known_images import FAR, WEIGHT, KnownImages
from image_assets.store.models.sklearn_model import SklearnModel

FAMILIARITY, UNKNOWN = "familiarity", "unknown"
_PREFIX = "known_"


class _Nodes:
    """Nodes that are added to a graph, each of one output."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph

    def constant(self, value: np.ndarray | np.floating) -> str:
        """The name of a constant."""
        name = f"{_PREFIX}constant_{len(self._graph.initializer)}"
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *taken: str, output: str = "", places: int = 1, **attributes: Any) -> str:
        """The name of what a node gives, of several the first."""
        number = len(self._graph.node)
        given = [output or f"{_PREFIX}{kind}_{number}", *(f"{_PREFIX}{kind}_{number}_{n}" for n in range(1, places))]
        self._graph.node.append(helper.make_node(kind, taken, given, name=f"{_PREFIX}{number}", **attributes))
        return given[0]


def add_unknown(exported: ModelProto, model: SklearnModel, features: str, probabilities: str, spec: Classifier) -> None:
    """Add the output `unknown`, bool [N], and where the model can tell `familiarity`, float32 [N].

    Args:
        exported: The graph of the model, of opset 18; it is changed.
        model: What it was made of.
        features: Its input, float32 [N, D].
        probabilities: Its output, float32 [N, K].
        spec: What is unknown.
    """
    graph = exported.graph
    nodes = _Nodes(graph)
    axis = nodes.constant(np.array([1]))
    highest = nodes.add("ReduceMax", probabilities, axis, keepdims=0)
    doubtful = nodes.add("Less", highest, nodes.constant(np.float32(spec.unknown_below)))
    if model.known is None:
        nodes.add("Identity", doubtful, output=UNKNOWN)
    else:
        closeness = _closeness(nodes, model, model.known, features)
        measured = _measure(nodes, closeness, probabilities, len(model.classes))
        grid = model.known.grid_
        above = nodes.add("Sub", measured, nodes.constant(grid[:-1]))
        steps = nodes.add("Mul", above, nodes.constant(1 / np.diff(grid)))
        none, whole = nodes.constant(np.float32(0)), nodes.constant(np.float32(1))
        passed = nodes.add("Clip", steps, none, whole)
        familiarity = nodes.add("ReduceMean", passed, axis, output=FAMILIARITY, keepdims=0)
        unlike = nodes.add("Less", familiarity, nodes.constant(np.float32(spec.held_back)))
        nodes.add("Or", doubtful, unlike, output=UNKNOWN)
        graph.output.append(helper.make_tensor_value_info(FAMILIARITY, TensorProto.FLOAT, [None]))
    graph.output.append(helper.make_tensor_value_info(UNKNOWN, TensorProto.BOOL, [None]))


def _closeness(nodes: _Nodes, model: SklearnModel, known: KnownImages, features: str) -> str:
    """[N, K], see `KnownImages.closeness`."""
    categories, images, width = known.vectors_.shape
    rows, axis = features, nodes.constant(np.array([1]))
    if model.rooted:
        rows = nodes.add("Mul", nodes.add("Sqrt", nodes.add("Abs", rows)), nodes.add("Sign", rows))
    centred = nodes.add("Sub", rows, nodes.constant(model.scaler.mean_.astype(np.float32)))
    scaled = nodes.add("Div", centred, nodes.constant(model.scaler.scale_.astype(np.float32)))
    length = nodes.add("Max", nodes.add("ReduceL2", scaled, axis, keepdims=1), nodes.constant(np.float32(1e-12)))
    unit = nodes.add("Div", scaled, length)
    kept = nodes.constant(np.ascontiguousarray(known.vectors_.reshape(categories * images, width).T))
    cosines = nodes.add("MatMul", unit, nodes.add("Cast", kept, to=TensorProto.FLOAT))
    by_category = nodes.add("Reshape", cosines, nodes.constant(np.array([-1, categories, images])))
    there = nodes.add("Add", by_category, nodes.constant(known.absent))
    weights = known.weights
    nearest = nodes.add("TopK", there, nodes.constant(np.array([weights.shape[1]])), places=2, axis=2)
    weighted = nodes.add("Mul", nearest, nodes.constant(weights))
    return nodes.add("ReduceSum", weighted, nodes.constant(np.array([2])), keepdims=0)


def _measure(nodes: _Nodes, closeness: str, probabilities: str, categories: int) -> str:
    """[N, 1], see `KnownImages.measure`."""
    axis = nodes.constant(np.array([1]))
    answer = nodes.add("ArgMax", probabilities, axis=1, keepdims=0)
    off_and_on = nodes.constant(np.array([0, 1], np.float32))
    chosen = nodes.add("OneHot", answer, nodes.constant(np.array([categories])), off_and_on, axis=1)
    own = nodes.add("ReduceSum", nodes.add("Mul", closeness, chosen), axis, keepdims=1)
    others = nodes.add("Add", closeness, nodes.add("Mul", chosen, nodes.constant(FAR)))
    next_one = nodes.add("ReduceMax", others, axis, keepdims=1)
    return nodes.add("Sub", nodes.add("Mul", own, nodes.constant(np.float32(1 + WEIGHT))), next_one)
