"""The command `image-assets bucket`: buckets are created, emptied and deleted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from image_assets.cli.options import json_option
from image_assets.cli.printing import tell
from image_assets.cli.words import CommandGroup
from image_assets.terminal import terminal

if TYPE_CHECKING:
    from image_assets.resources.buckets import Bucket

_yes_option = click.option("--yes", is_flag=True, help="do not ask for the bucket's name")


@click.group(cls=CommandGroup)
def bucket() -> None:
    """Create, empty or delete an S3 bucket."""


@bucket.command(
    examples=["image-assets bucket create s3://bucket"], failed="its access list grants something to everybody"
)
@click.argument("url", help="s3://bucket")
@json_option
def create(url: str, *, as_json: bool) -> int:
    """Make a private bucket; one that is there is left as it is."""
    from image_assets.resources.buckets import Bucket

    place = Bucket(url)
    created = place.create()
    says = {
        True: "public access to it is blocked",
        False: "public access to it is NOT blocked",
        None: "this server cannot block public access; nothing in it is public unless somebody grants it",
    }
    public = place.is_public()
    tell(
        {"bucket": place.name, "new": created.is_new, "blocks_public": created.is_blocked, "public": public},
        f"bucket {place.name} {'created' if created.is_new else 'was there already'}; {says[created.is_blocked]}",
        as_json=as_json,
    )
    if public and not as_json:
        terminal().print("its access list grants something to everybody", style="bold red")
    return 1 if public else 0


@bucket.command(examples=["image-assets bucket empty s3://bucket/prefix"])
@click.argument("url", help="s3://bucket, or s3://bucket/prefix for what lies below")
@_yes_option
@json_option
def empty(url: str, *, yes: bool, as_json: bool) -> int:
    """Delete everything in it, earlier versions and unfinished uploads too."""
    from image_assets.resources.buckets import Bucket

    place = Bucket(url)
    what = f"everything below {place.prefix}/ in bucket {place.name}" if place.prefix else f"bucket {place.name}"
    _confirm(place, f"this deletes {what}, with all earlier versions", yes=yes)
    number = _run_empty(place, as_json=as_json)
    tell({"bucket": place.name, "deleted": number}, _emptied(number), as_json=as_json)
    return 0


@bucket.command(examples=["image-assets bucket delete s3://bucket"])
@click.argument("url", help="s3://bucket")
@click.option("--empty", "with_content", is_flag=True, help="empty it first")
@_yes_option
@json_option
def delete(url: str, *, with_content: bool, yes: bool, as_json: bool) -> int:
    """Delete an empty bucket."""
    from image_assets.resources.buckets import Bucket

    place = Bucket(url)
    if not with_content and not place.prefix and not place.is_empty():
        place.delete()  # says why not, before anybody is asked
    content = " with all that is in it" if with_content else ""
    _confirm(place, f"this deletes bucket {place.name}{content}", yes=yes)
    emptied = with_content and not place.prefix
    number = _run_empty(place, as_json=as_json) if emptied else 0
    place.delete()
    lines = [*([_emptied(number)] if emptied else []), f"bucket {place.name} deleted"]
    tell({"bucket": place.name, "deleted": number}, *lines, as_json=as_json)
    return 0


def _run_empty(place: Bucket, *, as_json: bool) -> int:
    from image_assets.resources.progress import TerminalProgress

    with TerminalProgress(terminal(stderr=as_json)).track(f"empty {place.name}", "objects") as progress:
        return place.empty(progress)


def _emptied(number: int) -> str:
    return f"{number:,} objects and versions deleted"


def _confirm(place: Bucket, warning: str, *, yes: bool) -> None:
    """Have the bucket's name typed. Raises `BucketError` where it is not."""
    from image_assets.resources.buckets import BucketError

    if yes:
        return
    terminal(stderr=True).print(
        f"{warning}; type the bucket's name to go on: ", end="", highlight=False, soft_wrap=True
    )
    if sys.stdin.readline().strip() != place.name:
        raise BucketError("that is not its name; nothing was deleted")
