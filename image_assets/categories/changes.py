"""Changing what a store's categories are called and numbered: every table, the reviews and what is published.

What belongs here: rewriting rows that are there already. What does not: deciding whether a run may go on, see `record`.

Each partition of each table changes in one commit of its own, and all of it can be repeated: a command that was stopped
is noted in the record, keeps every run away, and is finished by giving it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import obstore
import polars as pl
import pyarrow as pa

from image_assets.categories.record import (
    CategoriesDiffer,
    CategoryRecord,
    loaded_days,
    read_record,
    record_path,
    write_record,
)
from image_assets.dataset import DatasetSpec
from image_assets.schema import DUPLICATES, IMAGE_FEATURES, REVIEWS, TABLES, Partition
from image_assets.shards.manifest import MANIFEST, Exchange, Expected, list_files, path_of, read_manifest, shards_prefix
from image_assets.shards.rows import rows_to_publish
from image_assets.shards.writer import publish
from image_assets.store.conditional_put import read_stored
from image_assets.store.store import Store
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.store.tables.partition_files import PartitionFiles

Told = Callable[[str], None]


def renumber_categories(dataset: DatasetSpec, store: Store, told: Told) -> int:
    """Give every image the number that the dataset file gives to its category; publish what has another number anew.

    Args:
        dataset: Of the numbers as they are to be.
        store: Where the tables and shards lie.
        told: Called with a line for every partition that was changed.

    Returns:
        How many partitions were changed, of any table.

    Raises:
        CategoriesDiffer: a category has images and no number in the file, another command was stopped, or a retired
            category has a number that the file gives to another.
    """
    before, begun = _begin(dataset, store, "renumber")
    numbers = {**{name: before[name] for name in dataset.retired if name in before}, **dataset.categories}
    if len(set(numbers.values())) < len(numbers):
        raise CategoriesDiffer("refused: a retired category has a number that the file gives to another; choose others")
    _write(dataset, store, CategoryRecord(numbers=begun, unfinished="renumber"))
    changed = 0
    for schema in TABLES:
        table = store.table_to_write(dataset, schema)
        if "label" in schema.file_schema.names and not schema.partitioned and table.snapshot().files.height:
            table.replace(None, [])  # made anew by the next run
        elif "label" in schema.file_schema.names:
            for partition in table.partitions():
                if partition.category in numbers and _renumber_partition(table, partition, numbers):
                    told(f"{schema.name} {partition}: number {numbers[partition.category]}")
                    changed += 1
    for partition in store.table(dataset.name, IMAGE_FEATURES).partitions():
        if partition.category in numbers:
            changed += _publish_anew(dataset, store, partition, partition, numbers[partition.category], told)
    _write(dataset, store, CategoryRecord(numbers=numbers))
    return changed


def rename_category(dataset: DatasetSpec, store: Store, old: str, new: str, told: Told) -> int:
    """Move everything of a category to another name; its rows, reviews and shards are kept, and so is its number.

    Args:
        dataset: Which has the new name and not the old one.
        store: Where the tables and shards lie.
        old: The name in the store.
        new: The name in the dataset file.
        told: Called with a line for every partition that was moved.

    Returns:
        How many partitions were moved, of any table.

    Raises:
        CategoriesDiffer: the file does not have just the new name, or with another number, another command was
            stopped, or the new name has images of its own.
    """
    if new not in dataset.categories or old in dataset.categories:
        raise CategoriesDiffer(f"refused: the dataset file is to have {new!r} and no more {old!r}; change it first")
    command = f"rename {old} {new}"
    record, _ = read_record(dataset, store)
    if old not in record.numbers and record.unfinished != command:
        raise CategoriesDiffer(f"refused: the store of {dataset.name} has no category {old!r}")
    if not record.unfinished and new in loaded_days(dataset, store):
        raise CategoriesDiffer(f"refused: {new!r} has images of its own; two categories cannot be made one")
    number = record.numbers.get(old, dataset.categories[new])
    if dataset.categories[new] != number:
        raise CategoriesDiffer(
            f"refused: {old} has the number {number} and {new} is to have {dataset.categories[new]}; give it {number} "
            "in the dataset file, and another afterwards with `image-assets categories renumber`"
        )
    _begin(dataset, store, command, leaving=(old,))
    _write(dataset, store, CategoryRecord(numbers=record.numbers, unfinished=command))
    moved = 0
    for schema in TABLES:
        table = store.table_to_write(dataset, schema)
        if schema.partitioned:
            for partition in table.partitions():
                if partition.category == old:
                    _move(store, dataset, table, partition, Partition(partition.date, new))
                    told(f"{schema.name} {partition}: {new}")
                    moved += 1
        elif schema is REVIEWS:
            _replace_words(table, None, ["category"], old, new)
        elif "category" in schema.file_schema.names and table.snapshot().files.height:
            table.replace(None, [])  # made anew by the next run
    duplicates = store.table_to_write(dataset, DUPLICATES)
    for partition in duplicates.partitions():
        _replace_words(duplicates, partition, ["original_category"], old, new)
    for partition in store.table(dataset.name, IMAGE_FEATURES).partitions():
        if partition.category == new:
            was = Partition(partition.date, old)
            moved += _publish_anew(dataset, store, was, partition, number, told)
    numbers = {name: its for name, its in record.numbers.items() if name != old}
    _write(dataset, store, CategoryRecord(numbers={**numbers, new: number}))
    return moved


def _begin(
    dataset: DatasetSpec, store: Store, command: str, leaving: tuple[str, ...] = ()
) -> tuple[dict[str, int], dict[str, int]]:
    """Numbers of the categories with images as far as they are told, and those of the record."""
    loaded = loaded_days(dataset, store)
    gone = [one for one in loaded if one not in (*dataset.categories, *dataset.retired, *leaving)]
    if gone and command == "renumber":
        raise CategoriesDiffer(
            f"refused: {gone[0]} has images and was removed from the dataset file; put it back, rename it, or retire "
            f"it with `retired: [{gone[0]}]`"
        )
    try:
        record, _ = read_record(dataset, store)
    except CategoriesDiffer:
        if command != "renumber":
            raise
        record = CategoryRecord(numbers={})  # two numbers of one category: that is what is to be mended
    if record.unfinished not in ("", command):
        raise CategoriesDiffer(f"refused: finish `image-assets categories {record.unfinished}` first; give it again")
    return {name: number for name, number in record.numbers.items() if name in loaded}, record.numbers


def _write(dataset: DatasetSpec, store: Store, record: CategoryRecord) -> None:
    write_record(dataset, store, record, read_stored(store.objects(), record_path(dataset)))


def _renumber_partition(table: PartitionedTable, partition: Partition, numbers: Mapping[str, int]) -> bool:
    number, files, changed = numbers[partition.category], [], False
    for file in table.partition_files(partition):
        first = next(iter(table.files.read(file.path, ["label"], 1)))
        if first.column(0)[0].as_py() == number:
            files.append(file)
            continue
        name = hashlib.sha256(f"{file.path} {sorted(numbers.items())}".encode()).hexdigest()[:32]
        files.append(table.write_file(partition, name, _renumbered(table, file, number, numbers)))
        changed = True
    if changed:
        table.replace(partition, files)
    return changed


def _renumbered(
    table: PartitionedTable, file: WrittenFile, number: int, numbers: Mapping[str, int]
) -> Iterator[pa.RecordBatch]:
    names = table.schema.file_schema.names
    for batch in table.files.read(file.path, names):
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        columns["label"] = pa.array([number] * batch.num_rows, pa.int16())
        if "predicted_label" in columns:
            told = zip(columns["predicted_category"].to_pylist(), columns["predicted_label"].to_pylist(), strict=True)
            columns["predicted_label"] = pa.array([numbers.get(name, its) for name, its in told], pa.int16())
        yield pa.RecordBatch.from_arrays([columns[name] for name in names], schema=table.schema.file_schema)


def _move(store: Store, dataset: DatasetSpec, table: PartitionedTable, was: Partition, now: Partition) -> None:
    objects = store.objects(dataset.name, table.schema.name)
    files = []
    for file in table.partition_files(was):
        path = table.folder(now) + file.path.rsplit("/", 1)[-1]
        obstore.copy(objects, file.path, path)  # the category is the folder's name and stands in no row
        files.append(WrittenFile(path, file.rows, file.bytes))
    table.replace(now, files)
    table.replace(was, [])


def _replace_words(
    table: PartitionedTable, partition: Partition | None, columns: list[str], old: str, new: str
) -> None:
    files = table.partition_files(partition)
    names = table.schema.file_schema.names
    rows = [batch for file in files for batch in table.files.read(file.path, names)]
    if not rows:
        return
    frame = pl.from_arrow(pa.Table.from_batches(rows))
    assert isinstance(frame, pl.DataFrame)
    if any((frame[column] == old).any() for column in columns):
        changed = frame.with_columns(pl.col(columns).replace(old, new))
        table.replace(partition, [table.write_frame(partition, changed)])


def _publish_anew(dataset: DatasetSpec, store: Store, was: Partition, now: Partition, number: int, told: Told) -> int:
    """Publish a partition under another number or name as it was published; 1 where that was to be done."""
    objects = store.objects()
    old_prefix, prefix = shards_prefix(dataset, was), shards_prefix(dataset, now)
    manifest = read_manifest(objects, old_prefix)
    if manifest is None or (was == now and manifest.label == number):
        return 0
    table = store.table(dataset.name, IMAGE_FEATURES)
    # What people put here lies in other partitions of the day.
    day = [one for one in table.partitions() if one.date == now.date and one != now]
    others = table.scan(day).filter(pl.col("image_id").is_in(manifest.moved_in))
    moved_in = others.select("image_id", "date", "category").collect()
    batches = rows_to_publish(PartitionFiles(table, table.partition_files(now)), moved_in, number)
    publish(
        batches,
        objects,
        prefix,
        Expected(dataset.name, now.date, now.category, number, manifest.width, manifest.extractor, manifest.shard_rows),
        exchange=Exchange(manifest.held_back, manifest.moved_in),
        file_format="csv" if manifest.shards and manifest.shards[0].file.endswith(".csv") else "parquet",
    )
    if was != now:
        # The manifest last: what has one is whole.
        for name in list_files(objects, old_prefix):
            obstore.delete(objects, path_of(old_prefix, name))
        obstore.delete(objects, path_of(old_prefix, MANIFEST))
    told(f"feature_shards {now}: published anew, number {number}")
    return 1
