"""Rows of annotations joined to loaded images: for each file of `raw_images` one of the joined table."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa

from image_assets.ingest.annotated.database import database, quoted
from image_assets.ingest.annotated.matching import Matcher
from image_assets.schema import Partition
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.store.tables.partition_files import PartitionFiles
from image_assets.workers import Progress, no_progress

_BATCH_ROWS = 10_000


@dataclass(frozen=True)
class Join:
    """What is joined.

    Attributes:
        rows: Parquet file with a column `key`.
        query: Columns of the joined table, from `rows` as r and `images` (image_id, key) as i.
        where: Which rows.
        digest: Differs once the rows may be others.
        memory_mb: Memory for the join.
    """

    rows: Path
    query: str
    where: str
    digest: str
    memory_mb: int


def join_files(
    raw_images: PartitionFiles,
    joined: PartitionedTable,
    partition: Partition,
    matcher: Matcher,
    join: Join,
    progress: Progress = no_progress,
) -> list[WrittenFile]:
    """Write the joined rows of each file of a partition of `raw_images`; those that are there are not made again.

    Returns:
        One file for each of them; it may have no rows.

    Raises:
        SourceError: the annotations' rows cannot be read.
    """
    made, number = [], len(raw_images.files)
    for done, file in enumerate(raw_images.files):
        progress(done, number)
        name = joined_name(file, join.digest)
        rows = _joined_rows(raw_images.table, file, joined, matcher, join)
        made.append(joined.find_file(partition, name) or joined.write_file(partition, name, rows))
    progress(number, number)
    return made


def joined_name(file: WrittenFile, digest: str) -> str:
    """The name of the file that is joined to one of `raw_images`: `belongs_to` knows it again, whatever the digest."""
    return f"{_stem(file)}-{digest[:16]}"


def belongs_to(joined: WrittenFile, file: WrittenFile) -> bool:
    """Whether a joined file was made of that file of `raw_images`."""
    return joined.path.rsplit("/", 1)[-1].startswith(f"{_stem(file)}-")


def _stem(file: WrittenFile) -> str:
    return hashlib.sha256(file.path.encode()).hexdigest()[:32]


def _joined_rows(
    raw_images: PartitionedTable, file: WrittenFile, joined: PartitionedTable, matcher: Matcher, join: Join
) -> Iterator[pa.RecordBatch]:
    ids: list[str] = []
    keys: list[str | None] = []
    for batch in raw_images.files.read(file.path, ["image_id", "source"]):
        ids += batch["image_id"].to_pylist()
        keys += [matcher.key_of(source) for source in batch["source"].to_pylist()]
    images = pl.DataFrame({"image_id": ids, "key": keys}, schema={"image_id": pl.String, "key": pl.String})
    schema = joined.schema.file_schema
    with tempfile.TemporaryDirectory(prefix="image-assets-") as spill, database(join.memory_mb, Path(spill)) as sql:
        sql.register("images", images.to_arrow())
        rows = sql.sql(
            f"select {join.query} from read_parquet({quoted(join.rows)}) r join images i using (key) "
            f"where {join.where} order by all"
        )
        for batch in cast("Iterable[pa.RecordBatch]", rows.to_arrow_reader(_BATCH_ROWS)):
            yield batch.select(schema.names).cast(schema)
