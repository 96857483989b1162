"""The command `image-assets categories`: what the numbers mean in a store, and giving them or the names anew."""

from __future__ import annotations

from functools import partial

import click

from image_assets.cli.options import dataset_option, json_option, store_option, to_look_at, to_write
from image_assets.cli.printing import print_json, print_table, say, tell
from image_assets.cli.words import CommandGroup
from image_assets.reports.tables import plain_table


@click.group(cls=CommandGroup)
def categories() -> None:
    """What the numbers of categories mean in a store; change them."""


@categories.command("list", examples=["image-assets categories list"])
@dataset_option
@store_option
@json_option
def show(dataset: str, store: str, *, as_json: bool) -> int:
    """The categories of the store and of the dataset file."""
    from image_assets.categories.record import loaded_days, read_record

    spec, opened = to_look_at(dataset, store)
    numbers, days = read_record(spec, opened)[0].numbers, loaded_days(spec, opened)
    known = [
        {
            "category": name,
            "in_file": spec.categories.get(name),
            "retired": name in spec.retired,
            "in_store": numbers.get(name),
            "days": len(days.get(name, [])),
        }
        for name in {**spec.categories, **numbers}
    ]
    if as_json:
        print_json({"dataset": spec.name, "categories": known})
        return 0
    table = plain_table("category", "in the file", "in the store", "days")
    for one in known:
        here = "retired" if one["retired"] else "removed" if one["in_file"] is None else str(one["in_file"])
        there = "" if one["in_store"] is None else str(one["in_store"])
        table.add_row(one["category"], here, there, f"{one['days']:,}")
    print_table(table)
    return 0


@categories.command(examples=["image-assets categories renumber"])
@dataset_option
@store_option
@json_option
def renumber(dataset: str, store: str, *, as_json: bool) -> int:
    """Give images and shards that are there the numbers of the dataset file."""
    from image_assets.categories.changes import renumber_categories

    changed = renumber_categories(*to_write(dataset, store), partial(say, to_stderr=as_json))
    said = f"{changed:,} partitions have other numbers; the next run trains a model of them"
    tell({"partitions": changed}, said, as_json=as_json)
    return 0


@categories.command(examples=["image-assets categories rename owl owls"])
@dataset_option
@store_option
@click.argument("old", help="its name in the store")
@click.argument("new", help="its name in the dataset file")
@json_option
def rename(dataset: str, store: str, old: str, new: str, *, as_json: bool) -> int:
    """Give a category that is there the name that the file has by now."""
    from image_assets.categories.changes import rename_category

    moved = rename_category(*to_write(dataset, store), old, new, partial(say, to_stderr=as_json))
    said = f"{moved:,} partitions moved to {new}; rename its folders in the landing zone too"
    tell({"partitions": moved}, said, as_json=as_json)
    return 0
