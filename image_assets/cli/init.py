"""The command `image-assets init`: a project file and a dataset file for a folder of one's own."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from image_assets.cli.options import FILE, json_option, together
from image_assets.cli.printing import say, tell
from image_assets.cli.words import Command

if TYPE_CHECKING:
    from image_assets.new_project import FoundInFolder


@dataclass(frozen=True)
class Wanted:
    """What a project is to be, as far as that was said."""

    name: str | None
    categories: str | None
    landing: str | None
    store: str


@click.command(cls=Command, examples=["image-assets init", "image-assets init photos --name birds"])
@together(
    "wanted",
    Wanted,
    click.option("--name", metavar="NAME", help="of the dataset; default: that of the folder"),
    click.option(
        "--categories", metavar="NAMES", help="with commas between them; default: the folders of images there"
    ),
    click.option("--landing", metavar="URL", help="the landing zone; default: landing in the folder"),
    click.option("--store", metavar="URL", default="store", help="default: store in the folder"),
)
@click.option("--yes", is_flag=True, help="ask nothing: take what lies there")
@json_option
@click.argument("folder", default=".", metavar="[FOLDER]", type=FILE, help="with a folder of images for each category")
def init(folder: Path, wanted: Wanted, *, yes: bool, as_json: bool) -> int:
    """Make a project of a folder: a project file, and a dataset file from what lies there."""
    from image_assets.new_project import look_into, write_project
    from image_assets.project import PROJECT_FILE, ProjectError, seen_from_here

    found = look_into(folder)
    if sys.stdin.isatty() and not yes and not as_json:
        wanted = _asked(found, wanted)
    categories = wanted.categories
    names = [one.strip() for one in categories.split(",") if one.strip()] if categories else found.categories
    if not names:
        raise ProjectError(f"{found.question}; or name the --categories, such as --categories duck,owl")
    landing = wanted.landing or found.landing
    spec = write_project(folder, wanted.name or found.name, names, found.first_day, landing, wanted.store)
    file, project = (seen_from_here((folder / one).absolute()) for one in (f"{spec.name}.yaml", PROJECT_FILE))
    following = _next(found, folder)
    tell(
        {"project": project, "dataset": file, "categories": [*names], "next": following},
        f"{file}: {', '.join(names)}",
        f"{project}: landing {landing}, store {wanted.store}",
        "next:",
        *(f"  {line}" for line in following),
        as_json=as_json,
    )
    return 0


def _asked(found: FoundInFolder, wanted: Wanted) -> Wanted:
    """Name and categories, as far as they were not given, with what was found as the answers to be confirmed."""
    try:
        name = wanted.name or click.prompt("name of the dataset", default=found.name)
        categories = wanted.categories
        if categories is None:
            if found.question:
                say(found.question)
            proposed = ",".join(found.categories) or None
            categories = click.prompt("its categories, with commas between them", default=proposed)
    except click.Abort:
        raise KeyboardInterrupt from None
    return replace(wanted, name=name, categories=categories)


def _next(found: FoundInFolder, folder: Path) -> list[str]:
    from image_assets.project import seen_from_here

    there = folder.absolute()
    go = [f"cd {shlex.quote(seen_from_here(there))}"] if there != Path.cwd() else []
    if found.first_day:
        return [*go, "image-assets run --missing"]
    images = found.images.absolute().relative_to(there) if found.images else "FOLDER"
    return [*go, f"image-assets land {shlex.quote(str(images))}", "image-assets run", "image-assets status"]
