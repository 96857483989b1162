"""The command `image-assets gc`: files of tables that no commit lists are removed, and old quarantine is let go of."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from image_assets.cli.options import (
    WholeNumber,
    dataset_option,
    json_option,
    refuse_nothing,
    store_option,
    to_read,
    to_write,
)
from image_assets.cli.printing import tell
from image_assets.cli.running import refuse_while_running
from image_assets.cli.words import Command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from image_assets.dataset import DatasetSpec
    from image_assets.store.store import Store
    from image_assets.store.tables.unlisted import Unlisted


@click.command(cls=Command, examples=["image-assets gc --dry-run", "image-assets gc --older-than 30"])
@dataset_option
@store_option
@click.option(
    "--older-than",
    type=WholeNumber(1, "days"),
    default=7,
    metavar="DAYS",
    help="what was written, or moved away, so many days ago; default 7",
)
@click.option("--dry-run", is_flag=True, help="only say what would be removed")
@json_option
def gc(dataset: str, store: str, older_than: int, *, dry_run: bool, as_json: bool) -> int:
    """Remove earlier versions of tables and what killed runs left; refused while a run is in progress.

    Files are moved to the dataset's folder `removed` first, and deleted by a call that comes so many days later. Rows
    of `quarantine` that are older than `retention.quarantine_days` of the dataset file go too; their numbers stay.
    """
    from image_assets.store.tables.unlisted import Collected, UnlistedFiles

    spec, opened = to_read(dataset, store)
    refuse_nothing(spec, opened)
    if not dry_run:
        spec, opened = to_write(dataset, store)
    now = dt.datetime.now(dt.UTC)
    before = now - dt.timedelta(days=older_than)
    files = UnlistedFiles(opened, spec.name)
    if not dry_run:
        refuse_while_running(spec.name, store)
    let_go = _let_go(spec, opened, now, dry_run=dry_run)
    if dry_run:
        collected = Collected(tuple(files.find(before)), (), tuple(files.moved_before(before)))
    else:
        collected = files.collect(before, now)
    uploads = _end_uploads(opened, before, dry_run=dry_run)
    old_runs = _old_runs(store, now) if dry_run else None
    would = "would be " if dry_run else ""
    tell(
        {
            "dataset": spec.name,
            "before": before.isoformat(),
            "dry_run": dry_run,
            "moved": [{"path": one.path, "bytes": one.bytes} for one in collected.moved],
            "put_back": [*collected.put_back],
            "deleted": [{"path": one.path, "bytes": one.bytes} for one in collected.deleted],
            "uploads": uploads,
            "old_runs": old_runs,
            "let_go": let_go,
        },
        f"{_counted(collected.moved)} that no commit lists {would}moved away",
        f"{_counted(collected.deleted)} that were moved away before {would}deleted",
        *([f"{len(collected.put_back):,} put back: a run lists them now"] if collected.put_back else []),
        *([f"{uploads:,} unfinished uploads {would}ended"] if uploads else []),
        *([_said_of(old_runs)] if old_runs else []),
        *([_said_of_quarantine(let_go, would)] if let_go else []),
        as_json=as_json,
    )
    return 0


def _let_go(spec: DatasetSpec, store: Store, now: dt.datetime, *, dry_run: bool) -> dict[str, Any] | None:
    """What of `quarantine` is old enough to go, and goes; None where the dataset file does not say when that is."""
    days = spec.retention.quarantine_days
    if days is None:
        return None
    from zoneinfo import ZoneInfo

    from image_assets.ingest.let_go import QuarantineKept

    kept = QuarantineKept(store, spec.name, spec.tables.checkpoint_commits)
    before = now.astimezone(ZoneInfo(spec.time_zone)).date() - dt.timedelta(days=days)
    due = kept.due(before)
    if not dry_run:
        due = {one: kept.let_go(one, now.date()) for one in due}
    return {"before": before.isoformat(), "partitions": len(due), "files": sum(due.values())}


def _said_of_quarantine(let_go: dict[str, Any], would: str) -> str:
    of = f"{let_go['files']:,} files in quarantine, of {let_go['partitions']:,} days and categories"
    return f"{of} before {let_go['before']}, {would}let go of: their numbers are kept"


def _old_runs(store: str, now: dt.datetime) -> dict[str, Any] | None:
    """What `runs prune` would remove now; None where nothing is recorded that it could."""
    from image_assets.errors import UsageError
    from image_assets.orchestration.dagster_home import existing_instance
    from image_assets.run_history.job import days_to_keep
    from image_assets.run_history.prune import PruneError, prune_runs

    instance = existing_instance(store)
    if instance is None:
        return None
    with instance:
        try:
            before = now - dt.timedelta(days=days_to_keep())
            old = prune_runs(instance, before, dry_run=True)
        except PruneError:
            return None
        except ValueError as error:
            raise UsageError(str(error)) from error
    return {"before": before.isoformat(), "runs": old.runs, "events": old.events, "bytes": old.bytes}


def _said_of(old_runs: dict[str, Any]) -> str:
    ended = f"{old_runs['runs']:,} runs that ended before {old_runs['before'][:10]}"
    size = f"{old_runs['events']:,} entries of the logs, {old_runs['bytes'] / 1e6:,.1f} MB"
    return f"{ended}, with {size}, are what image-assets runs prune would remove"


def _end_uploads(store: Store, before: dt.datetime, *, dry_run: bool) -> int:
    if store.local is not None:
        return 0
    from image_assets.resources.buckets import Bucket

    return Bucket(store.url, store.options).end_uploads(before, dry_run=dry_run)


def _counted(files: Iterable[Unlisted]) -> str:
    sizes = [one.bytes for one in files]
    return f"{len(sizes):,} files of {sum(sizes) / 1e6:,.1f} MB"
