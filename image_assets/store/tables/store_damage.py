"""Looking through all tables of a dataset for files that are missing, cut or not to be opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from image_assets.schema import TABLES
from image_assets.store.objects import sizes_below
from image_assets.store.store import Store
from image_assets.store.tables.damage import Damaged, DamagedFile
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile, wrong_size


def damaged_files(store: Store, dataset: str) -> list[Damaged]:
    """What is missing or cut, from one listing of the dataset and its tables' logs; no file of rows is opened."""
    sizes = sizes_below(store.objects(dataset))

    def damage(table: PartitionedTable, file: WrittenFile) -> DamagedFile | None:
        wrong = wrong_size(file.bytes, sizes.get(f"{table.schema.name}/{file.path}"))
        return DamagedFile.of(table.url, file.path, wrong) if wrong else None

    there = {path.split("/")[0] for path in sizes}
    return list(_found(store, dataset, there, damage))


def unreadable_files(store: Store, dataset: str) -> list[Damaged]:
    """What is missing or cannot be opened; every file is."""

    def damage(table: PartitionedTable, file: WrittenFile) -> DamagedFile | None:
        try:
            table.files.see_whole([file])
            for _ in table.files.read(file.path, table.schema.file_schema.names):
                pass
        except DamagedFile as error:
            return error
        return None

    return list(_found(store, dataset, {schema.name for schema in TABLES}, damage))


def _found(
    store: Store, dataset: str, there: set[str], damage: Callable[[PartitionedTable, WrittenFile], DamagedFile | None]
) -> Iterator[Damaged]:
    for schema in TABLES:
        if schema.name not in there:
            continue
        table = store.table(dataset, schema)
        try:
            files = table.snapshot().written_files()
        except Damaged as error:
            yield error
            continue
        yield from filter(None, (damage(table, file) for file in files))
