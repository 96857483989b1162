"""The command `image-assets runs prune`: Dagster's records of old runs are removed."""

from __future__ import annotations

import datetime as dt

import click

from image_assets.cli.options import WholeNumber, json_option, store_option
from image_assets.cli.printing import tell
from image_assets.cli.words import CommandGroup
from image_assets.environment import KEEP_RUNS_DAYS

_KEEP = f"remove runs that ended so many days ago; default {KEEP_RUNS_DAYS.name}, or else {KEEP_RUNS_DAYS.default}"


@click.group(cls=CommandGroup)
def runs() -> None:
    """Dagster's records of runs."""


@runs.command(examples=["image-assets runs prune --keep-days 30 --dry-run"])
@store_option
@click.option("--keep-days", type=WholeNumber(1, "days"), metavar="DAYS", help=_KEEP)
@click.option("--dry-run", is_flag=True, help="only say how many there are")
@json_option
def prune(store: str, keep_days: int | None, *, dry_run: bool, as_json: bool) -> int:
    """Remove old runs; what they made and checked stays known."""
    from image_assets.errors import UsageError
    from image_assets.orchestration.dagster_home import existing_instance
    from image_assets.run_history.job import days_to_keep
    from image_assets.run_history.prune import PruneError, prune_runs

    instance = existing_instance(store)
    if instance is None:
        raise UsageError(f"no runs are recorded for {store}: there is no dagster.yaml in the Dagster home")
    try:
        before = dt.datetime.now(dt.UTC) - dt.timedelta(days=keep_days or days_to_keep())
        pruned = prune_runs(instance, before, dry_run=dry_run)
    except (PruneError, ValueError) as error:
        raise UsageError(str(error)) from error
    finally:
        instance.dispose()
    what = f"with {pruned.events:,} entries of the logs, {pruned.bytes / 1e6:,.1f} MB"
    did = f"would be removed, {what}" if dry_run else f"removed, {what}"
    kept = f"; {pruned.kept:,} older ones stay: not ended, or the last of their kind and not gone well"
    said = f"{pruned.runs:,} runs that ended before {before:%Y-%m-%d} {did}{kept if pruned.kept else ''}"
    figures = {"runs": pruned.runs, "events": pruned.events, "bytes": pruned.bytes, "kept": pruned.kept}
    tell({"before": before.isoformat(), "dry_run": dry_run, **figures}, said, as_json=as_json)
    return 0
