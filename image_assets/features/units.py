"""A unit of extraction: one file of `raw_images` becomes one file of `image_features`.

A unit's name is derived from the file it is made of and the extractor's digest: a finished one is found again, and
features of another extractor never take its place.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from image_assets.dataset import Limits
from image_assets.features.extractor import Extractor, extract
from image_assets.ingest.decode import decode
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.workers import Progress, no_progress, ordered_map
from io_managers.delta_tables import PartitionedTable
from io_managers.parquet_files import WrittenFile

# A batch is always made of the same rows, whatever the number of threads: a model's last bits may depend on it.
BATCH_IMAGES = 32


@dataclass(frozen=True)
class Extraction:
    """The files of a partition's features, and how many images had not been extracted before."""

    files: list[WrittenFile]
    extracted: int


def extract_units(
    raw_images: PartitionedTable,
    files: Sequence[WrittenFile],
    image_features: PartitionedTable,
    partition: Partition,
    extractor: Extractor,
    limits: Limits,
    progress: Progress = no_progress,
) -> Extraction:
    """Extract the features of every image in `files`, file by file; finished ones are not made again."""
    total = sum(file.rows for file in files)
    done = extracted = 0
    units = []
    for file in files:
        name = unit_name(file, extractor)
        unit = image_features.find_file(partition, name)
        if unit is None:
            batches = _features(raw_images, file, extractor, limits)
            unit = image_features.write_file(partition, name, _counted(batches, done, total, progress))
            extracted += unit.rows
        done += file.rows
        progress(done, total)
        units.append(unit)
    return Extraction(units, extracted)


def unit_name(file: WrittenFile, extractor: Extractor) -> str:
    """The name of the features of one file of `raw_images`."""
    return hashlib.sha256(f"{file.path} {extractor.digest}".encode()).hexdigest()[:32]


def _features(
    raw_images: PartitionedTable, file: WrittenFile, extractor: Extractor, limits: Limits
) -> Iterator[pa.RecordBatch]:
    def work(rows: pa.RecordBatch) -> pa.RecordBatch:
        images = [decode(content, limits).pixels for content in rows["content"].to_pylist()]
        return feature_batch(rows["image_id"], rows["label"], extract(extractor, images), extractor.digest)

    return ordered_map(work, raw_images.files.read(file.path, ["image_id", "label", "content"], BATCH_IMAGES))


def feature_batch(image_ids: pa.Array, labels: pa.Array, features: np.ndarray, digest: str) -> pa.RecordBatch:
    """Rows of `image_features` from float32 features of shape [N, D]."""
    rows, width = features.shape
    offsets = pa.array(np.arange(0, rows * width + 1, width, dtype=np.int32))
    lists = pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(features, np.float32).ravel()))
    schema = IMAGE_FEATURES.file_schema
    columns = [image_ids, labels, lists.cast(schema.field("features").type), pa.array([digest] * rows, pa.string())]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _counted(batches: Iterator[pa.RecordBatch], done: int, total: int, progress: Progress) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        done += batch.num_rows
        progress(done, total)
        yield batch
