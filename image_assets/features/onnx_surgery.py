"""Puts what comes before and after an ONNX model into its graph: bytes of pixels go in, feature vectors come out.

So the arithmetic is the runtime's, on whatever device it runs, and no floats travel there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from image_assets.features.errors import EncoderError
from image_assets.features.onnx_graph import GraphNodes
from image_assets.features.onnx_input import ImageInput, described
from image_assets.features.pixel_rules import PixelRules
from image_assets.settings.encoders import Pooling
from image_assets.wording import did_you_mean

if TYPE_CHECKING:
    import onnx

IMAGES, FEATURES = "image_assets.images", "image_assets.features"
"""Names of the input and the output of what `with_preprocessing` and `with_pooling` make."""

# Since then, the axes that are reduced are an input of the operator and no attribute.
_AXES_ARE_INPUTS = 18
_FLOATS = ("float32", "float16", "float64", "bfloat16")


def with_preprocessing(model: onnx.ModelProto, taken: ImageInput, rules: PixelRules) -> None:
    """Have a model take prepared pictures, uint8 `[N, side, side, 3]`, RGB, and make of them what it took before."""
    from onnx import TensorProto, helper

    graph, side = model.graph, rules.resize.size
    nodes = GraphNodes(graph, "image_assets.before")
    value = IMAGES
    if rules.colours == "BGR":
        value = nodes.add("Gather", value, nodes.constant(np.array([2, 1, 0])), axis=3)
    if taken.dtype != np.uint8:
        value = nodes.add("Cast", value, to=TensorProto.FLOAT)
        if not rules.are_levels:
            mean, std = np.array(rules.mean), np.array(rules.std)
            value = nodes.add("Mul", value, nodes.constant((rules.rescale / std).astype(np.float32)))
            value = nodes.add("Add", value, nodes.constant((-mean / std).astype(np.float32)))
    if taken.layout == "NCHW":
        value = nodes.add("Transpose", value, perm=[0, 3, 1, 2])
    elif taken.layout == "flat":
        value = nodes.add("Flatten", value, axis=1)
    if taken.dtype == np.float16:
        value = nodes.add("Cast", value, to=TensorProto.FLOAT16)
    nodes.add("Identity", value, output=taken.name)
    before = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes.made, *before])
    others = [one for one in graph.input if one.name != taken.name]
    del graph.input[:]
    shape = [taken.batch or "N", side, side, 3]
    graph.input.extend([helper.make_tensor_value_info(IMAGES, TensorProto.UINT8, shape), *others])


def choose_output(model: onnx.ModelProto, named: str | None, origin: str) -> str:
    """The name of the value that the features are, which becomes the only output.

    Args:
        model: Is changed.
        named: What the dataset file says, if it does: an output, or any value within the graph.
        origin: How the dataset file calls the model, for errors.

    Raises:
        EncoderError: there is no such value, or it is not clear which one is meant.
    """
    import onnx

    graph = model.graph
    listed = ", ".join(f"{value.name!r} ({described(value)})" for value in graph.output)
    if named is None:
        numbers = [value for value in graph.output if described(value).split()[0] in _FLOATS]
        if len(numbers) != 1:
            raise EncoderError(
                f"{origin}: its outputs are {listed}; say which the features are by the extractor's output"
            )
        named = numbers[0].name
    chosen = [value for value in graph.output if value.name == named]
    within = {name for node in graph.node for name in node.output if name}
    if not chosen and named not in within:
        meant = did_you_mean(named, [value.name for value in graph.output] + sorted(within))
        raise EncoderError(f"{origin}: has no output {named!r}; {meant}{' ' if meant else ''}its outputs are {listed}")
    del graph.output[:]
    # The runtime finds out the type of one within the graph by itself.
    graph.output.extend(chosen or [onnx.ValueInfoProto(name=named)])
    return named


def with_pooling(model: onnx.ModelProto, output: str, axes: Sequence[int], pooling: Pooling) -> None:
    """Have a model give one vector for each picture, float32 `[N, width]`, as its only output `FEATURES`.

    Args:
        model: Is changed.
        output: What it gives now.
        axes: Which of the output's dimensions go.
        pooling: How they do; `none` leaves the output as it is, but for its name and type.
    """
    from onnx import TensorProto, helper

    nodes = GraphNodes(model.graph, "image_assets.after")
    value = nodes.add("Cast", output, to=TensorProto.FLOAT)
    if pooling == "first":
        value = nodes.add("Gather", value, nodes.constant(np.array(0)), axis=1)
    elif pooling != "none":
        operator = "ReduceMean" if pooling == "mean" else "ReduceMax"
        if _opset(model) >= _AXES_ARE_INPUTS:
            value = nodes.add(operator, value, nodes.constant(np.array(axes)), keepdims=0)
        else:
            value = nodes.add(operator, value, axes=list(axes), keepdims=0)
    value = nodes.add("Flatten", value, axis=1)
    nodes.add("Identity", value, output=FEATURES)
    model.graph.node.extend(nodes.made)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, ["N", "width"]))


def _opset(model: onnx.ModelProto) -> int:
    return max(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
