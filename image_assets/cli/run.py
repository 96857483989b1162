"""The command `image-assets run`: days are materialised, with what depends on them."""

from __future__ import annotations

import sys

import click

from image_assets.cli.options import Day, DaysAsked, HowToRun, Places, places_options, together
from image_assets.cli.printing import print_json
from image_assets.cli.words import Command
from image_assets.importing import much_imported


@click.command(
    cls=Command,
    examples=[
        "image-assets run",
        "image-assets run --from 2026-11-01 --to 2026-11-20",
        "image-assets run --missing --dry-run",
    ],
    failed="a check of severity ERROR failed, or a run did; with --dry-run: one would be refused",
)
@places_options
@together(
    "days",
    DaysAsked,
    click.option("--day", metavar="DAY", type=Day(), help="such as 2026-11-20; default: the newest that landed"),
    click.option(
        "--from", "first", metavar="DAY", type=Day(), help="every day from this one on that landed or was loaded"
    ),
    click.option(
        "--to", "last", metavar="DAY", type=Day(), help="with --from: up to this one; default: the last that is over"
    ),
    click.option("--missing", is_flag=True, help="every day that landed and was never run, as at 07:00"),
    click.option("--late", is_flag=True, help="every day that got files after it was run, as status names them"),
    click.option(
        "--extract-anew",
        is_flag=True,
        help="every day with features of another extractor: from the pictures in the store, whatever the landing zone "
        "still holds",
    ),
    click.option("--category", "categories", multiple=True, metavar="NAME", help="only this category; may be repeated"),
)
@together(
    "how",
    HowToRun,
    click.option("--until", metavar="ASSET", help="stop after this asset of the day, for example image_features"),
    click.option(
        "--allow-loss", is_flag=True, help="let images go that were loaded and are no longer in the landing zone"
    ),
    click.option("--verify", is_flag=True, help="read every file again, also where nothing seems to have changed"),
    click.option("--checks-only", is_flag=True, help="load and make nothing: have the checks look at what is there"),
)
@click.option("--dry-run", is_flag=True, help="only say what would be run")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object as the last line")
def run(places: Places, days: DaysAsked, how: HowToRun, *, dry_run: bool, as_json: bool) -> int:
    """Materialise a day, or several, and what depends on it."""
    with much_imported():
        from image_assets.cli.day_runner import DayRunner
        from image_assets.cli.days import chosen_days, run_days
        from image_assets.cli.planned import planned
        from image_assets.dataset import load_dataset
        from image_assets.resources.progress import terminal_console

    # Bars and the summary go where they do not disturb the JSON.
    console = terminal_console(sys.stderr if as_json else sys.stdout)
    spec = load_dataset(places.dataset)
    if days.extract_anew:
        how = how.extracting_anew()
    chosen = chosen_days(days, spec, places.landing, places.store)
    if dry_run:
        plan = planned(chosen, spec, places.landing, places.store, how)
        print_json(plan.as_json()) if as_json else plan.show(console)
        return 1 if plan.refused else 0
    with DayRunner(spec, places.landing, places.store, console, how) as runner:
        reports = run_days(spec, chosen, console, runner)
    if as_json:
        several = {"dataset": spec.name, "days": [report.as_json() for report in reports]}
        print_json(several if days.several else reports[0].as_json())
    return 0 if all(report.result.ok for report in reports) else 1
