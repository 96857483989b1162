"""Daft with its own decoder and resize, and the model in a batch method of a class."""

from __future__ import annotations

from typing import Any

import daft  # pyright: ignore[reportMissingImports]
from daft import DataType, Series, col  # pyright: ignore[reportMissingImports]

from benchmarks.extraction.contestant import SCHEMA, Task, write
from benchmarks.extraction.contestants.daft_ours import identify
from benchmarks.extraction.inputs import BATCH, IMAGE_SIZE, WIDTH
from image_assets.features.tf_hub import TfHubExtractor
from image_assets.workers import cores


@daft.cls(max_concurrency=cores())
class Infer:
    """A session of one thread."""

    def __init__(self, module: str) -> None:
        self._extractor = TfHubExtractor(module, IMAGE_SIZE, WIDTH, "onnxruntime")

    @daft.method.batch(return_dtype=DataType.fixed_size_list(DataType.float32(), WIDTH), batch_size=BATCH)
    def features(self, images: Series) -> Any:
        """Features of images of one size."""
        flat = images.to_arrow().storage.flatten().to_numpy()
        return self._extractor.infer(flat.reshape(len(images), IMAGE_SIZE, IMAGE_SIZE, 3))


def run(task: Task) -> None:
    """Download, decode, resize, infer, collect. Daft cannot pad: its squares are squashed, which is less work."""
    infer = Infer(task.module)
    task.ready()
    image = col("content").decode_image(mode="RGB").resize(IMAGE_SIZE, IMAGE_SIZE)
    frame = (
        daft.from_pydict({"path": [str(photo) for photo in task.photos]})
        .with_column("content", col("path").download())
        .select(identify(col("content")).alias("image_id"), image.alias("image"))
        .select(col("image_id"), infer.features(col("image")).alias("features"))
    )
    write(task.output, (batch.cast(SCHEMA) for batch in frame.to_arrow_iter()))
