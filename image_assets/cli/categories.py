"""The command `image-assets categories`: what the numbers mean in a store, and giving them or the names anew."""

from __future__ import annotations

import click
from rich.console import Console

from image_assets.cli.options import dataset_option, store_option, to_read, to_write
from image_assets.cli.printing import say
from image_assets.cli.words import CommandGroup
from image_assets.reports.tables import plain_table


@click.group(cls=CommandGroup)
def categories() -> None:
    """What the numbers of categories mean in a store; change them."""


@categories.command("list", examples=["image-assets categories list"])
@dataset_option
@store_option
def show(dataset: str, store: str) -> int:
    """The categories of the store and of the dataset file."""
    from image_assets.categories.record import loaded_days, read_record

    spec, opened = to_read(dataset, store)
    numbers, days = read_record(spec, opened)[0].numbers, loaded_days(spec, opened)
    table = plain_table("category", "in the file", "in the store", "days")
    for name in {**spec.categories, **numbers}:
        here = "retired" if name in spec.retired else str(spec.categories.get(name, "removed"))
        table.add_row(name, here, str(numbers.get(name, "")), f"{len(days.get(name, [])):,}")
    Console().print(table)
    return 0


@categories.command(examples=["image-assets categories renumber"])
@dataset_option
@store_option
def renumber(dataset: str, store: str) -> int:
    """Give images and shards that are there the numbers of the dataset file."""
    from image_assets.categories.changes import renumber_categories

    changed = renumber_categories(*to_write(dataset, store), say)
    say(f"{changed:,} partitions have other numbers; the next run trains a model of them")
    return 0


@categories.command(examples=["image-assets categories rename owl owls"])
@dataset_option
@store_option
@click.argument("old", help="its name in the store")
@click.argument("new", help="its name in the dataset file")
def rename(dataset: str, store: str, old: str, new: str) -> int:
    """Give a category that is there the name that the file has by now."""
    from image_assets.categories.changes import rename_category

    moved = rename_category(*to_write(dataset, store), old, new, say)
    say(f"{moved:,} partitions moved to {new}; rename its folders in the landing zone too")
    return 0
