"""Which number stands for which category in a store, kept beside the tables and compared at the door of every run.

A category's name is the truth; tables, shards and models hold its number. Before anything is written the dataset file
is held against the numbers that the store has, in one small read, so that no table mixes two meanings of a number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import polars as pl
from pydantic import ValidationError

from image_assets.dataset import DatasetError, DatasetSpec
from image_assets.schema import RAW_IMAGES, Partition
from image_assets.settings.section import Strict
from image_assets.store.conditional_put import ChangedMeanwhileError, Stored, put_if_unchanged, read_stored
from image_assets.store.retrying import until_landed
from image_assets.store.store import Store
from image_assets.wording import some

_NAMED = 3  # partitions in a message


class CategoriesDiffer(DatasetError):
    """The dataset file gives categories another meaning than the store holds; the message says what to do."""


class CategoryRecord(Strict):
    """The categories of a store.

    Attributes:
        numbers: Category → number, of everything that was ever let in.
        unfinished: The command that was changing it and has not come to its end; empty where none.
    """

    numbers: dict[str, int]
    unfinished: str = ""


def record_path(dataset: DatasetSpec) -> str:
    """Where the record lies below the store."""
    return f"{dataset.name}/categories.json"


def agree(dataset: DatasetSpec, store: Store) -> None:
    """See that the dataset file means by its categories what the store does, and note those that are new.

    Raises:
        CategoriesDiffer: naming what differs, the partitions concerned and the command that mends it. Nothing is
            written then.
        ChangedMeanwhileError: others changed the record again and again; later it may go well.
    """

    def attempt() -> None:
        numbers, stored = check_agreement(dataset, store)
        write_record(dataset, store, CategoryRecord(numbers={**numbers, **dataset.categories}), stored)

    until_landed(attempt, ChangedMeanwhileError)


def check_agreement(dataset: DatasetSpec, store: Store) -> tuple[Mapping[str, int], Stored | None]:
    """See the same and write nothing.

    Returns:
        The numbers of the store that mean something, and the file that they came from.

    Raises:
        CategoriesDiffer: as `agree`.
    """
    record, stored = read_record(dataset, store)
    # Those without images mean nothing yet: a number that was corrected before the first day is no change.
    numbers = record.numbers
    loaded: dict[str, list[dt.date]] = {}
    if _differences(dataset, numbers):
        loaded = loaded_days(dataset, store)
        numbers = {name: number for name, number in numbers.items() if name in loaded}
    if record.unfinished:
        raise CategoriesDiffer(
            f"refused: `image-assets categories {record.unfinished}` was stopped before its end, and some tables "
            f"of {dataset.name} have the new categories, others the old; give that command again first"
        )
    if problems := _differences(dataset, numbers):
        raise CategoriesDiffer(_said(dataset, problems, loaded))
    return numbers, stored


def read_record(dataset: DatasetSpec, store: Store) -> tuple[CategoryRecord, Stored | None]:
    """The record and the file that it came from; made from the tables where there is none yet.

    Raises:
        CategoriesDiffer: the file is damaged, or there is none and the tables hold two numbers of one category.
    """
    stored = read_stored(store.objects(), record_path(dataset))
    if stored is None:
        return CategoryRecord(numbers=_numbers_in_tables(dataset, store)), None
    try:
        return CategoryRecord.model_validate_json(stored.content), stored
    except ValidationError:
        raise CategoriesDiffer(
            f"{store.location(record_path(dataset))} is damaged; remove it, and the next run makes it from the tables"
        ) from None


def write_record(dataset: DatasetSpec, store: Store, record: CategoryRecord, previous: Stored | None) -> None:
    """Replace the record. Raises `ChangedMeanwhileError` where it is not `previous` any more."""
    content = (record.model_dump_json(indent=2) + "\n").encode()
    put_if_unchanged(store.objects(), record_path(dataset), content, previous)


def loaded_days(dataset: DatasetSpec, store: Store) -> dict[str, list[dt.date]]:
    """The days of every category that has images in the store, sorted."""
    days: dict[str, list[dt.date]] = {}
    for partition in store.table(dataset.name, RAW_IMAGES).partitions():
        days.setdefault(partition.category, []).append(partition.date)
    return days


def in_use(rows: pl.LazyFrame, dataset: DatasetSpec) -> pl.LazyFrame:
    """Only rows of categories that the dataset file has: those of retired ones stay in the tables, and nowhere else."""
    return rows.filter(pl.col("category").is_in(list(dataset.categories)))


def _numbers_in_tables(dataset: DatasetSpec, store: Store) -> dict[str, int]:
    table = store.table(dataset.name, RAW_IMAGES)
    found: dict[str, dict[int, Partition]] = {}
    for path, date, category in table.snapshot().files.select("path", "date", "category").iter_rows():
        # All images of a partition have one number: its first row's.
        first = next(iter(table.files.read(path, ["label"], 1)))
        found.setdefault(category, {}).setdefault(int(first.column(0)[0].as_py()), Partition(date, category))
    mixed = [
        f"{category}: " + ", ".join(f"{number} on {one.date}" for number, one in numbers.items())
        for category, numbers in found.items()
        if len(numbers) > 1
    ]
    if mixed:
        raise CategoriesDiffer(
            f"refused: the tables of {dataset.name} hold two numbers of one category ({'; '.join(mixed)}); "
            "`image-assets categories renumber` gives every image the number of the dataset file"
        )
    return {category: next(iter(numbers)) for category, numbers in found.items()}


def _differences(dataset: DatasetSpec, numbers: Mapping[str, int]) -> dict[str, str]:
    """Category → what is wrong with it, of all that the file and the store do not agree about."""
    found: dict[str, str] = {}
    for name, number in numbers.items():
        if name in dataset.categories and dataset.categories[name] != number:
            found[name] = f"{name} has the number {number} in the store and {dataset.categories[name]} in the file"
        elif name not in dataset.categories and name not in dataset.retired:
            found[name] = f"{name} (number {number} in the store) was removed from the file"
        elif name in dataset.retired:
            others = [other for other, its in dataset.categories.items() if its == number]
            if others:
                found[name] = f"the number {number} of the retired {name} is given to {others[0]}"
    return found


def _said(dataset: DatasetSpec, problems: Mapping[str, str], loaded: Mapping[str, Sequence[dt.date]]) -> str:
    parts = [f"{problem}; it has images of {some(loaded.get(name, []), _NAMED)}" for name, problem in problems.items()]
    gone = [name for name in problems if name not in dataset.categories and name not in dataset.retired]
    renumbered = any(name in dataset.categories for name in problems)
    advice = []
    if renumbered:
        advice.append(
            "put the old numbers back, or let `image-assets categories renumber` give the images that are there those "
            "of the file"
        )
    if gone:
        advice.append(
            f"for what is gone, `image-assets categories rename {gone[0]} NEW` where it has another name by now, or "
            f"add `retired: [{', '.join(gone)}]` to the file, which keeps its rows and uses them no more"
        )
    if any(name in dataset.retired for name in problems):
        advice.append("give a new category a number of its own")
    return f"refused, {dataset.name} would mix two meanings: {'. '.join(parts)}. To go on: {'; '.join(advice)}"
