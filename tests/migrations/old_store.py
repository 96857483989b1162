"""The store that commit 164d43e wrote (how, `make_old_store.py` says), and tables made older for the tests."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from image_assets.dataset import DatasetSpec, load_dataset
from image_assets.schema import TABLES, Partition, TableSchema
from image_assets.store.store import Store
from image_assets.store.tables import delta_log
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.versions import PROPERTY
from tests.store_files import as_stores_are, files_at, remove_files

ARCHIVE = Path(__file__).with_name("old_store.tar.xz")
DATASETS = ("birds", "skies")


@dataclass(frozen=True)
class OldStore:
    """An unpacked copy."""

    root: Path

    @property
    def store(self) -> Store:
        return Store(str(self.root / "store"))

    def dataset(self, name: str) -> DatasetSpec:
        return load_dataset(self.root / f"{name}.yaml")

    def tables(self, name: str) -> dict[str, pl.DataFrame]:
        """Table → all its rows, as any reader of Delta tables has them, in a fixed order."""
        folders = [files_at(self.root / "store") / name / schema.name for schema in TABLES]
        return {
            folder.name: in_order(pl.read_delta(str(folder))) for folder in folders if (folder / "_delta_log").is_dir()
        }


def unpacked(root: Path) -> OldStore:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    as_stores_are(root)
    delta_log._idle.clear()
    return OldStore(root)


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in an order that only their content decides."""
    ordered = rows.select(sorted(rows.columns))
    return ordered.sort([name for name, kind in ordered.schema.items() if not isinstance(kind, pl.List)])


def without(schema: TableSchema, *columns: str) -> TableSchema:
    """A declaration as it may have been before it had some columns."""
    left = tuple(column for column in schema.columns if column.name not in columns)
    return TableSchema(schema.name, schema.meaning, left, schema.partitioned, schema.made_anew)


def made_older(table: PartitionedTable, *columns: str, number: int | None = None) -> None:
    """Put a table in the place of one that has rows, as a version without some columns would have written it.

    Args:
        table: The table as it is.
        columns: Those that it is not to have.
        number: The version that it says it is of; None: of before there were numbers.
    """
    rows, store, (dataset, name) = table.scan().collect(), _store_of(table), _names(table)
    remove_files(table.url)
    delta_log._idle.clear()
    older = store.table(dataset, without(table.schema, *columns))
    partitions: list[Partition | None] = [None]
    if table.schema.partitioned:
        partitions = [Partition(*row) for row in rows.select("date", "category").unique().sort(pl.all()).iter_rows()]
    for one in partitions:
        own = rows if one is None else rows.filter(date=one.date, category=one.category)
        older.replace(one, [older.write_frame(one, own.select(older.schema.file_schema.names))])
    log = files_at(table.url) / "_delta_log" / f"{0:020}.json"
    give_number_in(log, number)
    delta_log._idle.clear()
    found = DeltaTable(table.url).metadata().configuration.get(PROPERTY)
    assert found == (None if number is None else str(number)), name


def give_number_in(log: Path, number: int | None) -> None:
    """Have the first commit of a table say another version's number, or none."""
    text = log.read_text()
    assert f'"{PROPERTY}":"1",' in text or f',"{PROPERTY}":"1"' in text
    said = "" if number is None else f',"{PROPERTY}":"{number}"'
    without = text.replace(f'"{PROPERTY}":"1",', "").replace(f',"{PROPERTY}":"1"', "")
    log.write_text(without.replace('"delta.checkpointInterval":"25"', f'"delta.checkpointInterval":"25"{said}'))


def _store_of(table: PartitionedTable) -> Store:
    return Store(str(files_at(table.url).parents[1]))


def _names(table: PartitionedTable) -> tuple[str, str]:
    return files_at(table.url).parent.name, table.schema.name
