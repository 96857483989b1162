"""The command `image-assets conflicts`: one picture under several categories, and which of them is right."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import click

from image_assets.cli.options import dataset_option, json_option, store_option, to_look_at, to_write, together
from image_assets.cli.printing import print_json, print_table, say, tell
from image_assets.cli.words import CommandGroup, exactly_one

if TYPE_CHECKING:
    from image_assets.lookalikes.reviews import Review


@click.group(cls=CommandGroup)
def conflicts() -> None:
    """One picture under several categories: which, and which is right."""


@conflicts.command("list", examples=["image-assets conflicts list"])
@dataset_option
@store_option
@json_option
def show(dataset: str, store: str, *, as_json: bool) -> int:
    """The conflicts, open ones first."""
    from image_assets.answers.conflicts import conflicts_of
    from image_assets.reports.conflicts import NO_CONFLICTS, NOT_COMPARED, conflict_table

    answer = conflicts_of(*to_look_at(dataset, store))
    if as_json:
        print_json(answer.as_json())
    else:
        print_table(conflict_table(answer.files)) if answer.files else say(NO_CONFLICTS)
        if not answer.lookalikes_looked_for:
            say(NOT_COMPARED)
    return 0


def _review(category: tuple[str, ...], none: bool, reviewer: str | None) -> Review:
    exactly_one(category=category, none=none)
    from image_assets.lookalikes.reviews import Review

    return Review(frozenset(category), reviewer or _user())


@conflicts.command(examples=["image-assets conflicts settle 1f0c3a --category owl"])
@dataset_option
@store_option
@click.argument("conflict", metavar="ID", help="the conflict's id, or the beginning of it")
@together(
    "review",
    _review,
    click.option("--category", multiple=True, metavar="NAME", help="is right; may be repeated where several are"),
    click.option("--none", is_flag=True, help="none is: the pictures are kept nowhere"),
    click.option("--reviewer", metavar="NAME", help="who decided; default: the name that you are logged in with"),
)
@json_option
def settle(dataset: str, store: str, conflict: str, review: Review, *, as_json: bool) -> int:
    """Say which category is right."""
    from image_assets.lookalikes.reviews import record_review

    spec, opened = to_write(dataset, store)
    marks = record_review(spec, opened, conflict, review, dt.datetime.now(dt.UTC))
    settled = marks.select("image_id", "category", "belongs").to_dicts()
    belongs = {True: "belongs", False: "does not belong"}
    tell(
        {"dataset": spec.name, "reviewer": review.reviewer, "images": settled},
        *(f"{one['image_id'][:12]} {belongs[one['belongs']]} under {one['category']}" for one in settled),
        "it takes effect with the next run, which also publishes the partitions concerned anew",
        as_json=as_json,
    )
    return 0


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        raise click.UsageError("this user has no name here: say who decides with --reviewer") from None
