"""The command `image-assets demo`: something to look at, without anything of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from image_assets.cli.options import FILE
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
def demo(root: Path, images: Path | None) -> int:
    """Land a sample, or folders of your own, and run it."""
    from image_assets.demo import run_demo
    from image_assets.resources.progress import terminal_console

    return run_demo(root, images, terminal_console(sys.stdout))
