"""What a table and a column are, the partition of one day and category, and the columns that many tables have."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl
import pyarrow as pa


@dataclass(frozen=True, order=True)
class Partition:
    """One day of arrival of one category: what is loaded, checked and replaced as a whole."""

    date: dt.date
    category: str

    def __str__(self) -> str:
        return f"{self.date.isoformat()} {self.category}"

    def as_json(self) -> dict[str, str]:
        """As answers name it to programs."""
        return {"day": self.date.isoformat(), "category": self.category}


def partition_of(key: str) -> Partition:
    """The partition that a key `<category>|<day>` means: Dagster joins dimensions in the order of their names."""
    category, date = key.split("|")
    return Partition(dt.date.fromisoformat(date), category)


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, its unit (empty where there is none) and what it means."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True)
class TableSchema:
    """One table under `<store>/<dataset>/<name>`.

    A table that is `made_anew`, as a whole and from others, may gain columns: the next time that it is made has them.

    Its `version` is raised whenever rows that are there already would no longer be what the columns say: a column that
    is new, or gone, or means something else. What then becomes of these rows is said in `image_assets.migrations`.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    partitioned: bool = True
    made_anew: bool = False
    version: int = 1

    @property
    def partition_by(self) -> list[str]:
        """The partition columns, in the order of the folders."""
        return ["date", "category"] if self.partitioned else []

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema of the table, partition columns last."""
        return pa.schema([*self.file_schema, *(PARTITION_SCHEMA if self.partitioned else [])])

    @property
    def file_schema(self) -> pa.Schema:
        """The Arrow schema inside a file: without the partition columns, which are the folder's name."""
        return pa.schema([pa.field(c.name, c.type, c.nullable) for c in self.columns])

    def no_rows(self) -> pl.DataFrame:
        """No rows of a file."""
        return pl.DataFrame(pl.from_arrow(pa.Table.from_batches([], self.file_schema)))


PARTITION_COLUMNS = (
    Column("date", pa.date32(), "Day of arrival, in the dataset's time zone"),
    Column("category", pa.string(), "Category that the image was delivered under"),
)
PARTITION_SCHEMA = pa.schema([pa.field(c.name, c.type, nullable=False) for c in PARTITION_COLUMNS])

IMAGE_ID = Column("image_id", pa.string(), "SHA-256 of the file's bytes, lower-case hexadecimal")
LABEL = Column("label", pa.int16(), "Integer label of the category, as the dataset file gives it")
SOURCE = Column("source", pa.string(), "Where the file came from: its path below the landing zone")
FILE_BYTES = Column("bytes", pa.int64(), "Size of the file", "bytes")

WHERE = (
    Column("date", pa.date32(), "Day of the partition that holds the image"),
    Column("category", pa.string(), "Category of the partition that holds the image"),
)

NAMES = pa.list_(pa.field("element", pa.string(), nullable=False))
