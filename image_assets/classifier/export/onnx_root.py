"""How the step `root` of a model is written as ONNX: sign(x) · √|x|."""

from __future__ import annotations

from typing import Any

from image_assets.store.models.signed_root import SignedRoot


def register_root() -> None:
    """Tell skl2onnx, which must be installed, about the step; more than once does no harm."""
    from skl2onnx import update_registered_converter

    update_registered_converter(SignedRoot, "ImageAssetsSignedRoot", _shapes, _convert)


def _shapes(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    rows: Any = FloatTensorType([None, operator.inputs[0].type.shape[1]])  # its stubs ask for plain numbers
    operator.outputs[0].type = rows


def _convert(scope: Any, operator: Any, container: Any) -> None:
    given, made = operator.inputs[0].full_name, operator.outputs[0].full_name
    size, root, sign = (scope.get_unique_variable_name(name) for name in ("size", "root", "sign"))
    for kind, taken, given_on in (
        ("Abs", [given], size),
        ("Sqrt", [size], root),
        ("Sign", [given], sign),
        ("Mul", [root, sign], made),
    ):
        container.add_node(kind, taken, given_on, name=scope.get_unique_operator_name(f"root_{kind}"))
