"""The command `image-assets categories`: what the numbers mean in a store, and giving them or the names anew."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from image_assets.dataset import DatasetSpec
    from image_assets.store.store import Store


def add_categories_commands(commands: Any) -> None:
    """Add `categories list|renumber|rename` to the subparsers of a command line."""
    categories = commands.add_parser("categories", help="what the numbers of categories mean in a store; change them")
    actions = categories.add_subparsers(required=True, metavar="ACTION")
    _action(actions, "list", "the categories of the store and of the dataset file", _list)
    _action(actions, "renumber", "give images and shards that are there the numbers of the dataset file", _renumber)
    rename = _action(actions, "rename", "give a category that is there the name that the file has by now", _rename)
    rename.add_argument("old", metavar="OLD", help="its name in the store")
    rename.add_argument("new", metavar="NEW", help="its name in the dataset file")


def _action(actions: Any, name: str, does: str, command: Any) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=does)
    parser.add_argument("--dataset", required=True, metavar="FILE", help="dataset file, or the name of a bundled one")
    parser.add_argument("--store", required=True, metavar="URL", help="a folder or s3://bucket/prefix")
    parser.set_defaults(command=command)
    return parser


def _place(options: argparse.Namespace, *, writing: bool) -> tuple[DatasetSpec, Store]:
    from image_assets.dataset import load_dataset
    from image_assets.store.store import Store

    opened = Store.to_write if writing else Store.to_read
    return load_dataset(options.dataset), opened(options.store)


def _list(options: argparse.Namespace) -> int:
    from image_assets.categories.record import loaded_days, read_record

    dataset, store = _place(options, writing=False)
    numbers, days = read_record(dataset, store)[0].numbers, loaded_days(dataset, store)
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for name in ("category", "in the file", "in the store", "days"):
        table.add_column(name, no_wrap=True)
    for name in {**dataset.categories, **numbers}:
        here = "retired" if name in dataset.retired else str(dataset.categories.get(name, "removed"))
        table.add_row(name, here, str(numbers.get(name, "")), f"{len(days.get(name, [])):,}")
    Console().print(table)
    return 0


def _renumber(options: argparse.Namespace) -> int:
    from image_assets.categories.changes import renumber

    dataset, store = _place(options, writing=True)
    changed = renumber(dataset, store, _say)
    _say(f"{changed:,} partitions have other numbers; the next run trains a model of them")
    return 0


def _rename(options: argparse.Namespace) -> int:
    from image_assets.categories.changes import rename

    dataset, store = _place(options, writing=True)
    moved = rename(dataset, store, options.old, options.new, _say)
    _say(f"{moved:,} partitions moved to {options.new}; rename its folders in the landing zone too")
    return 0


def _say(line: str) -> None:
    Console().print(line, markup=False, highlight=False, soft_wrap=True)
