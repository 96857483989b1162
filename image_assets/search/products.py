"""Products of bytes in whole numbers, at the speed at which memory is read.

numpy multiplies whole numbers one by one; onnxruntime has kernels for every kind of processor.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnxruntime


def products(codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """codes @ weights, int32 [N, Q], on the caller's thread; any number of threads may call it at once.

    Args:
        codes: uint8 [N, D]; also of a mapped file, nothing is copied.
        weights: int8 [D, Q].
    """
    (found,) = _session().run(None, {"codes": codes, "weights": weights})
    return np.asarray(found)


@cache
def _session() -> onnxruntime.InferenceSession:
    import onnxruntime
    from onnx import TensorProto, helper

    values = {"codes": TensorProto.UINT8, "weights": TensorProto.INT8, "products": TensorProto.INT32}
    codes, weights, found = (helper.make_tensor_value_info(name, kind, [None, None]) for name, kind in values.items())
    node = helper.make_node("MatMulInteger", ["codes", "weights"], ["products"])
    graph = helper.make_graph([node], "products", [codes, weights], [found])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 10)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # callers bring their own threads
    options.enable_cpu_mem_arena = False  # what threads leave there would stay
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
