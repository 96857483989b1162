"""`python -m benchmarks.known_images`: a table of millions of images without content, and looking ids up in it."""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import sys
import time
from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from benchmarks.history import add_files
from image_assets.memory import PeakMemory, hand_back
from image_assets.schema import METRIC_COLUMNS, RAW_IMAGES, Partition
from image_assets.store.store import Store
from image_assets.store.tables.key_index import image_index

_NAME = "known"
_UNIT_ROWS = 10_001
_FIRST = dt.date(2000, 1, 1)
_COMMIT_FILES = 100
_LOOKED_UP = 10_000
_KNOWN_SHARE = 0.01


def main() -> None:
    """Fill a store, bring its index up to date, or look ids up; the latter two say what they took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.known_images", description=__doc__)
    parser.add_argument("what", choices=("fill", "cover", "find"))
    parser.add_argument("--store", required=True)
    parser.add_argument("--images", required=True, type=int)
    options = parser.parse_args()
    store = Store(options.store)
    if options.what == "fill":
        fill(store, options.images)
        return
    index = image_index(store, _NAME)
    there = index.table.snapshot()
    hand_back()
    peak, began, found = PeakMemory(), time.perf_counter(), 0
    if options.what == "cover":
        index.cover(there)
    else:
        found = index.find(_wanted(options.images), there, ["source"]).height
    figures = {"found": found, "seconds": time.perf_counter() - began, "peak_mb": peak.bytes() / 1e6}
    sys.stdout.write(json.dumps(figures) + "\n")


def fill(store: Store, images: int) -> None:
    """Write `images` rows in files of 10,001, a partition each."""
    table = store.table(_NAME, RAW_IMAGES)
    starts = range(0, images, _UNIT_ROWS)
    keys = [Partition(_FIRST + dt.timedelta(days=day), "plant") for day in range(len(starts))]
    table.replace(keys[0], [])
    for first in range(0, len(keys), _COMMIT_FILES):
        some = list(zip(keys, starts, strict=True))[first : first + _COMMIT_FILES]
        add_files(
            table,
            [
                (key, table.write_file(key, "unit", [_rows(start, min(start + _UNIT_ROWS, images))]))
                for key, start in some
            ],
        )


def _wanted(images: int) -> pl.DataFrame:
    known = round(_LOOKED_UP * _KNOWN_SHARE)
    old = range(0, images, images // known)[:known]
    numbers = [*old, *range(images, images + _LOOKED_UP - known)]
    return pl.DataFrame({"image_id": _ids(numbers)})


def _ids(numbers: Sequence[int]) -> list[str]:
    return [hashlib.sha256(number.to_bytes(8, "little")).hexdigest() for number in numbers]


def _rows(start: int, end: int) -> pa.RecordBatch:
    rows = pl.DataFrame({"image_id": _ids(range(start, end))}).with_columns(
        label=pl.lit(0, pl.Int16),
        source=pl.format("2000-01-01/plant/{}.jpg", pl.int_range(start, end)),
        format=pl.lit("jpeg"),
        width=pl.lit(32, pl.Int32),
        height=pl.lit(32, pl.Int32),
        **{column.name: pl.lit(0) for column in METRIC_COLUMNS},
        bytes=pl.lit(700, pl.Int64),
        thumbnail=pl.lit(b""),
        content=pl.lit(b""),
    )
    (batch,) = (
        rows.to_arrow().select(RAW_IMAGES.file_schema.names).cast(RAW_IMAGES.file_schema).combine_chunks().to_batches()
    )
    return batch


if __name__ == "__main__":
    main()
