"""One contestant as a process: `python -m benchmarks.extraction.contestant NAME …` prints one line of JSON."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.extraction.inputs import WIDTH

_ROW_GROUP = 256
SCHEMA = pa.schema([("image_id", pa.string()), ("features", pa.list_(pa.float32(), WIDTH))])


@dataclass
class Task:
    """What a contestant is to do.

    Attributes:
        photos: The files to be used.
        module: Folder of the SavedModel.
        output: The Parquet file to write: `SCHEMA`, one row for each photo, in any order.
    """

    photos: list[Path]
    module: str
    output: Path
    ready_at: float = 0.0

    def ready(self) -> None:
        """To be called when everything is imported and loaded, before the first photo is read."""
        self.ready_at = time.perf_counter()


def image_id(content: bytes) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def rows(image_ids: list[str], features: np.ndarray) -> pa.RecordBatch:
    """A batch of the output from float32 features [N, WIDTH]."""
    values = pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(features).ravel()), WIDTH)
    return pa.RecordBatch.from_arrays([pa.array(image_ids, pa.string()), values], schema=SCHEMA)


def write(output: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Write the output as every contestant does: row groups of `_ROW_GROUP` rows and more, whatever the batches are."""
    held: list[pa.RecordBatch] = []
    with pq.ParquetWriter(output, SCHEMA, compression="ZSTD", use_dictionary=False) as writer:
        for batch in batches:
            held.append(batch)
            if sum(one.num_rows for one in held) >= _ROW_GROUP:
                writer.write_table(pa.Table.from_batches(held))
                held.clear()
        if held:
            writer.write_table(pa.Table.from_batches(held))


def main() -> None:
    """Run a contestant and say how long it took, less the time until it was ready, and whole."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--module", required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    photos = sorted(options.photos.rglob("*.jpg"))[: options.images]
    task = Task(photos, options.module, options.output)
    began = time.perf_counter()
    importlib.import_module(f"benchmarks.extraction.contestants.{options.name}").run(task)
    ended = time.perf_counter()
    worked = ended - (task.ready_at or began)
    print(json.dumps({"images": len(photos), "seconds": worked}), flush=True)


if __name__ == "__main__":
    main()
