"""How onnxruntime runs a model here: on the thread of whoever calls it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

import numpy as np

if TYPE_CHECKING:
    import onnxruntime

_SESSIONS: WeakSet[onnxruntime.InferenceSession] = WeakSet()


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


def register_for_release(session: onnxruntime.InferenceSession) -> None:
    """Have `release_arenas` look after a session that takes one image, or any number.

    To be called where an extractor is finished: of a model that was refused a session may be left for a while, which
    cannot run.
    """
    _SESSIONS.add(session)


def release_arenas() -> None:
    """Have registered sessions free what they keep for their next batch: tens of megabytes per thread that has called.

    onnxruntime does so at the end of a run that asks for it, so each runs one black image.
    """
    for session in list(_SESSIONS):
        import onnxruntime

        asks = onnxruntime.RunOptions()
        asks.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        (images,) = session.get_inputs()
        session.run(None, {images.name: np.zeros((1, *images.shape[1:]), np.uint8)}, asks)
