"""Daft with our decoder: files downloaded by Daft, decoder and model in a batch method of a class."""

from __future__ import annotations

from typing import Any

import daft  # pyright: ignore[reportMissingImports]
import numpy as np
from daft import DataType, Series, col  # pyright: ignore[reportMissingImports]

from benchmarks.extraction.contestant import SCHEMA, Task, image_id, write
from benchmarks.extraction.inputs import BATCH, IMAGE_SIZE, WIDTH
from image_assets.features.decode import prepared
from image_assets.features.tf_hub import TfHubExtractor
from image_assets.workers import cores

_VECTOR = DataType.fixed_size_list(DataType.float32(), WIDTH)


@daft.func.batch(return_dtype=DataType.string())
def identify(contents: Series) -> Any:
    """SHA-256 of every file."""
    return [image_id(content) for content in contents.to_pylist()]


@daft.cls(max_concurrency=cores())
class Extract:
    """Our decoder and a session of one thread."""

    def __init__(self, module: str) -> None:
        self._extractor = TfHubExtractor(module, IMAGE_SIZE, WIDTH, "onnxruntime")

    @daft.method.batch(return_dtype=_VECTOR, batch_size=BATCH)
    def features(self, contents: Series) -> Any:
        """Features of every file."""
        return self._extractor.infer(np.stack([prepared(one, self._extractor) for one in contents.to_pylist()]))


def run(task: Task) -> None:
    """Download, extract, collect."""
    extract = Extract(task.module)
    task.ready()
    frame = (
        daft.from_pydict({"path": [str(photo) for photo in task.photos]})
        .with_column("content", col("path").download())
        .select(identify(col("content")).alias("image_id"), extract.features(col("content")).alias("features"))
    )
    write(task.output, (batch.cast(SCHEMA) for batch in frame.to_arrow_iter()))
