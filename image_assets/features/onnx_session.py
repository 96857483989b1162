"""How onnxruntime runs a model here: on the thread of whoever calls it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime


def start_session(model: bytes | Path) -> onnxruntime.InferenceSession:
    """Load an ONNX model, its bytes or its file, for any number of calling threads at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Callers bring their own threads, one per core; a pool inside would only fight with them.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
