"""The command `image-assets suspects`: which images are in doubt."""

from __future__ import annotations

import click

from image_assets.cli.options import (
    WholeNumber,
    dataset_option,
    json_option,
    landing_for_files_option,
    store_option,
    to_look_at,
)
from image_assets.cli.printing import print_json, print_table, say
from image_assets.cli.words import Command


@click.command(cls=Command, examples=["image-assets suspects --most 20"])
@dataset_option
@store_option
@landing_for_files_option
@json_option
@click.option("--most", type=WholeNumber(1, "images"), default=20, metavar="N", help="so many are shown; default 20")
def suspects(dataset: str, store: str, landing: str | None, most: int, *, as_json: bool) -> int:
    """Images that are probably under the wrong category, or unlike all others of theirs."""
    from image_assets.answers.suspects import suspects_of
    from image_assets.reports.suspects import NO_SUSPECTS, NOT_LOOKED_FOR, suspects_table

    found = suspects_of(*to_look_at(dataset, store))
    if as_json:
        print_json(found.as_json())
        return 0
    shown = found.worst(most)
    none = NO_SUSPECTS if found.looked_for else NOT_LOOKED_FOR
    print_table(suspects_table(shown, landing)) if shown else say(none)
    if more := len(found.images) - len(shown):
        say(f"and {more:,} more (--most shows more)")
    return 0
