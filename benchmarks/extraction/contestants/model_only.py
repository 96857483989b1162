"""The second ceiling: the model on a thread per core and nothing else, with prepared images in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.extraction.contestant import Task
from benchmarks.extraction.inputs import IMAGE_SIZE, WIDTH
from image_assets.features.decode import prepared
from image_assets.features.pipeline import BATCH_IMAGES
from image_assets.features.tf_hub import TfHubExtractor
from image_assets.workers import cores

_DIFFERENT = 1_024


def run(task: Task) -> None:
    """Infer; the features are thrown away."""
    extractor = TfHubExtractor(task.module, IMAGE_SIZE, WIDTH, "onnxruntime")
    squares = np.stack([prepared(photo.read_bytes(), extractor) for photo in task.photos[:_DIFFERENT]])

    def work(start: int) -> None:
        first = start % (len(squares) - BATCH_IMAGES + 1)
        extractor.infer(squares[first : first + BATCH_IMAGES])

    task.ready()
    with ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(work, range(0, len(task.photos), BATCH_IMAGES)):
            pass
