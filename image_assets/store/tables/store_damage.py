"""Looking through all tables of a dataset for files that are missing, cut or not to be opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from image_assets.schema import TABLES
from image_assets.store.listing import Listing
from image_assets.store.store import Store
from image_assets.store.tables.damage import Damaged, DamagedFile
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile, wrong_size


def damaged_files(store: Store, dataset: str, there: Listing | None = None) -> list[Damaged]:
    """What is missing or cut, from a listing of the dataset and its tables' logs; no file of rows is opened.

    Args:
        store: Where it is.
        dataset: Its name.
        there: What lies in its folder, where that is known already.
    """
    lying = there or Listing.of(store, dataset)

    def damage(table: PartitionedTable, file: WrittenFile) -> DamagedFile | None:
        found = lying.below(table.schema.name).get(file.path)
        wrong = wrong_size(file.bytes, found.bytes if found else None)
        return DamagedFile.of(table.url, file.path, wrong) if wrong else None

    return list(_found(store, dataset, {*lying.folders}, damage))


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
