"""The command `image-assets accounting`: what arrived, and what became of it."""

from __future__ import annotations

from pathlib import Path

import click

from image_assets.cli.options import FILE, dataset_option, json_option, store_option, to_look_at
from image_assets.cli.printing import check_writable, print_json, write
from image_assets.cli.words import Command
from image_assets.terminal import terminal


@click.command(
    cls=Command,
    examples=["image-assets accounting", "image-assets accounting --csv accounts.csv"],
    failed="what was listed and what became of it do not balance",
)
@dataset_option
@store_option
@json_option
@click.option("--csv", metavar="FILE", type=FILE, help="write it into this file too")
def accounting(dataset: str, store: str, csv: Path | None, *, as_json: bool) -> int:
    """What arrived per day and category, and what became of it."""
    from image_assets.answers.accounts import account_book
    from image_assets.reports.accounts import show_accounts
    from image_assets.spreadsheets import csv_of

    check_writable(csv)
    spec, opened = to_look_at(dataset, store)
    book = account_book(opened, spec.name)
    if csv:
        write(csv, csv_of(book.tables.wide()))
    if as_json:
        print_json(book.as_json())
    else:
        show_accounts(terminal(), spec.name, book.tables)
    return 0 if book.balances else 1
