"""The engine as the ceilings are measured: with the files in memory, and features that are thrown away.

What it lacks beside the ceiling of both is its own; what `engine` lacks beside it is reading, hashing and writing.
"""

from __future__ import annotations

from benchmarks.extraction.contestant import Task
from benchmarks.extraction.contestants.engine import batches_of
from benchmarks.extraction.inputs import IMAGE_SIZE, WIDTH
from image_assets.features.pipeline import extract_rows
from image_assets.features.tf_hub import TfHubExtractor


def run(task: Task) -> None:
    """Decode and infer."""
    extractor = TfHubExtractor(task.module, IMAGE_SIZE, WIDTH, "onnxruntime")
    photos = list(batches_of(task.photos))
    task.ready()
    for _ in extract_rows(photos, extractor):
        pass
