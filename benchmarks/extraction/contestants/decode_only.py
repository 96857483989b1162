"""The first ceiling: our decoder on a thread per core and nothing else, with the files in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from benchmarks.extraction.contestant import Task
from benchmarks.extraction.inputs import IMAGE_SIZE, WIDTH
from image_assets.features.decode import prepared
from image_assets.features.pipeline import BATCH_IMAGES
from image_assets.features.tf_hub import TfHubExtractor
from image_assets.workers import cores


def run(task: Task) -> None:
    """Decode; the pixels are thrown away."""
    extractor = TfHubExtractor(task.module, IMAGE_SIZE, WIDTH, "onnxruntime")
    contents = [photo.read_bytes() for photo in task.photos]

    def work(start: int) -> None:
        for content in contents[start : start + BATCH_IMAGES]:
            prepared(content, extractor)

    task.ready()
    with ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(work, range(0, len(contents), BATCH_IMAGES)):
            pass
