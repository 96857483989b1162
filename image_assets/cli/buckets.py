"""The command `image-assets bucket`: buckets are created, emptied and deleted."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console

if TYPE_CHECKING:
    from image_assets.resources.buckets import Bucket


def add_bucket_commands(commands: Any) -> None:
    """Add `bucket create|empty|delete` to the subparsers of a command line."""
    bucket = commands.add_parser("bucket", help="create, empty or delete an S3 bucket")
    actions = bucket.add_subparsers(required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a private bucket; one that is there is left as it is")
    create.add_argument("url", metavar="URL", help="s3://bucket")
    create.set_defaults(command=_create)
    empty = actions.add_parser("empty", help="delete everything in it, earlier versions and unfinished uploads too")
    empty.add_argument("url", metavar="URL", help="s3://bucket, or s3://bucket/prefix for what lies below")
    empty.set_defaults(command=_empty)
    delete = actions.add_parser("delete", help="delete an empty bucket")
    delete.add_argument("url", metavar="URL", help="s3://bucket")
    delete.add_argument("--empty", action="store_true", help="empty it first")
    delete.set_defaults(command=_delete)
    for parser in (empty, delete):
        parser.add_argument("--yes", action="store_true", help="do not ask for the bucket's name")


def _create(options: argparse.Namespace) -> int:
    from image_assets.resources.buckets import Bucket

    bucket = Bucket(options.url)
    created = bucket.create()
    says = {
        True: "public access to it is blocked",
        False: "public access to it is NOT blocked",
        None: "this server cannot block public access; nothing in it is public unless somebody grants it",
    }
    console = Console()
    console.print(
        f"bucket {bucket.name} {'created' if created.is_new else 'was there already'}; {says[created.is_blocked]}",
        highlight=False,
        soft_wrap=True,
    )
    if bucket.is_public():
        console.print("its access list grants something to everybody", style="bold red")
        return 1
    return 0


def _empty(options: argparse.Namespace) -> int:
    from image_assets.resources.buckets import Bucket

    bucket = Bucket(options.url)
    what = f"everything below {bucket.prefix}/ in bucket {bucket.name}" if bucket.prefix else f"bucket {bucket.name}"
    _confirm(bucket, f"this deletes {what}, with all earlier versions", yes=options.yes)
    _run_empty(bucket)
    return 0


def _delete(options: argparse.Namespace) -> int:
    from image_assets.resources.buckets import Bucket

    bucket = Bucket(options.url)
    if not options.empty and not bucket.prefix and not bucket.is_empty():
        bucket.delete()  # says why not, before anybody is asked
    content = " with all that is in it" if options.empty else ""
    _confirm(bucket, f"this deletes bucket {bucket.name}{content}", yes=options.yes)
    if options.empty and not bucket.prefix:
        _run_empty(bucket)
    bucket.delete()
    Console().print(f"bucket {bucket.name} deleted", highlight=False)
    return 0


def _run_empty(bucket: Bucket) -> None:
    from image_assets.resources.progress import TerminalProgress

    console = Console()
    with TerminalProgress(console).track(f"empty {bucket.name}", "objects") as progress:
        number = bucket.empty(progress)
    console.print(f"{number:,} objects and versions deleted", highlight=False)


def _confirm(bucket: Bucket, warning: str, *, yes: bool) -> None:
    """Have the bucket's name typed. Raises `BucketError` where it is not."""
    from image_assets.resources.buckets import BucketError

    if yes:
        return
    Console(stderr=True).print(f"{warning}; type the bucket's name to go on: ", end="", highlight=False, soft_wrap=True)
    if sys.stdin.readline().strip() != bucket.name:
        raise BucketError("that is not its name; nothing was deleted")
