"""Arrow columns of Python's and NumPy's values, made without pandas.

`pa.array` and what rests on it (`from_pylist`, `scalar`, `empty_table`, `to_numpy` …) look for pandas, which is there
because cleanlab wants it, and import it for that: a third of a second of every run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa


def batch_of_rows(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as a batch of this schema; a name that a row lacks is null.

    The values are those of `pa.RecordBatch.from_pylist`, but not every bit between them: no name is to come of these.

    Raises:
        TypeError: a value is of another type than its column, or does not fit into it.
        ValueError: it is null where nothing may be.
    """
    return pa.RecordBatch.from_arrays(
        [_column([row.get(one.name) for row in rows], one) for one in schema], schema=schema
    )


def _column(values: Sequence[object], field: pa.Field) -> pa.Array:
    column = pl.Series(field.name, values, no_rows(pa.schema([field])).dtypes[0], strict=True)
    if column.null_count() and not field.nullable:
        raise ValueError(f"{field.name}: nothing where there must be something")
    return column.to_arrow().cast(field.type)


def of_numbers(values: np.ndarray) -> pa.Array:
    """Numbers of shape [N], without a copy where they lie one beside the other."""
    kept = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(kept.dtype), kept.size, [None, pa.py_buffer(kept)])


def repeated(text: str, times: int) -> pa.Array:
    """A text so many times, together less than two gigabytes."""
    encoded = text.encode()
    ends = np.arange(times + 1, dtype=np.int32) * len(encoded)
    return pa.Array.from_buffers(pa.string(), times, [None, pa.py_buffer(ends), pa.py_buffer(encoded * times)])


def as_numbers(column: pa.Array) -> np.ndarray:
    """The numbers of a column without nulls, shape [N]."""
    return pl.Series(column).to_numpy()


@cache
def no_rows(schema: pa.Schema) -> pl.DataFrame:
    """No rows of a schema."""
    return pl.DataFrame(pl.from_arrow(pa.Table.from_batches([], schema)))
