"""The files of tables: each is read to its last row, and has as many as the table's log says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from image_assets.schema import (
    ARRIVALS,
    COMPANIONS,
    DUPLICATES,
    LET_GO,
    QUARANTINE,
    RAW_IMAGES,
    REVIEWS,
    TABLES,
    Partition,
    TableSchema,
)
from image_assets.store.store import Store
from image_assets.store.tables.damage import Damaged, DamagedFile
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile, wrong_size
from image_assets.store.tables.versions import OtherVersion
from image_assets.verification.finding import Finding, LookedAt, Part, Remedy
from image_assets.workers import Progress, ordered_map

LOADED = (ARRIVALS.name, RAW_IMAGES.name, DUPLICATES.name, QUARANTINE.name, COMPANIONS.name)
"""What is written when images are loaded, of which the landing zone alone has another copy."""
_READ_ROWS = 1_024


@dataclass(frozen=True)
class _File:
    """A file of a table: as it is listed, its partition where the table has such, and its size where it is there."""

    table: PartitionedTable
    written: WrittenFile
    partitions: tuple[Partition, ...]
    size: int | None


def tables_of(sizes: Mapping[str, int]) -> list[TableSchema]:
    """The tables that a dataset has, of which all files are known."""
    there = {path.split("/")[0] for path in sizes}
    return [schema for schema in TABLES if schema.name in there]


def verify_tables(
    store: Store, dataset: str, sizes: Mapping[str, int], progress: Progress
) -> tuple[LookedAt, list[Finding]]:
    """Read every file that the tables of a dataset consist of.

    Args:
        store: Where it is kept.
        dataset: Its name.
        sizes: The paths of all its files, below its folder, each with its bytes.
        progress: Told after every file.
    """
    files, findings = list[_File](), list[Finding]()
    for schema in tables_of(sizes):
        try:
            files += _files_of(store.table(dataset, schema), sizes)
        except (Damaged, OtherVersion) as error:
            findings.append(Finding(Part.TABLES, schema.name, f"cannot be read: {error}", Remedy.COPY))
    for done, (file, wrong) in enumerate(zip(files, ordered_map(_wrong, files), strict=True), 1):
        if wrong:
            name = file.table.schema.name
            remedy = remedy_of(file.table.schema)
            findings.append(
                Finding(Part.TABLES, f"{name}/{file.written.path}", wrong, remedy, file.partitions, table=name)
            )
        progress(done, len(files))
    return LookedAt(len(files), sum(file.written.bytes for file in files)), findings


def _files_of(table: PartitionedTable, sizes: Mapping[str, int]) -> Iterator[_File]:
    for path, rows, size, date, category in table.snapshot().files.iter_rows():
        partition = (Partition(date, category),) if table.schema.partitioned else ()
        yield _File(table, WrittenFile(path, rows, size), partition, sizes.get(f"{table.schema.name}/{path}"))


def _wrong(file: _File) -> str:
    """What is wrong with a file, to come after its name; empty where nothing is."""
    written, table = file.written, file.table
    if wrong := wrong_size(written.bytes, file.size):
        return wrong
    try:
        rows = sum(
            batch.num_rows for batch in table.files.read(written.path, table.schema.file_schema.names, _READ_ROWS)
        )
    except DamagedFile:
        return "is damaged: its checksums are not those of its content, or it is no Parquet file"
    return "" if rows == written.rows else f"has {rows:,} rows, and the table's log says {written.rows:,}"


def remedy_of(schema: TableSchema) -> Remedy:
    """What makes a file of a table anew."""
    if schema.name in (REVIEWS.name, LET_GO.name):
        return Remedy.COPY  # what people said, and counts of what is gone, nothing makes anew
    if schema.name in LOADED:
        return Remedy.RUN_LANDED
    return Remedy.RUN if schema.partitioned else Remedy.WHOLE
