"""Image files in, feature rows out: a worker thread per core, each decoding a batch and running the model on it.

Decoder and model both release the interpreter lock and both keep a core busy, so no stage waits for another: threads
with whole batches reach the ceiling that decoder and model set together.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from image_assets.engines.at_work import AtWork
from image_assets.features.decode import all_prepared
from image_assets.features.extractor import Extractor
from image_assets.schema import IMAGE_FEATURES
from image_assets.store.tables.arrow_columns import as_numbers, of_numbers, repeated
from image_assets.workers import cores, ordered_map

# Larger batches leave the caches of a core: 8 to 16 are a sixth faster than 32, and 8 take a third of the memory.
BATCH_IMAGES = 8
# What waits in memory is bounded in bytes too: photos can have many megabytes each.
BATCH_BYTES = 4_000_000
# Enough to go on with while the finished ones are written, which takes a tenth of a second from time to time.
_WAITING_PER_WORKER = 8


@dataclass
class Effort:
    """Where the workers' time went, seconds summed over all of them."""

    decoding: float = 0.0
    model: float = 0.0

    def add(self, other: Effort) -> None:
        """Count another's effort too."""
        self.decoding += other.decoding
        self.model += other.model


def extract_rows(
    batches: Iterable[pa.RecordBatch], extractor: Extractor, threads: int | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of `image_features` for rows of `raw_images`, in their order; see `extract_steps`."""
    return (rows for rows, _ in extract_steps(batches, extractor, threads or cores()))


def extract_steps(
    batches: Iterable[pa.RecordBatch], extractor: Extractor, threads: int, at_work: AtWork | None = None
) -> Iterator[tuple[pa.RecordBatch, Effort]]:
    """The rows of `image_features` for rows of `raw_images`, in their order, each batch with what it took.

    Args:
        batches: Columns image_id, label and content, the image files, of images that were let in. Cut into batches
            of at most `BATCH_IMAGES` and about `BATCH_BYTES`; a batch's features depend on no other.
        extractor: What makes the features.
        threads: Workers.
        at_work: Where they note what they are at work at, `BATCH_IMAGES` at most at a time.
    """

    def noted(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, Effort]:
        if at_work is None:
            return work(rows)
        with at_work.on(*rows["image_id"].to_pylist()):
            return work(rows)

    def work(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, Effort]:
        began = time.perf_counter()
        squares = all_prepared(rows["content"].to_pylist(), extractor)
        decoded = time.perf_counter()
        features = extractor.infer(squares)
        spent = Effort(decoded - began, time.perf_counter() - decoded)
        return feature_batch(rows["image_id"], rows["label"], features, extractor.digest), spent

    return ordered_map(noted, _small(batches), threads, _WAITING_PER_WORKER)


def feature_batch(image_ids: pa.Array, labels: pa.Array, features: np.ndarray, digest: str) -> pa.RecordBatch:
    """Rows of `image_features` from float32 features of shape [N, D]."""
    rows, width = features.shape
    offsets = of_numbers(np.arange(0, rows * width + 1, width, dtype=np.int32))
    schema = IMAGE_FEATURES.file_schema
    values = of_numbers(np.ascontiguousarray(features, np.float32).ravel())
    lists = pa.ListArray.from_arrays(offsets, values, type=schema.field("features").type)
    columns = [image_ids, labels, lists, repeated(digest, rows)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _small(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cut batches so that none has too many images, nor more than one beyond too many bytes."""
    for batch in batches:
        ends = np.cumsum(as_numbers(pc.call_function("binary_length", [batch["content"]])))
        start = 0
        while start < batch.num_rows:
            before = ends[start - 1] if start else 0
            fitting = int(np.searchsorted(ends, before + BATCH_BYTES, side="right")) - start
            rows = min(max(fitting, 1), BATCH_IMAGES)
            yield batch.slice(start, rows)
            start += rows
