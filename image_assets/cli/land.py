"""The command `image-assets land`: files and folders are brought into the landing zone."""

from __future__ import annotations

import datetime as dt

import click
from rich.console import Console

from image_assets.cli.options import day_option, landing_option
from image_assets.cli.words import Command


@click.command(cls=Command)
@landing_option
@day_option
@click.option("--category", required=True, metavar="NAME", help="category of all of it")
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(readable=False), help="file or folder"
)
def land(landing: str, day: dt.date, category: str, paths: tuple[str, ...]) -> int:
    """Bring files and nested folders into the landing zone."""
    from image_assets.ingest.landing import land_files
    from image_assets.resources.progress import TerminalProgress

    console = Console()
    with TerminalProgress(console).track(f"land {day} {category}", "files") as progress:
        report = land_files(paths, landing, day, category, progress)
    console.print(
        f"{report.copied:,} files landed ({report.bytes / 1e6:,.1f} MB), {report.already_there:,} were there already, "
        f"{report.ignored:,} ignored, {len(report.refused):,} refused",
        highlight=False,
    )
    for line in report.refused:
        console.print(f"  refused: {line}", markup=False, highlight=False)
    return 1 if report.refused else 0
