"""What a model says of how familiar an image looks, and which images are unknown to it, as nodes of an ONNX graph.

The same calculation as `KnownImages.familiarity` in float32. It begins at the features again: what the converter calls
the scaled ones inside its graph is its own affair.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper

from image_assets.features.onnx_graph import GraphNodes
from image_assets.settings.classifier import Classifier
from image_assets.store.models.known_images import FAR, LEAST_LENGTH, UNUSUAL, WEIGHT, KnownImages
from image_assets.store.models.sklearn_model import SklearnModel

FAMILIARITY, UNKNOWN = "familiarity", "unknown"


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
    nodes = GraphNodes(graph, "known")
    axis = nodes.constant(np.array([1]))
    highest = nodes.add("ReduceMax", probabilities, axis, keepdims=0)
    doubtful = nodes.add("Less", highest, nodes.constant(np.float32(spec.unknown_below)))
    if model.known is None:
        nodes.add("Identity", doubtful, output=UNKNOWN)
    else:
        rows = _transformed(nodes, model, features)
        closeness = _closeness(nodes, model, model.known, rows)
        measured = _measure(nodes, closeness, probabilities, len(model.classes))
        if model.known.usual_ is not None:
            measured = nodes.add("Sub", measured, _unusual(nodes, model.known.usual_, rows))
        grid = model.known.grid_
        above = nodes.add("Sub", measured, nodes.constant(grid[:-1]))
        steps = nodes.add("Mul", above, nodes.constant(1 / np.diff(grid)))
        none, whole = nodes.constant(np.float32(0)), nodes.constant(np.float32(1))
        passed = nodes.add("Clip", steps, none, whole)
        familiarity = nodes.add("ReduceMean", passed, axis, output=FAMILIARITY, keepdims=0)
        unlike = nodes.add("Less", familiarity, nodes.constant(np.float32(spec.held_back)))
        nodes.add("Or", doubtful, unlike, output=UNKNOWN)
        graph.output.append(helper.make_tensor_value_info(FAMILIARITY, TensorProto.FLOAT, [None]))
    graph.node.extend(nodes.made)
    graph.output.append(helper.make_tensor_value_info(UNKNOWN, TensorProto.BOOL, [None]))


def _transformed(nodes: GraphNodes, model: SklearnModel, features: str) -> str:
    """[N, D], what is standardised."""
    if not model.rooted:
        return features
    return nodes.add("Mul", nodes.add("Sqrt", nodes.add("Abs", features)), nodes.add("Sign", features))


def _unusual(nodes: GraphNodes, usual: np.ndarray, rows: str) -> str:
    """[N, 1], what an unusual length of rows [N, D] counts against them, see `KnownImages.measure`."""
    least, most = usual
    length = nodes.add("ReduceL2", rows, nodes.constant(np.array([1])), keepdims=1)
    logarithm = nodes.add("Log", nodes.add("Max", length, nodes.constant(LEAST_LENGTH)))
    shorter = nodes.add("Sub", nodes.constant(least), logarithm)
    longer = nodes.add("Sub", logarithm, nodes.constant(most))
    beyond = nodes.add("Max", shorter, longer, nodes.constant(np.float32(0)))
    return nodes.add("Mul", beyond, nodes.constant(np.float32(UNUSUAL) / (most - least)))


def _closeness(nodes: GraphNodes, model: SklearnModel, known: KnownImages, rows: str) -> str:
    """[N, K], see `KnownImages.closeness`."""
    categories, images, width = known.vectors_.shape
    axis = nodes.constant(np.array([1]))
    centred = nodes.add("Sub", rows, nodes.constant(model.scaler.mean_.astype(np.float32)))
    scaled = nodes.add("Div", centred, nodes.constant(model.scaler.scale_.astype(np.float32)))
    length = nodes.add("Max", nodes.add("ReduceL2", scaled, axis, keepdims=1), nodes.constant(np.float32(1e-12)))
    unit = nodes.add("Div", scaled, length)
    kept = nodes.constant(np.ascontiguousarray(known.vectors_.reshape(categories * images, width).T))
    cosines = nodes.add("MatMul", unit, nodes.add("Cast", kept, to=TensorProto.FLOAT))
    by_category = nodes.add("Reshape", cosines, nodes.constant(np.array([-1, categories, images])))
    there = nodes.add("Add", by_category, nodes.constant(known.absent))
    weights = known.weights
    nearest = nodes.add("TopK", there, nodes.constant(np.array([weights.shape[1]])), outputs=2, axis=2)
    weighted = nodes.add("Mul", nearest, nodes.constant(weights))
    return nodes.add("ReduceSum", weighted, nodes.constant(np.array([2])), keepdims=0)


def _measure(nodes: GraphNodes, closeness: str, probabilities: str, categories: int) -> str:
    """[N, 1], see `KnownImages.measure`."""
    axis = nodes.constant(np.array([1]))
    answer = nodes.add("ArgMax", probabilities, axis=1, keepdims=0)
    off_and_on = nodes.constant(np.array([0, 1], np.float32))
    chosen = nodes.add("OneHot", answer, nodes.constant(np.array([categories])), off_and_on, axis=1)
    own = nodes.add("ReduceSum", nodes.add("Mul", closeness, chosen), axis, keepdims=1)
    others = nodes.add("Add", closeness, nodes.add("Mul", chosen, nodes.constant(FAR)))
    next_one = nodes.add("ReduceMax", others, axis, keepdims=1)
    return nodes.add("Sub", nodes.add("Mul", own, nodes.constant(np.float32(1 + WEIGHT))), next_one)
