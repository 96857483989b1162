"""Ours: the stage's own pipeline, fed with files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from benchmarks.extraction.contestant import SCHEMA, Task, image_id, write
from benchmarks.extraction.inputs import IMAGE_SIZE, WIDTH
from image_assets.features.pipeline import extract_rows
from image_assets.features.tf_hub import TfHubExtractor

_READ_TOGETHER = 256


def run(task: Task) -> None:
    """Read, decode, infer and write."""
    extractor = TfHubExtractor(task.module, IMAGE_SIZE, WIDTH, "onnxruntime")
    task.ready()
    features = extract_rows(batches_of(task.photos), extractor)
    write(task.output, (_output(batch) for batch in features))


def batches_of(photos: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    """Photos as the pipeline takes them, read and hashed: image_id, label and content."""
    for start in range(0, len(photos), _READ_TOGETHER):
        contents = [photo.read_bytes() for photo in photos[start : start + _READ_TOGETHER]]
        ids = pa.array([image_id(content) for content in contents])
        labels = pa.array([0] * len(contents), pa.int16())
        yield pa.RecordBatch.from_arrays([ids, labels, pa.array(contents)], ["image_id", "label", "content"])


def _output(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [batch["image_id"], batch["features"].cast(SCHEMA.field("features").type)], schema=SCHEMA
    )
