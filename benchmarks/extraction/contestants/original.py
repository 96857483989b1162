"""The original's way: one image at a time through Pillow and the hub module."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from PIL import Image, ImageOps

from benchmarks.extraction.contestant import Task, image_id, rows, write
from benchmarks.extraction.inputs import IMAGE_SIZE

os.environ["TF_USE_LEGACY_KERAS"] = "1"


def run(task: Task) -> None:
    """Open, pad, run the module on a batch of one, keep the row."""
    import tensorflow as tf
    import tensorflow_hub as hub

    module = hub.load(task.module)
    module(tf.zeros([1, IMAGE_SIZE, IMAGE_SIZE, 3]))
    task.ready()

    def features() -> Iterator[pa.RecordBatch]:
        for photo in task.photos:
            image = ImageOps.pad(Image.open(photo).convert("RGB"), (IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR)
            pixels = np.asarray(image, np.float32)[None] / 255
            yield rows([image_id(photo.read_bytes())], module(tf.constant(pixels)).numpy())

    write(task.output, [pa.Table.from_batches(features()).combine_chunks().to_batches()[0]])
