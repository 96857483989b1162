"""The command `image-assets demo`: something to look at, without anything of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from image_assets.cli.options import FILE, json_option
from image_assets.cli.printing import print_json
from image_assets.cli.words import Command


@click.command(
    cls=Command,
    examples=["image-assets demo", "image-assets demo --images photos"],
    failed="a check of severity ERROR failed, or a run did",
)
@click.option(
    "--root", metavar="FOLDER", default=".demo", type=FILE, help="for everything that the demo makes; default .demo"
)
@click.option("--images", metavar="FOLDER", type=FILE, help="with one folder per category, instead of the sample")
@json_option
def demo(root: Path, images: Path | None, *, as_json: bool) -> int:
    """Land a sample, or folders of your own, and run it."""
    from image_assets.demo import run_demo
    from image_assets.resources.progress import terminal_console

    reports = run_demo(root, images, terminal_console(sys.stderr if as_json else sys.stdout))
    if as_json:
        print_json({"dataset": reports[0].dataset.name, "days": [one.as_json() for one in reports]})
    return 0 if all(one.result.ok for one in reports) else 1
