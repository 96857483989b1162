"""The command `image-assets verify`: whether every file of a store is as it was written."""

from __future__ import annotations

import sys

import click

from image_assets.cli.options import dataset_option, json_option, refuse_nothing, store_option, to_read
from image_assets.cli.printing import print_json, print_table, say
from image_assets.cli.words import Command
from image_assets.wording import some


@click.command(
    cls=Command,
    examples=["image-assets verify", "image-assets verify --store s3://bucket/store --json"],
    failed="something is wrong, or there is nothing to verify",
)
@dataset_option
@store_option
@json_option
def verify(dataset: str, store: str, *, as_json: bool) -> int:
    """Read all tables, shards, models and records, and name what is not as it was written. Nothing is changed."""
    from image_assets.reports.verification import findings_table, verified_table
    from image_assets.resources.progress import TerminalProgress, terminal_console
    from image_assets.verification.whole_store import verify_store

    spec, opened = to_read(dataset, store)
    refuse_nothing(spec, opened, may_be_new=True)
    shown = TerminalProgress(terminal_console(sys.stderr if as_json else sys.stdout))
    found = verify_store(opened, spec, shown.track)
    if as_json:
        print_json(found.as_json())
        return 0 if found.is_sound else 1
    print_table(verified_table(found))
    if found.unpublished:
        say(
            f"never published, so that there are no shards to be read: {some(found.unpublished)}; "
            "`image-assets run --day` publishes them"
        )
    if found.findings:
        print_table(findings_table(found))
        say("`image-assets repair` makes good what can be; --dry-run says what it would do")
    elif not found.is_sound:
        say(f"there is nothing of dataset {spec.name} in {opened.url}: run a day first", to_stderr=True)
    return 0 if found.is_sound else 1
