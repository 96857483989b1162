"""The command `image-assets run`: a day is materialised, with what depends on it."""

from __future__ import annotations

import datetime as dt
import sys

import click

from image_assets.cli.options import dataset_option, day_option, landing_option, store_option
from image_assets.cli.printing import print_json
from image_assets.cli.words import Command


@click.command(cls=Command)
@dataset_option
@landing_option
@store_option
@day_option
@click.option("--category", multiple=True, metavar="NAME", help="only this category; may be repeated")
@click.option("--until", metavar="ASSET", help="stop after this asset of the day, for example image_features")
@click.option("--allow-loss", is_flag=True, help="let images go that were loaded and are no longer in the landing zone")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object as the last line")
def run(
    dataset: str,
    landing: str,
    store: str,
    day: dt.date,
    category: tuple[str, ...],
    until: str | None,
    *,
    allow_loss: bool,
    as_json: bool,
) -> int:
    """Materialise a day and what depends on it."""
    from image_assets.cli.deployment import Deployment
    from image_assets.dataset import load_dataset
    from image_assets.resources.progress import terminal_console

    # Bars and the summary go where they do not disturb the JSON.
    console = terminal_console(sys.stderr if as_json else sys.stdout)
    with Deployment(load_dataset(dataset), landing, store, console) as deployment:
        report = deployment.run(day, category, until, allow_loss=allow_loss)
        report.show(console)
        if as_json:
            print_json(report.as_json())
    return 0 if report.result.ok else 1
