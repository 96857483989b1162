"""tf.data with the SavedModel: parallel decoding at a ratio, antialiased resize, batches, prefetch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from benchmarks.extraction.contestant import Task, image_id, rows, write
from benchmarks.extraction.inputs import BATCH, IMAGE_SIZE

os.environ["TF_USE_LEGACY_KERAS"] = "1"


def run(task: Task) -> None:
    """A pipeline as the guide to tf.data's performance has it."""
    import tensorflow as tf
    import tensorflow_hub as hub

    module = hub.load(task.module)
    module(tf.zeros([BATCH, IMAGE_SIZE, IMAGE_SIZE, 3]))

    def load(path: Any) -> Any:
        content = tf.io.read_file(path)
        longest = tf.reduce_max(tf.image.extract_jpeg_shape(content)[:2])
        image = tf.cond(
            longest >= 5 * IMAGE_SIZE // 2,
            lambda: tf.io.decode_jpeg(content, 3, ratio=2),
            lambda: tf.io.decode_jpeg(content, 3),
        )
        return content, tf.image.resize_with_pad(image, IMAGE_SIZE, IMAGE_SIZE, antialias=True) / 255

    dataset = (
        tf.data.Dataset.from_tensor_slices([str(photo) for photo in task.photos])
        .map(load, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(BATCH)
        .prefetch(tf.data.AUTOTUNE)
    )
    task.ready()

    def features() -> Iterator[pa.RecordBatch]:
        for contents, images in dataset:
            yield rows([image_id(content) for content in contents.numpy()], module(images).numpy())

    write(task.output, features())
