"""Counting rows of any number by DuckDB, piece by piece: memory holds a piece and the counts, never a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import polars as pl
import pyarrow as pa

from image_assets.schema import PARTITION_COLUMNS
from image_assets.store.tables.delta_tables import PartitionedTable

_CHUNK_ROWS = 200_000
_BATCH_ROWS = 32_768
_MEMORY = "512MB"
_THREADS = 2


@dataclass(frozen=True)
class CountQuery:
    """What is counted: rows by keys.

    Attributes:
        keys: Name → SQL expression over the columns of a piece.
        source: What stands after FROM; the piece is called `piece`.
        sums: Name → SQL expression of whole numbers that are added up beside.
    """

    keys: Mapping[str, str]
    source: str = "piece"
    sums: Mapping[str, str] = field(default_factory=dict)

    def sql(self) -> str:
        """The counts of one piece: the keys, `n`, the sums."""
        keys = ", ".join(f"{expression} AS {name}" for name, expression in self.keys.items())
        sums = "".join(f", sum({expression})::BIGINT AS {name}" for name, expression in self.sums.items())
        return f"SELECT {keys}, count(*) AS n{sums} FROM {self.source} GROUP BY ALL"

    def merged(self, table: str) -> str:
        """The counts of all pieces, whose counts stand in a table; sorted by the keys."""
        keys = ", ".join(self.keys)
        sums = "".join(f", sum({name})::BIGINT AS {name}" for name in self.sums)
        return f"SELECT {keys}, sum(n)::BIGINT AS n{sums} FROM {table} GROUP BY ALL ORDER BY ALL"


def tallied(counts: Mapping[str, CountQuery], rows: Iterable[pa.Table]) -> dict[str, pl.DataFrame]:
    """Count rows that come in pieces.

    Args:
        counts: Name → what is counted.
        rows: The pieces, one of which is held at a time.

    Returns:
        Of every name the keys, `n` and the sums, sorted by the keys; without rows where there were no pieces.
    """
    found = {name: _nothing(count) for name, count in counts.items()}
    made = False
    with duckdb.connect(config={"memory_limit": _MEMORY, "threads": _THREADS}) as database:
        for piece in rows:
            database.register("piece", piece)
            for name, count in counts.items():
                if made:
                    database.execute(f"INSERT INTO {name} {count.sql()}")
                    # Counts of counts: else they would grow with the number of pieces.
                    database.execute(f"CREATE OR REPLACE TABLE {name} AS {count.merged(name)}")
                else:
                    database.execute(f"CREATE TABLE {name} AS {count.sql()}")
            database.unregister("piece")
            made = True
        for name, count in counts.items() if made else ():
            found[name] = pl.DataFrame(pl.from_arrow(database.sql(count.merged(name)).to_arrow_table()))
    return found


def _nothing(count: CountQuery) -> pl.DataFrame:
    return pl.DataFrame(schema={**dict.fromkeys(count.keys, pl.String), **dict.fromkeys(("n", *count.sums), pl.Int64)})


def pieces(table: PartitionedTable, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of a table in pieces of about 200,000, with only these columns, date and category.

    A file is opened once, and of its columns only these are read.
    """
    waiting: list[pa.Table] = []
    rows = 0
    for batch in _batches(table, columns):
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= _CHUNK_ROWS:
            yield pa.concat_tables(waiting)
            waiting, rows = [], 0
    if rows:
        yield pa.concat_tables(waiting)


def _batches(table: PartitionedTable, columns: Sequence[str]) -> Iterable[pa.Table]:
    for path, date, category in table.snapshot().files.select("path", "date", "category").iter_rows():
        for batch in table.files.read(path, list(columns), _BATCH_ROWS):
            partition = [
                pa.repeat(pa.scalar(v, c.type), len(batch))
                for v, c in zip((date, category), PARTITION_COLUMNS, strict=True)
            ]
            fields = [*batch.schema, *(pa.field(c.name, c.type) for c in PARTITION_COLUMNS)]
            yield pa.Table.from_arrays([*batch.columns, *partition], schema=pa.schema(fields))
