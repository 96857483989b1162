"""The command `image-assets accounting`: what arrived, and what became of it."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from image_assets.cli.options import FILE, dataset_option, store_option, to_read
from image_assets.cli.printing import write
from image_assets.cli.words import Command


@click.command(cls=Command)
@dataset_option
@store_option
@click.option("--csv", metavar="FILE", type=FILE, help="write it into this file too")
def accounting(dataset: str, store: str, csv: Path | None) -> int:
    """What arrived per day and category, and what became of it."""
    from image_assets.health.accounting import accounts_of
    from image_assets.health.accounting_report import show_accounts

    spec, opened = to_read(dataset, store)
    accounts = accounts_of(opened, spec.name)
    if csv:
        write(csv, accounts.wide().write_csv())
    show_accounts(Console(), spec.name, accounts)
    return 0 if accounts.unbalanced().is_empty() else 1
