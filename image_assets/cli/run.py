"""The command `image-assets run`: days are materialised, with what depends on them."""

from __future__ import annotations

import datetime as dt
import sys

import click

from image_assets.cli.options import Day, dataset_option, landing_option, store_option
from image_assets.cli.printing import print_json
from image_assets.cli.words import Command


@click.command(
    cls=Command,
    examples=[
        "image-assets run",
        "image-assets run --from 2026-11-01 --to 2026-11-20",
        "image-assets run --missing --dry-run",
    ],
    failed="a check of severity ERROR failed, or a run did",
)
@dataset_option
@landing_option
@store_option
@click.option("--day", metavar="DAY", type=Day(), help="such as 2026-11-20; default: the newest that landed")
@click.option("--from", "first", metavar="DAY", type=Day(), help="every day from this one on that landed or was loaded")
@click.option(
    "--to", "last", metavar="DAY", type=Day(), help="with --from: up to this one; default: the last that is over"
)
@click.option("--missing", is_flag=True, help="every day that landed and was never run, as at 07:00")
@click.option("--category", multiple=True, metavar="NAME", help="only this category; may be repeated")
@click.option("--until", metavar="ASSET", help="stop after this asset of the day, for example image_features")
@click.option("--allow-loss", is_flag=True, help="let images go that were loaded and are no longer in the landing zone")
@click.option("--verify", is_flag=True, help="look at everything again, also where nothing seems to have changed")
@click.option("--dry-run", is_flag=True, help="only say what would be run")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object as the last line")
def run(
    dataset: str,
    landing: str,
    store: str,
    day: dt.date | None,
    first: dt.date | None,
    last: dt.date | None,
    category: tuple[str, ...],
    until: str | None,
    *,
    missing: bool,
    allow_loss: bool,
    verify: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Materialise a day, or several, and what depends on it."""
    from image_assets.cli.day_runner import DayRunner
    from image_assets.cli.days import DaysAsked, chosen_days, planned, run_days, show_planned
    from image_assets.dataset import load_dataset
    from image_assets.resources.progress import terminal_console

    # Bars and the summary go where they do not disturb the JSON.
    console = terminal_console(sys.stderr if as_json else sys.stdout)
    spec = load_dataset(dataset)
    asked = DaysAsked(day, first, last, category, missing=missing)
    days = chosen_days(asked, spec, landing, store)
    if dry_run:
        plan = planned(days, spec, landing, store)
        print_json(plan) if as_json else show_planned(plan, console)
        return 0
    with DayRunner(spec, landing, store, console, until, allow_loss=allow_loss, verify=verify) as runner:
        reports = run_days(spec, days, console, runner)
    if as_json:
        several = {"dataset": spec.name, "days": [report.as_json() for report in reports]}
        print_json(several if asked.several else reports[0].as_json())
    return 0 if all(report.result.ok for report in reports) else 1
