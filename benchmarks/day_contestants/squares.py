"""What both peers do with a photo and the model: Pillow's decoder, and onnxruntime on the threads of its callers."""

from __future__ import annotations

import io
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MODEL = "BENCHMARK_MODEL"
"""The variable that names the model's file: the peers' own processes have to find it as well."""


class Model:
    """A session of one thread for each thread that calls."""

    def __init__(self, model: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        (images,) = self._session.get_inputs()
        (features,) = self._session.get_outputs()
        self._input, self._side = images.name, int(images.shape[1])
        self.width = int(features.shape[1])

    def features(self, contents: list[bytes]) -> Any:
        """Features, float32 `[N, width]`, of photos."""
        squares = np.stack([_square(content, self._side) for content in contents])
        return self._session.run(None, {self._input: squares})[0]


@cache
def model() -> Model:
    """The model of this process."""
    return Model(Path(os.environ[MODEL]))


def _square(content: bytes, side: int) -> np.ndarray:
    """A photo as uint8 `[side, side, 3]`, squashed: decoded at the fraction of its size that is next above."""
    image = Image.open(io.BytesIO(content))
    image.draft("RGB", (side, side))
    return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))
