"""What an ONNX model takes: which input, in which order of dimensions, of which size and type.

Everything is read off the model; what the dataset file says besides must fit it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from image_assets.features.errors import EncoderError
from image_assets.settings.encoders import Layout
from image_assets.wording import did_you_mean

if TYPE_CHECKING:
    import onnx

_DTYPES = ("float32", "float16", "uint8")
_CHANNELS = 3
# Where the channels stand, and which dimensions are height and width.
_PLACES: dict[Layout, tuple[int, tuple[int, int]]] = {"NCHW": (1, (2, 3)), "NHWC": (3, (1, 2))}

Dimensions = Sequence[int | None]


@dataclass(frozen=True)
class ImageInput:
    """The input of a model that takes pictures.

    Attributes:
        name: What the graph calls it.
        dtype: float32, float16 or uint8.
        layout: Order of its dimensions.
        side: Of the square that it takes, pixels; None where any will do.
        batch: How many pictures it takes at once, 1; None for any number.
    """

    name: str
    dtype: np.dtype
    layout: Layout
    side: int | None
    batch: int | None


def image_input(graph: onnx.GraphProto, model: str, name: str | None, layout: Layout | None) -> ImageInput:
    """Find out what a model takes.

    Args:
        graph: The model's.
        model: How the dataset file calls the model, for errors.
        name: What the dataset file says that the input is called, if it does.
        layout: What it says of the order of the dimensions, if it does.

    Raises:
        EncoderError: the model takes something else than pictures of three channels, or the dataset file says
            something else than the model.
    """
    taken = _only_input(graph, model, name)
    dtype, dimensions = _type_of(taken)
    said = f"its input {taken.name!r} is {described(taken)}"
    if dtype not in _DTYPES:
        raise EncoderError(f"{model}: {said}; pictures can be given as {', '.join(_DTYPES)}")
    if dimensions is None or len(dimensions) not in (2, 4):
        raise EncoderError(
            f"{model}: {said}; pictures are given as [N, 3, height, width] (NCHW), [N, height, width, 3] (NHWC), or "
            "[N, side × side × 3] (flat)"
        )
    if dimensions[0] not in (None, 1):
        raise EncoderError(
            f"{model}: {said}, which is {dimensions[0]} pictures at once; export it for any number, or for 1"
        )
    found = _layout(dimensions, layout)
    if found is None:
        raise EncoderError(f"{model}: {said}, which {_no_layout(dimensions, layout)}")
    return ImageInput(taken.name, np.dtype(dtype), found, _side(dimensions, found, f"{model}: {said}"), dimensions[0])


def described(value: onnx.ValueInfoProto) -> str:
    """An input's or output's type, for people: `float32 [N, 3, 224, 224]`."""
    dtype, dimensions = _type_of(value)
    if dimensions is None:
        return dtype
    names = [d.dim_param or "?" for d in value.type.tensor_type.shape.dim]
    sizes = [name if size is None else str(size) for size, name in zip(dimensions, names, strict=True)]
    return f"{dtype} [{', '.join(sizes)}]"


def _only_input(graph: onnx.GraphProto, model: str, name: str | None) -> onnx.ValueInfoProto:
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        listed = ", ".join(f"{value.name!r} ({described(value)})" for value in inputs) or "nothing"
        raise EncoderError(
            f"{model}: takes {len(inputs)} inputs: {listed}; expected a model that takes pictures and nothing else: "
            "export the part that makes a picture's features"
        )
    if name not in (None, inputs[0].name):
        raise EncoderError(
            f"{model}: has no input {name!r}; {did_you_mean(name or '', [inputs[0].name]) or ''} there is "
            f"{inputs[0].name!r}; correct the extractor's input"
        )
    return inputs[0]


def _type_of(value: onnx.ValueInfoProto) -> tuple[str, Dimensions | None]:
    import onnx

    if not value.type.HasField("tensor_type"):
        return value.type.WhichOneof("value") or "of no type", None
    tensor = value.type.tensor_type
    name = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    dtype = {"float": "float32", "double": "float64"}.get(name, name)
    if not tensor.HasField("shape"):
        return dtype, None
    return dtype, [d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in tensor.shape.dim]


def _layout(dimensions: Dimensions, said: Layout | None) -> Layout | None:
    """The order of the dimensions: what was said where it fits, else the only one that fits surely."""
    if len(dimensions) == 2:
        return "flat" if said in (None, "flat") else None
    if said is not None:
        return said if said != "flat" and dimensions[_PLACES[said][0]] in (None, _CHANNELS) else None
    sure: list[Layout] = [one for one, (channels, _) in _PLACES.items() if dimensions[channels] == _CHANNELS]
    return sure[0] if len(sure) == 1 else None


def _no_layout(dimensions: Dimensions, said: Layout | None) -> str:
    if said is not None:
        return f"does not fit the layout {said}; correct the extractor's layout, or leave it out"
    if any(dimensions[channels] in (None, _CHANNELS) for channels, _ in _PLACES.values()):
        return (
            f"does not say where the channels stand; give the extractor's layout, {' or '.join(get_args(Layout)[:2])}"
        )
    return "has no three channels; only models of colour pictures can be used"


def _side(dimensions: Dimensions, layout: Layout, said: str) -> int | None:
    if layout == "flat":
        numbers = dimensions[1]
        if numbers is None:
            return None
        side = math.isqrt(numbers // _CHANNELS)
        if side**2 * _CHANNELS != numbers:
            raise EncoderError(f"{said}; {numbers} numbers are no square of pixels with three channels")
        return side
    sides = {dimensions[place] for place in _PLACES[layout][1]} - {None}
    if len(sides) > 1:
        raise EncoderError(f"{said}; only squares can be given, export the model for one")
    return next(iter(sides), None)
