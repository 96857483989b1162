"""The command `image-assets similar`: which loaded images are most like one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from image_assets.cli.options import WholeNumber, dataset_option, json_option, store_option, to_look_at
from image_assets.cli.printing import print_json, print_table, say
from image_assets.cli.words import Command
from image_assets.errors import UsageError
from image_assets.reports.tables import plain_table

if TYPE_CHECKING:
    import polars as pl

    from image_assets.answers.neighbours import Asked
    from image_assets.search.search import ImageSearch


@click.command(cls=Command, examples=["image-assets similar new.jpg", "image-assets similar 3f0c…9a --most 5"])
@dataset_option
@store_option
@json_option
@click.option("--most", type=WholeNumber(1, "images"), default=12, metavar="N", help="so many are shown; default 12")
@click.argument("image", metavar="IMAGE", help="a picture, or the id of a loaded one")
def similar(dataset: str, store: str, image: str, most: int, *, as_json: bool) -> int:
    """The loaded images that are most like one, by their features, without itself."""
    from image_assets.answers.neighbours import Asked, neighbours_as_json
    from image_assets.search.search import ImageSearch

    search = ImageSearch(*to_look_at(dataset, store))
    found = _found(search, image, Asked(most))
    if as_json:
        print_json({"image": image, "neighbours": neighbours_as_json(found)})
    elif found.is_empty():
        say("no image has features yet")
    else:
        table = plain_table("image", "day", "category", "similarity")
        for one, day, category, similarity in found.iter_rows():
            table.add_row(one, str(day), escape(category), f"{similarity:.4f}")
        print_table(table)
    return 0


def _found(search: ImageSearch, image: str, asked: Asked) -> pl.DataFrame:
    """Raises `UsageError` where it is neither the id of a loaded image nor a picture."""
    from image_assets.answers.neighbours import UnknownImage, like_content, like_image
    from image_assets.images.reasons import Rejected

    try:
        if Path(image).is_file():
            return like_content(search, Path(image).read_bytes(), asked)
        return like_image(search, image, asked)
    except UnknownImage as error:
        raise UsageError(f"{error.args[0]}, and there is no such file") from None
    except Rejected as error:
        raise UsageError(f"{image}: {error}") from None
