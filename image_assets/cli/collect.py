"""The command `image-assets collect`: URLs of images are collected from gallery pages."""

from __future__ import annotations

from pathlib import Path

import click

from image_assets.cli.options import FILE, json_option, together
from image_assets.cli.printing import print_json, say
from image_assets.cli.words import Command
from image_assets.scrape.gallery import HowToCollect
from image_assets.terminal import terminal


@click.command(
    cls=Command,
    examples=["image-assets collect https://example.org/owls --category owl --out a.csv"],
    failed="a page could not be read",
)
@click.argument("pages", nargs=-1, required=True, metavar="URL...", help="a gallery page")
@click.option("--out", required=True, type=FILE, metavar="FILE", help="the list, a CSV file")
@click.option("--category", required=True, metavar="NAME", help="category of all images")
@together(
    "how",
    HowToCollect,
    click.option("--max-images", "images", type=int, default=10_000, metavar="N", help="of a page; default 10000"),
    click.option("--max-scrolls", "scrolls", type=int, default=1_000, metavar="N", help="screens of it; default 1000"),
    click.option("--max-seconds", "seconds", type=float, default=300, metavar="N", help="for a page; default 300"),
    click.option("--backgrounds", is_flag=True, help="CSS backgrounds are images too"),
)
@click.option("--no-sandbox", is_flag=True, help="where the system forbids Chromium's sandbox")
@json_option
def collect(
    pages: tuple[str, ...], out: Path, category: str, how: HowToCollect, *, no_sandbox: bool, as_json: bool
) -> int:
    """Collect image URLs from gallery pages into a list."""
    from image_assets.scrape.collect import collect_urls

    console = terminal(stderr=as_json)
    with console.status("opening the browser …") as status:
        report = collect_urls(
            pages,
            category,
            out,
            how,
            sandbox=not no_sandbox,
            progress=lambda images: status.update(f"{images:,} images"),
        )
    if as_json:
        told = {"list": str(out), "images": report.images, "notes": [*report.notes], "failed": [*report.failed]}
        print_json(told)
        return 1 if report.failed else 0
    for note in report.notes:
        say(note)
    for line in report.failed:
        say(f"failed: {line}", to_stderr=True)
    if len(report.failed) < len(pages):
        say(f"{report.images:,} image URLs in {out}")
    return 1 if report.failed else 0
